//! Pictures that stand at paths or addresses which a list names. What else the list knows comes from its [`Facts`].

use std::fs;
use std::path::{Component, Path, PathBuf};

use idiom_spec::pipeline::Fetch;

use super::web::Web;
use super::{Facts, Item, Pictures, Places, RawPicture, Reader};
use crate::IngestError;
use crate::fault::Fault;

/// Reads pictures below a folder, and from the web where there are addresses.
struct Located<'a> {
    facts: &'a dyn Facts,
    /// Nothing outside it is read.
    root: PathBuf,
    real_root: PathBuf,
    max_bytes: u64,
    web: Option<Web>,
}

/// Whether a member is an address rather than a path.
pub(super) fn is_address(member: &str) -> bool {
    member.starts_with("http://") || member.starts_with("https://")
}

/// Opens what `items` name: paths below `root`, addresses by `fetch`.
pub(super) fn open<'a>(
    facts: &'a dyn Facts,
    root: PathBuf,
    fetch: Option<&Fetch>,
    places: &Places<'_>,
) -> Result<Box<dyn Reader + 'a>, IngestError> {
    let max_bytes = places.pipeline.picture.max_bytes;
    Ok(Box::new(Located {
        facts,
        real_root: fs::canonicalize(&root).unwrap_or_else(|_| root.clone()),
        root,
        max_bytes,
        web: fetch.map(|fetch| Web::new(fetch, max_bytes)).transpose()?,
    }))
}

impl Reader for Located<'_> {
    fn pictures<'a>(&'a self, items: &'a [Item]) -> Pictures<'a> {
        let addresses = items.iter().map(Item::member).filter(|m| is_address(m));
        let mut fetched = self.web.as_ref().map(|web| web.fetch(addresses));
        Box::new(items.iter().map(move |item| {
            let answer = match (&mut fetched, is_address(item.member())) {
                (Some(fetched), true) => Some(fetched.next()),
                _ => None,
            };
            self.picture(item, answer)
        }))
    }
}

impl Located<'_> {
    fn picture(
        &self,
        item: &Item,
        answer: Option<Option<Result<Vec<u8>, Fault>>>,
    ) -> Result<RawPicture, Fault> {
        let mut raw = self.facts.of(item)?;
        if let Some(sign) = &raw.opt_out {
            let message = format!("its maker does not want it used: `{sign}`");
            return Err(Fault::new("read", "opt_out", message));
        }
        if is_address(item.member()) {
            let nobody = || {
                Err(Fault::new(
                    "read",
                    "unreachable",
                    "addresses are not fetched here",
                ))
            };
            raw.set_bytes(answer.flatten().unwrap_or_else(nobody)?);
            raw.url.get_or_insert_with(|| item.member().to_owned());
        } else {
            let path = self.inside(item.member())?;
            raw.set_bytes(super::read_file(&path, self.max_bytes, "too_many_bytes")?);
        }
        Ok(raw)
    }

    /// The path of a member, which must lie below the root even after links are followed.
    fn inside(&self, member: &str) -> Result<PathBuf, Fault> {
        let below = Path::new(member)
            .strip_prefix(&self.root)
            .unwrap_or(Path::new(member));
        if !is_plain(&below.to_string_lossy()) {
            let message = "the path leads out of the folder, or is not one of this kind of system";
            return Err(Fault::new("read", "unsafe_path", message));
        }
        let path = self.root.join(below);
        match fs::canonicalize(&path) {
            Ok(real) if real.starts_with(&self.real_root) => Ok(path),
            Ok(_) => Err(Fault::new(
                "read",
                "link_outside",
                "a link leads out of the folder",
            )),
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => {
                Err(Fault::new("read", "no_picture", "there is no such file"))
            }
            Err(error) => Err(Fault::new("read", "unreadable", error.to_string())),
        }
    }
}

/// Whether a name is made of ordinary parts alone: no `..`, no root, no drive, no backslash, no NUL.
pub(super) fn is_plain(name: &str) -> bool {
    let drive = name.as_bytes().get(1) == Some(&b':');
    let parts = Path::new(name).components();
    !name.is_empty()
        && !drive
        && !name.contains(['\\', '\0'])
        && parts
            .into_iter()
            .all(|part| matches!(part, Component::Normal(_) | Component::CurDir))
}

#[cfg(test)]
mod tests {
    use super::is_plain;

    #[test]
    fn only_ordinary_paths_are_plain() {
        for good in ["a.png", "a/b c.png", "./a.png", "日本/猫.png", "a..b.png"] {
            assert!(is_plain(good), "{good}");
        }
        for bad in [
            "",
            "../a",
            "a/../../b",
            "/etc/x",
            "C:\\a",
            "C:/a",
            "a\\b",
            "a\0b",
        ] {
            assert!(!is_plain(bad), "{bad}");
        }
    }
}
