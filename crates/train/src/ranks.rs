//! Several processes that train one network, as the loop and the tasks see them; one process alone is the common case.
//!
//! Every process has the same weights and takes the same decisions; each computes its share of every batch, and gradients and
//! figures are averaged. A share is whole groups of four consecutive samples, so that the same batch means the same mathematics for any
//! number of processes. Where a loss compares all samples of a batch with each other, their vectors are brought together first: each process
//! computes that loss in whole, and its gradient flows into its own samples only. Only the first writes. Not here: how words and sums
//! travel (`idiom-torch-ext`).

use std::rc::Rc;

use idiom_gan::GanError;
use idiom_spec::experiment::Train;
use idiom_torch_ext::{ProcessGroup, Rendezvous};
use tch::Tensor;

use crate::TrainError;

/// This process among those of one training.
#[derive(Debug, Clone, Default)]
pub(crate) struct Ranks {
    group: Option<Rc<ProcessGroup>>,
}

/// Which samples of each batch are this process's.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Share {
    /// Its first one's place in the batch.
    pub(crate) first: u64,
    /// How many.
    pub(crate) len: u64,
}

impl Ranks {
    /// Meets the others, where there are any.
    ///
    /// # Errors
    /// They do not come in time.
    pub(crate) fn join(rendezvous: Option<&Rendezvous>) -> Result<Self, TrainError> {
        let group = rendezvous.map(ProcessGroup::join).transpose()?;
        Ok(Self {
            group: group.map(Rc::new),
        })
    }

    /// Whether this is the one that writes.
    #[must_use]
    pub(crate) fn is_first(&self) -> bool {
        self.group.as_ref().is_none_or(|group| group.rank() == 0)
    }

    /// Whether there are others.
    #[must_use]
    pub(crate) fn are_several(&self) -> bool {
        self.group.is_some()
    }

    /// This process's share of each batch.
    ///
    /// # Errors
    /// The batch cannot be shared in whole groups of four.
    pub(crate) fn share(&self, train: &Train) -> Result<Share, TrainError> {
        let (rank, n_ranks) = self.group.as_ref().map_or((0, 1), |group| {
            (group.rank() as u64, group.n_ranks() as u64)
        });
        if !train
            .batch_size
            .is_multiple_of(4 * n_ranks * train.accumulate)
        {
            return Err(TrainError::Gan(GanError::Setting {
                key: "train.batch_size".to_owned(),
                found: train.batch_size.to_string(),
                allowed: format!(
                    "a multiple of 4 for each of {n_ranks} processes and {} parts",
                    train.accumulate
                ),
            }));
        }
        let len = train.batch_size / n_ranks;
        Ok(Share {
            first: rank * len,
            len,
        })
    }

    /// The mean of each gradient over all processes.
    ///
    /// # Errors
    /// Another process is gone.
    pub(crate) fn mean(&self, gradients: Vec<Tensor>) -> Result<Vec<Tensor>, TrainError> {
        match &self.group {
            None => Ok(gradients),
            Some(group) => Ok(group.mean(&gradients)?),
        }
    }

    /// The rows of the whole batch, of which these `[n, ...]` are this process's share; only theirs have a graph.
    ///
    /// # Errors
    /// Another process is gone.
    pub(crate) fn of_batch(&self, own: &Tensor) -> Result<Tensor, TrainError> {
        let Some(group) = &self.group else {
            return Ok(own.shallow_clone());
        };
        let all = group.rows_of_all(own)?;
        let (n, rank) = (own.size()[0], group.rank() as i64);
        let after = (rank + 1) * n;
        let others = [
            all.narrow(0, 0, rank * n),
            all.narrow(0, after, all.size()[0] - after),
        ];
        Ok(Tensor::f_cat(&[&others[0], own, &others[1]], 0)?)
    }

    /// A loss of the whole batch, in which this process's rows have a graph: the mean of its gradients over all processes is then the
    /// whole gradient.
    pub(crate) fn of_whole(&self, loss: &Tensor) -> Tensor {
        match &self.group {
            None => loss.shallow_clone(),
            Some(group) => loss * group.n_ranks() as f64,
        }
    }

    /// Weights that every process uses for the whole batch in such a loss: their gradient counts once, not once in each.
    pub(crate) fn once(&self, weights: &Tensor) -> Tensor {
        match &self.group {
            None => weights.shallow_clone(),
            Some(group) => {
                let share = 1.0 / group.n_ranks() as f64;
                weights * share + weights.detach() * (1.0 - share)
            }
        }
    }

    /// The mean of each number over all processes.
    ///
    /// # Errors
    /// Another process is gone.
    pub(crate) fn mean_numbers(&self, numbers: Vec<f64>) -> Result<Vec<f64>, TrainError> {
        match &self.group {
            None => Ok(numbers),
            Some(group) => Ok(group.mean_numbers(&numbers)?),
        }
    }

    /// Whether it is so in any process; all hear the same answer, and wait for it.
    ///
    /// # Errors
    /// Another process is gone.
    pub(crate) fn any(&self, here: bool) -> Result<bool, TrainError> {
        if !self.are_several() {
            return Ok(here);
        }
        Ok(self.mean_numbers(vec![f64::from(here)])?[0] > 0.0)
    }

    /// The first process's words.
    ///
    /// # Errors
    /// It is gone.
    pub(crate) fn words_of_first(&self, key: &str, words: &str) -> Result<String, TrainError> {
        match &self.group {
            None => Ok(words.to_owned()),
            Some(group) => Ok(group.words_of_first(key, words)?),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_process_alone_has_the_whole_batch_and_decides_alone() {
        let alone = Ranks::default();
        let share = alone.share(&Train::default()).unwrap();
        assert_eq!(share, Share { first: 0, len: 32 });
        assert!(alone.is_first() && alone.any(true).unwrap() && !alone.any(false).unwrap());
    }
}
