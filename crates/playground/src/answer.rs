//! A picture and a wish in, an answer for the page out.

use axum::Json;
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use idiom_picture::{Container, Limits, PictureError, Rgba8, decode};
use idiom_studio::{Background, Mark, Options, Origin, Studio, StudioError, Work, export};
use serde::Serialize;

use crate::routes::Wish;

/// Longest side of a picture that is taken, in pixels; larger ones would keep everybody waiting.
const MOST_PIXELS_A_SIDE: u32 = 2048;
/// Looks named to the page.
const MOST_NAMED: usize = 5;

/// A restyled picture.
#[derive(Debug, Serialize)]
pub(crate) struct Restyled {
    /// The PNG as a `data:` address.
    picture: String,
    /// Probability that picture and words belong together, 0 to 1.
    agreement: f64,
    /// Whether the words are unlike all the model has learnt.
    is_unusual: bool,
    /// The known styles nearest to the words.
    nearest: Vec<String>,
}

/// What a picture looks like and shows, the most probable first.
#[derive(Debug, Serialize)]
pub(crate) struct Seen {
    looks: Vec<Named>,
    subjects: Vec<Named>,
}

/// One of these.
#[derive(Debug, Serialize)]
pub(crate) struct Named {
    /// Language and everyday words for it.
    words: Vec<(String, String)>,
    /// 0 to 1.
    probability: f64,
}

/// Why there is no answer, for the page to show.
#[derive(Debug)]
pub(crate) struct Refusal {
    status: StatusCode,
    message: String,
    hint: Option<String>,
}

impl Refusal {
    /// A fault of ours.
    pub(crate) fn ours() -> Self {
        Self {
            status: StatusCode::INTERNAL_SERVER_ERROR,
            message: "the picture could not be made".to_owned(),
            hint: None,
        }
    }
}

impl IntoResponse for Refusal {
    fn into_response(self) -> Response {
        let body = serde_json::json!({ "message": self.message, "hint": self.hint });
        (self.status, Json(body)).into_response()
    }
}

impl From<StudioError> for Refusal {
    fn from(error: StudioError) -> Self {
        Self {
            status: StatusCode::BAD_REQUEST,
            message: error.to_string(),
            hint: error.hint(),
        }
    }
}

impl From<PictureError> for Refusal {
    fn from(error: PictureError) -> Self {
        Self {
            status: StatusCode::UNPROCESSABLE_ENTITY,
            message: error.to_string(),
            hint: error.hint(),
        }
    }
}

/// Restyles an encoded picture as wished.
///
/// # Errors
/// No picture, no words, or a strength outside its range.
pub(crate) fn restyled(studio: &Studio, bytes: &[u8], wish: &Wish) -> Result<Restyled, Refusal> {
    let picture = picture(bytes)?;
    let said = wish
        .words
        .split('+')
        .map(str::trim)
        .filter(|part| !part.is_empty());
    let parts = said
        .map(|part| Ok((studio.words(part)?, 1.0)))
        .collect::<Result<Vec<_>, StudioError>>()?;
    let style = studio.mix(&parts)?;
    let options = Options {
        strength: wish.strength,
        background: match wish.keep_background {
            true => Background::Kept,
            false => Background::Restyled,
        },
    };
    let restyled = studio.restyle(&picture, &style, &options)?;
    let mark = Mark {
        origin: Origin::Restyled,
        model_sha256: studio.model().sha256.clone(),
        words: None,
    };
    let png = export(Work::Picture(&restyled.picture, Container::Png), &mark)?;
    Ok(Restyled {
        picture: format!("data:image/png;base64,{}", STANDARD.encode(png)),
        agreement: restyled.agreement,
        is_unusual: style.is_unusual,
        nearest: style
            .nearest
            .iter()
            .take(2)
            .map(|near| near.name.clone())
            .collect(),
    })
}

/// The looks that an encoded picture may have, and what it may show.
///
/// # Errors
/// No picture.
pub(crate) fn described(studio: &Studio, bytes: &[u8]) -> Result<Seen, Refusal> {
    let seen = studio.describe(&picture(bytes)?, MOST_NAMED)?;
    let looks = seen.looks.into_iter().take(MOST_NAMED);
    let subjects = seen.subjects.into_iter();
    Ok(Seen {
        looks: looks
            .map(|look| Named {
                words: look.phrases,
                probability: look.probability,
            })
            .collect(),
        subjects: subjects
            .map(|subject| Named {
                words: subject.names,
                probability: subject.probability,
            })
            .collect(),
    })
}

fn picture(bytes: &[u8]) -> Result<Rgba8, Refusal> {
    let picture = decode(bytes, &Limits::default())?.pixels.into_rgba();
    if picture.width.max(picture.height) <= MOST_PIXELS_A_SIDE {
        return Ok(picture);
    }
    Err(Refusal {
        status: StatusCode::PAYLOAD_TOO_LARGE,
        message: format!(
            "the picture has {} x {} pixels",
            picture.width, picture.height
        ),
        hint: Some(format!(
            "at most {MOST_PIXELS_A_SIDE} a side here; `idiom stylize` takes any size"
        )),
    })
}
