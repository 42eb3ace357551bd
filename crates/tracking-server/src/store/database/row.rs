//! Rows of either database as values of ours.

use sqlx::postgres::PgRow;
use sqlx::sqlite::SqliteRow;
use sqlx::{ColumnIndex, Decode, Postgres, Row as _, Sqlite, Type};

/// A row that was read.
pub(crate) enum Row {
    Sqlite(SqliteRow),
    Postgres(PgRow),
}

/// What can be made of a row.
pub(crate) trait FromRow: Sized {
    fn from_row(row: &Row) -> Result<Self, sqlx::Error>;
}

impl Row {
    /// A column, by its name or by its place.
    pub(crate) fn get<T, I>(&self, column: I) -> Result<T, sqlx::Error>
    where
        T: for<'r> Decode<'r, Sqlite>
            + Type<Sqlite>
            + for<'r> Decode<'r, Postgres>
            + Type<Postgres>,
        I: ColumnIndex<SqliteRow> + ColumnIndex<PgRow>,
    {
        match self {
            Self::Sqlite(row) => row.try_get(column),
            Self::Postgres(row) => row.try_get(column),
        }
    }
}

macro_rules! lone_columns {
    ($($kind:ty),+) => {
        $(
            impl FromRow for $kind {
                fn from_row(row: &Row) -> Result<Self, sqlx::Error> {
                    row.get(0)
                }
            }
        )+
    };
}

lone_columns!(i64, f64, bool, String, Vec<u8>, Option<i64>, Option<String>);

macro_rules! tuples {
    ($(($($kind:ident $place:tt),+))+) => {
        $(
            impl<$($kind),+> FromRow for ($($kind,)+)
            where
                $($kind: for<'r> Decode<'r, Sqlite> + Type<Sqlite> + for<'r> Decode<'r, Postgres> + Type<Postgres>),+
            {
                fn from_row(row: &Row) -> Result<Self, sqlx::Error> {
                    Ok(($(row.get::<$kind, usize>($place)?,)+))
                }
            }
        )+
    };
}

tuples! {
    (A 0, B 1)
    (A 0, B 1, C 2)
    (A 0, B 1, C 2, D 3)
    (A 0, B 1, C 2, D 3, E 4)
    (A 0, B 1, C 2, D 3, E 4, F 5)
    (A 0, B 1, C 2, D 3, E 4, F 5, G 6)
    (A 0, B 1, C 2, D 3, E 4, F 5, G 6, H 7)
    (A 0, B 1, C 2, D 3, E 4, F 5, G 6, H 7, I 8)
}
