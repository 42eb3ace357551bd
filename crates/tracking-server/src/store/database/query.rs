//! Statements with what is bound to them, for either database.

use std::borrow::Cow;

use futures_util::TryStreamExt;
use sqlx::postgres::PgArguments;
use sqlx::sqlite::SqliteArguments;
use sqlx::{Arguments, AssertSqlSafe, Encode, Type};

use super::{Connection, Dialect, FromRow, Raw, Row};

/// A value that is bound; each kind may be nothing.
#[derive(Clone, Debug)]
pub(crate) enum Value {
    Whole(Option<i64>),
    Number(Option<f64>),
    Flag(bool),
    Text(Option<String>),
    Bytes(Vec<u8>),
}

/// A text that PostgreSQL cannot keep. SQLite can.
#[derive(Debug, thiserror::Error)]
#[error("a text holds the character NUL, which PostgreSQL does not keep")]
pub(crate) struct NulInText;

/// A statement, `$1`, `$2` and so on standing for what is bound to it in that order.
pub(crate) struct Query {
    statement: Cow<'static, str>,
    values: Vec<Value>,
}

/// Begins a statement. No text of a request ever becomes part of one: it is bound.
pub(crate) fn query(statement: impl Into<Cow<'static, str>>) -> Query {
    Query {
        statement: statement.into(),
        values: Vec::new(),
    }
}

impl Query {
    /// Binds the next value.
    pub(crate) fn bind(mut self, value: impl Into<Value>) -> Self {
        self.values.push(value.into());
        self
    }

    /// Carries the statement out; how many rows it changed.
    pub(crate) async fn execute(self, connection: &mut Connection) -> Result<u64, sqlx::Error> {
        Ok(match connection.raw() {
            Raw::Sqlite(connection) => {
                let statement = sqlx::query_with(self.spelled(Dialect::Sqlite), self.for_sqlite()?);
                statement.execute(connection).await?.rows_affected()
            }
            Raw::Postgres(connection) => {
                let statement =
                    sqlx::query_with(self.spelled(Dialect::Postgres), self.for_postgres()?);
                statement.execute(connection).await?.rows_affected()
            }
        })
    }

    /// All rows.
    pub(crate) async fn fetch_all<T: FromRow>(
        self,
        connection: &mut Connection,
    ) -> Result<Vec<T>, sqlx::Error> {
        let mut all = Vec::new();
        match connection.raw() {
            Raw::Sqlite(connection) => {
                let statement = sqlx::query_with(self.spelled(Dialect::Sqlite), self.for_sqlite()?);
                let mut rows = statement.fetch(connection);
                while let Some(row) = rows.try_next().await? {
                    all.push(T::from_row(&Row::Sqlite(row))?);
                }
            }
            Raw::Postgres(connection) => {
                let statement =
                    sqlx::query_with(self.spelled(Dialect::Postgres), self.for_postgres()?);
                let mut rows = statement.fetch(connection);
                while let Some(row) = rows.try_next().await? {
                    all.push(T::from_row(&Row::Postgres(row))?);
                }
            }
        }
        Ok(all)
    }

    /// The first row, where there is one.
    pub(crate) async fn fetch_optional<T: FromRow>(
        self,
        connection: &mut Connection,
    ) -> Result<Option<T>, sqlx::Error> {
        let row = match connection.raw() {
            Raw::Sqlite(connection) => {
                let statement = sqlx::query_with(self.spelled(Dialect::Sqlite), self.for_sqlite()?);
                statement.fetch_optional(connection).await?.map(Row::Sqlite)
            }
            Raw::Postgres(connection) => {
                let statement =
                    sqlx::query_with(self.spelled(Dialect::Postgres), self.for_postgres()?);
                statement
                    .fetch_optional(connection)
                    .await?
                    .map(Row::Postgres)
            }
        };
        row.as_ref().map(T::from_row).transpose()
    }

    /// The one row there is.
    pub(crate) async fn fetch_one<T: FromRow>(
        self,
        connection: &mut Connection,
    ) -> Result<T, sqlx::Error> {
        let found = self.fetch_optional(connection).await?;
        found.ok_or(sqlx::Error::RowNotFound)
    }

    fn spelled(&self, dialect: Dialect) -> AssertSqlSafe<Cow<'static, str>> {
        let has_words = self.statement.contains('{');
        AssertSqlSafe(if has_words {
            Cow::Owned(dialect.spell(&self.statement))
        } else {
            self.statement.clone()
        })
    }

    fn for_sqlite(self) -> Result<SqliteArguments, sqlx::Error> {
        let mut arguments = SqliteArguments::default();
        for value in self.values {
            value.add_to(&mut arguments)?;
        }
        Ok(arguments)
    }

    fn for_postgres(self) -> Result<PgArguments, sqlx::Error> {
        let mut arguments = PgArguments::default();
        for value in self.values {
            if matches!(&value, Value::Text(Some(text)) if text.contains('\0')) {
                return Err(sqlx::Error::Encode(Box::new(NulInText)));
            }
            value.add_to(&mut arguments)?;
        }
        Ok(arguments)
    }
}

impl Value {
    fn add_to<A: Arguments>(self, arguments: &mut A) -> Result<(), sqlx::Error>
    where
        Option<i64>: for<'q> Encode<'q, A::Database> + Type<A::Database>,
        Option<f64>: for<'q> Encode<'q, A::Database> + Type<A::Database>,
        Option<String>: for<'q> Encode<'q, A::Database> + Type<A::Database>,
        bool: for<'q> Encode<'q, A::Database> + Type<A::Database>,
        Vec<u8>: for<'q> Encode<'q, A::Database> + Type<A::Database>,
    {
        match self {
            Self::Whole(whole) => arguments.add(whole),
            Self::Number(number) => arguments.add(number),
            Self::Flag(flag) => arguments.add(flag),
            Self::Text(text) => arguments.add(text),
            Self::Bytes(bytes) => arguments.add(bytes),
        }
        .map_err(sqlx::Error::Encode)
    }
}

/// A statement that grows, for searches.
pub(crate) struct Sql {
    text: String,
    values: Vec<Value>,
    pub(crate) dialect: Dialect,
}

impl Sql {
    pub(crate) fn new(dialect: Dialect, text: impl Into<String>) -> Self {
        Self {
            text: text.into(),
            values: Vec::new(),
            dialect,
        }
    }

    /// Adds a piece of the statement, one of ours.
    pub(crate) fn push(&mut self, text: &str) -> &mut Self {
        self.text.push_str(text);
        self
    }

    /// Binds a value and adds its placeholder.
    pub(crate) fn push_bind(&mut self, value: impl Into<Value>) -> &mut Self {
        self.values.push(value.into());
        self.text.push('$');
        self.text.push_str(&self.values.len().to_string());
        self
    }

    /// Binds a JSON list and adds a word for what stands in it: `numbers`, `texts`.
    pub(crate) fn push_list(&mut self, word: &str, list: String) -> &mut Self {
        self.push("{")
            .push(word)
            .push(" ")
            .push_bind(list)
            .push("}")
    }

    pub(crate) fn query(self) -> Query {
        Query {
            statement: self.text.into(),
            values: self.values,
        }
    }
}

macro_rules! values {
    ($($kind:ty => $make:expr),+ $(,)?) => {
        $(
            impl From<$kind> for Value {
                fn from(value: $kind) -> Self {
                    let make: fn($kind) -> Self = $make;
                    make(value)
                }
            }
        )+
    };
}

values! {
    i64 => |value| Self::Whole(Some(value)),
    &i64 => |value| Self::Whole(Some(*value)),
    Option<i64> => Self::Whole,
    f64 => |value| Self::Number(Some(value)),
    Option<f64> => Self::Number,
    bool => Self::Flag,
    &str => |value| Self::Text(Some(value.to_owned())),
    String => |value| Self::Text(Some(value)),
    &String => |value| Self::Text(Some(value.clone())),
    Option<&str> => |value| Self::Text(value.map(str::to_owned)),
    &Option<String> => |value| Self::Text(value.clone()),
    Vec<u8> => Self::Bytes,
}
