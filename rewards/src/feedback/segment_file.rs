//! `segments.bin`: what the queries of a ledger showed.
//!
//! Little-endian. Header: `magic (8), format (u32), obs (u32), act (u32), crc (u32)`. Record:
//! `steps (u32), obs[steps * obs], actions[steps * act], gold[steps] (f32 each), crc (u32)`, where a
//! checksum covers everything before it in its header or record.

use std::{
    fs::File,
    io::{BufReader, Read, Seek, SeekFrom, Write},
    path::{Path, PathBuf},
};

use telos_envs::Segment;

use crate::{RewardError, error::expect_len};

const MAGIC: &[u8; 8] = b"TELOSSEG";
const FORMAT: u32 = 1;
const HEADER: usize = 24;

/// An open segment file. Records are numbered from 0 in the order of their appending.
pub(super) struct SegmentFile {
    path: PathBuf,
    file: File,
    observation: usize,
    action: usize,
    /// Where each record starts, and where the next one will.
    starts: Vec<u64>,
}

impl SegmentFile {
    /// Opens or creates the file and checks its first `records` records; whatever follows them was
    /// never acknowledged and is cut off.
    ///
    /// `visit` sees every record in order and may refuse it.
    pub(super) fn open(
        path: PathBuf,
        observation: usize,
        action: usize,
        records: usize,
        visit: impl FnMut(usize, Segment) -> Result<(), RewardError>,
    ) -> Result<Self, RewardError> {
        let file = File::options().read(true).write(true).create(true).truncate(false).open(&path);
        let file = file.map_err(RewardError::io(&path))?;
        let length = file.metadata().map_err(RewardError::io(&path))?.len();
        let starts = vec![HEADER as u64];
        let mut segments = Self { path, file, observation, action, starts };
        if length < HEADER as u64 && records == 0 {
            segments.write_header()?;
            return Ok(segments);
        }
        segments.check(records, visit)?;
        if length > segments.end() {
            let cut = segments.file.set_len(segments.end()).and_then(|()| segments.file.sync_data());
            cut.map_err(RewardError::io(&segments.path))?;
        }
        Ok(segments)
    }

    /// Checks the header and the first `records` records.
    fn check(
        &mut self,
        records: usize,
        mut visit: impl FnMut(usize, Segment) -> Result<(), RewardError>,
    ) -> Result<(), RewardError> {
        let mut reader = BufReader::new(&self.file);
        self.check_header(&mut reader)?;
        for record in 0..records {
            let segment = self.read_record(&mut reader, record)?;
            let size = self.record_size(segment.gold.len());
            self.starts.push(self.starts[record] + size as u64);
            visit(record, segment)?;
        }
        Ok(())
    }

    /// Number of records.
    pub(super) fn len(&self) -> usize {
        self.starts.len() - 1
    }

    /// Forgets the records from `records` on; the next append overwrites them.
    pub(super) fn truncate(&mut self, records: usize) {
        self.starts.truncate(records + 1);
    }

    /// Appends records and waits until they are durable. On an error the file keeps its old records.
    pub(super) fn append<'a>(
        &mut self,
        segments: impl Iterator<Item = &'a Segment>,
    ) -> Result<(), RewardError> {
        let mut bytes = Vec::new();
        let mut starts = Vec::new();
        for segment in segments {
            self.encode(segment, &mut bytes)?;
            starts.push(self.end() + bytes.len() as u64);
        }
        let end = self.end();
        write_at(&mut self.file, end, &bytes).map_err(RewardError::io(&self.path))?;
        self.starts.append(&mut starts);
        Ok(())
    }

    /// Reads one record.
    pub(super) fn read(&self, record: usize) -> Result<Segment, RewardError> {
        let start = *self.starts[..self.len()]
            .get(record)
            .ok_or_else(|| self.damaged(record, format!("the file has {} records", self.len())))?;
        let mut reader = BufReader::new(&self.file);
        reader.seek(SeekFrom::Start(start)).map_err(RewardError::io(&self.path))?;
        self.read_record(&mut reader, record)
    }

    fn end(&self) -> u64 {
        *self.starts.last().expect("the end of the header is always there")
    }

    fn record_size(&self, steps: usize) -> usize {
        4 + 4 * steps * (self.observation + self.action + 1) + 4
    }

    fn write_header(&mut self) -> Result<(), RewardError> {
        let mut header = MAGIC.to_vec();
        for number in [FORMAT, self.observation as u32, self.action as u32] {
            header.extend_from_slice(&number.to_le_bytes());
        }
        header.extend_from_slice(&crc32fast::hash(&header).to_le_bytes());
        write_at(&mut self.file, 0, &header).map_err(RewardError::io(&self.path))
    }

    fn check_header(&self, reader: &mut impl Read) -> Result<(), RewardError> {
        let mut header = [0; HEADER];
        reader
            .read_exact(&mut header)
            .map_err(|error| self.damaged(0, format!("the file's header cannot be read ({error})")))?;
        let number = |at: usize| u32::from_le_bytes([0, 1, 2, 3].map(|i| header[at + i]));
        if &header[..8] != MAGIC || number(20) != crc32fast::hash(&header[..20]) {
            return Err(self.damaged(0, "the file's header is damaged".into()));
        }
        if number(8) != FORMAT {
            let reason = format!("format {}, but this telos reads format {FORMAT}", number(8));
            return Err(self.damaged(0, reason));
        }
        expect_len("observation of this ledger's segments", self.observation, number(12) as usize)?;
        expect_len("action of this ledger's segments", self.action, number(16) as usize)
    }

    fn encode(&self, segment: &Segment, bytes: &mut Vec<u8>) -> Result<(), RewardError> {
        let steps = segment.len;
        expect_len("gold rewards of a segment", segment.gold.len(), steps)?;
        expect_len("observations of a segment", segment.obs.len(), steps * self.observation)?;
        expect_len("actions of a segment", segment.actions.len(), steps * self.action)?;
        let start = bytes.len();
        bytes.extend_from_slice(&(steps as u32).to_le_bytes());
        for column in [&segment.obs, &segment.actions, &segment.gold] {
            bytes.extend(column.iter().flat_map(|value| value.to_le_bytes()));
        }
        let crc = crc32fast::hash(&bytes[start..]);
        bytes.extend_from_slice(&crc.to_le_bytes());
        Ok(())
    }

    fn read_record(&self, reader: &mut impl Read, record: usize) -> Result<Segment, RewardError> {
        let mut size = [0; 4];
        reader.read_exact(&mut size).map_err(|_| self.damaged(record, "the file ends before it".into()))?;
        let steps = u32::from_le_bytes(size) as usize;
        // A damaged size must not reserve memory beyond what the file can fill.
        let rest = self.record_size(steps) as u64 - 4;
        let mut bytes = size.to_vec();
        reader.take(rest).read_to_end(&mut bytes).map_err(RewardError::io(&self.path))?;
        if bytes.len() as u64 != rest + 4 {
            return Err(self.damaged(record, "the file ends within it".into()));
        }
        let (body, crc) = bytes.split_at(bytes.len() - 4);
        if crc != crc32fast::hash(body).to_le_bytes() {
            return Err(self.damaged(record, "the checksum differs".into()));
        }
        let mut values = body[4..].chunks_exact(4).map(|c| f32::from_le_bytes([c[0], c[1], c[2], c[3]]));
        let mut column = |width: usize| values.by_ref().take(steps * width).collect::<Vec<f32>>();
        let (obs, actions, gold) = (column(self.observation), column(self.action), column(1));
        Ok(Segment { obs, actions, gold, len: steps, ..Segment::default() })
    }

    fn damaged(&self, record: usize, reason: String) -> RewardError {
        RewardError::DamagedSegment { path: self.path.clone(), record, reason }
    }
}

/// Shows the first `records` records of a file to `visit`, in order, without changing anything.
pub(super) fn scan(
    path: PathBuf,
    observation: usize,
    action: usize,
    records: usize,
    visit: impl FnMut(usize, Segment) -> Result<(), RewardError>,
) -> Result<(), RewardError> {
    if records == 0 {
        return Ok(());
    }
    let file = File::open(&path).map_err(RewardError::io(&path))?;
    SegmentFile { path, file, observation, action, starts: vec![HEADER as u64] }.check(records, visit)
}

/// Makes `bytes` the durable end of the file, from offset `end` on. What an earlier, failed attempt
/// left beyond `end` is overwritten.
pub(crate) fn write_at(file: &mut File, end: u64, bytes: &[u8]) -> std::io::Result<()> {
    file.set_len(end)?;
    file.seek(SeekFrom::Start(end))?;
    file.write_all(bytes)?;
    file.sync_data()
}

/// Name of the file in a ledger's directory.
pub(super) fn path_in(directory: &Path) -> PathBuf {
    directory.join("segments.bin")
}
