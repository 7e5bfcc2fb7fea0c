//! MP4: H.264 video, small files.

use std::io::Cursor;

use ::mp4::{AvcConfig, Mp4Config, Mp4Sample, Mp4Writer, TrackConfig};
use openh264::{
    OpenH264API,
    encoder::{
        Encoder as H264, EncoderConfig, FrameRate, FrameType, IntraFramePeriod, QpRange, RateControlMode,
        UsageType,
    },
    formats::{RgbSliceU8, YUVBuffer},
};
use telos_sim::render::Image;

use super::Encoder;

/// Ticks per second of the file's clock: every frame of `dt` in whole milliseconds has whole ticks.
const TICKS: u32 = 90_000;
/// Pictures from one that stands alone to the next, so that players can jump.
const GROUP: u32 = 100;
/// Quantisation from 0, lossless, to 51; in this range compression cannot be seen.
const QUALITY: QpRange = QpRange::new(18, 26);
/// Type of a unit of the stream, in the low five bits of its first byte: the parameters of the sequence
/// and of pictures, which a file stores apart.
const SEQUENCE_PARAMETERS: u8 = 7;
const PICTURE_PARAMETERS: u8 = 8;

pub(super) struct Mp4 {
    h264: H264,
    yuv: YUVBuffer,
    width: u16,
    height: u16,
    /// Ticks per frame.
    interval: u32,
    /// Begun with the first frame, which brings the parameters of the stream.
    writer: Option<Mp4Writer<Cursor<Vec<u8>>>>,
    frames: u64,
}

impl Mp4 {
    /// An MP4 of frames of this size, both sides even, that last `interval` seconds each.
    pub(super) fn new(width: usize, height: usize, interval: f32) -> Result<Self, String> {
        let config = EncoderConfig::new()
            .max_frame_rate(FrameRate::from_hz(1.0 / interval))
            .usage_type(UsageType::ScreenContentRealTime)
            .rate_control_mode(RateControlMode::Off)
            .qp(QUALITY)
            .skip_frames(false)
            .adaptive_quantization(false)
            .background_detection(false)
            .intra_frame_period(IntraFramePeriod::from_num_frames(GROUP))
            // One thread, so that a film has the same bytes everywhere.
            .num_threads(1);
        let side = |pixels: usize| u16::try_from(pixels).map_err(|error| error.to_string());
        Ok(Self {
            h264: H264::with_api_config(OpenH264API::from_source(), config)
                .map_err(|error| error.to_string())?,
            yuv: YUVBuffer::new(width, height),
            width: side(width)?,
            height: side(height)?,
            interval: (interval * TICKS as f32).round() as u32,
            writer: None,
            frames: 0,
        })
    }

    /// Begins the file; the parameters come without their start codes.
    fn begin(&self, sequence: &[u8], picture: &[u8]) -> ::mp4::Result<Mp4Writer<Cursor<Vec<u8>>>> {
        let brand = |name: &[u8; 4]| (*name).into();
        let config = Mp4Config {
            major_brand: brand(b"isom"),
            minor_version: 512,
            compatible_brands: [b"isom", b"iso2", b"avc1", b"mp41"].map(brand).to_vec(),
            timescale: TICKS,
        };
        let mut writer = Mp4Writer::write_start(Cursor::new(Vec::new()), &config)?;
        let media = ::mp4::MediaConfig::AvcConfig(AvcConfig {
            width: self.width,
            height: self.height,
            seq_param_set: sequence.to_vec(),
            pic_param_set: picture.to_vec(),
        });
        writer.add_track(&TrackConfig { timescale: TICKS, ..TrackConfig::from(media) })?;
        Ok(writer)
    }
}

impl Encoder for Mp4 {
    fn push(&mut self, image: &Image) -> Result<(), String> {
        self.yuv.read_rgb8(RgbSliceU8::new(image.rgb(), (image.width(), image.height())));
        let stream = self.h264.encode(&self.yuv).map_err(|error| error.to_string())?;
        let alone = matches!(stream.frame_type(), FrameType::IDR | FrameType::I);
        let (mut sequence, mut picture, mut sample) = (Vec::new(), Vec::new(), Vec::new());
        for unit in units(&stream.to_vec()) {
            match unit.first().map(|first| first & 0x1f) {
                Some(SEQUENCE_PARAMETERS) => sequence = unit.to_vec(),
                Some(PICTURE_PARAMETERS) => picture = unit.to_vec(),
                _ => {
                    // A file has lengths where a stream has start codes.
                    sample.extend((unit.len() as u32).to_be_bytes());
                    sample.extend(unit);
                }
            }
        }
        if self.writer.is_none() {
            self.writer = Some(self.begin(&sequence, &picture).map_err(|error| error.to_string())?);
        }
        let sample = Mp4Sample {
            start_time: self.frames * u64::from(self.interval),
            duration: self.interval,
            rendering_offset: 0,
            is_sync: alone,
            bytes: sample.into(),
        };
        self.frames += 1;
        let writer = self.writer.as_mut().expect("begun above");
        writer.write_sample(1, &sample).map_err(|error| error.to_string())
    }

    fn finish(mut self: Box<Self>) -> Result<Vec<u8>, String> {
        let mut writer = self.writer.take().ok_or("the video has no frames")?;
        writer.write_end().map_err(|error| error.to_string())?;
        Ok(writer.into_writer().into_inner())
    }
}

/// The units of a stream: what lies between start codes, each two or more zero bytes and a one.
fn units(stream: &[u8]) -> impl Iterator<Item = &[u8]> {
    let code =
        |from: usize| stream[from..].windows(3).position(|three| three == [0, 0, 1]).map(|at| from + at);
    let mut next = code(0);
    std::iter::from_fn(move || {
        let start = next? + 3;
        next = code(start);
        let mut unit = &stream[start..next.unwrap_or(stream.len())];
        while let [before @ .., 0] = unit {
            unit = before;
        }
        Some(unit)
    })
}

#[cfg(test)]
mod tests {
    use super::units;

    #[test]
    fn units_are_cut_at_start_codes_of_both_lengths() {
        let stream = [0, 0, 0, 1, 7, 5, 0, 0, 1, 8, 0, 0, 0, 1, 5, 0, 3];
        let found: Vec<&[u8]> = units(&stream).collect();
        assert_eq!(found, [&[7u8, 5][..], &[8], &[5, 0, 3]]);
        assert_eq!(units(&[]).count(), 0);
    }
}
