//! The one way out: marks, formats, and what cannot be written.

use crate::picture;
use idiom_picture::{Clip, ClipFrame, Container, Limits, decode};
use idiom_studio::{Mark, Origin, Work, container_of, export};

#[test]
fn every_picture_that_leaves_says_that_a_machine_made_it() {
    let mark = Mark {
        origin: Origin::Restyled,
        model_sha256: "ab".repeat(32),
        words: None,
    };
    let source = picture(19, 17, 128);
    let bytes = export(Work::Picture(&source, Container::Png), &mark).unwrap();
    assert_eq!(
        decode(&bytes, &Limits::default())
            .unwrap()
            .pixels
            .into_rgba(),
        source
    );
    let holds = |bytes: &[u8], text: &str| {
        bytes
            .windows(text.len())
            .any(|part| part == text.as_bytes())
    };
    assert!(holds(&bytes, "XML:com.adobe.xmp"));
    assert!(holds(
        &bytes,
        "digitalsourcetype/compositeWithTrainedAlgorithmicMedia"
    ));
    assert!(holds(&bytes, &"ab".repeat(32)));
    // The words only where they are asked for, and then they cannot break out of their element.
    let mark = Mark {
        origin: Origin::Drawn,
        words: Some("<b>&ink".to_owned()),
        ..mark
    };
    let clip = Clip {
        frames: vec![ClipFrame {
            picture: source.clone(),
            centiseconds: 4,
        }],
        n_loops: 0,
    };
    let pictures = [Container::Png, Container::Jpeg, Container::Webp];
    let works = pictures.map(|container| Work::Picture(&source, container));
    for work in works.into_iter().chain([Work::Clip(&clip)]) {
        let bytes = export(work, &mark).unwrap();
        assert!(
            holds(&bytes, "digitalsourcetype/trainedAlgorithmicMedia"),
            "{work:?}"
        );
        assert!(holds(&bytes, &"ab".repeat(32)), "{work:?}");
    }
    let bytes = export(Work::Picture(&source, Container::Png), &mark).unwrap();
    assert!(holds(&bytes, "&lt;b&gt;&amp;ink") && !holds(&bytes, "<b>"));
    assert!(holds(&bytes, "digitalsourcetype/trainedAlgorithmicMedia"));
}

#[test]
fn the_name_of_a_file_says_what_it_is_written_as() {
    let container = |name: &str| container_of(std::path::Path::new(name));
    assert_eq!(container("a/b.JPG").unwrap(), Some(Container::Jpeg));
    assert_eq!(container("b.webp").unwrap(), Some(Container::Webp));
    assert_eq!(container("b.gif").unwrap(), None);
    let error = container("b.tiff").unwrap_err();
    assert_eq!(
        error.to_string(),
        "`b.tiff`: no picture is written as `tiff`"
    );
    assert!(error.hint().is_some_and(|hint| hint.contains(".webp")));
}

#[test]
fn what_cannot_be_written_is_an_error_and_no_panic() {
    let mark = Mark {
        origin: Origin::Restyled,
        model_sha256: String::new(),
        words: Some("long ".repeat(20_000)),
    };
    let source = picture(19, 17, 255);
    let error = export(Work::Picture(&source, Container::Jpeg), &mark).unwrap_err();
    assert!(error.to_string().contains("`words` is"), "{error}");
    let wide = picture(16_400, 8, 255);
    let mark = Mark {
        words: None,
        ..mark
    };
    let error = export(Work::Picture(&wide, Container::Webp), &mark).unwrap_err();
    assert!(
        error.to_string().contains("16400 x 8 pixels as WebP"),
        "{error}"
    );
}
