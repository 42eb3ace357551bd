//! The tests of a pipeline that a row must pass, made in the order in which they are declared. Pure.

use idiom_dataset::Caption;
use idiom_picture::Rgb8;
use idiom_spec::pipeline::Filter;

use crate::fault::Fault;

/// A row on its way through the filters.
pub(crate) struct Candidate<'a> {
    /// Pixels across and down in the source.
    pub(crate) source_size: (u32, u32),
    /// As it would be stored.
    pub(crate) picture: &'a Rgb8,
    pub(crate) license: Option<&'a str>,
    /// Those that do not pass are dropped.
    pub(crate) captions: &'a mut Vec<Caption>,
}

/// Applies all filters.
///
/// # Errors
/// The first that the row does not pass.
pub(crate) fn apply(filters: &[Filter], row: &mut Candidate<'_>) -> Result<(), Fault> {
    filters.iter().try_for_each(|filter| one(filter, row))
}

/// Whether no filter refuses the licence.
pub(crate) fn may_be_used(filters: &[Filter], license: Option<&str>) -> bool {
    let mut lists = filters.iter().filter_map(|filter| filter.licenses.as_ref());
    lists.all(|allowed| is_among(allowed, license))
}

fn is_among(allowed: &[String], license: Option<&str>) -> bool {
    license.is_some_and(|found| allowed.iter().any(|one| one == found))
}

fn one(filter: &Filter, row: &mut Candidate<'_>) -> Result<(), Fault> {
    let (width, height) = row.source_size;
    let (short, long) = (width.min(height), width.max(height));
    if let Some(limit) = filter.min_side.filter(|limit| short < *limit) {
        return refuse(
            "too_small",
            format!("the picture is {width}x{height}, and {limit} is asked"),
        );
    }
    let aspect = f64::from(long) / f64::from(short.max(1));
    if let Some(limit) = filter.max_aspect.filter(|limit| aspect > *limit) {
        return refuse(
            "too_elongated",
            format!("one side is {aspect:.2} times the other, more than {limit}"),
        );
    }
    if let Some(limit) = filter.min_sharpness {
        let found = idiom_picture::sharpness(row.picture);
        if found < limit {
            return refuse(
                "blurred",
                format!("the sharpness is {found:.1}, less than {limit}"),
            );
        }
    }
    if let Some(limit) = filter.min_contrast {
        let found = idiom_picture::contrast(row.picture);
        if found < limit {
            return refuse(
                "flat",
                format!("the contrast is {found:.1}, less than {limit}"),
            );
        }
    }
    captions(filter, row)?;
    match &filter.licenses {
        Some(allowed) if !is_among(allowed, row.license) => {
            let found = row.license.unwrap_or("none");
            refuse(
                "license",
                format!(
                    "the licence is `{found}`, but must be one of {}",
                    allowed.join(", ")
                ),
            )
        }
        _ => Ok(()),
    }
}

fn captions(filter: &Filter, row: &mut Candidate<'_>) -> Result<(), Fault> {
    let (min, max) = (filter.min_caption_chars, filter.max_caption_chars);
    let languages = filter.languages.as_deref();
    let before = row.captions.len();
    row.captions.retain(|caption| {
        let chars = caption.text.chars().count();
        min.is_none_or(|min| chars >= min as usize)
            && max.is_none_or(|max| chars <= max as usize)
            && languages.is_none_or(|known| {
                known
                    .iter()
                    .any(|lang| lang.eq_ignore_ascii_case(&caption.lang))
            })
    });
    if row.captions.is_empty() && before > 0 {
        return refuse(
            "no_caption_left",
            format!("none of its {before} captions passes"),
        );
    }
    Ok(())
}

fn refuse(code: &'static str, message: String) -> Result<(), Fault> {
    Err(Fault::new("filter", code, message))
}
