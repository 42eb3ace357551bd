//! What kind of file a name means, and whether a browser may show it.
//!
//! Only kinds that cannot run anything are shown in place. SVG, HTML, XML, PDF and all that is unknown are downloaded.

/// How a file goes out.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Media {
    /// The value of `Content-Type`.
    pub(crate) content_type: &'static str,
    /// Whether a browser may show it in place.
    pub(crate) is_shown: bool,
}

const TEXT: &str = "text/plain; charset=utf-8";

impl Media {
    /// By the ending of a file's name.
    pub(crate) fn of(file_name: &str) -> Self {
        let ending = file_name
            .rsplit_once('.')
            .map_or("", |(_, ending)| ending)
            .to_ascii_lowercase();
        let shown = match ending.as_str() {
            "png" => "image/png",
            "jpg" | "jpeg" => "image/jpeg",
            "gif" => "image/gif",
            "webp" => "image/webp",
            "avif" => "image/avif",
            "bmp" => "image/bmp",
            "mp4" => "video/mp4",
            "webm" => "video/webm",
            "wav" => "audio/wav",
            "json" => "application/json",
            "csv" | "ini" | "jsonl" | "log" | "md" | "py" | "rs" | "sh" | "toml" | "tsv"
            | "txt" | "yaml" | "yml" => TEXT,
            other => {
                return Self {
                    content_type: downloaded(other),
                    is_shown: false,
                };
            }
        };
        Self {
            content_type: shown,
            is_shown: true,
        }
    }
}

fn downloaded(ending: &str) -> &'static str {
    match ending {
        "svg" => "image/svg+xml",
        "htm" | "html" => "text/html; charset=utf-8",
        "pdf" => "application/pdf",
        "zip" => "application/zip",
        _ => "application/octet-stream",
    }
}

#[cfg(test)]
mod tests {
    use super::Media;

    #[test]
    fn what_could_run_a_script_is_downloaded() {
        for name in [
            "a.svg", "a.SVG", "a.html", "a.htm", "a.xhtml", "a.xml", "a.pdf", "a.js", "a", "a.pkl",
        ] {
            assert!(!Media::of(name).is_shown, "{name}");
        }
        assert_eq!(
            Media::of("grid.PNG"),
            Media {
                content_type: "image/png",
                is_shown: true
            }
        );
    }
}
