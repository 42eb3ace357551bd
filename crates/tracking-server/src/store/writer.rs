//! The one task that writes.
//!
//! SQLite lets one connection write at a time and each commit waits for the disk. So writes queue here, and while one
//! commit is on its way to the disk the next ones gather and share the commit after it: alone, a write waits for
//! nobody; under load, hundreds share a disk flush. Writes that share a commit have a savepoint each: one that is refused
//! takes no other with it. A write is answered, and its news told, after the commit. PostgreSQL may be away for a while:
//! writes are refused until it answers again, and clients send them again.

use std::panic::AssertUnwindSafe;

use futures_util::FutureExt;
use futures_util::future::BoxFuture;
use tokio::sync::{mpsc, oneshot};

use super::StoreError;
use super::database::{Connection, Pool};
use crate::events::{Kind, News};

/// Writes that share one commit, at most.
const GROUP: usize = 256;
/// Writes that may queue before senders wait.
const QUEUE: usize = 4096;

/// One change to the store.
pub(crate) trait Write: Send + Sync + 'static {
    /// What the asker gets back.
    type Output: Send + 'static;

    /// Makes the change; whatever it did is undone when it is refused.
    fn write(
        &self,
        connection: &mut Connection,
    ) -> impl Future<Output = Result<Self::Output, StoreError>> + Send;

    /// What listeners should hear once it is stored: a run and what changed about it.
    fn news(&self, _output: &Self::Output) -> Vec<(String, Kind)> {
        Vec::new()
    }
}

/// Where writes are handed in.
#[derive(Clone)]
pub(super) struct Writer {
    queue: mpsc::Sender<Message>,
}

enum Message {
    Work(Box<dyn Job>),
    Close(oneshot::Sender<()>),
}

impl Writer {
    /// Starts the task over a connection of its own, from a pool that has only this one.
    pub(super) fn start(pool: Pool, connection: Connection, news: News) -> Self {
        let (queue, inbox) = mpsc::channel(QUEUE);
        let link = Link {
            pool,
            connection: Some(connection),
        };
        tokio::spawn(run(link, inbox, news));
        Self { queue }
    }

    pub(super) async fn write<W: Write>(&self, work: W) -> Result<W::Output, StoreError> {
        let (reply, answer) = oneshot::channel();
        let job = Queued {
            work,
            outcome: None,
            reply,
        };
        self.queue
            .send(Message::Work(Box::new(job)))
            .await
            .map_err(|_| StoreError::Lost)?;
        answer.await.map_err(|_| StoreError::Lost)?
    }

    /// Finishes what is queued, then closes the connection, which folds the log into the file.
    pub(super) async fn close(&self) {
        let (reply, closed) = oneshot::channel();
        if self.queue.send(Message::Close(reply)).await.is_ok() {
            let _gone = closed.await;
        }
    }
}

/// The connection that writes, made anew when it was lost.
struct Link {
    pool: Pool,
    connection: Option<Connection>,
}

impl Link {
    async fn connection(&mut self) -> Result<&mut Connection, sqlx::Error> {
        if self.connection.is_none() {
            self.connection = Some(self.pool.acquire().await?);
        }
        self.connection.as_mut().ok_or(sqlx::Error::PoolClosed)
    }

    /// After a commit that failed: out of the transaction, or rid of the connection.
    async fn recover(&mut self) {
        let Some(mut connection) = self.connection.take() else {
            return;
        };
        // SQLite may or may not still be inside the transaction; either is fine.
        let _already_out = connection.send("ROLLBACK").await;
        if connection.is_alive().await {
            self.connection = Some(connection);
        }
    }
}

async fn run(mut link: Link, mut inbox: mpsc::Receiver<Message>, news: News) {
    let mut closing = None;
    while closing.is_none() {
        let mut group = Vec::new();
        let Some(first) = inbox.recv().await else {
            break;
        };
        let mut next = Some(first);
        while let Some(message) = next.take() {
            match message {
                Message::Work(job) => group.push(job),
                Message::Close(reply) => closing = Some(reply),
            }
            if group.len() < GROUP && closing.is_none() {
                next = inbox.try_recv().ok();
            }
        }
        commit(&mut link, group, &news).await;
    }
    drop(link.connection);
    link.pool.close().await;
    if let Some(reply) = closing {
        let _nobody_waits = reply.send(());
    }
}

async fn commit(link: &mut Link, mut group: Vec<Box<dyn Job>>, news: &News) {
    if group.is_empty() {
        return;
    }
    match write_all(link, &mut group).await {
        Ok(()) => group.into_iter().for_each(|job| job.answer(news)),
        Err(error) => {
            link.recover().await;
            tracing::error!(%error, writes = group.len(), "a commit failed; the writes in it were refused");
            group.into_iter().for_each(|job| job.fail());
        }
    }
}

async fn write_all(link: &mut Link, group: &mut [Box<dyn Job>]) -> Result<(), sqlx::Error> {
    let connection = link.connection().await?;
    connection.send(connection.dialect().begin()).await?;
    let end = match group {
        // Alone in its commit, a write that is refused takes nothing with it.
        [job] => {
            if attempt(connection, job.as_mut()).await {
                "COMMIT"
            } else {
                "ROLLBACK"
            }
        }
        jobs => {
            for job in jobs {
                step(connection, job.as_mut()).await?;
            }
            "COMMIT"
        }
    };
    connection.send(end).await
}

async fn step(connection: &mut Connection, job: &mut dyn Job) -> Result<(), sqlx::Error> {
    connection.send("SAVEPOINT one").await?;
    if attempt(connection, job).await {
        connection.send("RELEASE one").await
    } else {
        connection.send("ROLLBACK TO one; RELEASE one").await
    }
}

/// Makes a change; whether it should stay. A panic in one write must not end the task that all writes need.
async fn attempt(connection: &mut Connection, job: &mut dyn Job) -> bool {
    let done = AssertUnwindSafe(job.run(connection)).catch_unwind();
    done.await.unwrap_or(false)
}

/// A queued write, whatever its type.
trait Job: Send {
    /// Makes the change; whether it should stay.
    fn run<'a>(&'a mut self, connection: &'a mut Connection) -> BoxFuture<'a, bool>;
    /// Answers after the commit.
    fn answer(self: Box<Self>, news: &News);
    /// Answers after a commit that failed.
    fn fail(self: Box<Self>);
}

struct Queued<W: Write> {
    work: W,
    outcome: Option<Result<W::Output, StoreError>>,
    reply: oneshot::Sender<Result<W::Output, StoreError>>,
}

impl<W: Write> Job for Queued<W> {
    fn run<'a>(&'a mut self, connection: &'a mut Connection) -> BoxFuture<'a, bool> {
        async move {
            let outcome = self.work.write(connection).await;
            let done = outcome.is_ok();
            self.outcome = Some(outcome);
            done
        }
        .boxed()
    }

    fn answer(self: Box<Self>, news: &News) {
        let Self {
            work,
            outcome,
            reply,
        } = *self;
        let outcome = outcome.unwrap_or(Err(StoreError::Lost));
        if let Ok(output) = &outcome {
            work.news(output)
                .into_iter()
                .for_each(|(run_id, kind)| news.tell(&run_id, kind));
        }
        let _asker_gone = reply.send(outcome);
    }

    fn fail(self: Box<Self>) {
        let _asker_gone = self.reply.send(Err(StoreError::Lost));
    }
}
