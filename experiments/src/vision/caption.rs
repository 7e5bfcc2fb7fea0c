//! Captions made of facts.

use std::collections::BTreeSet;

use rand::RngExt;
use rand_xoshiro::Xoshiro256PlusPlus;
use telos_checkpoint::fnv1a;
use telos_envs::captions::Fact;

/// Colours that things are painted in: their names, red, green and blue.
pub(super) const COLOURS: [(&str, [f32; 3]); 7] = [
    ("red", [0.8, 0.15, 0.12]),
    ("green", [0.2, 0.65, 0.25]),
    ("blue", [0.15, 0.3, 0.8]),
    ("yellow", [0.9, 0.8, 0.15]),
    ("white", [0.95, 0.95, 0.95]),
    ("black", [0.08, 0.08, 0.08]),
    ("purple", [0.55, 0.2, 0.65]),
];
/// Names of what is handled.
const OBJECTS: [&str; 2] = ["block", "cube"];
/// One in this many captions of two facts is kept from training.
const HELD_OUT: u64 = 8;

/// What a picture shows.
#[derive(Clone, Debug)]
pub(super) struct Scenery {
    pub(super) nouns: &'static [Fact],
    pub(super) facts: Vec<Fact>,
    /// Place in [`COLOURS`] of what is painted.
    pub(super) colour: Option<usize>,
    /// Whether the object is painted, not the robot.
    pub(super) object: bool,
}

impl Scenery {
    /// Keys of everything that is true.
    pub(super) fn keys(&self) -> BTreeSet<&'static str> {
        let colour = self.colour.map(|at| COLOURS[at].0);
        self.nouns.iter().chain(&self.facts).map(|fact| fact.key).chain(colour).collect()
    }

    /// All words that captions of it may have.
    pub(super) fn words(&self) -> impl Iterator<Item = String> {
        let phrases = self.nouns.iter().chain(&self.facts).flat_map(|fact| fact.wordings);
        phrases.flat_map(|phrase| phrase.split_whitespace()).map(str::to_owned)
    }

    /// A caption that says some of it.
    pub(super) fn describe(&self, rng: &mut Xoshiro256PlusPlus) -> Caption {
        // The most specific noun in three of four, and mostly one fact.
        let noun = if rng.random_range(0..4) > 0 { 0 } else { rng.random_range(0..self.nouns.len()) };
        let count = [0, 1, 1, 1, 1, 1, 2, 2][rng.random_range(0..8)].min(self.facts.len());
        let first = rng.random_range(0..self.facts.len().max(1));
        let said: Vec<Fact> = (0..count)
            .map(|at| {
                let step = if at == 0 { 0 } else { rng.random_range(1..self.facts.len()) };
                self.facts[(first + step) % self.facts.len()]
            })
            .collect();
        let colour = self.colour.filter(|_| rng.random_range(0..2) == 0);
        Caption::of(self.nouns[noun], &said, colour, self.object, |count| rng.random_range(0..count))
    }
}

/// A sentence, and what must be true for it to be.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Caption {
    pub(super) text: String,
    pub(super) keys: Vec<&'static str>,
    /// Facts that it states.
    facts: usize,
}

impl Caption {
    /// Puts a noun, facts and a colour into words; `choose` says which of so many wordings to take.
    pub(super) fn of(
        noun: Fact,
        facts: &[Fact],
        colour: Option<usize>,
        object: bool,
        mut choose: impl FnMut(usize) -> usize,
    ) -> Self {
        let colour = colour.map(|at| COLOURS[at].0);
        let mut wording = |fact: Fact| fact.wordings[choose(fact.wordings.len())];
        let name = wording(noun);
        let name = match colour {
            Some(colour) if !object => format!("{colour} {name}"),
            _ => name.to_owned(),
        };
        let article = if name.starts_with(['a', 'e', 'i', 'o']) { "an" } else { "a" };
        let phrases: Vec<&str> = facts.iter().map(|fact| wording(*fact)).collect();
        let phrases = phrases.join(" and ");
        let handled = OBJECTS[choose(OBJECTS.len())];
        let (handled, coloured) = match colour.filter(|_| object) {
            Some(colour) => (format!("the {colour} {handled}"), phrases.contains("{object}")),
            None => (format!("the {handled}"), !object),
        };
        let mut keys: Vec<_> = std::iter::once(noun.key).chain(facts.iter().map(|fact| fact.key)).collect();
        keys.extend(colour.filter(|_| coloured));
        let text = format!("{article} {name} {}", phrases.replace("{object}", &handled));
        Self { text: text.trim_end().to_owned(), keys, facts: facts.len() }
    }

    /// Whether it is true of a picture with these keys.
    pub(super) fn is_true(&self, keys: &BTreeSet<&'static str>) -> bool {
        self.keys.iter().all(|key| keys.contains(key))
    }

    /// Whether training must never see it.
    pub(super) fn is_held_out(&self) -> bool {
        self.facts > 1 && fnv1a(self.text.as_bytes()).is_multiple_of(HELD_OUT)
    }
}

/// Words that captions have beside those of facts.
pub(super) fn common_words() -> impl Iterator<Item = String> {
    let colours = COLOURS.iter().map(|(name, _)| *name);
    colours.chain(OBJECTS).chain(["a", "an", "the", "and"]).map(str::to_owned)
}

#[cfg(test)]
mod tests {
    use super::*;

    const NOUN: Fact = Fact { key: "arm", wordings: &["arm", "gripper"] };
    const ABOVE: Fact = Fact { key: "above", wordings: &["above {object}"] };
    const BENT: Fact = Fact { key: "bent", wordings: &["bent"] };

    #[test]
    fn captions_say_what_is_true_and_no_more() {
        let above = Caption::of(NOUN, &[ABOVE], Some(0), true, |count| count - 1);
        assert_eq!(
            (above.text.as_str(), &above.keys[..]),
            ("a gripper above the red cube", &["arm", "above", "red"][..])
        );
        let painted = Caption::of(NOUN, &[BENT, ABOVE], Some(2), false, |_| 0);
        assert_eq!(painted.text, "a blue arm bent and above the block");
        assert_eq!(painted.keys, ["arm", "bent", "above", "blue"]);
        let plain = Caption::of(NOUN, &[], None, false, |_| 0);
        assert_eq!((plain.text.as_str(), &plain.keys[..]), ("an arm", &["arm"][..]));
        // The colour of an object that is not spoken of is not said.
        assert_eq!(Caption::of(NOUN, &[BENT], Some(0), true, |_| 0).keys, ["arm", "bent"]);
        let scenery = Scenery { nouns: &[NOUN], facts: vec![ABOVE], colour: Some(0), object: true };
        assert!(above.is_true(&scenery.keys()));
        assert!(!painted.is_true(&scenery.keys()));
    }
}
