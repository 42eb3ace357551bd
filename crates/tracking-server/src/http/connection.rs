//! Connections: accepting them, and the limits that keep a slow or greedy client from harming others.
//!
//! `axum::serve` has no limit on how long headers may take, nor on how many connections there are; so this is hyper's
//! own server, HTTP/1.1 only. Headers must arrive within half a minute (that is also how long an idle connection is kept),
//! be at most 100 and fit into 64 KiB; more is answered 431 by hyper.

use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use hyper::server::conn::http1;
use hyper_util::rt::{TokioIo, TokioTimer};
use hyper_util::server::graceful::GracefulShutdown;
use hyper_util::service::TowerToHyperService;
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::Semaphore;

const HEADERS_WITHIN: Duration = Duration::from_secs(30);
const MAX_HEADERS: usize = 100;
const MAX_HEADER_BYTES: usize = 64 << 10;
/// How long requests that are under way may take once the server stops.
const FINISH_WITHIN: Duration = Duration::from_secs(8);

/// Serves until `stop` is done, then lets requests that are under way finish.
pub(crate) async fn serve(
    listener: TcpListener,
    app: Router,
    max_connections: usize,
    stop: impl Future<Output = ()>,
) {
    let mut http = http1::Builder::new();
    http.timer(TokioTimer::new())
        .header_read_timeout(HEADERS_WITHIN);
    http.max_headers(MAX_HEADERS).max_buf_size(MAX_HEADER_BYTES);
    let graceful = GracefulShutdown::new();
    let places = Arc::new(Semaphore::new(max_connections));
    let mut stop = std::pin::pin!(stop);
    loop {
        let accepted = async {
            let place = places.clone().acquire_owned().await.ok()?;
            Some((accept(&listener).await?, place))
        };
        let (stream, place) = tokio::select! {
            accepted = accepted => match accepted {
                Some(accepted) => accepted,
                None => continue,
            },
            () = &mut stop => break,
        };
        let service = TowerToHyperService::new(app.clone());
        let connection = graceful.watch(http.serve_connection(TokioIo::new(stream), service));
        tokio::spawn(async move {
            // A client that goes away in the middle is its own affair.
            let _broken_off = connection.await;
            drop(place);
        });
    }
    drop(listener);
    if tokio::time::timeout(FINISH_WITHIN, graceful.shutdown())
        .await
        .is_err()
    {
        tracing::warn!("some requests were cut off");
    }
}

async fn accept(listener: &TcpListener) -> Option<TcpStream> {
    match listener.accept().await {
        Ok((stream, _)) => {
            // Answers are small and whole: waiting to fill a packet only delays them.
            let _slower_then = stream.set_nodelay(true);
            Some(stream)
        }
        Err(error) => {
            // Out of file handles, most likely: others must close first.
            tracing::warn!(%error, "a connection could not be accepted");
            tokio::time::sleep(Duration::from_millis(50)).await;
            None
        }
    }
}
