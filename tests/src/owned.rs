//! A process that a test started, and that goes with the test: also with one that fails.

use std::ops::{Deref, DerefMut};
use std::process::{Child, Command};

/// A child process; killed by its id, and reaped, when this is dropped.
pub struct Owned(Child);

impl Owned {
    /// Starts it.
    ///
    /// # Panics
    /// Where it cannot be started.
    #[must_use]
    pub fn spawn(command: &mut Command) -> Self {
        let program = command.get_program().to_owned();
        Self(
            command
                .spawn()
                .unwrap_or_else(|e| panic!("{}: {e}", program.display())),
        )
    }
}

impl Deref for Owned {
    type Target = Child;

    fn deref(&self) -> &Child {
        &self.0
    }
}

impl DerefMut for Owned {
    fn deref_mut(&mut self) -> &mut Child {
        &mut self.0
    }
}

impl Drop for Owned {
    fn drop(&mut self) {
        // One that has ended already needs no ending.
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}
