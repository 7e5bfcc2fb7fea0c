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
    origin,
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
        let length = whole_rows(&bytes);
        let rows = parse(&path, &bytes[..length])?;
        let position = rows.iter().enumerate().map(|(at, row)| (row.query, at)).collect();

        let mut shown = Shown::new(&path, &rows);
        let segment_path = segment_file::path_in(directory);
        let records = next_record(&rows);
        let segments = SegmentFile::open(segment_path, observation, action, records, |record, segment| {
            shown.take(record, segment)?;
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

    /// As [`open`](Self::open), for answers about the task `env`, whose id is kept beside the rows. A ledger
    /// without one is from before ids were kept, and gets it.
    ///
    /// # Errors
    /// As [`open`](Self::open), and when the ledger is about another task.
    pub fn open_for(
        directory: &Path,
        env: &str,
        observation: usize,
        action: usize,
    ) -> Result<Self, RewardError> {
        origin::check(directory, env)?;
        let ledger = Self::open(directory, observation, action)?;
        origin::write(directory, env)?;
        Ok(ledger)
    }

    /// All answers about the task `env` in the ledger at `directory`, in their order. Changes nothing, so
    /// that several may read at once, also while another process appends.
    ///
    /// # Errors
    /// When there is no ledger, it is about another task or holds segments of other sizes, an
    /// acknowledged row or segment is damaged, or the system refuses.
    pub fn read(
        directory: &Path,
        env: &str,
        observation: usize,
        action: usize,
    ) -> Result<Vec<Answer>, RewardError> {
        origin::check(directory, env)?;
        let path = directory.join("ledger.jsonl");
        let bytes = fs::read(&path).map_err(|error| match error.kind() {
            std::io::ErrorKind::NotFound => RewardError::NoLedger { path: directory.to_owned() },
            _ => RewardError::io(&path)(error),
        })?;
        let rows = parse(&path, &bytes[..whole_rows(&bytes)])?;
        let mut answers = Vec::with_capacity(rows.len());
        let mut shown = Shown::new(&path, &rows);
        let segment_path = segment_file::path_in(directory);
        segment_file::scan(segment_path, observation, action, next_record(&rows), |record, segment| {
            answers.extend(shown.take(record, segment)?.map(|(at, query)| answer(&rows[at], query)));
            Ok(())
        })?;
        Ok(answers)
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
    /// When an answer is no answer to its query, a segment has the wrong size, or the system refuses;
    /// then none of these answers is stored, and all earlier ones are kept.
    pub fn append(&mut self, answers: &[Answer]) -> Result<usize, RewardError> {
        let mut new = Vec::<&Answer>::new();
        for answer in answers {
            answer.check()?;
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
        let mut record = next;
        for answer in &new {
            let shown = answer.query.segments().len();
            let row = FeedbackRow::new(answer, (record..record + shown).collect());
            record += shown;
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
        let segments = row.segments.iter().map(|&record| self.segment(record)).collect::<Result<_, _>>()?;
        Ok(answer(row, Query::of(row.ask, segments, row.model_version)))
    }
}

/// Puts the records of a segment file together to what each row showed, and checks it.
struct Shown<'a> {
    path: &'a Path,
    rows: &'a [FeedbackRow],
    at: usize,
    segments: Vec<Segment>,
}

impl<'a> Shown<'a> {
    fn new(path: &'a Path, rows: &'a [FeedbackRow]) -> Self {
        Self { path, rows, at: 0, segments: Vec::new() }
    }

    /// Takes the next record in order; with the last one of a row, returns the row's position and query.
    fn take(&mut self, record: usize, segment: Segment) -> Result<Option<(usize, Query)>, RewardError> {
        let Some(row) = self.rows.get(self.at) else { return Ok(None) };
        if !row.segments.contains(&record) {
            return Ok(None);
        }
        self.segments.push(segment);
        if self.segments.len() < row.segments.len() {
            return Ok(None);
        }
        self.at += 1;
        let query = Query::of(row.ask, std::mem::take(&mut self.segments), row.model_version);
        if query.id() == row.query {
            return Ok(Some((self.at - 1, query)));
        }
        let reason = format!("segments {:?} are not what this query showed", row.segments);
        Err(RewardError::DamagedRow { path: self.path.to_owned(), line: self.at, reason })
    }
}

/// Length of the rows that end in a line feed: what follows was never acknowledged.
fn whole_rows(bytes: &[u8]) -> usize {
    bytes.iter().rposition(|&byte| byte == b'\n').map_or(0, |last| last + 1)
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
    rows.last().and_then(|row| row.segments.last()).map_or(0, |last| last + 1)
}

fn parse(path: &Path, bytes: &[u8]) -> Result<Vec<FeedbackRow>, RewardError> {
    let mut rows = Vec::<FeedbackRow>::new();
    let mut seen = BTreeMap::new();
    for (at, line) in bytes.split_inclusive(|&byte| byte == b'\n').enumerate() {
        let damaged = |reason| RewardError::DamagedRow { path: path.to_owned(), line: at + 1, reason };
        let row = FeedbackRow::from_line(&line[..line.len() - 1]).map_err(damaged)?;
        // A gap is where somebody took out a damaged row.
        let in_order = row.segments.first().is_some_and(|first| *first >= next_record(&rows))
            && row.segments.windows(2).all(|pair| Some(pair[1]) == pair[0].checked_add(1));
        if !in_order {
            return Err(damaged(format!("refers to segments {:?} out of order", row.segments)));
        }
        if let Some(reason) = row.choice.misfit(row.ask, row.segments.len()) {
            return Err(damaged(reason));
        }
        if let Some(earlier) = seen.insert(row.query, at + 1) {
            return Err(damaged(format!("query {} is already answered in line {earlier}", row.query)));
        }
        rows.push(row);
    }
    Ok(rows)
}
