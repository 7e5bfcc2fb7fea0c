//! The ledger: every answered query, append-only, on disk before it is acknowledged.

use std::{
    collections::BTreeMap,
    fs,
    io::Read,
    path::{Path, PathBuf},
};

use telos_checkpoint::sync_directory;
use telos_envs::Segment;

use super::{
    Answer, FeedbackRow, Query, QueryId,
    lock::LockedFile,
    query::fingerprint,
    segment_file::{self, SegmentFile, write_at},
};
use crate::RewardError;

/// A directory with `ledger.jsonl`, one [`FeedbackRow`] per answered query, and `segments.bin`, the
/// segments that the rows refer to.
///
/// An append is acknowledged once both files are on the disk, segments first, so a row never refers
/// to what is not there. A process killed in an append leaves at most a part of it, after the last
/// acknowledged row; [`open`](Self::open) keeps the whole rows of that part and cuts off the rest.
/// Answers are stored under their query's id: storing an answered query again changes nothing, so a
/// resumed run that repeats its queries leaves the same bytes as one that was never interrupted.
pub struct FeedbackLedger {
    path: PathBuf,
    file: LockedFile,
    length: u64,
    rows: Vec<FeedbackRow>,
    position: BTreeMap<QueryId, usize>,
    segments: SegmentFile,
}

impl FeedbackLedger {
    /// Opens the ledger in `directory`, or creates both, for segments whose steps have `observation`
    /// and `action` numbers.
    ///
    /// # Errors
    /// When another process has it open, when it holds segments of other sizes, when an acknowledged
    /// row or segment is damaged (nothing is changed then), or when the system refuses.
    pub fn open(directory: &Path, observation: usize, action: usize) -> Result<Self, RewardError> {
        fs::create_dir_all(directory).map_err(RewardError::io(directory))?;
        let path = directory.join("ledger.jsonl");
        let mut file = LockedFile::open(&path)?;
        let mut bytes = Vec::new();
        file.0.read_to_end(&mut bytes).map_err(RewardError::io(&path))?;
        let length = bytes.iter().rposition(|&byte| byte == b'\n').map_or(0, |last| last + 1);
        let rows = parse(&path, &bytes[..length])?;
        let position = rows.iter().enumerate().map(|(at, row)| (row.query, at)).collect();

        let mut unchecked = rows.iter().enumerate().peekable();
        let mut shown = None;
        let segment_path = segment_file::path_in(directory);
        let records = next_record(&rows);
        let segments = SegmentFile::open(segment_path, observation, action, records, |record, segment| {
            let Some(&(at, row)) = unchecked.peek() else { return Ok(()) };
            if record == row.segments[0] {
                shown = Some(segment);
            } else if let (true, Some(first)) = (record == row.segments[1], shown.take()) {
                unchecked.next();
                if fingerprint([&first, &segment]) != row.query {
                    let reason = format!("segments {:?} are not what this query showed", row.segments);
                    return Err(RewardError::DamagedRow { path: path.clone(), line: at + 1, reason });
                }
            }
            Ok(())
        })?;
        if bytes.len() > length {
            let cut = file.0.set_len(length as u64).and_then(|()| file.0.sync_data());
            cut.map_err(RewardError::io(&path))?;
        }
        if rows.is_empty() {
            // The files may be new.
            sync_directory(&path)?;
        }
        Ok(Self { path, file, length: length as u64, rows, position, segments })
    }

    /// All rows, in the order of their answers.
    pub fn rows(&self) -> &[FeedbackRow] {
        &self.rows
    }

    /// The stored answer to `query`, or the query itself when it has none yet.
    ///
    /// # Errors
    /// The unanswered query, to be submitted to a teacher.
    // The query is large, but it comes from the caller and goes back to it without a copy.
    #[allow(clippy::result_large_err)]
    pub fn recall(&self, query: Query) -> Result<Answer, Query> {
        match self.position.get(&query.id()) {
            Some(&at) => Ok(answer(&self.rows[at], query)),
            None => Err(query),
        }
    }

    /// Stores a session's answers, with one wait for the disk per file, and returns how many of them
    /// are new. Queries that are already answered keep their stored answer.
    ///
    /// # Errors
    /// When a segment has the wrong size or the system refuses; then nothing is stored.
    pub fn append(&mut self, answers: &[Answer]) -> Result<usize, RewardError> {
        let mut new = Vec::<&Answer>::new();
        for answer in answers {
            let id = answer.query.id();
            if !self.position.contains_key(&id) && new.iter().all(|other| other.query.id() != id) {
                new.push(answer);
            }
        }
        if new.is_empty() {
            return Ok(0);
        }
        // Rows that an earlier, failed append wrote segments for are not there: renumber from the rows.
        let next = next_record(&self.rows);
        self.segments.truncate(next);
        self.segments.append(new.iter().flat_map(|answer| answer.query.segments()))?;
        let mut lines = String::new();
        let mut rows = Vec::with_capacity(new.len());
        for (at, answer) in new.iter().enumerate() {
            let record = next + 2 * at;
            let row = FeedbackRow::new(answer, [record, record + 1]);
            lines.push_str(&row.to_line());
            rows.push(row);
        }
        write_at(&mut self.file.0, self.length, lines.as_bytes()).map_err(RewardError::io(&self.path))?;
        self.length += lines.len() as u64;
        for row in rows {
            self.position.insert(row.query, self.rows.len());
            self.rows.push(row);
        }
        Ok(new.len())
    }

    /// The segment in record `record` of `segments.bin`.
    ///
    /// # Errors
    /// When there is no such record, or the system refuses.
    pub fn segment(&self, record: usize) -> Result<Segment, RewardError> {
        self.segments.read(record)
    }

    /// The answer in row `at`, with its segments read from disk.
    ///
    /// # Errors
    /// As [`segment`](Self::segment).
    ///
    /// # Panics
    /// When there is no row `at`.
    pub fn answer(&self, at: usize) -> Result<Answer, RewardError> {
        let row = &self.rows[at];
        let [first, second] = row.segments;
        let query = Query::new(self.segment(first)?, self.segment(second)?, row.model_version);
        Ok(answer(row, query))
    }
}

fn answer(row: &FeedbackRow, query: Query) -> Answer {
    Answer {
        query,
        choice: row.choice,
        teacher: row.teacher.clone(),
        at_ms: row.at_ms,
        latency_ms: row.latency_ms,
        cost: row.cost,
    }
}

/// Number of the first segment record that no row refers to.
fn next_record(rows: &[FeedbackRow]) -> usize {
    rows.last().map_or(0, |row| row.segments[1] + 1)
}

fn parse(path: &Path, bytes: &[u8]) -> Result<Vec<FeedbackRow>, RewardError> {
    let mut rows = Vec::<FeedbackRow>::new();
    let mut seen = BTreeMap::new();
    for (at, line) in bytes.split_inclusive(|&byte| byte == b'\n').enumerate() {
        let damaged = |reason| RewardError::DamagedRow { path: path.to_owned(), line: at + 1, reason };
        let row = FeedbackRow::from_line(&line[..line.len() - 1]).map_err(damaged)?;
        // A gap is where somebody took out a damaged row.
        let [first, second] = row.segments;
        if first < next_record(&rows) || Some(second) != first.checked_add(1) {
            return Err(damaged(format!("refers to segments {:?} out of order", row.segments)));
        }
        if let Some(earlier) = seen.insert(row.query, at + 1) {
            return Err(damaged(format!("query {} is already answered in line {earlier}", row.query)));
        }
        rows.push(row);
    }
    Ok(rows)
}
