//! A tracking server in memory, written from MLflow's documents and not from our messages, that can misbehave.
//!
//! It stores rows as MLflow does (the same point once, params fixed, all limits of a batch checked) and answers each
//! request as its test tells it to. A thread a connection, `std` only.

#![allow(
    dead_code,
    unused_imports,
    reason = "each test file is its own crate and uses what it needs"
)]
#![allow(unreachable_pub, reason = "a module of tests")]

mod http;
mod store;

use std::net::{SocketAddr, TcpListener, TcpStream};
use std::sync::Arc;
use std::thread;
use std::time::{Duration, Instant};

use parking_lot::{Condvar, Mutex};

pub use http::Request;
pub use store::{Row, Store, StoredRun};

/// How a request is answered.
#[derive(Clone, Debug)]
pub enum Answer {
    /// As a server should.
    Properly,
    /// This status and body, nothing stored.
    Status(u16, &'static str),
    /// This status with a `Retry-After` header, nothing stored.
    RetryAfter(u16, &'static str),
    /// The connection ends, nothing stored.
    HangUp,
    /// All is stored, then the connection ends: the client cannot know.
    StoreAndHangUp,
    /// No answer until the client gives up.
    Hang,
    /// An answer, a byte at a time, too slowly.
    Drip,
}

type Plan = Box<dyn FnMut(&Request) -> Answer + Send>;

struct Inner {
    store: Mutex<Store>,
    changed: Condvar,
    plan: Mutex<Plan>,
    requests: Mutex<Vec<(Instant, String)>>,
}

/// A server at a loopback address.
#[derive(Clone)]
pub struct FakeServer {
    address: SocketAddr,
    inner: Arc<Inner>,
}

impl FakeServer {
    /// A server that behaves.
    pub fn start() -> Self {
        Self::start_with(|_| Answer::Properly)
    }

    /// A server that answers each request by plan.
    pub fn start_with(plan: impl FnMut(&Request) -> Answer + Send + 'static) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = listener.local_addr().unwrap();
        let inner = Arc::new(Inner {
            store: Mutex::default(),
            changed: Condvar::new(),
            plan: Mutex::new(Box::new(plan)),
            requests: Mutex::default(),
        });
        let server = Self { address, inner };
        let accepting = server.clone();
        thread::spawn(move || {
            for connection in listener.incoming().map_while(Result::ok) {
                let server = accepting.clone();
                thread::spawn(move || server.serve(&connection));
            }
        });
        server
    }

    pub fn uri(&self) -> String {
        format!("http://{}", self.address)
    }

    /// From now on, answers by this plan.
    pub fn plan(&self, plan: impl FnMut(&Request) -> Answer + Send + 'static) {
        *self.inner.plan.lock() = Box::new(plan);
    }

    /// Looks at what is stored.
    pub fn store<T>(&self, look: impl FnOnce(&mut Store) -> T) -> T {
        look(&mut self.inner.store.lock())
    }

    /// The only run.
    pub fn only_run(&self) -> StoredRun {
        self.store(|store| {
            assert_eq!(store.runs.len(), 1, "runs on the server");
            store.runs.values().next().unwrap().clone()
        })
    }

    /// Waits until the store is as wanted; fails after 20 seconds.
    pub fn wait_until(&self, mut wanted: impl FnMut(&Store) -> bool) {
        let deadline = Instant::now() + Duration::from_secs(20);
        let mut store = self.inner.store.lock();
        let in_time = !self
            .inner
            .changed
            .wait_while_until(&mut store, |store| !wanted(store), deadline)
            .timed_out();
        assert!(in_time, "the server never got there: {store:?}");
    }

    /// When which routes were asked.
    pub fn requests(&self) -> Vec<(Instant, String)> {
        self.inner.requests.lock().clone()
    }

    fn serve(&self, connection: &TcpStream) {
        while let Some(request) = http::read(connection) {
            self.inner
                .requests
                .lock()
                .push((Instant::now(), request.route.clone()));
            let answer = (self.inner.plan.lock())(&request);
            let go_on = self.answer(connection, &request, answer);
            self.inner.changed.notify_all();
            if !go_on {
                return;
            }
        }
    }

    fn answer(&self, connection: &TcpStream, request: &Request, answer: Answer) -> bool {
        match answer {
            Answer::Properly => {
                let (status, body) = self.inner.store.lock().handle(request);
                http::write(connection, status, &body, "")
            }
            Answer::Status(status, body) => http::write(connection, status, body, ""),
            Answer::RetryAfter(status, value) => http::write(
                connection,
                status,
                "later",
                &format!("retry-after: {value}\r\n"),
            ),
            Answer::HangUp => false,
            Answer::StoreAndHangUp => {
                self.inner.store.lock().handle(request);
                false
            }
            Answer::Hang => {
                // Ends when the client closes the connection.
                http::read(connection);
                false
            }
            Answer::Drip => http::drip(connection),
        }
    }
}
