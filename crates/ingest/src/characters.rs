//! Characters as names of subjects: a sequence of code points in hexadecimal, joined by dashes, without variation
//! selectors, so that every icon set and caption table means the same by it (`1F600`, `1f600-fe0f` and 😀 are `1f600`).

use std::collections::{BTreeMap, BTreeSet};

use idiom_spec::pipeline::SubjectRules;

const VARIATION_SELECTOR: u32 = 0xfe0f;
const JOINER: &str = "200d";

/// The subject that a list of code points names; `None` where it is no such list.
pub(crate) fn from_code_points(text: &str) -> Option<String> {
    let points: Option<Vec<u32>> = text
        .split(['-', '_', ' '])
        .map(|point| u32::from_str_radix(point, 16).ok())
        .collect();
    join(
        points?
            .into_iter()
            .filter(|point| char::from_u32(*point).is_some()),
    )
}

/// The subject that a text of characters names; `None` for an empty one.
pub(crate) fn from_characters(text: &str) -> Option<String> {
    join(text.chars().map(u32::from))
}

/// The characters of a subject.
pub(crate) fn to_characters(subject: &str) -> String {
    subject
        .split('-')
        .filter_map(|point| char::from_u32(u32::from_str_radix(point, 16).ok()?))
        .collect()
}

fn join(points: impl Iterator<Item = u32>) -> Option<String> {
    let points: Vec<String> = points
        .filter(|point| *point != VARIATION_SELECTOR)
        .map(|point| format!("{point:x}"))
        .collect();
    (!points.is_empty()).then(|| points.join("-"))
}

/// Groups subjects for the split: variants of one subject, and what is joined to it, stay together.
#[derive(Debug)]
pub(crate) struct Groups {
    variants: BTreeSet<String>,
    /// The group of subjects that are nothing but variants.
    bare: String,
    same: BTreeMap<String, String>,
}

impl Groups {
    pub(crate) fn new(rules: &SubjectRules) -> Self {
        let bare = rules
            .variants
            .first()
            .and_then(|point| from_code_points(point))
            .unwrap_or_default();
        let variants = rules
            .variants
            .iter()
            .filter_map(|point| from_code_points(point))
            .collect();
        let mut same = BTreeMap::new();
        for subjects in &rules.same {
            let names: Vec<String> = subjects
                .iter()
                .filter_map(|name| from_code_points(name))
                .collect();
            for name in &names {
                same.insert(name.clone(), names[0].clone());
            }
        }
        Self {
            variants,
            bare,
            same,
        }
    }

    /// The group of a subject: its first joined part that is not a mere variant, without variants inside that part.
    pub(crate) fn of(&self, subject: &str) -> String {
        let points: Vec<&str> = subject.split('-').collect();
        let parts = points.split(|point| *point == JOINER).map(|part| {
            let kept: Vec<&str> = part
                .iter()
                .copied()
                .filter(|point| !self.variants.contains(*point))
                .collect();
            kept.join("-")
        });
        let base = parts
            .into_iter()
            .find(|part| !part.is_empty())
            .unwrap_or_else(|| self.bare.clone());
        self.same
            .get(subject)
            .or_else(|| self.same.get(&base))
            .cloned()
            .unwrap_or(base)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_spelling_of_a_character_is_one_subject() {
        for spelling in ["1F600", "1f600-fe0f", "1f600 FE0F"] {
            assert_eq!(from_code_points(spelling).as_deref(), Some("1f600"));
        }
        assert_eq!(from_characters("😀\u{fe0f}").as_deref(), Some("1f600"));
        assert_eq!(
            from_code_points("0023-20e3"),
            from_characters("#\u{fe0f}\u{20e3}")
        );
        assert_eq!(to_characters("1f600"), "😀");
        assert_eq!(from_code_points("grinning"), None);
    }

    #[test]
    fn gender_person_and_joined_variants_share_a_group() {
        let rules = SubjectRules {
            variants: ["1f468", "1f469", "1f9d1", "2640", "2642"]
                .map(str::to_owned)
                .to_vec(),
            same: vec![vec!["1f385".to_owned(), "1f936".to_owned()]],
            ..SubjectRules::default()
        };
        let groups = Groups::new(&rules);
        let firefighters = ["1f468-200d-1f692", "1f469-200d-1f692", "1f9d1-200d-1f692"];
        assert!(
            firefighters
                .iter()
                .all(|subject| groups.of(subject) == groups.of("1f692"))
        );
        assert_eq!(groups.of("1f3c3-200d-2640"), groups.of("1f3c3"));
        assert_eq!(groups.of("1f408-200d-2b1b"), groups.of("1f408"));
        assert_eq!(groups.of("1f468-200d-1f469"), "1f468");
        assert_eq!(groups.of("1f936"), groups.of("1f385"));
        assert_ne!(
            groups.of("1f1ef-1f1f5"),
            groups.of("1f1ef-1f1f4"),
            "flags are not joined"
        );
    }
}
