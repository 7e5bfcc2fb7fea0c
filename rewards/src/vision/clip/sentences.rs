//! Sentences as the tokens of a model.

use std::{collections::BTreeSet, path::Path};

use tokenizers::{Tokenizer, TruncationParams};

use super::config::{ClipDescription, Family};
use crate::RewardError;

/// Sentences as a tower reads them, filled up to one length.
#[derive(Clone)]
pub(super) struct Tokens {
    /// `[count, length]`.
    pub(super) ids: Vec<u32>,
    pub(super) count: usize,
    pub(super) length: usize,
    /// By sentence: the place in `ids` of the token that sums it up.
    pub(super) summary_at: Vec<u32>,
}

/// The tokenizer of a model, and how its family wants sentences ended and filled up.
#[derive(Clone)]
pub(super) struct SentenceReader {
    family: Family,
    tokenizer: Tokenizer,
    /// Tokens of the longest sentence.
    longest: usize,
    vocabulary: usize,
    /// CLIP: the id that ends a sentence; none for the largest of the sentence.
    end: Option<u32>,
    padding: u32,
}

impl SentenceReader {
    /// Reads `tokenizer.json` in `directory`.
    pub(super) fn read(
        directory: &Path,
        described: &ClipDescription,
        [longest, vocabulary]: [usize; 2],
    ) -> Result<Self, RewardError> {
        let path = directory.join("tokenizer.json");
        Tokenizer::from_file(&path)
            .and_then(|tokenizer| Self::of(tokenizer, described, [longest, vocabulary]))
            .map_err(|error| {
                RewardError::vision(&path, format!("{error}; get this file from where the model came from"))
            })
    }

    /// A tokenizer for sentences of at most `longest` tokens out of `vocabulary`.
    pub(super) fn of(
        mut tokenizer: Tokenizer,
        described: &ClipDescription,
        [longest, vocabulary]: [usize; 2],
    ) -> Result<Self, tokenizers::Error> {
        let truncation = TruncationParams { max_length: longest, ..TruncationParams::default() };
        tokenizer.with_truncation(Some(truncation))?;
        // Sentences are filled up here, as the family wants it.
        tokenizer.with_padding(None);
        let (family, end, padding) = (described.family(), described.end_of_sentence(), described.padding());
        Ok(Self { family, tokenizer, longest, vocabulary, end, padding })
    }

    pub(super) fn tokens(&self, sentences: &[&str]) -> Result<Tokens, RewardError> {
        let refused = |sentence: &str, reason: &str| RewardError::Sentence {
            sentence: sentence.into(),
            reason: reason.into(),
        };
        let mut ids = Vec::new();
        for sentence in sentences {
            let encoding = self
                .tokenizer
                .encode(*sentence, true)
                .map_err(|error| refused(sentence, &self.reason(sentence, &error)))?;
            if let Some(id) = encoding.get_ids().iter().find(|&&id| id as usize >= self.vocabulary) {
                return Err(refused(sentence, &format!("token {id} is beyond the model's vocabulary")));
            }
            ids.push(encoding.get_ids().to_vec());
        }
        let length = match self.family {
            Family::Clip => ids.iter().map(Vec::len).max().unwrap_or(0),
            // Trained on sentences of full length, of whose last token it makes its summary.
            Family::Siglip => self.longest,
        };
        let mut summary_at = Vec::with_capacity(ids.len());
        for (row, (ids, sentence)) in ids.iter_mut().zip(sentences).enumerate() {
            let end = match (self.family, self.end) {
                (Family::Siglip, _) => Some(length - 1),
                (Family::Clip, Some(end)) => ids.iter().position(|&id| id == end),
                (Family::Clip, None) => (0..ids.len()).max_by_key(|&at| (ids[at], usize::MAX - at)),
            };
            let end =
                end.ok_or_else(|| refused(sentence, "its tokens have no end; tokenizer.json must add one"))?;
            summary_at.push((row * length + end) as u32);
            ids.resize(length, self.padding);
        }
        Ok(Tokens { ids: ids.concat(), count: sentences.len(), length, summary_at })
    }

    /// Why a sentence has no tokens: of tokenizers that know whole words only, the word.
    fn reason(&self, sentence: &str, error: &tokenizers::Error) -> String {
        let known = |word: &str| self.tokenizer.token_to_id(&word.to_lowercase()).is_some();
        match sentence.split_whitespace().find(|word| !known(word)) {
            None => error.to_string(),
            Some(word) => {
                let vocabulary: BTreeSet<String> = self.tokenizer.get_vocab(false).into_keys().collect();
                let words: Vec<&str> =
                    vocabulary.iter().map(String::as_str).filter(|word| !word.starts_with('<')).collect();
                format!("the model does not know the word `{word}`; its words are {}", words.join(" "))
            }
        }
    }
}
