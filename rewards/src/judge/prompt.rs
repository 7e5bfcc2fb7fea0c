//! What a judge is shown.

use base64::{Engine, prelude::BASE64_STANDARD};
use serde_json::{Value, json};
use telos_sim::render::Image;

/// A piece of a message.
#[derive(Clone, Debug, PartialEq)]
pub enum Part {
    /// Words.
    Text(String),
    /// A picture, as the bytes of a PNG file.
    Picture(Vec<u8>),
}

impl Part {
    /// A picture of these pixels.
    ///
    /// # Errors
    /// When it has none.
    pub fn picture(image: &Image) -> Result<Self, String> {
        let mut bytes = Vec::new();
        let mut encoder = png::Encoder::new(&mut bytes, image.width() as u32, image.height() as u32);
        encoder.set_color(png::ColorType::Rgb);
        encoder.set_depth(png::BitDepth::Eight);
        encoder.set_compression(png::Compression::Fast);
        let written = encoder.write_header().and_then(|mut writer| {
            writer.write_image_data(image.rgb())?;
            writer.finish()
        });
        written.map_err(|error| error.to_string())?;
        Ok(Self::Picture(bytes))
    }

    fn words(&self) -> Option<&str> {
        match self {
            Self::Text(text) => Some(text),
            Self::Picture(_) => None,
        }
    }
}

/// One request: a message, and how it is to be completed.
#[derive(Clone, Debug, PartialEq)]
pub struct Prompt {
    /// The message, piece by piece.
    pub parts: Vec<Part>,
    /// Tokens of the completion, at most.
    pub max_tokens: u32,
    /// Temperature of sampling; 0 for the likeliest completion.
    pub temperature: f32,
    /// Which of several samples of the same prompt this is; samples differ in the seed that is sent.
    pub sample: u32,
    /// Whether the log-probabilities of the first token are wanted.
    pub log_probs: bool,
}

impl Prompt {
    /// A message of words alone, completed in `max_tokens` tokens at temperature 0.
    pub fn text(words: impl Into<String>, max_tokens: u32) -> Self {
        let parts = vec![Part::Text(words.into())];
        Self { parts, max_tokens, temperature: 0.0, sample: 0, log_probs: false }
    }

    /// The body of the request.
    pub(super) fn body(&self, model: &str) -> Value {
        let content: Vec<Value> = self
            .parts
            .iter()
            .map(|part| match part {
                Part::Text(text) => json!({"type": "text", "text": text}),
                Part::Picture(png) => {
                    let url = format!("data:image/png;base64,{}", BASE64_STANDARD.encode(png));
                    json!({"type": "image_url", "image_url": {"url": url}})
                }
            })
            .collect();
        // Servers of text models often know nothing but a string.
        let words: Option<Vec<&str>> = self.parts.iter().map(Part::words).collect();
        let content = words.map_or(json!(content), |words| json!(words.join("\n")));
        let mut body = json!({
            "model": model,
            "messages": [{"role": "user", "content": content}],
            "max_tokens": self.max_tokens,
            "temperature": self.temperature,
            "seed": self.sample,
        });
        if self.log_probs {
            body["logprobs"] = json!(true);
            body["top_logprobs"] = json!(20);
        }
        body
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bodies_follow_the_protocol() {
        let plain = Prompt::text("well?", 3).body("m");
        assert_eq!(plain["messages"][0]["content"], "well?");
        assert_eq!(plain["temperature"], 0.0);
        assert!(plain.get("logprobs").is_none());
        let parts = vec![Part::Text("which?".into()), Part::Picture(b"foobar".to_vec())];
        let shown = Prompt { parts, log_probs: true, sample: 4, ..Prompt::text("", 3) }.body("m");
        let content = &shown["messages"][0]["content"];
        assert_eq!(content[0]["text"], "which?");
        assert_eq!(content[1]["image_url"]["url"], "data:image/png;base64,Zm9vYmFy");
        assert_eq!((shown["seed"].as_u64(), shown["top_logprobs"].as_u64()), (Some(4), Some(20)));
    }
}
