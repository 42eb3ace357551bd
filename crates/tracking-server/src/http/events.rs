//! `/api/idiom/events`: news of runs as server-sent events, while a page is open.
//!
//! Events are called `run` and say `{"run_id", "kind"}`. A page that fell behind gets one event `missed` and should read
//! again what it shows.

use std::collections::HashSet;
use std::convert::Infallible;
use std::time::Duration;

use axum::Router;
use axum::extract::State;
use axum::response::sse::{Event, KeepAlive, Sse};
use axum::routing::get;
use futures_util::{Stream, StreamExt};
use serde::Deserialize;
use tokio_stream::wrappers::BroadcastStream;

use super::AppState;
use super::charts::listed;
use super::failure::Failure;
use super::message::Message;

/// How often a quiet connection says that it is alive.
const HEARTBEAT: Duration = Duration::from_secs(15);

pub(super) fn router() -> Router<AppState> {
    Router::new().route("/api/idiom/events", get(events))
}

#[derive(Deserialize)]
struct AskEvents {
    /// Which runs; all of them when empty.
    #[serde(default)]
    run_ids: Vec<String>,
}

async fn events(
    State(app): State<AppState>,
    Message(request): Message<AskEvents>,
) -> Result<Sse<impl Stream<Item = Result<Event, Infallible>>>, Failure> {
    let wanted: HashSet<String> = listed(&request.run_ids).into_iter().collect();
    let heard = BroadcastStream::new(app.news.listen()).filter_map(move |news| {
        let event = match news {
            Ok(news) if wanted.is_empty() || wanted.contains(&news.run_id) => {
                Event::default().event("run").json_data(news).ok()
            }
            Ok(_) => None,
            Err(_) => Some(Event::default().event("missed").data("{}")),
        };
        std::future::ready(event.map(Ok))
    });
    let mut stopping = app.stopping.clone();
    let until_stop = heard.take_until(async move {
        let _stopped_or_gone = stopping.wait_for(|stop| *stop).await;
    });
    Ok(Sse::new(until_stop).keep_alive(KeepAlive::new().interval(HEARTBEAT)))
}
