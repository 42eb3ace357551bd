//! Whether this process is one of several that train together, as torchrun says it: RANK, WORLD_SIZE, MASTER_ADDR and MASTER_PORT.
//!
//! Without MASTER_ADDR the same RANK may mean a worker of an ingest, so all four are needed.

use crate::failure::Failure;
use crate::home::Home;
use idiom_torch_ext::Rendezvous;
use std::time::Duration;

/// Long enough for the first process to ingest and embed.
const JOIN: Duration = Duration::from_secs(3600);
/// Long enough for the first process to draw a sheet and to save.
const ANSWER: Duration = Duration::from_secs(300);

impl Home {
    /// Where to meet the others, where there are any.
    pub(crate) fn rendezvous(&self) -> Result<Option<Rendezvous>, Failure> {
        let worker = self.environment.worker;
        let (Some(rank), Some(n_ranks), Some((host, port))) =
            (worker.rank, worker.world, &self.environment.master)
        else {
            return Ok(None);
        };
        let wrong = |what: String| {
            Failure::new(
                what,
                "start all processes with torchrun, or set RANK, WORLD_SIZE, MASTER_ADDR and MASTER_PORT",
            )
        };
        if rank >= n_ranks {
            return Err(wrong(format!(
                "RANK is {rank}, but must be below WORLD_SIZE, {n_ranks}"
            )));
        }
        let port = port.parse().map_err(|_| {
            wrong(format!(
                "MASTER_PORT is `{port}`, but must be a port's number"
            ))
        })?;
        Ok((n_ranks > 1).then(|| Rendezvous {
            host: host.clone(),
            port,
            rank,
            n_ranks,
            join_timeout: JOIN,
            answer_timeout: ANSWER,
        }))
    }

    /// Whether this is the process that writes; one alone is.
    pub(crate) fn is_first_rank(&self) -> bool {
        self.environment.master.is_none()
            || self.environment.worker.rank.is_none_or(|rank| rank == 0)
    }

    /// This process's share of the machine's threads.
    pub(crate) fn threads(&self, n_cores: usize) -> usize {
        (n_cores / self.environment.n_local.unwrap_or(1).max(1)).max(1)
    }
}
