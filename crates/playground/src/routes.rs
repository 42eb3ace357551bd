//! The page and the two questions it asks: restyle this, describe this.

use std::sync::{Arc, Mutex, PoisonError};

use axum::extract::Query;
use axum::http::HeaderMap;
use axum::response::{IntoResponse, Response};
use axum::routing::{get, post};
use axum::{Json, Router};
use bytes::Bytes;
use idiom_studio::Studio;
use idiom_tracking_server::{Page, Shell};
use serde::Deserialize;

use crate::answer::{Refusal, described, restyled};

/// Where the playground stands.
pub(crate) const PREFIX: &str = "/playground";

/// What is asked of a picture, beside the picture itself.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Wish {
    /// The look, in any words; several joined by `+` are mixed.
    pub(crate) words: String,
    /// How far to go, 0 to 1.
    #[serde(default = "whole")]
    pub(crate) strength: f64,
    /// Leave the background as it is.
    #[serde(default)]
    pub(crate) keep_background: bool,
}

fn whole() -> f64 {
    1.0
}

pub(crate) fn router(studio: Arc<Mutex<Studio>>, shell: Shell) -> Router {
    let page = move |headers: HeaderMap| async move { page(&shell, &headers) };
    let restyling = Arc::clone(&studio);
    let restyle = move |Query(wish): Query<Wish>, body: Bytes| async move {
        let answer = at_work(restyling, move |studio| restyled(studio, &body, &wish)).await;
        answer.map(Json)
    };
    let describe = move |body: Bytes| async move {
        at_work(studio, move |studio| described(studio, &body))
            .await
            .map(Json)
    };
    Router::new()
        .route("/", get(page))
        .route("/restyle", post(restyle))
        .route("/describe", post(describe))
}

/// Does the arithmetic on a thread that may block.
async fn at_work<T: Send + 'static>(
    studio: Arc<Mutex<Studio>>,
    work: impl FnOnce(&Studio) -> Result<T, Refusal> + Send + 'static,
) -> Result<T, Response> {
    let done = tokio::task::spawn_blocking(move || {
        // A panic in the arithmetic leaves the weights as they were: nobody writes to them.
        let studio = studio.lock().unwrap_or_else(PoisonError::into_inner);
        work(&studio)
    });
    match done.await {
        Ok(answer) => answer.map_err(IntoResponse::into_response),
        Err(_) => Err(Refusal::ours().into_response()),
    }
}

fn page(shell: &Shell, headers: &HeaderMap) -> Response {
    let say = |key| shell.say(headers, key);
    let body = format!(
        "<div class=\"playground\" id=\"playground\">\
         <h1>{}</h1><p class=\"muted\">{}</p>\
         <form id=\"wishes\">\
         <label class=\"drop\" id=\"drop\"><input type=\"file\" id=\"file\" accept=\"image/*\"><span>{}</span><img id=\"source\" alt=\"\" hidden></label>\
         <div id=\"seen\" class=\"seen\" role=\"status\"></div>\
         <label for=\"words\">{}</label><textarea id=\"words\" rows=\"4\">{}</textarea>\
         <button id=\"dictate\" type=\"button\" class=\"quiet\" aria-pressed=\"false\" hidden>{}</button>\
         <p id=\"dictate-note\" class=\"muted\" hidden>{}</p>\
         <label for=\"strength\">{} <output id=\"strength-value\">100 %</output></label>\
         <input type=\"range\" id=\"strength\" min=\"0\" max=\"100\" value=\"100\">\
         <label class=\"check\"><input type=\"checkbox\" id=\"keep\"> {}</label>\
         <button id=\"go\" type=\"submit\" class=\"primary\">{}</button>\
         <p id=\"message\" class=\"notice\" role=\"alert\" hidden></p></form>\
         <section id=\"results\" class=\"results\" aria-live=\"polite\"></section></div>",
        say("playground.title"),
        say("playground.promise"),
        say("playground.drop"),
        say("playground.words"),
        say("playground.examples"),
        say("playground.dictate"),
        say("playground.dictation_note"),
        say("playground.strength"),
        say("playground.keep"),
        say("playground.go"),
    );
    shell.page(
        headers,
        &Page {
            title: "playground.title",
            current: PREFIX,
            styles: &["playground.css"],
            scripts: &["playground.js"],
            body: &body,
        },
    )
}
