//! Many rows in few statements: for each statement a word goes to SQLite's thread, or to another process, and back.

use super::{Connection, Sql, Value};

/// Rows in one statement, at most. Smaller numbers are powers of two, so that a few prepared statements serve all.
const MOST: usize = 32;

/// Inserts rows into `into`, a table and its columns: `params (run, key, value)`.
pub(crate) async fn insert_rows<const N: usize>(
    connection: &mut Connection,
    into: &str,
    rows: impl IntoIterator<Item = [Value; N]>,
) -> Result<(), sqlx::Error> {
    let mut left: Vec<[Value; N]> = rows.into_iter().collect();
    while !left.is_empty() {
        let later = left.split_off(at_once(left.len()));
        let mut sql = Sql::new(connection.dialect(), format!("INSERT INTO {into} VALUES "));
        for (place, row) in left.into_iter().enumerate() {
            sql.push(if place == 0 { "(" } else { ", (" });
            for (column, value) in row.into_iter().enumerate() {
                sql.push(if column == 0 { "" } else { ", " })
                    .push_bind(value);
            }
            sql.push(")");
        }
        sql.query().execute(connection).await?;
        left = later;
    }
    Ok(())
}

/// How many of so many rows go with the next statement.
fn at_once(rows: usize) -> usize {
    MOST.min(1 << rows.ilog2())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn statements_come_in_few_sizes() {
        let sizes = |mut rows: usize| {
            let mut sizes = Vec::new();
            while rows > 0 {
                sizes.push(at_once(rows));
                rows -= at_once(rows);
            }
            sizes
        };
        assert_eq!(sizes(1), [1]);
        assert_eq!(sizes(77), [32, 32, 8, 4, 1]);
    }
}
