//! Several processes that train one network: sums and words between them, over c10d's Gloo backend on the CPU.
//!
//! Tensors on a GPU are summed there by NCCL, each process on a GPU of its own; a libtorch without CUDA's headers beside it
//! (`fetch_libtorch.py --cuda` puts them there) sums them on the CPU, which is exact but slow.
//! All processes must make the same calls in the same order. The first process (rank 0) holds the store at which the others
//! meet. A process that dies or falls silent is an error in all others within the stated time. Not here: what is summed.

use crate::TorchError;
use crate::ffi::{GroupHandle, join_group};
use std::time::Duration;
use tch::{Device, Kind, Tensor};

/// Where the processes meet.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Rendezvous {
    /// The address of rank 0.
    pub host: String,
    /// A port that is free there.
    pub port: u16,
    /// This process's number, from 0.
    pub rank: usize,
    /// How many there are, at least 1.
    pub n_ranks: usize,
    /// How long to wait for the others to come.
    pub join_timeout: Duration,
    /// How long to wait for an answer from then on.
    pub answer_timeout: Duration,
}

/// This process among those of one training.
#[derive(Debug)]
pub struct ProcessGroup {
    handle: GroupHandle,
    rank: usize,
    n_ranks: usize,
}

impl ProcessGroup {
    /// Waits until all processes have come.
    ///
    /// # Errors
    /// [`TorchError::Group`]: they did not come in time, or the address cannot be used.
    pub fn join(rendezvous: &Rendezvous) -> Result<Self, TorchError> {
        Ok(Self {
            handle: join_group(rendezvous)?,
            rank: rendezvous.rank,
            n_ranks: rendezvous.n_ranks,
        })
    }

    /// This process's number, from 0.
    #[must_use]
    pub fn rank(&self) -> usize {
        self.rank
    }

    /// How many processes there are.
    #[must_use]
    pub fn n_ranks(&self) -> usize {
        self.n_ranks
    }

    /// The mean of each tensor over all processes, all `f32`, in one message; the shapes must be the same everywhere.
    ///
    /// # Errors
    /// [`TorchError::Group`]: another process is gone.
    pub fn mean(&self, tensors: &[Tensor]) -> Result<Vec<Tensor>, TorchError> {
        if tensors.is_empty() {
            return Ok(Vec::new());
        }
        let device = tensors[0].device();
        let flat: Vec<Tensor> = tensors.iter().map(|tensor| tensor.reshape([-1])).collect();
        let all = Tensor::f_cat(&flat, 0)?.f_to_device(summed_on(device))?;
        self.handle.sum(&all)?;
        let all = (all / self.n_ranks as f64).f_to_device(device)?;
        let sizes: Vec<i64> = flat.iter().map(|tensor| tensor.size()[0]).collect();
        let parts = all.f_split_with_sizes(sizes.as_slice(), 0)?;
        let shaped = parts.iter().zip(tensors);
        Ok(shaped
            .map(|(part, like)| part.view(like.size().as_slice()))
            .collect())
    }

    /// The rows `[n, ...]` of all processes one after another, `[n_ranks * n, ...]`, without their graphs; the shapes must be the same
    /// everywhere.
    ///
    /// # Errors
    /// [`TorchError::Group`]: another process is gone.
    pub fn rows_of_all(&self, rows: &Tensor) -> Result<Tensor, TorchError> {
        let device = summed_on(rows.device());
        let own = rows.detach().f_to_device(device)?;
        let mut size = own.size();
        let n = size.first().copied().unwrap_or_default();
        size[0] *= self.n_ranks as i64;
        // A sum with zeros changes nothing.
        let all = Tensor::f_zeros(size.as_slice(), (own.kind(), device))?;
        let mut place = all.f_narrow(0, self.rank as i64 * n, n)?;
        place.f_copy_(&own)?;
        self.handle.sum(&all)?;
        Ok(all.f_to_device(rows.device())?)
    }

    /// The mean of each number over all processes.
    ///
    /// # Errors
    /// [`TorchError::Group`]: another process is gone.
    pub fn mean_numbers(&self, numbers: &[f64]) -> Result<Vec<f64>, TorchError> {
        let all = Tensor::f_from_slice(numbers)?.to_kind(Kind::Double);
        self.handle.sum(&all)?;
        Ok(Vec::<f64>::try_from(all / self.n_ranks as f64)?)
    }

    /// Rank 0's words, in every process.
    ///
    /// # Errors
    /// [`TorchError::Group`]: rank 0 is gone.
    pub fn words_of_first(&self, key: &str, words: &str) -> Result<String, TorchError> {
        if self.rank == 0 {
            self.handle.tell(key, words)?;
            return Ok(words.to_owned());
        }
        self.handle.hear(key)
    }
}

/// Where tensors of a device are summed.
fn summed_on(device: Device) -> Device {
    if device.is_cuda() && GroupHandle::sums_on_gpus() {
        device
    } else {
        Device::Cpu
    }
}
