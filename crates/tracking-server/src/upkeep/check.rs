//! Reading a whole database: whether SQLite finds it in order, and whether each curve has the points its summary counts.

use super::{Holdings, Say, UpkeepError};

pub(super) async fn check(holdings: &Holdings, say: Say<'_>) -> Result<(), UpkeepError> {
    let found = holdings.store.faults().await.map_err(UpkeepError::stuck(
        &holdings.db,
        "it cannot be read to its end",
    ))?;
    found.faults.iter().for_each(|fault| say(fault));
    if !found.faults.is_empty() {
        return Err(UpkeepError::Damaged {
            place: holdings.db.clone(),
            count: found.faults.len(),
        });
    }
    say(&format!(
        "{}: in order, {} curves with {} points",
        holdings.db, found.curves, found.points
    ));
    Ok(())
}
