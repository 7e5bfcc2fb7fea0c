//! A server that speaks the protocol of OpenAI's chat completions.

use std::{
    env,
    ops::AddAssign,
    thread::sleep,
    time::{Duration, Instant},
};

use serde::{Deserialize, Serialize};

use super::{Judge, Prompt, Reply, ReplyCache};
use crate::{RewardError, error::require};

/// The first wait before a request is repeated; it doubles each time.
const FIRST_WAIT: Duration = Duration::from_millis(500);
/// The longest wait, whatever the server asks for.
const LONGEST_WAIT: Duration = Duration::from_secs(60);

/// Where a judge is, and how much of it may be used.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct EndpointConfig {
    /// Address up to the version, such as `http://127.0.0.1:8080/v1`. Required.
    pub url: String,
    /// The model's name, as the server knows it. Required.
    pub model: String,
    /// Environment variable that holds the key; it is read at the start and never written anywhere.
    /// Default none: a server without keys.
    pub key_variable: Option<String>,
    /// Seconds until a request counts as lost. Default 60.
    pub timeout: f64,
    /// How often a request is sent before it is given up. Default 5.
    pub attempts: u32,
    /// Requests per minute, at most. Default none.
    pub requests_per_minute: Option<f64>,
    /// Price of a million tokens read, in any currency. Default 0.
    pub prompt_price: f64,
    /// Price of a million tokens written. Default 0.
    pub completion_price: f64,
    /// What may be spent, in that currency; then nothing more is sent. Default none.
    pub budget: Option<f64>,
}

impl Default for EndpointConfig {
    fn default() -> Self {
        Self {
            url: String::new(),
            model: String::new(),
            key_variable: None,
            timeout: 60.0,
            attempts: 5,
            requests_per_minute: None,
            prompt_price: 0.0,
            completion_price: 0.0,
            budget: None,
        }
    }
}

impl EndpointConfig {
    /// # Errors
    /// When a value is missing or out of range; the error names the key, as it is in a table `endpoint`.
    pub fn validate(&self) -> Result<(), RewardError> {
        let web = self.url.starts_with("http://") || self.url.starts_with("https://");
        require(
            web,
            "endpoint.url",
            &self.url,
            "give the address up to the version, as in http://127.0.0.1:8080/v1",
        )?;
        require(!self.model.is_empty(), "endpoint.model", "\"\"", "name the model, as the server knows it")?;
        let timeout = self.timeout;
        require(
            timeout > 0.0 && timeout < 1e6,
            "endpoint.timeout",
            timeout,
            "must be a positive number of seconds",
        )?;
        require(self.attempts > 0, "endpoint.attempts", self.attempts, "must be at least 1")?;
        let rate = self.requests_per_minute.unwrap_or(1.0);
        require(rate > 0.0 && rate.is_finite(), "endpoint.requests_per_minute", rate, "must be positive")?;
        for (key, price) in [
            ("endpoint.prompt_price", self.prompt_price),
            ("endpoint.completion_price", self.completion_price),
        ] {
            require(price >= 0.0 && price.is_finite(), key, price, "must be at least 0")?;
        }
        let budget = self.budget.unwrap_or(0.0);
        require(budget >= 0.0, "endpoint.budget", budget, "must be at least 0")
    }
}

/// What has been asked and paid.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Tally {
    /// Requests that were answered over the network.
    pub answered: u64,
    /// Requests that the cache answered.
    pub cached: u64,
    /// Requests that were sent again.
    pub retried: u64,
    /// Requests that were given up.
    pub failed: u64,
    /// Completions that said nothing that could be understood.
    pub unparsable: u64,
    /// Tokens read and written.
    pub prompt_tokens: u64,
    /// Tokens written.
    pub completion_tokens: u64,
    /// What it cost.
    pub cost: f64,
}

impl Tally {
    /// What came after `earlier`.
    pub fn since(self, earlier: Self) -> Self {
        Self {
            answered: self.answered - earlier.answered,
            cached: self.cached - earlier.cached,
            retried: self.retried - earlier.retried,
            failed: self.failed - earlier.failed,
            unparsable: self.unparsable - earlier.unparsable,
            prompt_tokens: self.prompt_tokens - earlier.prompt_tokens,
            completion_tokens: self.completion_tokens - earlier.completion_tokens,
            cost: self.cost - earlier.cost,
        }
    }
}

impl AddAssign for Tally {
    fn add_assign(&mut self, more: Self) {
        self.answered += more.answered;
        self.cached += more.cached;
        self.retried += more.retried;
        self.failed += more.failed;
        self.unparsable += more.unparsable;
        self.prompt_tokens += more.prompt_tokens;
        self.completion_tokens += more.completion_tokens;
        self.cost += more.cost;
    }
}

/// Why there is no verdict.
#[derive(Debug, thiserror::Error)]
pub enum JudgeError {
    /// The server did not answer, however often it was asked.
    #[error("{url}: {reason}, {attempts} times; is the server up?")]
    Unreachable {
        /// The address.
        url: String,
        /// What happened last.
        reason: String,
        /// How often.
        attempts: u32,
    },
    /// The server will not answer, however often it is asked.
    #[error("{url}: status {status}: {reason}")]
    Refused {
        /// The address.
        url: String,
        /// Of HTTP.
        status: u16,
        /// The beginning of what it said.
        reason: String,
    },
    /// The budget is spent.
    #[error("the judge's budget of {budget} is spent; raise `budget` to go on")]
    Exhausted {
        /// The budget.
        budget: f64,
    },
    /// The judge spoke, but gave no verdict.
    #[error("no verdict in the judge's answer `{text}`: {reason}")]
    Unparsable {
        /// The beginning of what it said.
        text: String,
        /// What was expected.
        reason: &'static str,
    },
    /// What is to be judged cannot be shown.
    #[error("a clip cannot be shown to the judge: {reason}")]
    Clip {
        /// Why not.
        reason: String,
    },
    /// The cache cannot be used.
    #[error(transparent)]
    Cache(#[from] RewardError),
}

impl JudgeError {
    /// A completion without what was asked for.
    pub(super) fn unparsable(reply: &Reply, reason: &'static str) -> Self {
        Self::Unparsable { text: beginning(&reply.text), reason }
    }
}

/// As much of a text as fits into a message.
fn beginning(text: &str) -> String {
    text.chars().take(200).collect()
}

/// The server, one request at a time.
pub struct Endpoint {
    config: EndpointConfig,
    address: String,
    key: Option<String>,
    agent: ureq::Agent,
    cache: Option<ReplyCache>,
    tally: Tally,
    next_request: Instant,
}

/// What became of one attempt.
enum Attempt {
    Answered(Reply),
    /// Worth another try, after this long if the server said so.
    Failed(String, Option<Duration>),
}

impl Endpoint {
    /// # Errors
    /// When the configuration is wrong or names an environment variable that is not set.
    pub fn new(config: &EndpointConfig, cache: Option<ReplyCache>) -> Result<Self, RewardError> {
        config.validate()?;
        let key = match &config.key_variable {
            None => None,
            Some(name) => Some(env::var(name).map_err(|_| RewardError::Config {
                key: "endpoint.key_variable",
                value: name.clone(),
                reason: "there is no such environment variable; export it",
            })?),
        };
        let agent = ureq::Agent::config_builder()
            .timeout_global(Some(Duration::from_secs_f64(config.timeout)))
            .http_status_as_error(false)
            .build();
        Ok(Self {
            address: format!("{}/chat/completions", config.url.trim_end_matches('/')),
            config: config.clone(),
            key,
            agent: agent.into(),
            cache,
            tally: Tally::default(),
            next_request: Instant::now(),
        })
    }

    /// What has been asked and paid so far.
    pub fn tally(&self) -> Tally {
        self.tally
    }

    /// Asks, and counts what cannot be understood.
    ///
    /// # Errors
    /// As [`Question::ask`](super::Question::ask).
    pub fn ask<Q: super::Question + ?Sized>(&mut self, question: &Q) -> Result<Q::Verdict, JudgeError> {
        let verdict = question.ask(self);
        if matches!(verdict, Err(JudgeError::Unparsable { .. })) {
            self.tally.unparsable += 1;
        }
        verdict
    }

    /// Sends a request once. The error is final.
    fn attempt(&self, body: &serde_json::Value) -> Result<Attempt, JudgeError> {
        let mut request = self.agent.post(&self.address).header("Content-Type", "application/json");
        if let Some(key) = &self.key {
            request = request.header("Authorization", format!("Bearer {key}"));
        }
        let mut response = match request.send(body.to_string()) {
            Ok(response) => response,
            Err(error) => return Ok(Attempt::Failed(error.to_string(), None)),
        };
        let status = response.status().as_u16();
        let wait = response.headers().get("retry-after").and_then(|value| value.to_str().ok()?.parse().ok());
        let text = match response.body_mut().read_to_string() {
            Ok(text) => text,
            Err(error) => return Ok(Attempt::Failed(error.to_string(), None)),
        };
        match status {
            200 => {
                Ok(Reply::of(&text).map_or_else(|reason| Attempt::Failed(reason, None), Attempt::Answered))
            }
            408 | 429 | 500.. => {
                Ok(Attempt::Failed(format!("status {status}"), wait.map(Duration::from_secs)))
            }
            _ => Err(JudgeError::Refused { url: self.address.clone(), status, reason: beginning(&text) }),
        }
    }

    /// Waits until the rate allows another request.
    fn take_turn(&mut self) {
        let Some(rate) = self.config.requests_per_minute else { return };
        sleep(self.next_request.saturating_duration_since(Instant::now()));
        self.next_request = Instant::now() + Duration::from_secs_f64(60.0 / rate);
    }
}

impl Judge for Endpoint {
    fn complete(&mut self, prompt: &Prompt) -> Result<Reply, JudgeError> {
        let body = prompt.body(&self.config.model);
        if let Some(cache) = &self.cache
            && let Some(reply) = cache.get(&self.address, &body)?
        {
            self.tally.cached += 1;
            return Ok(reply);
        }
        let mut last = String::new();
        for attempt in 0..self.config.attempts {
            if let Some(budget) = self.config.budget
                && self.tally.cost >= budget
            {
                return Err(JudgeError::Exhausted { budget });
            }
            self.take_turn();
            match self.attempt(&body)? {
                Attempt::Answered(reply) => {
                    self.tally.answered += 1;
                    self.tally.prompt_tokens += reply.prompt_tokens;
                    self.tally.completion_tokens += reply.completion_tokens;
                    self.tally.cost += 1e-6
                        * (reply.prompt_tokens as f64 * self.config.prompt_price
                            + reply.completion_tokens as f64 * self.config.completion_price);
                    if let Some(cache) = &self.cache {
                        cache.put(&self.address, &body, &reply)?;
                    }
                    return Ok(reply);
                }
                Attempt::Failed(reason, wait) => {
                    last = reason;
                    if attempt + 1 < self.config.attempts {
                        self.tally.retried += 1;
                        sleep(wait.unwrap_or(FIRST_WAIT * (1 << attempt.min(16))).min(LONGEST_WAIT));
                    }
                }
            }
        }
        self.tally.failed += 1;
        let (url, attempts) = (self.address.clone(), self.config.attempts);
        Err(JudgeError::Unreachable { url, reason: last, attempts })
    }
}
