//! Searching logged models. There are few of them, so they are read and then sifted here, not by SQL.

use std::cmp::Ordering;

use idiom_tracking_api::search::{
    Comparison, Dialect, Entity, Field, Filter, Operator, Subject, Value, filter, order_by,
};
use idiom_tracking_api::{
    ApiError, LoggedModel, LoggedModels, ModelInfo, OnDataset, SearchLoggedModels, page_token,
};

use super::database::query;
use super::models::{self, ModelRow};
use super::{Store, StoreError, experiments};

/// Models on a page, unless asked otherwise, and at most.
const PAGE: i64 = 100;

impl Store {
    /// One page of the models a search lets through; newest first unless ordered otherwise.
    pub(crate) async fn search_models(
        &self,
        request: &SearchLoggedModels,
    ) -> Result<LoggedModels, StoreError> {
        let offset = usize::try_from(page_token::decode(request.page_token.as_deref())?)
            .unwrap_or(usize::MAX);
        let size = usize::try_from(request.max_results.unwrap_or(PAGE).clamp(1, PAGE)).unwrap_or(1);
        let wanted = filter(
            request.filter.as_deref().unwrap_or_default(),
            Subject::Models,
            Dialect::Mlflow,
        )?;
        let orders = request
            .order_by
            .iter()
            .map(|order| Ok((field(&order.field_name)?, order.ascending != Some(false))));
        let orders = orders.collect::<Result<Vec<(Field, bool)>, ApiError>>()?;
        let look = Look {
            datasets: &request.datasets,
        };
        let mut found = self.models_of(&request.experiment_ids).await?;
        found.retain(|model| look.lets_through(&wanted, model));
        found.sort_by(|a, b| look.order(&orders, a, b));
        let more = found.len() > offset.saturating_add(size);
        Ok(LoggedModels {
            models: found.into_iter().skip(offset).take(size).collect(),
            next_page_token: more.then(|| page_token::encode((offset + size) as u64)),
        })
    }

    async fn models_of(&self, experiment_ids: &[String]) -> Result<Vec<LoggedModel>, StoreError> {
        let ids = experiment_ids.iter().map(|id| experiments::number(id));
        let ids = ids.collect::<Result<Vec<i64>, ApiError>>()?;
        let mut connection = self.reading().await?;
        let read = query(
            "SELECT * FROM logged_models WHERE lifecycle_stage = 'active' \
             AND experiment_id IN {numbers $1} ORDER BY creation_time DESC, model_id",
        );
        let rows: Vec<ModelRow> = read
            .bind(serde_json::to_string(&ids).unwrap_or_default())
            .fetch_all(&mut connection)
            .await?;
        models::complete(&mut connection, rows.into_iter().map(|row| row.0).collect()).await
    }
}

fn field(name: &str) -> Result<Field, ApiError> {
    order_by(name, Subject::Models).map(|order| order.field)
}

/// What a model has under a field.
enum Has {
    Number(f64),
    Text(String),
    Nothing,
}

/// Which measurements count.
struct Look<'a> {
    datasets: &'a [OnDataset],
}

impl Look<'_> {
    fn lets_through(&self, filter: &Filter, model: &LoggedModel) -> bool {
        match filter {
            Filter::All(parts) => parts.iter().all(|part| self.lets_through(part, model)),
            Filter::Any(parts) => parts.iter().any(|part| self.lets_through(part, model)),
            Filter::Compare(Comparison {
                field,
                operator,
                value,
            }) => match (self.has(field, model), value) {
                (Has::Nothing, _) => *operator == Operator::IsNull,
                (Has::Number(number), Value::Number(limit)) => {
                    compare_numbers(number, *operator, *limit)
                }
                (Has::Text(text), value) => compare_texts(&text, *operator, value),
                (Has::Number(_), _) => false,
            },
        }
    }

    fn has(&self, field: &Field, model: &LoggedModel) -> Has {
        let pair = |pairs: &[idiom_tracking_api::KeyValue]| {
            let found = pairs.iter().find(|pair| pair.key == field.key);
            found.map_or(Has::Nothing, |pair| Has::Text(pair.value.clone()))
        };
        match field.entity {
            Entity::Metric => self
                .metric(&field.key, model)
                .map_or(Has::Nothing, Has::Number),
            Entity::Param => pair(&model.data.params),
            Entity::Tag => pair(&model.info.tags),
            Entity::Attribute | Entity::Dataset => attribute(&model.info, &field.key),
        }
    }

    /// The latest measurement that counts.
    fn metric(&self, key: &str, model: &LoggedModel) -> Option<f64> {
        let counts = |metric: &&idiom_tracking_api::Metric| {
            let on = |wanted: &OnDataset| {
                metric.dataset_name.as_deref() == Some(wanted.dataset_name.as_str())
                    && (wanted.dataset_digest.is_none()
                        || wanted.dataset_digest == metric.dataset_digest)
            };
            metric.key == key && (self.datasets.is_empty() || self.datasets.iter().any(on))
        };
        let all = model.data.metrics.iter().filter(counts);
        all.max_by_key(|metric| (metric.step, metric.timestamp))
            .map(|metric| metric.value)
    }

    fn order(&self, orders: &[(Field, bool)], a: &LoggedModel, b: &LoggedModel) -> Ordering {
        let by_field = |(field, ascending): &(Field, bool)| {
            let both = (self.has(field, a), self.has(field, b));
            let order = match both {
                (Has::Nothing, Has::Nothing) => return Ordering::Equal,
                (Has::Nothing, _) => return Ordering::Greater,
                (_, Has::Nothing) => return Ordering::Less,
                (Has::Number(a), Has::Number(b)) => a.total_cmp(&b),
                (Has::Text(a), Has::Text(b)) => a.cmp(&b),
                _ => Ordering::Equal,
            };
            if *ascending { order } else { order.reverse() }
        };
        let newest_first = b
            .info
            .creation_timestamp_ms
            .cmp(&a.info.creation_timestamp_ms);
        let chain = orders.iter().map(by_field).find(|order| order.is_ne());
        chain.unwrap_or(newest_first.then_with(|| a.info.model_id.cmp(&b.info.model_id)))
    }
}

fn attribute(info: &ModelInfo, key: &str) -> Has {
    let optional = |text: &Option<String>| text.clone().map_or(Has::Nothing, Has::Text);
    match key {
        "creation_time" => Has::Number(info.creation_timestamp_ms as f64),
        "last_updated_time" => Has::Number(info.last_updated_timestamp_ms as f64),
        "model_id" => Has::Text(info.model_id.clone()),
        "model_type" => optional(&info.model_type),
        "name" => Has::Text(info.name.clone()),
        "source_run_id" => optional(&info.source_run_id),
        "status" => Has::Text(info.status.as_str().to_owned()),
        _ => Has::Nothing,
    }
}

fn compare_numbers(number: f64, operator: Operator, limit: f64) -> bool {
    match operator {
        Operator::Equal => number == limit,
        Operator::NotEqual => number != limit,
        Operator::Less => number < limit,
        Operator::LessEqual => number <= limit,
        Operator::Greater => number > limit,
        Operator::GreaterEqual => number >= limit,
        _ => false,
    }
}

fn compare_texts(text: &str, operator: Operator, value: &Value) -> bool {
    match (operator, value) {
        (Operator::Equal, Value::Text(other)) => text == other,
        (Operator::NotEqual, Value::Text(other)) => text != other,
        (Operator::Like, Value::Text(pattern)) => is_like(text, pattern),
        (Operator::ILike, Value::Text(pattern)) => {
            is_like(&text.to_lowercase(), &pattern.to_lowercase())
        }
        (Operator::In, Value::List(list)) => list.iter().any(|item| item == text),
        (Operator::NotIn, Value::List(list)) => list.iter().all(|item| item != text),
        (Operator::IsNotNull, _) => true,
        _ => false,
    }
}

/// Whether a text fits a pattern, in which `%` is any text and `_` any character. Time grows with the product of both.
fn is_like(text: &str, pattern: &str) -> bool {
    let text: Vec<char> = text.chars().collect();
    // After each character of the pattern: which lengths of the text's beginning fit so far.
    let mut fits = vec![false; text.len() + 1];
    fits[0] = true;
    for wanted in pattern.chars() {
        let mut next = vec![false; text.len() + 1];
        for end in 0..=text.len() {
            next[end] = match wanted {
                '%' => fits[end] || (end > 0 && next[end - 1]),
                '_' => end > 0 && fits[end - 1],
                exact => end > 0 && fits[end - 1] && text[end - 1] == exact,
            };
        }
        fits = next;
    }
    fits[text.len()]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_percent_sign_is_any_text_and_a_line_any_character() {
        for (text, pattern) in [
            ("abc", "a%"),
            ("abc", "%c"),
            ("abc", "a_c"),
            ("", "%"),
            ("a%", "a%"),
            ("圖畫", "_畫"),
        ] {
            assert!(is_like(text, pattern), "{text} {pattern}");
        }
        for (text, pattern) in [("abc", "b%"), ("abc", "a_"), ("", "_"), ("Abc", "a%")] {
            assert!(!is_like(text, pattern), "{text} {pattern}");
        }
    }
}
