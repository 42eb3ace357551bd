//! Reading filters and orderings.

use super::fields::Subject;
use super::token::{Token, Word, tokens};
use super::tree::{Comparison, Direction, Field, Filter, Operator, Order, Value};
use crate::ApiError;

/// Bytes of a filter, at most.
const MAX_FILTER_BYTES: usize = 64 << 10;
/// Parentheses inside parentheses, at most.
const MAX_DEPTH: usize = 32;

/// Which language a filter is in.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Dialect {
    /// Comparisons joined by AND.
    Mlflow,
    /// Those, and OR and parentheses.
    Idiom,
}

/// Reads a filter; an empty one lets everything through.
///
/// # Errors
/// When it is not in the language, in MLflow's words where MLflow has the same error.
pub fn filter(text: &str, subject: Subject, dialect: Dialect) -> Result<Filter, ApiError> {
    if text.len() > MAX_FILTER_BYTES {
        return Err(ApiError::invalid(format!(
            "Invalid filter: it has more than {MAX_FILTER_BYTES} bytes"
        )));
    }
    let tokens = tokens(text)?;
    if tokens.is_empty() {
        return Ok(Filter::All(Vec::new()));
    }
    let mut parser = Parser {
        tokens: &tokens,
        next: 0,
        subject,
        dialect,
    };
    let filter = parser.any_of(0)?;
    if parser.next < tokens.len() {
        return Err(parser.stray());
    }
    Ok(filter)
}

/// Reads one ordering, e.g. ``metrics.`a b` DESC``.
///
/// # Errors
/// When it names no known field or another direction than `ASC` and `DESC`.
pub fn order_by(text: &str, subject: Subject) -> Result<Order, ApiError> {
    let unreadable = || {
        ApiError::invalid(format!(
            "Invalid order_by clause '{text}'. Could not be parsed."
        ))
    };
    let tokens = tokens(text).map_err(|_| unreadable())?;
    let (word, rest) = match tokens.split_first() {
        Some((Token::Word(word), rest)) => (word, rest),
        _ => return Err(unreadable()),
    };
    let direction = match rest {
        [] => Direction::Ascending,
        [token] if is_keyword(token, "ASC") => Direction::Ascending,
        [token] if is_keyword(token, "DESC") => Direction::Descending,
        [_] => {
            return Err(ApiError::invalid(format!(
                "Invalid ordering key in order_by clause '{text}'."
            )));
        }
        _ => return Err(unreadable()),
    };
    Ok(Order {
        field: subject.field(word)?,
        direction,
    })
}

fn is_keyword(token: &Token, keyword: &str) -> bool {
    matches!(token, Token::Word(Word { head, key: None }) if head.eq_ignore_ascii_case(keyword))
}

struct Parser<'a> {
    tokens: &'a [Token],
    next: usize,
    subject: Subject,
    dialect: Dialect,
}

impl Parser<'_> {
    fn any_of(&mut self, depth: usize) -> Result<Filter, ApiError> {
        let mut parts = vec![self.all_of(depth)?];
        while self.dialect == Dialect::Idiom && self.take_keyword("OR") {
            parts.push(self.all_of(depth)?);
        }
        Ok(if parts.len() == 1 {
            parts.remove(0)
        } else {
            Filter::Any(parts)
        })
    }

    fn all_of(&mut self, depth: usize) -> Result<Filter, ApiError> {
        let mut parts = vec![self.part(depth)?];
        while self.take_keyword("AND") {
            parts.push(self.part(depth)?);
        }
        Ok(if parts.len() == 1 {
            parts.remove(0)
        } else {
            Filter::All(parts)
        })
    }

    fn part(&mut self, depth: usize) -> Result<Filter, ApiError> {
        if self.dialect == Dialect::Idiom && depth < MAX_DEPTH && self.take(&Token::Open) {
            let inner = self.any_of(depth + 1)?;
            return if self.take(&Token::Close) {
                Ok(inner)
            } else {
                Err(self.stray())
            };
        }
        self.comparison().map(Filter::Compare)
    }

    fn comparison(&mut self) -> Result<Comparison, ApiError> {
        let field = match self.peek() {
            Some(Token::Word(word)) => self.subject.field(word)?,
            _ => return Err(self.stray()),
        };
        self.next += 1;
        let operator = self.operator()?;
        if !field.operators().contains(&operator) {
            return Err(wrong_operator(&field, operator.as_str()));
        }
        let value = self.value(&field, operator)?;
        Ok(Comparison {
            field,
            operator,
            value,
        })
    }

    fn operator(&mut self) -> Result<Operator, ApiError> {
        if let Some(Token::Symbol(symbol)) = self.peek() {
            let known = [
                Operator::Equal,
                Operator::NotEqual,
                Operator::Less,
                Operator::LessEqual,
                Operator::Greater,
                Operator::GreaterEqual,
            ];
            let operator = known
                .into_iter()
                .find(|operator| operator.as_str() == symbol);
            let operator = operator
                .ok_or_else(|| ApiError::invalid(format!("Invalid comparator '{symbol}'")))?;
            self.next += 1;
            return Ok(operator);
        }
        let worded = [
            Operator::Like,
            Operator::ILike,
            Operator::In,
            Operator::NotIn,
            Operator::IsNull,
            Operator::IsNotNull,
        ];
        let operator = worded
            .into_iter()
            .find(|operator| self.take_keywords(operator.as_str()));
        operator.ok_or_else(|| self.stray())
    }

    fn value(&mut self, field: &Field, operator: Operator) -> Result<Value, ApiError> {
        match operator {
            Operator::IsNull | Operator::IsNotNull => Ok(Value::Nothing),
            Operator::In | Operator::NotIn => self.list(field).map(Value::List),
            _ if field.is_number() => self.number(field).map(Value::Number),
            _ => self.text(field).map(Value::Text),
        }
    }

    fn number(&mut self, field: &Field) -> Result<f64, ApiError> {
        let found = match self.peek() {
            Some(Token::Number(text)) => {
                text.parse().ok().filter(|number: &f64| number.is_finite())
            }
            _ => None,
        };
        let number = found.ok_or_else(|| {
            let found = self.peek().map_or_else(String::new, Token::to_string);
            let kind = if field.kind() == "metric" {
                "metric".to_owned()
            } else {
                format!("numeric attribute: {}", field.key)
            };
            ApiError::invalid(format!(
                "Expected numeric value type for {kind}. Found {found}"
            ))
        })?;
        self.next += 1;
        Ok(number)
    }

    fn text(&mut self, field: &Field) -> Result<String, ApiError> {
        match self.peek() {
            Some(Token::Text(text)) => {
                let text = text.clone();
                self.next += 1;
                Ok(text)
            }
            Some(Token::Word(word)) => Err(ApiError::invalid(format!(
                "Parameter value is either not quoted or unidentified quote types used for string value {}. Use either \
                 single or double quotes.",
                Token::Word(word.clone())
            ))),
            other => {
                let found = other.map_or_else(String::new, Token::to_string);
                let kind = field.kind();
                Err(ApiError::invalid(format!(
                    "Expected a quoted string value for {kind} (e.g. 'my-value'). Got value {found}"
                )))
            }
        }
    }

    fn list(&mut self, field: &Field) -> Result<Vec<String>, ApiError> {
        let mut texts = Vec::new();
        if !self.take(&Token::Open) {
            return Err(self.stray());
        }
        while texts.is_empty() || self.take(&Token::Comma) {
            texts.push(self.text(field)?);
        }
        if self.take(&Token::Close) {
            Ok(texts)
        } else {
            Err(self.stray())
        }
    }

    fn peek(&self) -> Option<&Token> {
        self.tokens.get(self.next)
    }

    fn take(&mut self, token: &Token) -> bool {
        let found = self.peek() == Some(token);
        self.next += usize::from(found);
        found
    }

    fn take_keyword(&mut self, keyword: &str) -> bool {
        self.take_keywords(keyword)
    }

    /// Takes words such as `NOT IN` if they are all there.
    fn take_keywords(&mut self, keywords: &str) -> bool {
        let words: Vec<&str> = keywords.split(' ').collect();
        let there = self.tokens.get(self.next..self.next + words.len());
        let found = there.is_some_and(|there| {
            there
                .iter()
                .zip(&words)
                .all(|(token, word)| is_keyword(token, word))
        });
        self.next += if found { words.len() } else { 0 };
        found
    }

    /// The error of a word that does not belong where it stands, or of an end that comes too early.
    fn stray(&self) -> ApiError {
        match self.peek() {
            Some(token) => {
                ApiError::invalid(format!("Invalid clause(s) in filter string: '{token}'"))
            }
            None => ApiError::invalid("Invalid clause(s) in filter string: it ends too early"),
        }
    }
}

fn wrong_operator(field: &Field, operator: &str) -> ApiError {
    let allowed: Vec<&str> = field
        .operators()
        .iter()
        .map(|operator| operator.as_str())
        .collect();
    ApiError::invalid(format!(
        "Invalid comparator '{operator}' not one of {allowed:?}"
    ))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;
    use rstest::rstest;

    use super::super::tree::Entity;
    use super::*;

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
}
