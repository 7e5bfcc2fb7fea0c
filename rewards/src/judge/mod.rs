//! Judges over HTTP: models that look at pictures or read captions and say what is good.
//!
//! Any server that speaks the protocol of OpenAI's chat completions will do, at a company or on this
//! machine (llama.cpp, vLLM, Ollama). What is asked, four ways:
//!
//! - [`PairQuestion`]: which of two pictures is nearer to the goal (RL-VLM-F),
//! - [`YesNoQuestion`]: how likely is "yes" (ZYN), of pictures or captions,
//! - [`OutcomeQuestion`]: did the episode, in words, do what was wanted,
//! - [`CritiqueQuestion`]: first a critique, then a score from it (CLoud).
//!
//! An [`Endpoint`] asks politely (limits of rate and cost, retries that back off) and never the same thing
//! twice ([`ReplyCache`]). A [`JudgePool`] asks while rollouts go on. An answer that cannot be understood is
//! counted and skipped, never guessed.

mod cache;
mod critique;
mod endpoint;
mod outcome;
mod pair;
mod pool;
mod prompt;
mod reply;
mod yes_no;

pub use cache::ReplyCache;
pub use critique::CritiqueQuestion;
pub use endpoint::{Endpoint, EndpointConfig, JudgeError, Tally};
pub use outcome::OutcomeQuestion;
pub use pair::PairQuestion;
pub use pool::{JudgePool, Opinion};
pub use prompt::{Part, Prompt};
pub use reply::{Reply, TokenChance};
pub use yes_no::YesNoQuestion;

/// Something that can be asked of a judge.
pub trait Question: Send {
    /// What the judge makes of it.
    type Verdict: Send;

    /// Asks, in one or several prompts.
    ///
    /// # Errors
    /// When the judge cannot be reached, its budget is spent, or it says nothing that can be understood.
    fn ask(&self, judge: &mut dyn Judge) -> Result<Self::Verdict, JudgeError>;
}

/// Whoever completes prompts; [`Endpoint`] does it over HTTP.
pub trait Judge {
    /// The completion of a prompt.
    ///
    /// # Errors
    /// As [`Question::ask`].
    fn complete(&mut self, prompt: &Prompt) -> Result<Reply, JudgeError>;
}
