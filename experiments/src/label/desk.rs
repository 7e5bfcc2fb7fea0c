//! Who is asked what: questions, leases and answers, without files, clocks or sockets.

use std::collections::BTreeMap;

use telos_rewards::{
    feedback::{Choice, QueryId},
    teacher::people::PersonalAnswer,
};

use super::{agreement::cohens_kappa, refusal::Refusal};

/// A question and where to find it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Question {
    pub(super) query: QueryId,
    /// Number of its batch, and its place therein.
    pub(super) batch: u64,
    pub(super) index: usize,
    /// Steps of its two segments.
    pub(super) steps: [usize; 2],
}

/// A person at a page. One person may have several pages open.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Who {
    pub(super) annotator: String,
    /// The page.
    pub(super) client: String,
}

/// An answer that stands.
#[derive(Clone, Debug)]
struct Standing {
    annotator: String,
    choice: Choice,
    key: String,
    wanted: u32,
    /// Offset at which its line in the log ends.
    end: u64,
}

/// A question that a page is showing or about to show.
#[derive(Clone, Debug)]
struct Lease {
    who: Who,
    until_ms: u64,
}

/// How far the work has come.
#[derive(Clone, Debug, PartialEq)]
pub(super) struct Progress {
    pub(super) asked: usize,
    pub(super) answered: usize,
    /// Answers by person.
    pub(super) annotators: Vec<(String, usize)>,
    /// Mean of Cohen's kappa over all pairs of people with common queries, and the number of answers
    /// compared; `None` where there is nothing to compare.
    pub(super) kappa: Option<(f64, usize)>,
}

/// The state of the labelling.
pub(super) struct Desk {
    /// People who are to answer each query.
    agreement: u32,
    lease_ms: u64,
    /// In the order in which they were asked.
    questions: Vec<Question>,
    place: BTreeMap<QueryId, usize>,
    /// All questions before this place are decided.
    first_open: usize,
    answers: BTreeMap<QueryId, Vec<Standing>>,
    /// Each person's standing answers, in order.
    history: BTreeMap<String, Vec<QueryId>>,
    leases: BTreeMap<QueryId, Vec<Lease>>,
}

impl Desk {
    pub(super) fn new(agreement: u32, lease_ms: u64) -> Self {
        Self {
            agreement,
            lease_ms,
            questions: Vec::new(),
            place: BTreeMap::new(),
            first_open: 0,
            answers: BTreeMap::new(),
            history: BTreeMap::new(),
            leases: BTreeMap::new(),
        }
    }

    /// Replaces all questions.
    pub(super) fn set_questions(&mut self, questions: Vec<Question>) {
        self.place = questions.iter().enumerate().map(|(at, question)| (question.query, at)).collect();
        self.questions = questions;
        self.first_open = 0;
    }

    /// The question `query`.
    pub(super) fn question(&self, query: QueryId) -> Result<Question, Refusal> {
        let at = self.place.get(&query).ok_or_else(|| Refusal::UnknownQuery(query.to_string()))?;
        Ok(self.questions[*at])
    }

    /// Up to `count` questions for `who`, whose they are until their leases end: first those that the
    /// page has already, then the earliest that nobody else has.
    pub(super) fn lease(&mut self, who: &Who, count: usize, now_ms: u64) -> Vec<Question> {
        self.end_leases(now_ms);
        while self.questions.get(self.first_open).is_some_and(|question| self.is_decided(question.query)) {
            self.first_open += 1;
        }
        let held = |desk: &Self, query| desk.leases_of(query).any(|lease| lease.who == *who);
        let open = &self.questions[self.first_open..];
        let own = open.iter().filter(|question| held(self, question.query));
        let free = open
            .iter()
            .filter(|question| !held(self, question.query) && self.may_answer(who, question.query).is_ok());
        let leased: Vec<Question> = own.chain(free).take(count).copied().collect();
        for question in &leased {
            self.take_lease(who, question.query, now_ms);
        }
        leased
    }

    fn end_leases(&mut self, now_ms: u64) {
        self.leases.retain(|_, leases| {
            leases.retain(|lease| lease.until_ms > now_ms);
            !leases.is_empty()
        });
    }

    fn take_lease(&mut self, who: &Who, query: QueryId, now_ms: u64) {
        let leases = self.leases.entry(query).or_default();
        leases.retain(|lease| lease.who != *who);
        leases.push(Lease { who: who.clone(), until_ms: now_ms + self.lease_ms });
    }

    /// The next `count` questions that nobody has yet; whoever comes next will get them.
    pub(super) fn upcoming(&self, count: usize) -> Vec<Question> {
        let open = self.questions[self.first_open..].iter();
        let free = open.filter(|question| {
            !self.leases.contains_key(&question.query) && !self.is_decided(question.query)
        });
        free.take(count).copied().collect()
    }

    /// Checks an answer of `who`; `Ok(false)` where it repeats one that stands.
    pub(super) fn check(
        &mut self,
        who: &Who,
        query: QueryId,
        choice: Choice,
        key: &str,
        now_ms: u64,
    ) -> Result<bool, Refusal> {
        self.end_leases(now_ms);
        self.question(query)?;
        if let Some(own) = self.answers_of(query).find(|answer| answer.annotator == who.annotator) {
            let repeats = own.key == key && own.choice == choice;
            return if repeats { Ok(false) } else { Err(Refusal::AnsweredByYou(query, own.choice)) };
        }
        self.may_answer(who, query).map(|()| true)
    }

    /// Whether an answer of `who` is wanted, now that others may have answered or be about to.
    fn may_answer(&self, who: &Who, query: QueryId) -> Result<(), Refusal> {
        if self.is_decided(query) {
            return Err(Refusal::Answered(query));
        }
        if self.answers_of(query).any(|answer| answer.annotator == who.annotator) {
            return Err(Refusal::Answered(query));
        }
        let others = self.leases_of(query).filter(|lease| lease.who != *who);
        let (mut others_count, mut is_own) = (0, false);
        for lease in others {
            others_count += 1;
            is_own |= lease.who.annotator == who.annotator;
        }
        let holds = self.leases_of(query).any(|lease| lease.who == *who);
        let full = self.answers_of(query).count() + others_count >= self.wanted(query) as usize;
        if !holds && (full || is_own) { Err(Refusal::Leased(query)) } else { Ok(()) }
    }

    /// How many people are to answer a query. Its first answer decides, so that a server that is started
    /// with another number finishes what was begun.
    pub(super) fn wanted(&self, query: QueryId) -> u32 {
        self.answers_of(query).next().map_or(self.agreement, |answer| answer.wanted)
    }

    /// Takes in an answer whose line in the log ends at `end`.
    pub(super) fn answer(&mut self, answer: PersonalAnswer, end: u64) {
        let PersonalAnswer { query, choice, annotator, wanted, key, .. } = answer;
        if let Some(leases) = self.leases.get_mut(&query) {
            leases.retain(|lease| lease.who.annotator != annotator);
            if leases.is_empty() {
                self.leases.remove(&query);
            }
        }
        self.history.entry(annotator.clone()).or_default().push(query);
        self.answers.entry(query).or_default().push(Standing { annotator, choice, key, wanted, end });
    }

    /// The answer that `who` would undo (the latest, where `query` is not given), and the offset at which
    /// its line ends.
    pub(super) fn undoable(&self, who: &Who, query: Option<QueryId>) -> Result<(QueryId, u64), Refusal> {
        let query = match query {
            Some(query) => query,
            None => *self
                .history
                .get(&who.annotator)
                .and_then(|answered| answered.last())
                .ok_or(Refusal::NothingToUndo)?,
        };
        self.question(query)?;
        match self.answers_of(query).find(|answer| answer.annotator == who.annotator) {
            Some(own) => Ok((query, own.end)),
            None if self.answers.contains_key(&query) => Err(Refusal::NotYours(query)),
            None => Err(Refusal::NothingToUndo),
        }
    }

    /// Takes back the answer of `who`, who gets the question again.
    pub(super) fn undo(&mut self, who: &Who, query: QueryId, now_ms: u64) {
        if let Some(answers) = self.answers.get_mut(&query) {
            answers.retain(|answer| answer.annotator != who.annotator);
            if answers.is_empty() {
                self.answers.remove(&query);
            }
        }
        if let Some(answered) = self.history.get_mut(&who.annotator) {
            answered.retain(|other| *other != query);
        }
        if let Some(&at) = self.place.get(&query) {
            self.first_open = self.first_open.min(at);
        }
        self.take_lease(who, query, now_ms);
    }

    /// How far the work has come.
    pub(super) fn progress(&self) -> Progress {
        let answered = self.questions.iter().filter(|question| self.is_decided(question.query)).count();
        let annotators = self.history.iter().map(|(name, answered)| (name.clone(), answered.len()));
        Progress {
            asked: self.questions.len(),
            answered,
            annotators: annotators.filter(|(_, answers)| *answers > 0).collect(),
            kappa: self.kappa(),
        }
    }

    fn kappa(&self) -> Option<(f64, usize)> {
        let mut pairs = BTreeMap::<(&str, &str), Vec<(Choice, Choice)>>::new();
        for answers in self.answers.values().filter(|answers| answers.len() > 1) {
            for (at, a) in answers.iter().enumerate() {
                for b in &answers[at + 1..] {
                    let (a, b) = if a.annotator <= b.annotator { (a, b) } else { (b, a) };
                    pairs.entry((&a.annotator, &b.annotator)).or_default().push((a.choice, b.choice));
                }
            }
        }
        let kappas: Vec<f64> = pairs.values().filter_map(|pairs| cohens_kappa(pairs)).collect();
        let compared = pairs.values().map(Vec::len).sum();
        (!kappas.is_empty()).then(|| (kappas.iter().sum::<f64>() / kappas.len() as f64, compared))
    }

    fn is_decided(&self, query: QueryId) -> bool {
        self.answers_of(query).count() >= self.wanted(query) as usize
    }

    fn answers_of(&self, query: QueryId) -> impl Iterator<Item = &Standing> {
        self.answers.get(&query).into_iter().flatten()
    }

    fn leases_of(&self, query: QueryId) -> impl Iterator<Item = &Lease> {
        self.leases.get(&query).into_iter().flatten()
    }
}
