//! Whether this process is one of several that train together, as torchrun says it: RANK, WORLD_SIZE, MASTER_ADDR and MASTER_PORT.
//!
//! Without MASTER_ADDR the same RANK may mean a worker of an ingest, so all four are needed.

use crate::failure::Failure;
use crate::home::Home;
use idiom_spec::experiment::DeviceChoice;
use idiom_torch_ext::Rendezvous;
use std::time::Duration;
use tch::{Cuda, Device};

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

    /// The device that was asked for, where it is there.
    pub(crate) fn device(&self, choice: DeviceChoice) -> Result<Device, Failure> {
        let n_gpus = usize::try_from(Cuda::device_count()).unwrap_or(0);
        let several = self.rendezvous()?.is_some();
        let place = self.environment.local_rank.filter(|_| several).unwrap_or(0);
        device(choice, place, n_gpus)
    }
}

/// The device of the process at this place among those of its machine, which has so many GPUs: each has one of its own, from the one
/// that was named on.
fn device(choice: DeviceChoice, place: usize, n_gpus: usize) -> Result<Device, Failure> {
    let first = match choice {
        DeviceChoice::Cpu => return Ok(Device::Cpu),
        DeviceChoice::Auto if n_gpus == 0 => return Ok(Device::Cpu),
        DeviceChoice::Auto => 0,
        DeviceChoice::Cuda(index) => index as usize,
    };
    let index = first + place;
    if index < n_gpus {
        return Ok(Device::Cuda(index));
    }
    if place == 0 {
        return Err(Failure::new(
            format!("`train.device` is cuda:{index}, but libtorch sees {n_gpus} CUDA device(s)"),
            "set train.device=auto, or look at `just doctor`",
        ));
    }
    Err(Failure::new(
        format!(
            "process {place} of this machine (LOCAL_RANK) would compute on cuda:{index}, but libtorch sees {n_gpus} CUDA device(s)"
        ),
        "start one process for each GPU, or set train.device=cpu",
    ))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_process_of_a_machine_has_a_gpu_of_its_own() {
        let placed = |choice, place, n_gpus| device(choice, place, n_gpus).ok();
        assert_eq!(placed(DeviceChoice::Auto, 0, 0), Some(Device::Cpu));
        assert_eq!(placed(DeviceChoice::Auto, 1, 0), Some(Device::Cpu));
        assert_eq!(placed(DeviceChoice::Cpu, 1, 4), Some(Device::Cpu));
        assert_eq!(placed(DeviceChoice::Auto, 3, 4), Some(Device::Cuda(3)));
        assert_eq!(placed(DeviceChoice::Cuda(1), 2, 4), Some(Device::Cuda(3)));
        assert_eq!(placed(DeviceChoice::Cuda(1), 0, 1), None);
        let crowded = format!("{:?}", device(DeviceChoice::Auto, 1, 1).unwrap_err());
        assert!(crowded.contains("LOCAL_RANK"), "{crowded}");
    }
}
