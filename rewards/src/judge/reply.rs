//! What a judge says.

use serde::{Deserialize, Serialize};
use serde_json::Value;

/// A token that may have come first, with its log-probability.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct TokenChance {
    /// The token, as text.
    pub token: String,
    /// Natural logarithm of its probability.
    pub log_prob: f32,
}

/// A completion.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Reply {
    /// The words.
    pub text: String,
    /// The likeliest first tokens; empty where they were not asked for or the server has none.
    pub first: Vec<TokenChance>,
    /// Tokens that were read.
    pub prompt_tokens: u64,
    /// Tokens that were written.
    pub completion_tokens: u64,
}

impl Reply {
    /// Reads the body of a response.
    ///
    /// # Errors
    /// What is missing in it.
    pub(super) fn of(body: &str) -> Result<Self, String> {
        let body: Value = serde_json::from_str(body).map_err(|error| format!("no JSON: {error}"))?;
        let choice = body.pointer("/choices/0").ok_or("it has no `choices`")?;
        let text = choice.pointer("/message/content").and_then(Value::as_str);
        let text = text.ok_or("its first choice has no `message.content`")?.to_owned();
        let listed = choice.pointer("/logprobs/content/0/top_logprobs").and_then(Value::as_array);
        let first = listed.into_iter().flatten().filter_map(|entry| {
            let token = entry.get("token")?.as_str()?.to_owned();
            Some(TokenChance { token, log_prob: entry.get("logprob")?.as_f64()? as f32 })
        });
        let tokens = |name: &str| body.pointer(name).and_then(Value::as_u64).unwrap_or(0);
        Ok(Self {
            text,
            first: first.collect(),
            prompt_tokens: tokens("/usage/prompt_tokens"),
            completion_tokens: tokens("/usage/completion_tokens"),
        })
    }

    /// The last line that is not empty: where judges that think aloud put their answer.
    pub(super) fn last_line(&self) -> &str {
        self.text.lines().map(str::trim).rfind(|line| !line.is_empty()).unwrap_or("")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn responses_are_read_and_what_is_missing_is_said() {
        let body = r#"{"choices": [{"message": {"content": "thinking\n yes \n\n"},
            "logprobs": {"content": [{"token": "t", "top_logprobs": [{"token": "yes", "logprob": -0.25}]}]}}],
            "usage": {"prompt_tokens": 11, "completion_tokens": 3}}"#;
        let reply = Reply::of(body).unwrap();
        assert_eq!(reply.last_line(), "yes");
        assert_eq!(reply.first, [TokenChance { token: "yes".into(), log_prob: -0.25 }]);
        assert_eq!((reply.prompt_tokens, reply.completion_tokens), (11, 3));
        for (body, missing) in [
            ("<html>", "no JSON"),
            ("{}", "`choices`"),
            (r#"{"choices": [{"message": {"content": null}}]}"#, "`message.content`"),
        ] {
            assert!(Reply::of(body).unwrap_err().contains(missing), "{body}");
        }
    }
}
