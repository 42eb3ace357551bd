//! When the process that has the server of this project ends, one of those that use it serves on, at the same address.
//!
//! Nothing is lost meanwhile, since a run's spool waits. Several heirs may try at once: one gets the port, the others look on.

use super::embedded::Embedded;
use crate::home::Home;
use std::net::{Ipv4Addr, SocketAddr, TcpStream};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

/// Between two looks whether somebody listens.
const LOOK_EVERY: Duration = Duration::from_millis(500);
/// So often in a row nobody must listen: a server that is started anew by whoever keeps it goes before us.
const ABSENT_LOOKS: u32 = 4;
/// How soon a told heir ends.
const LISTEN_EVERY: Duration = Duration::from_millis(20);

/// Looks on until dropped; then the server that it may have started ends, too.
pub(super) struct Heir {
    stop: Arc<AtomicBool>,
    thread: Option<JoinHandle<()>>,
}

impl Heir {
    /// Waits for its turn on a thread of its own.
    pub(super) fn wait(home: Home) -> Self {
        let stop = Arc::new(AtomicBool::new(false));
        let told = Arc::clone(&stop);
        let thread = std::thread::spawn(move || look_on(&home, &told));
        Self {
            stop,
            thread: Some(thread),
        }
    }
}

impl Drop for Heir {
    fn drop(&mut self) {
        self.stop.store(true, Ordering::Relaxed);
        if let Some(thread) = self.thread.take() {
            // A panic in that thread has been reported by the thread itself.
            let _ = thread.join();
        }
    }
}

fn look_on(home: &Home, stop: &AtomicBool) {
    let address = SocketAddr::from((Ipv4Addr::LOCALHOST, home.environment.port));
    let (mut absent, mut next) = (0, Instant::now() + LOOK_EVERY);
    let mut serving = None;
    while !stop.load(Ordering::Relaxed) {
        if serving.is_none() && Instant::now() >= next {
            absent = if is_listened_on(address) {
                0
            } else {
                absent + 1
            };
            if absent >= ABSENT_LOOKS {
                absent = 0;
                match Embedded::start(home, address.port()) {
                    Ok(started) => serving = started.inspect(tell),
                    Err(failure) => {
                        tracing::warn!(
                            "the tracking server ended, and none can be started here: {failure:?}"
                        );
                        return;
                    }
                }
            }
            next = Instant::now() + LOOK_EVERY;
        }
        std::thread::sleep(LISTEN_EVERY);
    }
}

fn tell(embedded: &Embedded) {
    tracing::warn!(
        "the process that had the tracking server ended; {} is inside this one from now on",
        embedded.uri()
    );
}

fn is_listened_on(address: SocketAddr) -> bool {
    TcpStream::connect_timeout(&address, LOOK_EVERY).is_ok()
}
