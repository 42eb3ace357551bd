//! Ranges of numbers in a configuration, with a message that states the whole range.
//!
//! `garde`'s own `range` names only the bound that was crossed and lets NaN pass, since every comparison with
//! NaN is false; these say `is 20, but must be above 0 and at most 1` and refuse NaN. Used as
//! `#[garde(custom(above_up_to(0.0, 1.0)))]`. Not here: what the fields mean.

use std::fmt::Display;

/// Accepts `low <= value <= high`; the bounds are in the field's own unit.
pub fn between<T: PartialOrd + Display>(low: T, high: T) -> impl Fn(&T, &()) -> garde::Result {
    move |value, ()| {
        if *value >= low && *value <= high {
            return Ok(());
        }
        Err(garde::Error::new(format!(
            "is {value}, but must be at least {low} and at most {high}"
        )))
    }
}

/// Accepts `low < value <= high`: for rates and lengths that must not vanish.
pub fn above_up_to<T: PartialOrd + Display>(low: T, high: T) -> impl Fn(&T, &()) -> garde::Result {
    move |value, ()| {
        if *value > low && *value <= high {
            return Ok(());
        }
        Err(garde::Error::new(format!(
            "is {value}, but must be above {low} and at most {high}"
        )))
    }
}

/// Accepts `low <= value < high`: for decay factors, which must stay below one.
pub fn from_below<T: PartialOrd + Display>(low: T, high: T) -> impl Fn(&T, &()) -> garde::Result {
    move |value, ()| {
        if *value >= low && *value < high {
            return Ok(());
        }
        Err(garde::Error::new(format!(
            "is {value}, but must be at least {low} and below {high}"
        )))
    }
}

/// Applies a range to a value that may be left out.
pub fn if_given<T>(
    range: impl Fn(&T, &()) -> garde::Result,
) -> impl Fn(&Option<T>, &()) -> garde::Result {
    move |value, context| value.as_ref().map_or(Ok(()), |given| range(given, context))
}

/// Applies a range to each entry of a list; the message names the entry, counted from 0.
pub fn each<T>(range: impl Fn(&T, &()) -> garde::Result) -> impl Fn(&Vec<T>, &()) -> garde::Result {
    move |values, context| {
        for (index, value) in values.iter().enumerate() {
            range(value, context)
                .map_err(|error| garde::Error::new(format!("entry {index} {error}")))?;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn message(result: garde::Result) -> String {
        result.map_or_else(|error| error.to_string(), |()| "accepted".to_owned())
    }

    #[test]
    fn the_message_states_the_whole_range() {
        assert_eq!(
            message(above_up_to(0.0, 1.0)(&20.0, &())),
            "is 20, but must be above 0 and at most 1"
        );
    }

    #[test]
    fn nan_is_in_no_range() {
        assert_ne!(message(between(0.0, 1.0)(&f64::NAN, &())), "accepted");
        assert_ne!(message(from_below(0.0, 1.0)(&f64::NAN, &())), "accepted");
    }

    #[test]
    fn closed_and_open_ends_differ_at_the_bound() {
        assert_eq!(message(between(0, 4)(&4, &())), "accepted");
        assert_eq!(
            message(from_below(0, 4)(&4, &())),
            "is 4, but must be at least 0 and below 4"
        );
        assert_eq!(
            message(above_up_to(0, 4)(&0, &())),
            "is 0, but must be above 0 and at most 4"
        );
    }

    #[test]
    fn a_bad_entry_is_named_by_its_place() {
        let widths = vec![16, 0];
        assert_eq!(
            message(each(between(1, 64))(&widths, &())),
            "entry 1 is 0, but must be at least 1 and at most 64"
        );
    }
}
