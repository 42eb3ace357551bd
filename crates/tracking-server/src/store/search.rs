//! Searching runs and experiments: filters and orderings as SQL.
//!
//! Names of columns come from the short lists below, everything a person wrote is bound: no text of a request ever
//! becomes SQL. NaN compares as in IEEE 754: unequal to everything, neither less nor greater.

use idiom_tracking_api::search::{
    Comparison, Dialect, Direction, Entity, Field, Filter, Operator, Order, Subject, Value, filter,
    order_by,
};
use idiom_tracking_api::{
    ApiError, SearchExperiments, SearchExperimentsAnswer, SearchRuns, ViewType, limits, page_token,
};

use super::database::Sql;
use super::experiments::{self, ExperimentRow};
use super::runs::{RUN_COLUMNS, RunRow};
use super::said::FoundRuns;
use super::{Store, StoreError};

impl Store {
    /// One page of the runs a search lets through, in its order; ties by start, newest first, then by id.
    pub(crate) async fn search_runs(
        &self,
        request: &SearchRuns,
        dialect: Dialect,
    ) -> Result<FoundRuns, StoreError> {
        let page = Page::of(request.max_results, request.page_token.as_deref())?;
        let filter = filter(
            request.filter.as_deref().unwrap_or_default(),
            Subject::Runs,
            dialect,
        )?;
        let orders = orders(&request.order_by, Subject::Runs)?;
        let experiments: Vec<i64> = request
            .experiment_ids
            .iter()
            .map(|id| experiments::number(id))
            .collect::<Result<_, _>>()?;

        let mut sql = Sql::new(
            self.readers.dialect(),
            format!("SELECT {RUN_COLUMNS} FROM runs WHERE experiment_id IN "),
        );
        let list = serde_json::to_string(&experiments).unwrap_or_default();
        sql.push_list("numbers", list);
        push_stage(&mut sql, request.run_view_type);
        sql.push(" AND ");
        push_filter(&mut sql, &filter, push_run_comparison);
        sql.push(" ORDER BY ");
        for order in &orders {
            push_run_order(&mut sql, order)?;
        }
        sql.push("start_time DESC, run_id");
        page.push(&mut sql);

        let mut connection = self.reading().await?;
        let rows: Vec<RunRow> = sql.query().fetch_all(&mut connection).await?;
        let (rows, next_page_token) = page.cut(rows);
        Ok(FoundRuns {
            runs: self.said.complete(&mut connection, rows).await?,
            next_page_token,
        })
    }

    /// One page of the experiments a search lets through; newest first unless ordered otherwise.
    pub(crate) async fn search_experiments(
        &self,
        request: &SearchExperiments,
    ) -> Result<SearchExperimentsAnswer, StoreError> {
        let page = Page::of(request.max_results, request.page_token.as_deref())?;
        let filter = filter(
            request.filter.as_deref().unwrap_or_default(),
            Subject::Experiments,
            Dialect::Mlflow,
        )?;
        let orders = orders(&request.order_by, Subject::Experiments)?;

        let mut sql = Sql::new(
            self.readers.dialect(),
            "SELECT * FROM experiments WHERE true",
        );
        push_stage(&mut sql, request.view_type);
        sql.push(" AND ");
        push_filter(&mut sql, &filter, push_experiment_comparison);
        sql.push(" ORDER BY ");
        for order in &orders {
            if order.field.entity != Entity::Attribute {
                return Err(ApiError::invalid("Invalid order_by entity: tag").into());
            }
            sql.push(column(&order.field.key))
                .push(direction(order))
                .push(", ");
        }
        sql.push(if orders.is_empty() {
            "creation_time DESC, experiment_id"
        } else {
            "experiment_id DESC"
        });
        page.push(&mut sql);

        let mut connection = self.reading().await?;
        let rows: Vec<ExperimentRow> = sql.query().fetch_all(&mut connection).await?;
        let (rows, next_page_token) = page.cut(rows);
        let experiments = rows.into_iter().map(|row| row.0).collect();
        let experiments = experiments::with_tags(&mut connection, experiments).await?;
        Ok(SearchExperimentsAnswer {
            experiments,
            next_page_token,
        })
    }
}

/// Which part of the results is asked for.
struct Page {
    offset: u64,
    size: usize,
}

impl Page {
    fn of(max_results: Option<i64>, token: Option<&str>) -> Result<Self, ApiError> {
        let size = max_results.unwrap_or(limits::DEFAULT_SEARCH_RESULTS);
        let refuse = |reason: String| {
            Err(ApiError::invalid(format!(
                "Invalid value {size} for parameter 'max_results' supplied. It must be {reason}"
            )))
        };
        if size < 1 {
            return refuse("a positive integer".to_owned());
        }
        if size > limits::MAX_SEARCH_RESULTS {
            return refuse(format!("at most {}", limits::MAX_SEARCH_RESULTS));
        }
        Ok(Self {
            offset: page_token::decode(token)?,
            size: usize::try_from(size).unwrap_or(usize::MAX),
        })
    }

    /// Asks for one more than the page holds, to learn whether there is another.
    fn push(&self, sql: &mut Sql) {
        sql.push(" LIMIT ")
            .push_bind(i64::try_from(self.size + 1).unwrap_or(i64::MAX));
        sql.push(" OFFSET ")
            .push_bind(i64::try_from(self.offset).unwrap_or(i64::MAX));
    }

    fn cut<T>(&self, mut rows: Vec<T>) -> (Vec<T>, Option<String>) {
        let more = rows.len() > self.size;
        rows.truncate(self.size);
        (
            rows,
            more.then(|| page_token::encode(self.offset + self.size as u64)),
        )
    }
}

fn orders(clauses: &[String], subject: Subject) -> Result<Vec<Order>, ApiError> {
    let orders: Vec<Order> = clauses
        .iter()
        .map(|clause| order_by(clause, subject))
        .collect::<Result<_, _>>()?;
    let twice = orders
        .iter()
        .enumerate()
        .any(|(place, order)| orders[..place].iter().any(|o| o.field == order.field));
    if twice {
        Err(ApiError::invalid(format!(
            "`order_by` contains duplicate fields: {clauses:?}"
        )))
    } else {
        Ok(orders)
    }
}

fn push_stage(sql: &mut Sql, view: Option<ViewType>) {
    sql.push(match view.unwrap_or_default() {
        ViewType::ActiveOnly => " AND lifecycle_stage = 'active'",
        ViewType::DeletedOnly => " AND lifecycle_stage = 'deleted'",
        ViewType::All => "",
    });
}

fn push_filter(sql: &mut Sql, filter: &Filter, compare: fn(&mut Sql, &Comparison)) {
    let (parts, joint) = match filter {
        Filter::Compare(comparison) => return compare(sql, comparison),
        Filter::All(parts) => (parts, " AND "),
        Filter::Any(parts) => (parts, " OR "),
    };
    if parts.is_empty() {
        sql.push("true");
        return;
    }
    for (place, part) in parts.iter().enumerate() {
        sql.push(if place == 0 { "(" } else { joint });
        push_filter(sql, part, compare);
    }
    sql.push(")");
}

fn push_run_comparison(sql: &mut Sql, comparison: &Comparison) {
    let Comparison {
        field,
        operator,
        value,
    } = comparison;
    match field.entity {
        Entity::Attribute => {
            sql.push(column(&field.key));
            push_test(sql, *operator, value);
        }
        Entity::Metric => push_metric_comparison(sql, &field.key, *operator, value),
        Entity::Param => push_pair_comparison(sql, "params", comparison),
        Entity::Tag => push_pair_comparison(sql, "tags", comparison),
        Entity::Dataset => push_dataset_comparison(sql, &field.key, *operator, value),
    }
}

fn push_metric_comparison(sql: &mut Sql, key: &str, operator: Operator, value: &Value) {
    sql.push("EXISTS (SELECT 1 FROM metric_summaries WHERE run = runs.number AND key = (SELECT id FROM metric_keys WHERE key = ");
    sql.push_bind(key.to_owned());
    sql.push(if operator == Operator::NotEqual {
        ") AND (last_is_nan OR last_value"
    } else {
        ") AND (NOT last_is_nan AND last_value"
    });
    push_test(sql, operator, value);
    sql.push("))");
}

/// Params and tags. Equality goes by the index of values where there is one: a run is found by its tag at once.
fn push_pair_comparison(sql: &mut Sql, table: &'static str, comparison: &Comparison) {
    let Comparison {
        field,
        operator,
        value,
    } = comparison;
    let absent = if *operator == Operator::IsNull {
        "NOT "
    } else {
        ""
    };
    sql.push(absent);
    match value {
        Value::Text(text) if *operator == Operator::Equal && text.chars().count() <= 64 => {
            sql.push("number IN (SELECT run FROM ")
                .push(table)
                .push(" WHERE length(value) <= 64 AND key = ");
        }
        _ => {
            sql.push("EXISTS (SELECT 1 FROM ")
                .push(table)
                .push(" WHERE run = runs.number AND key = ");
        }
    }
    sql.push_bind(field.key.clone());
    if *value != Value::Nothing {
        sql.push(" AND value");
        push_test(sql, *operator, value);
    }
    sql.push(")");
}

fn push_dataset_comparison(sql: &mut Sql, key: &str, operator: Operator, value: &Value) {
    sql.push(match key {
        "context" => {
            "EXISTS (SELECT 1 FROM inputs JOIN input_tags ON input_tags.input = inputs.id WHERE inputs.run = runs.number \
             AND input_tags.key = 'mlflow.data.context' AND input_tags.value"
        }
        "digest" => {
            "EXISTS (SELECT 1 FROM inputs JOIN datasets ON datasets.id = inputs.dataset WHERE inputs.run = runs.number \
             AND datasets.digest"
        }
        _ => {
            "EXISTS (SELECT 1 FROM inputs JOIN datasets ON datasets.id = inputs.dataset WHERE inputs.run = runs.number \
             AND datasets.name"
        }
    });
    push_test(sql, operator, value);
    sql.push(")");
}

fn push_experiment_comparison(sql: &mut Sql, comparison: &Comparison) {
    let Comparison {
        field,
        operator,
        value,
    } = comparison;
    if field.entity == Entity::Attribute {
        sql.push(column(&field.key));
        return push_test(sql, *operator, value);
    }
    sql.push(if *operator == Operator::IsNull {
        "NOT "
    } else {
        ""
    });
    sql.push("EXISTS (SELECT 1 FROM experiment_tags AS tag WHERE tag.experiment_id = experiments.experiment_id AND tag.key = ");
    sql.push_bind(field.key.clone());
    if *value != Value::Nothing {
        sql.push(" AND tag.value");
        push_test(sql, *operator, value);
    }
    sql.push(")");
}

/// The column of an attribute. Names not in this list cannot come out of the parser.
fn column(attribute: &str) -> &'static str {
    match attribute {
        "artifact_uri" => "artifact_uri",
        "creation_time" => "creation_time",
        "end_time" => "end_time",
        "experiment_id" => "CAST(experiment_id AS TEXT)",
        "last_update_time" => "last_update_time",
        "name" => "name",
        "run_id" => "run_id",
        "run_name" => "run_name",
        "start_time" => "start_time",
        "status" => "status",
        "user_id" => "user_id",
        _ => "CAST(NULL AS TEXT)",
    }
}

/// The operator and its value, after a column.
fn push_test(sql: &mut Sql, operator: Operator, value: &Value) {
    let spaced = format!(" {} ", operator.as_str());
    match (operator, value) {
        (Operator::Like, Value::Text(pattern)) => push_like(sql, sql.dialect.like(pattern)),
        (Operator::ILike, Value::Text(pattern)) => {
            push_like(sql, sql.dialect.like_any_case(pattern));
        }
        (_, Value::List(texts)) => {
            let list = serde_json::to_string(texts).unwrap_or_default();
            sql.push(&spaced).push_list("texts", list);
        }
        (_, Value::Text(text)) => {
            sql.push(&spaced).push_bind(text.as_str());
        }
        (_, Value::Number(number)) => {
            sql.push(&spaced).push_bind(*number);
        }
        (_, Value::Nothing) => {
            sql.push(&spaced);
        }
    }
}

fn push_like(sql: &mut Sql, (before, pattern, after): (&str, String, &str)) {
    sql.push(before).push_bind(pattern).push(after);
}

/// One ordering; what a run does not have comes last either way, and NaN just before it.
fn push_run_order(sql: &mut Sql, order: &Order) -> Result<(), ApiError> {
    let Field { entity, key } = &order.field;
    match entity {
        Entity::Metric => {
            let of_metric = "FROM metric_summaries WHERE run = runs.number AND key = (SELECT id FROM metric_keys WHERE key = ";
            sql.push("coalesce((SELECT CASE WHEN last_is_nan THEN 1 ELSE 0 END ")
                .push(of_metric)
                .push_bind(key.clone())
                .push(")), 2), ");
            sql.push("(SELECT last_value ")
                .push(of_metric)
                .push_bind(key.clone())
                .push("))");
        }
        Entity::Param | Entity::Tag => {
            let table = if *entity == Entity::Param {
                "params"
            } else {
                "tags"
            };
            sql.push("(SELECT value FROM ")
                .push(table)
                .push(" WHERE run = runs.number AND key = ");
            sql.push_bind(key.clone()).push(")");
        }
        Entity::Attribute => {
            sql.push(column(key));
        }
        Entity::Dataset => return Err(ApiError::invalid("Invalid identifier type 'dataset'")),
    }
    sql.push(direction(order)).push(", ");
    Ok(())
}

fn direction(order: &Order) -> &'static str {
    match order.direction {
        Direction::Ascending => " ASC NULLS LAST",
        Direction::Descending => " DESC NULLS LAST",
    }
}
