//! Who may do what: accounts with roles, passwords kept as argon2id hashes, and sessions of browsers.
//!
//! A server without accounts asks nobody and listens on this machine only. Once there is an account, each request but
//! the few open ones must carry a name and its password (`Authorization: Basic`, which is what MLflow's client sends for
//! `MLFLOW_TRACKING_USERNAME` and `_PASSWORD`), a token (`Authorization: Bearer`, for `MLFLOW_TRACKING_TOKEN`), or the
//! cookie of a session. A token is `NAME.PASSWORD`: one secret an account, made by the server, changed by making another.
//!
//! argon2 is slow on purpose. What was found right is remembered for some minutes as a keyed hash, in memory only.
//!
//! Not here: which route needs which role (`http/access.rs`).

mod manage;
mod secret;

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use sha2::{Digest, Sha256};

pub use manage::{AccountError, Accounts, NewAccount};
pub(crate) use secret::{hash_password, random_secret, verify_password};

use crate::store::{Store, StoreError};

/// How long a browser stays signed in.
const SESSION: Duration = Duration::from_secs(12 * 3600);
/// How long a password that was found right is not checked again. A removed account is noticed at once all the same.
const REMEMBERED: Duration = Duration::from_secs(300);
/// Passwords that are remembered at one time, and sessions.
const MOST: usize = 10_000;

/// What an account may do; each may do what those before it may.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Role {
    /// Look at everything.
    Read,
    /// Log runs, and change and delete them.
    Write,
    /// Make and remove accounts.
    Admin,
}

impl Role {
    /// The word in the store and on the command line.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Read => "read",
            Self::Write => "write",
            Self::Admin => "admin",
        }
    }

    /// The role of a word.
    pub fn of_word(word: &str) -> Option<Self> {
        [Self::Read, Self::Write, Self::Admin]
            .into_iter()
            .find(|role| role.as_str() == word)
    }
}

/// An account, without its secret.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Account {
    /// A number that is never given again.
    pub id: i64,
    /// Its name.
    pub name: String,
    /// What it may do.
    pub role: Role,
}

/// Checks who asks. Cheap to clone.
#[derive(Clone)]
pub(crate) struct Gate {
    store: Store,
    known: Arc<Mutex<Known>>,
}

/// What the gate remembers, by the keyed hash of a secret.
struct Known {
    key: [u8; 32],
    right: HashMap<[u8; 32], Instant>,
    sessions: HashMap<[u8; 32], (String, Instant)>,
}

/// What a request shows of its sender.
pub(crate) enum Credentials<'a> {
    /// A name and its password.
    Password { name: &'a str, password: &'a str },
    /// The secret in a session's cookie.
    Session(&'a str),
}

impl Gate {
    pub(crate) fn new(store: Store) -> Self {
        let known = Known {
            key: secret::random_bytes(),
            right: HashMap::new(),
            sessions: HashMap::new(),
        };
        Self {
            store,
            known: Arc::new(Mutex::new(known)),
        }
    }

    /// Whether anybody has to say who they are: once there is an account.
    pub(crate) async fn is_closed(&self) -> Result<bool, StoreError> {
        self.store.has_accounts().await
    }

    /// Whose credentials these are; none where they are nobody's.
    pub(crate) async fn account(
        &self,
        credentials: &Credentials<'_>,
    ) -> Result<Option<Account>, StoreError> {
        match *credentials {
            Credentials::Session(session) => {
                let Some(name) = self.name_of(session) else {
                    return Ok(None);
                };
                Ok(self.store.account(&name).await?.map(|(account, _)| account))
            }
            Credentials::Password { name, password } => self.by_password(name, password).await,
        }
    }

    async fn by_password(&self, name: &str, password: &str) -> Result<Option<Account>, StoreError> {
        let found = self.store.account(name).await?;
        // With the stored hash in it, a changed password is not found right by memory.
        let stored = found
            .as_ref()
            .map_or(secret::NOBODY, |(_, hash)| hash.as_str());
        let mark = self.mark(&[name, password, stored]);
        if self.remembers(&mark) {
            return Ok(found.map(|(account, _)| account));
        }
        // For a name that nobody has, as much is computed, so that names cannot be told by the time an answer takes.
        let (password, hash) = (password.to_owned(), stored.to_owned());
        let checked = tokio::task::spawn_blocking(move || verify_password(&password, &hash));
        if !checked.await.unwrap_or(false) {
            return Ok(None);
        }
        self.remember(mark);
        Ok(found.map(|(account, _)| account))
    }

    /// A new session of an account; the secret is for the cookie.
    pub(crate) fn sign_in(&self, name: &str) -> String {
        let secret = random_secret();
        let mark = self.mark(&["session", &secret]);
        let mut known = self.known();
        let now = Instant::now();
        known.sessions.retain(|_, (_, until)| *until > now);
        if known.sessions.len() < MOST {
            known
                .sessions
                .insert(mark, (name.to_owned(), now + SESSION));
        }
        secret
    }

    /// Ends a session.
    pub(crate) fn sign_out(&self, session: &str) {
        let mark = self.mark(&["session", session]);
        self.known().sessions.remove(&mark);
    }

    fn name_of(&self, session: &str) -> Option<String> {
        let mark = self.mark(&["session", session]);
        let known = self.known();
        let (name, until) = known.sessions.get(&mark)?;
        (*until > Instant::now()).then(|| name.clone())
    }

    fn remembers(&self, mark: &[u8; 32]) -> bool {
        self.known()
            .right
            .get(mark)
            .is_some_and(|until| *until > Instant::now())
    }

    fn remember(&self, mark: [u8; 32]) {
        let mut known = self.known();
        let now = Instant::now();
        known.right.retain(|_, until| *until > now);
        if known.right.len() < MOST {
            known.right.insert(mark, now + REMEMBERED);
        }
    }

    fn mark(&self, parts: &[&str]) -> [u8; 32] {
        let mut digest = Sha256::new_with_prefix(self.known().key);
        for part in parts {
            digest.update((part.len() as u64).to_le_bytes());
            digest.update(part);
        }
        digest.finalize().into()
    }

    fn known(&self) -> std::sync::MutexGuard<'_, Known> {
        // What is remembered is whole after each change, whoever panicked.
        self.known.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
