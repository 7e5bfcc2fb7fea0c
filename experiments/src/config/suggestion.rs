//! The word that a misspelt one was probably meant to be.

/// The candidate nearest to `word`, if it is near enough to be a slip: at most a third of the
/// letters differ.
pub(super) fn nearest<'a>(word: &str, candidates: &[&'a str]) -> Option<&'a str> {
    candidates
        .iter()
        .map(|candidate| (strsim::damerau_levenshtein(word, candidate), *candidate))
        .min_by_key(|(distance, _)| *distance)
        .filter(|(distance, candidate)| distance * 3 <= candidate.len().max(word.len()))
        .map(|(_, candidate)| candidate)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn slips_are_found_and_strangers_are_not() {
        let keys = ["learning_rate", "gamma", "batch_size"];
        assert_eq!(nearest("lerning_rate", &keys), Some("learning_rate"));
        assert_eq!(nearest("gama", &keys), Some("gamma"));
        assert_eq!(nearest("horizon", &keys), None);
        assert_eq!(nearest("", &[]), None);
    }
}
