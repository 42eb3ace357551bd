//! What was deleted and can go for good, and making it go.

use super::database::{Connection, query};
use super::writer::Write;
use super::{Store, StoreError};

/// What kind of thing was deleted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Kind {
    Run,
    Model,
    Experiment,
}

impl Kind {
    /// The word for people.
    pub(crate) fn word(self) -> &'static str {
        match self {
            Self::Run => "run",
            Self::Model => "model",
            Self::Experiment => "experiment",
        }
    }
}

/// Something deleted, and where its files are.
pub(crate) struct Deleted {
    pub(crate) kind: Kind,
    pub(crate) id: String,
    pub(crate) name: String,
    pub(crate) artifact_uri: Option<String>,
}

/// Takes a deleted thing's rows away, and all that hangs on them.
pub(crate) struct Forget(pub(crate) Deleted);

impl Write for Forget {
    type Output = ();

    async fn write(&self, connection: &mut Connection) -> Result<(), StoreError> {
        // Restored in the meantime, it stays.
        let statement = match self.0.kind {
            Kind::Run => "DELETE FROM runs WHERE run_id = $1 AND lifecycle_stage = 'deleted'",
            Kind::Model => {
                "DELETE FROM logged_models WHERE model_id = $1 AND lifecycle_stage = 'deleted'"
            }
            Kind::Experiment => {
                "DELETE FROM experiments WHERE CAST(experiment_id AS TEXT) = $1 AND lifecycle_stage = 'deleted' \
                 AND NOT EXISTS (SELECT 1 FROM runs WHERE runs.experiment_id = experiments.experiment_id) \
                 AND NOT EXISTS (SELECT 1 FROM logged_models WHERE logged_models.experiment_id = experiments.experiment_id)"
            }
        };
        let forget = query(statement).bind(&self.0.id);
        forget.execute(connection).await?;
        Ok(())
    }
}

type Row = (String, String, Option<String>);

impl Store {
    /// What was deleted before a moment: runs and models first, experiments after them.
    pub(crate) async fn deleted_before(&self, moment: i64) -> Result<Vec<Deleted>, StoreError> {
        let runs = "SELECT run_id, run_name, artifact_uri FROM runs WHERE lifecycle_stage = 'deleted' \
            AND coalesce(deleted_time, 0) <= $1 ORDER BY number";
        let models = "SELECT model_id, name, artifact_uri FROM logged_models WHERE lifecycle_stage = 'deleted' \
            AND last_updated_time <= $1 ORDER BY model_id";
        let experiments = "SELECT CAST(experiment_id AS TEXT), name, NULL FROM experiments WHERE lifecycle_stage = 'deleted' \
            AND last_update_time <= $1 ORDER BY experiment_id";
        let mut all = Vec::new();
        for (kind, statement) in [
            (Kind::Run, runs),
            (Kind::Model, models),
            (Kind::Experiment, experiments),
        ] {
            let rows = query(statement).bind(moment);
            let rows: Vec<Row> = rows.fetch_all(&mut self.reading().await?).await?;
            all.extend(rows.into_iter().map(|(id, name, artifact_uri)| Deleted {
                kind,
                id,
                name,
                artifact_uri,
            }));
        }
        Ok(all)
    }
}
