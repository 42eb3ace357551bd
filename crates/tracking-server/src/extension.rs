//! How further routes and pages plug into the server: [`Extension`], given to [`crate::Server::plug`].
//!
//! An extension brings an axum router that is nested under a prefix of its own. It stands behind the same checks of
//! Host and Origin, the same headers and the same limits as our own routes, gets an entry in the navigation, and its
//! pages come out in the same shell: language, theme, keys. Its scripts are served beside ours, so that they import
//! `./elements.js` or `./shell.js` as ours do, and its words join the table both pages and scripts read.
//!
//! ```
//! use axum::{Router, http::HeaderMap, response::Response, routing::get};
//! use idiom_tracking_server::{Extension, Page, Shell};
//!
//! struct Hello;
//!
//! impl Extension for Hello {
//!     fn prefix(&self) -> &'static str {
//!         "/hello"
//!     }
//!     fn words(&self) -> &'static str {
//!         r#"{ "hello.title": ["Hello", "你好"] }"#
//!     }
//!     fn entry(&self) -> Option<&'static str> {
//!         Some("hello.title")
//!     }
//!     fn router(&self, shell: Shell) -> Router {
//!         let page = move |headers: HeaderMap| async move { answer(&shell, &headers) };
//!         Router::new().route("/", get(page))
//!     }
//! }
//!
//! fn answer(shell: &Shell, headers: &HeaderMap) -> Response {
//!     let body = format!("<h1>{}</h1>", shell.say(headers, "hello.title"));
//!     shell.page(headers, &Page { title: "hello.title", current: "/hello", body: &body, ..Page::default() })
//! }
//! ```
//!
//! Not here: accounts and roles; they hold for an extension's routes as for ours.

use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use axum::http::HeaderMap;
use axum::response::Response;

use crate::ui::Ui;

/// Routes and pages that somebody else brings.
pub trait Extension: Send + Sync + 'static {
    /// Where its routes stand: a slash and lower-case letters, digits or `-`, e.g. `/playground`.
    fn prefix(&self) -> &'static str;

    /// Its routes, under the prefix: `/` is the prefix itself.
    fn router(&self, shell: Shell) -> Router;

    /// The key of the words its navigation entry says, which leads to its prefix; none, no entry.
    fn entry(&self) -> Option<&'static str> {
        None
    }

    /// Words for pages and scripts, as JSON: `{"KEY": ["English", "中文"]}`. Keys that are ours are refused.
    fn words(&self) -> &'static str {
        "{}"
    }

    /// Scripts and styles by name, served in the same folder as ours. Names that are ours are refused.
    fn files(&self) -> &'static [(&'static str, &'static [u8])] {
        &[]
    }

    /// How long a request may take and how large it may be.
    fn limits(&self) -> ExtensionLimits {
        ExtensionLimits::default()
    }
}

/// What holds for one request to an extension.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ExtensionLimits {
    /// Until the answer begins; after that the asker gets 503. An answer that streams may take longer as a whole.
    pub answer_within: Duration,
    /// The largest body, in bytes; a larger one gets 413.
    pub max_body_bytes: usize,
}

impl Default for ExtensionLimits {
    fn default() -> Self {
        Self {
            answer_within: Duration::from_secs(60),
            max_body_bytes: 32 << 20,
        }
    }
}

/// Draws pages in the server's own frame. Cheap to clone.
#[derive(Clone)]
pub struct Shell(pub(crate) Arc<Ui>);

/// A page of an extension.
#[derive(Clone, Copy, Debug, Default)]
pub struct Page<'a> {
    /// The key of the words in the title and in the trail.
    pub title: &'a str,
    /// The prefix whose navigation entry is marked as the one the reader is at.
    pub current: &'a str,
    /// Names of style sheets, the extension's or ours (`table.css`, ...), besides those of every page.
    pub styles: &'a [&'a str],
    /// Names of scripts (ES modules) the page starts.
    pub scripts: &'a [&'a str],
    /// What stands in `<main>`, as HTML. Whatever came from people must be escaped already.
    pub body: &'a str,
}

impl Shell {
    /// The page, in the language and theme of the request.
    pub fn page(&self, headers: &HeaderMap, page: &Page<'_>) -> Response {
        crate::ui::extension_page(&self.0, headers, page)
    }

    /// The words of a key in the language of the request.
    pub fn say(&self, headers: &HeaderMap, key: &str) -> String {
        crate::ui::say(&self.0, headers, key)
    }
}
