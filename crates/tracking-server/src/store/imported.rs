//! A whole run of another store, written at once: all of it is there, or nothing.

use idiom_tracking_api::{LogBatch, LogInputs, UpdateRun};

use super::StoreError;
use super::database::Connection;
use super::runs::{DeleteRun, NewRun};
use super::writer::Write;

/// A run of another store under the id it had there.
pub(crate) struct ImportedRun {
    pub(crate) new: NewRun,
    pub(crate) said: LogBatch,
    pub(crate) inputs: LogInputs,
    pub(crate) ended: UpdateRun,
    pub(crate) is_deleted: bool,
}

impl Write for ImportedRun {
    type Output = ();

    async fn write(&self, connection: &mut Connection) -> Result<(), StoreError> {
        self.new.write(connection).await?;
        self.said.write(connection).await?;
        self.inputs.write(connection).await?;
        self.ended.write(connection).await?;
        if self.is_deleted {
            DeleteRun(self.new.run_id.clone()).write(connection).await?;
        }
        Ok(())
    }
}
