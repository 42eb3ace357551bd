//! Points of curves in the database: packed, a few hundred a row, each point once.
//!
//! Points mostly arrive in order and go to the end of the last block. A late one goes into the block whose stretch of
//! the curve it falls into; a block that grows too large is cut in even parts. So all blocks but a curve's last hold at
//! least half of what they may, and what is read of a curve is read in few rows.

use super::chunks::CurveId;
use super::database::{Connection, insert_rows, query};
use super::pack::{pack, place, unpack};
use super::thinner::Point;

/// Points in a block, at most: about as many bytes as a page of the database has.
const CAPACITY: usize = 256;

/// A block, and where the next one begins.
struct Block {
    id: i64,
    points: Vec<Point>,
    next: Option<Vec<u8>>,
}

type BlockRow = (i64, Vec<u8>, Option<Vec<u8>>);

impl Block {
    fn of((id, bytes, next): BlockRow) -> Result<Self, sqlx::Error> {
        let mut points = Vec::with_capacity(CAPACITY);
        read(&bytes, &mut points)?;
        Ok(Self { id, points, next })
    }
}

fn read(bytes: &[u8], points: &mut Vec<Point>) -> Result<(), sqlx::Error> {
    unpack(bytes, points).ok_or_else(|| sqlx::Error::Decode("a block of points is damaged".into()))
}

/// Adds points that are in order, each once; how many were new.
pub(super) async fn add(
    connection: &mut Connection,
    curve: CurveId,
    points: &[Point],
) -> Result<i64, sqlx::Error> {
    let mut left = points;
    let mut added = 0;
    while let Some(first) = left.first() {
        let Some(block) = block_of(connection, curve, first).await? else {
            insert(connection, curve, left.chunks(CAPACITY)).await?;
            return Ok(added + left.len() as i64);
        };
        let end = block.next.as_ref();
        let count = left.partition_point(|point| end.is_none_or(|end| place(point) < *end));
        let (now, later) = left.split_at(count);
        added += merge(connection, curve, block, now).await?;
        left = later;
    }
    Ok(added)
}

/// The block whose stretch of the curve a point falls into. The first one's stretch has no beginning, the last one's
/// no end.
async fn block_of(
    connection: &mut Connection,
    (run, key): CurveId,
    point: &Point,
) -> Result<Option<Block>, sqlx::Error> {
    let before = query(
        "SELECT id, points, (SELECT later.first FROM metric_blocks AS later WHERE later.run = $1 AND later.key = $2 \
         AND later.first > block.first ORDER BY later.first LIMIT 1) FROM metric_blocks AS block WHERE run = $1 AND key = $2 AND first <= $3 ORDER BY first DESC LIMIT 1",
    );
    let before = before.bind(run).bind(key).bind(place(point));
    let mut found: Option<BlockRow> = before.fetch_optional(&mut *connection).await?;
    if found.is_none() {
        let first = query(
            "SELECT id, points, (SELECT later.first FROM metric_blocks AS later WHERE later.run = $1 AND later.key = $2 \
             AND later.first > block.first ORDER BY later.first LIMIT 1) FROM metric_blocks AS block WHERE run = $1 AND key = $2 ORDER BY first LIMIT 1",
        );
        found = first.bind(run).bind(key).fetch_optional(connection).await?;
    }
    found.map(Block::of).transpose()
}

/// Adds points to a block and cuts it where it became too large; how many were new.
async fn merge(
    connection: &mut Connection,
    curve: CurveId,
    block: Block,
    new: &[Point],
) -> Result<i64, sqlx::Error> {
    let Block {
        id,
        mut points,
        next,
    } = block;
    let old = points.len();
    let is_later = points
        .last()
        .zip(new.first())
        .is_none_or(|(last, first)| last.order(first).is_lt());
    points.extend(new);
    if !is_later {
        points.sort_by(Point::order);
        points.dedup_by(|a, b| a.order(b).is_eq());
    }
    if points.len() == old {
        return Ok(0);
    }
    // At the end of a curve more will follow: there blocks are filled up. Elsewhere room is left in each.
    let size = if is_later && next.is_none() {
        CAPACITY
    } else {
        points.len().div_ceil(points.len().div_ceil(CAPACITY))
    };
    let mut parts = points.chunks(size);
    if let Some(part) = parts.next() {
        query("UPDATE metric_blocks SET first = $2, points = $3 WHERE id = $1")
            .bind(id)
            .bind(place(&part[0]))
            .bind(pack(part))
            .execute(&mut *connection)
            .await?;
    }
    insert(connection, curve, parts).await?;
    Ok((points.len() - old) as i64)
}

async fn insert(
    connection: &mut Connection,
    (run, key): CurveId,
    parts: impl Iterator<Item = &[Point]>,
) -> Result<(), sqlx::Error> {
    let into = "metric_blocks (run, key, first, points)";
    let rows = parts.map(|part| {
        [
            run.into(),
            key.into(),
            place(&part[0]).into(),
            pack(part).into(),
        ]
    });
    insert_rows(connection, into, rows).await
}

/// Points of a curve after one of them, or from the beginning, in order.
pub(super) async fn points_after(
    connection: &mut Connection,
    (run, key): CurveId,
    after: Option<Point>,
    limit: usize,
) -> Result<Vec<Point>, sqlx::Error> {
    // Each block but the last is at least half full, and of the first perhaps nothing is wanted.
    let blocks = limit.div_ceil(CAPACITY / 2).saturating_add(2);
    let rows: Vec<Vec<u8>> = query(
        "SELECT points FROM metric_blocks WHERE run = $1 AND key = $2 AND first >= coalesce((SELECT first \
         FROM metric_blocks WHERE run = $1 AND key = $2 AND first <= $3 ORDER BY first DESC LIMIT 1), $3) ORDER BY first LIMIT $4",
    )
    .bind(run)
    .bind(key)
    .bind(after.as_ref().map(place).unwrap_or_default())
    .bind(i64::try_from(blocks).unwrap_or(i64::MAX))
    .fetch_all(connection)
    .await?;
    let mut points = Vec::with_capacity(rows.len() * CAPACITY);
    for row in rows {
        read(&row, &mut points)?;
    }
    if let Some(after) = after {
        let known = points.partition_point(|point| point.order(&after).is_le());
        points.drain(..known);
    }
    points.truncate(limit);
    Ok(points)
}
