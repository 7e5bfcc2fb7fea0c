//! Where the pictures of an MP4 lie, by the boxes of ISO/IEC 14496-12, and what 14496-15 says of H.264 in it.
//!
//! The crate `mp4`, which writes our films, does not come to an end with some damaged files; here every length is
//! checked.

use std::io::{Read, Seek, SeekFrom};

/// What separates the units of a stream of H.264 outside a container.
pub(super) const START_CODE: [u8; 4] = [0, 0, 0, 1];
/// Bytes of the box of tables that are accepted: hours of video have a few megabytes.
const MOST: u64 = 1 << 28;
/// Bytes of the description of a picture before its own boxes.
const SAMPLE_ENTRY: usize = 78;

/// A track of video in H.264.
pub(super) struct Track {
    /// What all pictures share, as a stream.
    pub(super) parameters: Vec<u8>,
    /// Bytes of the length before each unit.
    pub(super) length_size: usize,
    /// How long it lasts.
    pub(super) seconds: f64,
    /// Offset and length of each coded picture in the file, in the order of decoding.
    pub(super) samples: Vec<(u64, usize)>,
}

impl Track {
    /// The first track of H.264 in a file of `size` bytes.
    ///
    /// # Errors
    /// In words, when there is none, or the file is damaged.
    pub(super) fn find(file: &mut (impl Read + Seek), size: u64) -> Result<Self, String> {
        let movie = read_movie(file, size)?;
        let mut codecs = Vec::new();
        for (_, track) in all(&movie, b"trak")? {
            let Some(table) = find(track, &[b"mdia", b"minf", b"stbl"])? else { continue };
            let descriptions = find(table, &[b"stsd"])?.and_then(|stsd| stsd.get(8..)).unwrap_or_default();
            for (codec, entry) in boxes(descriptions)? {
                let own = entry.get(SAMPLE_ENTRY..).unwrap_or_default();
                if codec != *b"avc1" {
                    codecs.push(String::from_utf8_lossy(&codec).into_owned());
                } else if let Some(configuration) = find(own, &[b"avcC"])? {
                    let (parameters, length_size) = parameters(configuration).ok_or("its avcC is cut off")?;
                    let samples = samples(table, size)?;
                    let seconds = seconds(track, table)?;
                    return Ok(Self { parameters, length_size, seconds, samples });
                }
            }
        }
        Err(format!(
            "has no video in H.264 (but {}); encode it anew, as by `ffmpeg -i OLD -c:v libx264 -pix_fmt yuv420p NEW`",
            if codecs.is_empty() { "nothing else".into() } else { codecs.join(", ") }
        ))
    }
}

/// The content of the box `moov`.
fn read_movie(file: &mut (impl Read + Seek), size: u64) -> Result<Vec<u8>, String> {
    let mut at = 0;
    let cut = |error: std::io::Error| format!("is no whole MP4: {error}");
    while at < size {
        file.seek(SeekFrom::Start(at)).map_err(cut)?;
        let mut header = [0; 8];
        file.read_exact(&mut header).map_err(cut)?;
        let [a, b, c, d, kind @ ..] = header;
        let (length, begin) = match u32::from_be_bytes([a, b, c, d]) {
            0 => (size - at, 8),
            1 => {
                let mut long = [0; 8];
                file.read_exact(&mut long).map_err(cut)?;
                (u64::from_be_bytes(long), 16)
            }
            length => (u64::from(length), 8),
        };
        if length < begin || length > size - at {
            return Err(format!("is no whole MP4: a box at byte {at} has {length} bytes"));
        }
        if kind == *b"moov" {
            if length > MOST {
                return Err(format!("is no MP4 that can be read: {length} bytes of tables"));
            }
            let mut movie = vec![0; (length - begin) as usize];
            file.read_exact(&mut movie).map_err(cut)?;
            return Ok(movie);
        }
        at += length;
    }
    Err("is no whole MP4: it has no table of its tracks (`moov`)".into())
}

/// A box: its kind and its content.
type Boxed<'a> = ([u8; 4], &'a [u8]);

/// The boxes that follow each other in `bytes`.
fn boxes(mut bytes: &[u8]) -> Result<Vec<Boxed<'_>>, String> {
    let mut found = Vec::new();
    while let Some((header, rest)) = bytes.split_first_chunk::<8>() {
        let [a, b, c, d, kind @ ..] = *header;
        let length = match u32::from_be_bytes([a, b, c, d]) as usize {
            0 => bytes.len(),
            length => length,
        };
        let damaged = || format!("is damaged: a box `{}` has {length} bytes", String::from_utf8_lossy(&kind));
        let content = length.checked_sub(8).and_then(|length| rest.split_at_checked(length));
        let (content, more) = content.ok_or_else(damaged)?;
        found.push((kind, content));
        bytes = more;
    }
    Ok(found)
}

fn all<'a>(bytes: &'a [u8], kind: &[u8; 4]) -> Result<Vec<Boxed<'a>>, String> {
    Ok(boxes(bytes)?.into_iter().filter(|(found, _)| found == kind).collect())
}

/// The first box at the end of a path of kinds.
fn find<'a>(bytes: &'a [u8], path: &[&[u8; 4]]) -> Result<Option<&'a [u8]>, String> {
    let mut here = bytes;
    for kind in path {
        match all(here, kind)?.first() {
            Some((_, content)) => here = content,
            None => return Ok(None),
        }
    }
    Ok(Some(here))
}

/// The sets of parameters as a stream, and the bytes of the lengths before units; `None` where they are cut off.
fn parameters(configuration: &[u8]) -> Option<(Vec<u8>, usize)> {
    let length_size = usize::from(configuration.get(4)? & 3) + 1;
    let mut stream = Vec::new();
    let mut rest = configuration.get(5..)?;
    for mask in [31, 255] {
        let (count, more) = rest.split_first()?;
        rest = more;
        for _ in 0..count & mask {
            let (length, more) = rest.split_first_chunk::<2>()?;
            let (set, more) = more.split_at_checked(usize::from(u16::from_be_bytes(*length)))?;
            stream.extend(START_CODE);
            stream.extend_from_slice(set);
            rest = more;
        }
    }
    Some((stream, length_size))
}

/// The numbers of a table, `width` bytes each, after `skipped` bytes.
fn numbers(bytes: &[u8], skipped: usize, width: usize) -> impl Iterator<Item = u64> {
    let number = |bytes: &[u8]| bytes.iter().fold(0, |number, byte| number << 8 | u64::from(*byte));
    bytes.get(skipped..).unwrap_or_default().chunks_exact(width).map(number)
}

/// How long the samples of a track last, by the ticks of its clock.
fn seconds(track: &[u8], table: &[u8]) -> Result<f64, String> {
    let header = find(track, &[b"mdia", b"mdhd"])?.unwrap_or_default();
    // The first version has times of 4 bytes before the rate of the clock, the next of 8.
    let rate = numbers(header, if header.first() == Some(&1) { 20 } else { 12 }, 4).next().unwrap_or(0);
    let runs: Vec<u64> = numbers(find(table, &[b"stts"])?.unwrap_or_default(), 8, 4).collect();
    let ticks: f64 = runs.chunks_exact(2).map(|run| run[0] as f64 * run[1] as f64).sum();
    if rate == 0 { Err("does not say how long its pictures last".into()) } else { Ok(ticks / rate as f64) }
}

/// Offset and length of every sample of a track, inside a file of `size` bytes.
fn samples(table: &[u8], size: u64) -> Result<Vec<(u64, usize)>, String> {
    let get = |kind| find(table, &[kind]);
    let sizes =
        get(b"stsz")?.ok_or("has no table of sizes (`stsz`); fragmented files and `stz2` are not read")?;
    let (offsets, width) = match get(b"stco")? {
        Some(offsets) => (offsets, 4),
        None => (get(b"co64")?.ok_or("has no table of places (`stco`)")?, 8),
    };
    let runs: Vec<u64> = numbers(get(b"stsc")?.unwrap_or_default(), 8, 4).collect();
    let mut lengths: Box<dyn Iterator<Item = u64>> = match numbers(sizes, 4, 4).next() {
        Some(0) => Box::new(numbers(sizes, 12, 4)),
        Some(each) => {
            let count = numbers(sizes, 8, 4).next().unwrap_or(0).min(size / each);
            Box::new(std::iter::repeat_n(each, count as usize))
        }
        None => Box::new(std::iter::empty()),
    };
    let (mut found, mut run) = (Vec::new(), 0);
    for (chunk, offset) in (1..).zip(numbers(offsets, 8, width)) {
        // Each run says its first chunk, the samples of its chunks, and their description.
        while runs.get(3 * run + 3).is_some_and(|next| *next <= chunk) {
            run += 1;
        }
        let mut at = offset;
        for length in lengths.by_ref().take(runs.get(3 * run + 1).map_or(0, |count| *count as usize)) {
            let end = at.checked_add(length).filter(|end| *end <= size);
            let end = end.ok_or_else(|| format!("ends within picture {}", found.len() + 1))?;
            found.push((at, length as usize));
            at = end;
        }
    }
    if lengths.next().is_some() {
        return Err(format!("is damaged: its tables place {} pictures and have more", found.len()));
    }
    Ok(found)
}

#[cfg(test)]
mod tests {
    use std::io::Cursor;

    use super::*;
    use crate::video::{Encoder, mp4::Mp4};

    fn film() -> Vec<u8> {
        let mut film = Mp4::new(32, 16, 0.05).unwrap();
        for number in 0..7_u8 {
            let rgb = vec![30 * number; 3 * 32 * 16];
            film.push(&telos_sim::render::Image::from_rgb(32, 16, rgb).unwrap()).unwrap();
        }
        Box::new(film).finish().unwrap()
    }

    #[test]
    fn every_picture_is_found_where_it_was_written() {
        let bytes = film();
        let track = Track::find(&mut Cursor::new(&bytes), bytes.len() as u64).unwrap();
        assert_eq!((track.samples.len(), track.length_size), (7, 4));
        assert!((track.seconds - 0.35).abs() < 1e-3, "{}", track.seconds);
        assert!(track.parameters.starts_with(&[0, 0, 0, 1, 0x67]), "{:?}", track.parameters);
        for (offset, length) in track.samples {
            // A coded picture is a unit or several, whose lengths add up.
            let mut rest = &bytes[offset as usize..][..length];
            while let Some((unit, more)) = rest.split_first_chunk::<4>() {
                rest = &more[u32::from_be_bytes(*unit) as usize..];
            }
            assert!(rest.is_empty());
        }
    }

    #[test]
    fn damaged_files_are_refused_or_read_but_never_loop_or_panic() {
        let bytes = film();
        for length in 0..bytes.len() {
            let found = Track::find(&mut Cursor::new(&bytes[..length]), length as u64);
            assert!(found.is_err(), "{length} of {} bytes", bytes.len());
        }
        for place in 0..bytes.len() {
            for value in [0, 1, 7, 255] {
                let mut bytes = bytes.clone();
                bytes[place] = value;
                if let Ok(track) = Track::find(&mut Cursor::new(&bytes), bytes.len() as u64) {
                    let size = bytes.len() as u64;
                    assert!(track.samples.iter().all(|(offset, length)| offset + *length as u64 <= size));
                }
            }
        }
    }
}
