//! The language of searches: what it takes, what it makes of it, and what it says to the rest.

#![allow(
    clippy::unwrap_used,
    reason = "a test that cannot go on should say where"
)]

use idiom_tracking_api::search::{
    Comparison, Dialect, Direction, Entity, Field, Filter, Operator, Order, Subject, Value, filter,
    order_by,
};
use proptest::prelude::*;
use rstest::rstest;

fn one(text: &str) -> Comparison {
    match filter(text, Subject::Runs, Dialect::Mlflow) {
        Ok(Filter::Compare(comparison)) => comparison,
        other => panic!("{text}: {other:?}"),
    }
}

fn refusal(text: &str) -> String {
    filter(text, Subject::Runs, Dialect::Mlflow)
        .unwrap_err()
        .message
}

fn field(entity: Entity, key: &str) -> Field {
    Field {
        entity,
        key: key.to_owned(),
    }
}

#[rstest]
#[case("metrics.loss < 0.5", Entity::Metric, "loss")]
#[case("metric.`loss/generator` < 0.5", Entity::Metric, "loss/generator")]
#[case("metrics.\"a b\" < 0.5", Entity::Metric, "a b")]
#[case("metrics.a.b < 0.5", Entity::Metric, "a.b")]
#[case("metrics.loss/generator<0.5", Entity::Metric, "loss/generator")]
#[case("`metrics`.`损失` < 0.5", Entity::Metric, "损失")]
#[case("attributes.start_time < 0.5", Entity::Attribute, "start_time")]
#[case("attr.created < 0.5", Entity::Attribute, "start_time")]
#[case("end_time < 0.5", Entity::Attribute, "end_time")]
fn numbers_are_compared(#[case] text: &str, #[case] entity: Entity, #[case] key: &str) {
    let expected = Comparison {
        field: field(entity, key),
        operator: Operator::Less,
        value: Value::Number(0.5),
    };
    assert_eq!(one(text), expected);
}

#[rstest]
#[case("params.seed = '1'", Entity::Param, "seed", Operator::Equal, "1")]
#[case(
    "parameters.seed != \"1\"",
    Entity::Param,
    "seed",
    Operator::NotEqual,
    "1"
)]
#[case(
    "tags.`mlflow.note` like '%it''s%'",
    Entity::Tag,
    "mlflow.note",
    Operator::Like,
    "%it's%"
)]
#[case("tag.a ILIKE 'x_'", Entity::Tag, "a", Operator::ILike, "x_")]
#[case("run_name = 'a'", Entity::Attribute, "run_name", Operator::Equal, "a")]
#[case(
    "attribute.`run name` = 'a'",
    Entity::Attribute,
    "run_name",
    Operator::Equal,
    "a"
)]
#[case("dataset.name = 'a'", Entity::Dataset, "name", Operator::Equal, "a")]
fn texts_are_compared(
    #[case] text: &str,
    #[case] entity: Entity,
    #[case] key: &str,
    #[case] operator: Operator,
    #[case] value: &str,
) {
    let expected = Comparison {
        field: field(entity, key),
        operator,
        value: Value::Text(value.to_owned()),
    };
    assert_eq!(one(text), expected);
}

#[test]
fn lists_and_null_are_read() {
    let list = one("run_id IN ('a', 'b')");
    assert_eq!(
        (list.operator, list.value),
        (Operator::In, Value::List(vec!["a".into(), "b".into()]))
    );
    assert_eq!(one("run_id not in ('a')").operator, Operator::NotIn);
    assert_eq!(one("tags.x IS NULL").operator, Operator::IsNull);
    assert_eq!(one("params.x is not null").operator, Operator::IsNotNull);
}

#[rstest]
#[case("-1.5e-3", -1.5e-3)]
#[case("+2", 2.0)]
#[case(".5", 0.5)]
#[case("1E4", 1e4)]
fn numbers_are_read_however_written(#[case] text: &str, #[case] expected: f64) {
    assert_eq!(
        one(&format!("metrics.a > {text}")).value,
        Value::Number(expected)
    );
    assert_eq!(
        one(&format!("metrics.a>{text}")).value,
        Value::Number(expected)
    );
}

#[test]
fn comparisons_are_joined_by_and() {
    let joined = filter(
        "metrics.a > 1 and params.b = 'x' AND tags.c = 'y'",
        Subject::Runs,
        Dialect::Mlflow,
    );
    assert!(matches!(joined, Ok(Filter::All(parts)) if parts.len() == 3));
    assert_eq!(
        filter("  ", Subject::Runs, Dialect::Mlflow),
        Ok(Filter::All(Vec::new()))
    );
}

#[test]
fn or_and_parentheses_are_our_own() {
    let text = "(metrics.a > 1 OR metrics.b > 1) AND params.c = 'x'";
    assert!(refusal(text).starts_with("Invalid clause(s) in filter string"));
    let ours = filter(text, Subject::Runs, Dialect::Idiom).unwrap();
    assert!(
        matches!(ours, Filter::All(parts) if matches!(&parts[0], Filter::Any(either) if either.len() == 2))
    );
    assert!(refusal("metrics.a > 1 OR metrics.b > 1").contains("'OR'"));
}

// Messages of mlflow 3.17.2.
#[rstest]
#[case(
    "foo.bar = 'x'",
    "Invalid entity type 'foo'. Valid values are ['metric', 'parameter', 'tag', 'attribute', 'dataset']"
)]
#[case("metrics.a = 'x'", "Expected numeric value type for metric. Found 'x'")]
#[case(
    "params.a = 1",
    "Expected a quoted string value for parameter (e.g. 'my-value'). Got value 1"
)]
#[case(
    "start_time > 'x'",
    "Expected numeric value type for numeric attribute: start_time. Found 'x'"
)]
fn refusals_say_what_mlflow_says(#[case] text: &str, #[case] expected: &str) {
    assert_eq!(refusal(text), expected);
}

#[rstest]
#[case("metrics.a LIKE 'x'", "Invalid comparator 'LIKE'")]
#[case("params.a > 'x'", "Invalid comparator '>'")]
#[case("params.a == 'x'", "Invalid comparator '=='")]
#[case("params.a = x", "not quoted")]
#[case("nonsense = 'x'", "Invalid attribute key 'nonsense'")]
#[case("dataset.size = 'x'", "Invalid dataset key 'size'")]
#[case("params.a = 'x", "never closed")]
#[case("params.a =", "Expected a quoted string value")]
#[case(
    "params.a = 'x' params.b = 'y'",
    "Invalid clause(s) in filter string: 'params.b'"
)]
#[case("metrics.a > 1 AND", "ends too early")]
#[case("run_id IN ()", "Expected a quoted string value")]
#[case("metrics.a > 1;DROP TABLE runs", "Invalid clause(s)")]
#[case("/a = 1", "Invalid clause(s)")]
#[case("-", "Invalid clause(s)")]
fn what_is_wrong_is_named(#[case] text: &str, #[case] expected: &str) {
    let message = refusal(text);
    assert!(message.contains(expected), "{text}: {message}");
}

#[test]
fn experiments_have_their_own_fields() {
    let name = filter(
        "name LIKE 'a%' AND tags.k = 'v'",
        Subject::Experiments,
        Dialect::Mlflow,
    );
    assert!(name.is_ok());
    assert!(filter("metrics.a > 1", Subject::Experiments, Dialect::Mlflow).is_err());
    assert!(filter("run_name = 'a'", Subject::Experiments, Dialect::Mlflow).is_err());
}

#[test]
fn orderings_are_read() {
    let order = order_by("metrics.`a b` DESC", Subject::Runs).unwrap();
    assert_eq!(
        order,
        Order {
            field: field(Entity::Metric, "a b"),
            direction: Direction::Descending
        }
    );
    assert_eq!(
        order_by("start_time", Subject::Runs).unwrap().direction,
        Direction::Ascending
    );
    assert!(
        order_by("start_time sideways", Subject::Runs)
            .unwrap_err()
            .message
            .contains("ordering key")
    );
    assert!(order_by("", Subject::Runs).is_err());
    assert!(order_by("a b c", Subject::Runs).is_err());
}

proptest! {
    #[test]
    fn no_text_makes_the_parser_fall(text in "\\PC{0,60}") {
        let _any_answer_will_do = filter(&text, Subject::Runs, Dialect::Idiom);
        let _any_answer_will_do = order_by(&text, Subject::Runs);
    }

    #[test]
    fn any_text_can_be_quoted(value in "\\PC{0,40}") {
        let comparison = one(&format!("params.a = '{}'", value.replace('\'', "''")));
        prop_assert_eq!(comparison.value, Value::Text(value));
    }
}
