//! Reading MP4: H.264 video, picture by picture.

use std::{
    collections::VecDeque,
    fs::File,
    io::{Read, Seek, SeekFrom},
    path::{Path, PathBuf},
};

use openh264::{
    decoder::{DecodeOptions, DecodedYUV, Decoder, Flush},
    formats::YUVSource,
};
use telos_envs::dataset::{DatasetError, Reel};

use super::demux::{START_CODE, Track};

/// Pictures that a decoder of H.264 holds back at most, to put them in order (ITU-T H.264, A.3.1).
const HELD_BACK: usize = 16;

/// A video whose pictures are squeezed into squares, each pixel the mean of the area that it covers.
pub(super) struct H264Reel {
    path: PathBuf,
    file: File,
    track: Track,
    /// Coded pictures that were given to the decoder, and pictures that it gave back.
    decoded: usize,
    shown: usize,
    decoder: Decoder,
    /// A coded picture as it is stored, and as a stream.
    sample: Vec<u8>,
    stream: Vec<u8>,
    side: usize,
    rgb: Vec<u8>,
    /// Pictures that the decoder kept to the end, to put them in order.
    last: Option<VecDeque<Vec<u8>>>,
}

/// Opens a video for [`telos_envs::dataset::Footage`], with pictures of `side` pixels per side.
///
/// # Errors
/// When it is no MP4, has no track in H.264, or cannot be read.
pub fn open_reel(path: &Path, side: usize) -> Result<Box<dyn Reel>, DatasetError> {
    let io = |source| DatasetError::Io { path: path.to_owned(), source };
    let wrong = |reason: String| DatasetError::File { path: path.to_owned(), reason };
    let mut file = File::open(path).map_err(io)?;
    let size = file.metadata().map_err(io)?.len();
    let track = Track::find(&mut file, size).map_err(wrong)?;
    let mut decoder = Decoder::new().map_err(|error| wrong(error.to_string()))?;
    decoder
        .decode_with_options(&track.parameters, keep())
        .map_err(|error| wrong(format!("cannot be decoded: {error}")))?;
    Ok(Box::new(H264Reel {
        path: path.to_owned(),
        file,
        track,
        decoded: 0,
        shown: 0,
        decoder,
        sample: Vec::new(),
        stream: Vec::new(),
        side,
        rgb: Vec::new(),
        last: None,
    }))
}

/// A decoder that is made to hand out pictures early loses their order.
fn keep() -> DecodeOptions {
    DecodeOptions::new().flush_after_decode(Flush::NoFlush)
}

impl H264Reel {
    fn wrong(&self, reason: impl std::fmt::Display) -> DatasetError {
        let reason = format!("picture {} cannot be decoded: {reason}", self.decoded);
        DatasetError::File { path: self.path.clone(), reason }
    }

    /// The decoder passes over what it cannot make sense of, and everything after it would be of another time.
    fn dropped(&self, shown: usize) -> DatasetError {
        let reason =
            format!("is damaged: only {shown} of its first {} pictures can be decoded", self.decoded);
        DatasetError::File { path: self.path.clone(), reason }
    }

    /// Reads the next coded picture into `stream`; false at the end.
    fn read_sample(&mut self) -> Result<bool, DatasetError> {
        let Some(&(offset, length)) = self.track.samples.get(self.decoded) else { return Ok(false) };
        self.decoded += 1;
        self.sample.resize(length, 0);
        let read =
            self.file.seek(SeekFrom::Start(offset)).and_then(|_| self.file.read_exact(&mut self.sample));
        read.map_err(|error| self.wrong(error))?;
        self.stream.clear();
        let mut rest = &self.sample[..];
        while !rest.is_empty() {
            let cut = || self.wrong("it is cut off");
            let (length, more) = rest.split_at_checked(self.track.length_size).ok_or_else(cut)?;
            let length = length.iter().fold(0, |length, byte| length << 8 | usize::from(*byte));
            let (unit, more) = more.split_at_checked(length).ok_or_else(cut)?;
            self.stream.extend(START_CODE);
            self.stream.extend_from_slice(unit);
            rest = more;
        }
        Ok(true)
    }
}

impl Reel for H264Reel {
    fn seconds(&self) -> f64 {
        self.track.seconds
    }

    fn pictures(&self) -> usize {
        self.track.samples.len()
    }

    fn next(&mut self, picture: Option<&mut [u8]>) -> Result<bool, DatasetError> {
        while self.last.is_none() {
            if !self.read_sample()? {
                let rest = self.decoder.flush_remaining().map_err(|error| error.to_string());
                let rest: Result<VecDeque<_>, _> =
                    rest.map(|rest| rest.iter().map(|yuv| scaled(yuv, self.side, &mut self.rgb)).collect());
                let rest = rest.map_err(|error| self.wrong(error))?;
                if self.shown + rest.len() != self.track.samples.len() {
                    return Err(self.dropped(self.shown + rest.len()));
                }
                self.last = Some(rest);
                break;
            }
            let number = self.decoded;
            let decoded = self.decoder.decode_with_options(&self.stream, keep()).map_err(|error| {
                let reason = format!("picture {number} cannot be decoded: {error}");
                DatasetError::File { path: self.path.clone(), reason }
            })?;
            if let Some(yuv) = decoded {
                self.shown += 1;
                if let Some(picture) = picture {
                    scale(&yuv, self.side, &mut self.rgb, picture);
                }
                return Ok(true);
            }
            if self.decoded - self.shown > HELD_BACK {
                return Err(self.dropped(self.shown));
            }
        }
        let kept = self.last.as_mut().and_then(VecDeque::pop_front);
        if let (Some(kept), Some(picture)) = (&kept, picture) {
            picture.copy_from_slice(kept);
        }
        Ok(kept.is_some())
    }
}

fn scaled(yuv: &DecodedYUV<'_>, side: usize, rgb: &mut Vec<u8>) -> Vec<u8> {
    let mut picture = vec![0; 3 * side * side];
    scale(yuv, side, rgb, &mut picture);
    picture
}

/// Writes a picture of any size as one of `[side, side, 3]`.
fn scale(yuv: &DecodedYUV<'_>, side: usize, rgb: &mut Vec<u8>, picture: &mut [u8]) {
    let (width, height) = yuv.dimensions();
    rgb.resize(3 * width * height, 0);
    yuv.write_rgb8(rgb);
    for (row, line) in picture.chunks_exact_mut(3 * side).enumerate() {
        let down = covered(row, side, height);
        for (column, pixel) in line.chunks_exact_mut(3).enumerate() {
            let across = covered(column, side, width);
            let (mut sums, mut area) = ([0.0f32; 3], 0.0);
            for (y, part_y) in down.clone() {
                for (x, part_x) in across.clone() {
                    let part = part_y * part_x;
                    area += part;
                    let source = &rgb[3 * (y * width + x)..][..3];
                    sums.iter_mut().zip(source).for_each(|(sum, level)| *sum += part * f32::from(*level));
                }
            }
            pixel.iter_mut().zip(sums).for_each(|(level, sum)| *level = (sum / area).round() as u8);
        }
    }
}

/// The places of a line of `from` pixels that place `index` of a line of `to` pixels covers, each with the part of it
/// that is covered.
fn covered(index: usize, to: usize, from: usize) -> impl Iterator<Item = (usize, f32)> + Clone {
    let edge = |index: usize| index as f32 * from as f32 / to as f32;
    let (begin, end) = (edge(index), edge(index + 1));
    (begin as usize..(end.ceil() as usize).min(from))
        .map(move |place| (place, (end.min(place as f32 + 1.0) - begin.max(place as f32)).max(0.0)))
}

#[cfg(test)]
mod tests {
    use telos_sim::render::Image;

    use super::*;
    use crate::video::{Encoder, mp4::Mp4};

    /// A bright square that wanders over a dark ground, `4 number` pixels from the left.
    fn drawn(number: usize) -> Image {
        let mut rgb = Vec::new();
        for y in 0..48 {
            for x in 0..96 {
                let bright = (4 * number..4 * number + 32).contains(&x) && (8..40).contains(&y);
                rgb.extend(if bright { [220, 180, 60] } else { [30, 60, 90] });
            }
        }
        Image::from_rgb(96, 48, rgb).unwrap()
    }

    #[test]
    fn pictures_come_back_in_order_and_squeezed() {
        const COUNT: usize = 16;
        const SIDE: usize = 24;
        let scratch = tempfile::tempdir().unwrap();
        let path = scratch.path().join("film.mp4");
        let mut film = Mp4::new(96, 48, 0.05).unwrap();
        (0..COUNT).for_each(|number| film.push(&drawn(number)).unwrap());
        let bytes = Box::new(film).finish().unwrap();
        std::fs::write(&path, &bytes).unwrap();
        let mut reel = open_reel(&path, SIDE).unwrap();
        let mut picture = vec![0; 3 * SIDE * SIDE];
        for number in 0..COUNT {
            // Every third is passed over.
            if number % 3 == 2 {
                assert!(reel.next(None).unwrap());
                continue;
            }
            assert!(reel.next(Some(&mut picture)).unwrap(), "{number}");
            // A square of 4 pixels across and 2 down.
            let error_to = |number: usize| {
                let image = drawn(number);
                let mean = |row: usize, column: usize, channel: usize| {
                    let place = |i: usize| 3 * ((2 * row + i / 4) * 96 + 4 * column + i % 4) + channel;
                    (0..8).map(|i| f32::from(image.rgb()[place(i)])).sum::<f32>() / 8.0
                };
                let errors = picture
                    .iter()
                    .enumerate()
                    .map(|(i, level)| (f32::from(*level) - mean(i / 3 / SIDE, i / 3 % SIDE, i % 3)).abs());
                errors.sum::<f32>() / picture.len() as f32
            };
            let error = error_to(number);
            assert!(error < 4.0 && error < 0.7 * error_to(number + 1), "{number}: {error}");
            assert!(number == 0 || error < 0.7 * error_to(number - 1), "{number}: {error}");
        }
        assert!(!reel.next(Some(&mut picture)).unwrap());
        for length in [0, 100, bytes.len() / 2] {
            std::fs::write(&path, &bytes[..length]).unwrap();
            let error = open_reel(&path, SIDE).err().unwrap().to_string();
            assert!(error.contains("film.mp4") && error.contains("no whole MP4"), "{length}: {error}");
        }
    }

    #[test]
    fn a_line_is_covered_once() {
        for (to, from) in [(4, 4), (3, 7), (5, 3), (64, 480)] {
            let mut parts = vec![0.0; from];
            for index in 0..to {
                let whole: f32 = covered(index, to, from).map(|(_, part)| part).sum();
                assert!((whole - from as f32 / to as f32).abs() < 1e-3, "{index} of {to} over {from}");
                covered(index, to, from).for_each(|(place, part)| parts[place] += part);
            }
            assert!(parts.iter().all(|part| (part - 1.0).abs() < 1e-3), "{to} over {from}: {parts:?}");
        }
    }
}
