//! Which split a group of rows falls into: its hash decides, so that adding or removing other rows changes nothing.

use idiom_dataset::Split;
use idiom_spec::pipeline::SplitRules;

use crate::draw::Draw;

/// The split of a group.
pub(crate) fn of_group(rules: &SplitRules, group: &str) -> Split {
    let place = Draw::new("split", rules.seed, group).unit();
    match place {
        _ if place < rules.test => Split::Test,
        _ if place < rules.test + rules.validation => Split::Validation,
        _ => Split::Train,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn shares_are_met_and_do_not_depend_on_other_groups() {
        let rules = SplitRules {
            validation: 0.1,
            test: 0.2,
            seed: 3,
        };
        let splits: Vec<Split> = (0..10_000)
            .map(|i| of_group(&rules, &i.to_string()))
            .collect();
        let share = |split| splits.iter().filter(|s| **s == split).count() as f64 / 10_000.0;
        assert!((share(Split::Validation) - 0.1).abs() < 0.015);
        assert!((share(Split::Test) - 0.2).abs() < 0.015);
        assert_eq!(of_group(&rules, "77"), splits[77]);
    }
}
