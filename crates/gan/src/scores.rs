//! The three kinds of scores that a discriminator's loss reads.

use tch::Tensor;

/// Scores of one batch, each `[batch]`; higher means more real and better fitting.
#[derive(Debug)]
pub struct Scores {
    /// Real pictures with their own texts.
    pub real: Tensor,
    /// Generated pictures with the texts they were drawn from.
    pub fake: Tensor,
    /// Real pictures with other pictures' texts.
    pub mismatch: Tensor,
}

impl Scores {
    /// The same numbers, cut off from the graph; for logs and for the generator's step.
    #[must_use]
    pub fn detached(&self) -> Self {
        Self {
            real: self.real.detach(),
            fake: self.fake.detach(),
            mismatch: self.mismatch.detach(),
        }
    }
}
