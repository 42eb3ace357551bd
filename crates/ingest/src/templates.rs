//! Sentences added to a row's captions by patterns, for each language: `{caption}`, `{style}` and `{subject}` are filled in.

use idiom_dataset::Caption;
use idiom_spec::pipeline::Templates;

use crate::text;

/// Adds the sentences; a pattern that names what the row does not have is left out.
pub(crate) fn add(
    templates: &Templates,
    style: Option<&str>,
    subject: Option<&str>,
    captions: &mut Vec<Caption>,
) {
    let mut sentences = Vec::new();
    for (lang, patterns) in templates {
        let own = captions
            .iter()
            .find(|caption| caption.lang.eq_ignore_ascii_case(lang));
        let fields = [
            ("{caption}", own.map(|caption| caption.text.as_str())),
            ("{style}", style),
            ("{subject}", subject),
        ];
        let filled = patterns.iter().filter_map(|pattern| fill(pattern, &fields));
        let filled = filled.map(|text| text::clean(&text));
        sentences.extend(filled.filter(|text| !text.is_empty()).map(|text| Caption {
            text,
            lang: lang.to_lowercase(),
            source: "template".to_owned(),
            kind: "template".to_owned(),
        }));
    }
    captions.append(&mut sentences);
}

fn fill(pattern: &str, fields: &[(&str, Option<&str>)]) -> Option<String> {
    let mut sentence = pattern.to_owned();
    for (place, value) in fields.iter().filter(|(place, _)| pattern.contains(place)) {
        sentence = sentence.replace(place, (*value)?);
    }
    Some(sentence)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn patterns_are_filled_with_what_the_row_has() {
        let caption = |text: &str, lang: &str| Caption {
            text: text.to_owned(),
            lang: lang.to_owned(),
            ..Caption::default()
        };
        let templates = Templates::from([
            (
                "en".to_owned(),
                ["a {style} drawing of {caption}", "{subject}"]
                    .map(str::to_owned)
                    .to_vec(),
            ),
            ("zh".to_owned(), vec!["一张{caption}".to_owned()]),
        ]);
        let mut captions = vec![caption("a cat", "en"), caption("a tom", "en")];
        add(&templates, Some("crayon"), None, &mut captions);
        let texts: Vec<&str> = captions
            .iter()
            .map(|caption| caption.text.as_str())
            .collect();
        assert_eq!(texts, ["a cat", "a tom", "a crayon drawing of a cat"]);
        let nameless = Templates::from([("en".to_owned(), vec!["{style}".to_owned()])]);
        add(&nameless, Some("\u{200b}"), None, &mut captions);
        assert_eq!(captions.len(), 3, "a sentence of nothing is none");
    }
}
