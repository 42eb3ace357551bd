//! Captions in COCO's JSON.

use serde_json::json;

use crate::world::{World, png};

fn world() -> World {
    let world = World::new();
    for i in 1..=3 {
        world.write(&format!("pictures/{i:012}.jpg"), png(i));
    }
    let images: Vec<_> = (1..=5)
        .map(|id| json!({"id": id, "file_name": format!("{id:012}.jpg"), "license": id % 2, "flickr_url": "https://example.org/f"}))
        .collect();
    let mut annotations: Vec<_> = (0..7)
        .map(|i| json!({"id": i, "image_id": 1, "caption": format!("caption {i}\nof the first")}))
        .collect();
    annotations.extend([
        json!({"id": 10, "image_id": 2, "caption": "only one"}),
        json!({"id": 11, "image_id": 3, "caption": "  "}),
        json!({"id": 12, "image_id": 4, "caption": "its file is missing"}),
        json!({"id": 13, "image_id": 77, "caption": "of nothing"}),
    ]);
    let licenses =
        json!([{"id": 1, "name": "Attribution License", "url": "https://example.org/by"}]);
    let document = json!({"info": {"year": 2014}, "images": images, "annotations": annotations, "licenses": licenses});
    world.write("captions.json", document.to_string());
    world.sources(&["coco: {coco: {annotations: captions.json, pictures: pictures, lang: en}}"]);
    world
}

#[test]
fn a_picture_has_all_its_captions_and_its_licence() {
    let world = world();
    let counts = world.run(2).unwrap().counts;
    assert_eq!((counts.rows_in, counts.rows_out, counts.rejects), (6, 2, 4));
    let texts = world.texts("000000000001.jpg");
    assert_eq!(
        (texts.len(), texts[6].as_str()),
        (7, "caption 6 of the first")
    );
    let (_, row) = &world.rows()["000000000001.jpg"];
    assert_eq!(row.license.as_deref(), Some("https://example.org/by"));
    assert_eq!(row.meta.as_deref(), Some(r#"{"id":1}"#));
    assert_eq!(world.texts("000000000002.jpg"), ["only one"]);
}

#[test]
fn what_does_not_fit_together_is_refused() {
    let world = world();
    world.run(1).unwrap();
    let code = |member: &str| world.code(member);
    assert_eq!(code("000000000003.jpg"), "empty_caption");
    assert_eq!(code("000000000004.jpg"), "no_picture");
    assert_eq!(code("000000000005.jpg"), "no_caption");
    assert_eq!(code("image_id 77"), "no_picture");
}

#[test]
fn another_file_is_one_error_with_its_place() {
    let world = world();
    world.write("captions.json", "{\"images\": [],\n \"annotations\": 7}");
    let error = world.run(1).unwrap_err().to_string();
    assert!(
        error.contains("captions.json") && error.contains("line 2"),
        "{error}"
    );
}
