//! The bytes of a small dataset, held against the revision of the code.

use idiom_dataset::{digest, manifest::Manifest};
use idiom_ingest::REVISION;

use crate::world::{FOLDER, World};

/// Revision, and the SHA-256 over all shards and the card of the dataset below. When this fails and the change is meant:
/// raise `REVISION` and put the new pair here. (Shards hold the pipeline's hash, so a new key in pipelines is such a change.)
const KNOWN: (u32, &str) = (
    5,
    "f2a18074f5a71faf2950ca758a52b809916b71a4fde480cf77ae1538610b1956",
);

#[test]
fn changed_bytes_come_with_a_new_revision() {
    let world = World::new();
    world.pipeline(&format!("{FOLDER}duplicates: drop\n"));
    for i in 0..20 {
        world.picture(&format!("p{i:02}"), i, "a few words\nund etwas mehr");
    }
    world.write("pictures/empty.png", b"");
    world.write("pictures/empty.txt", "words");
    world.run(2).unwrap();
    let (_, sha256) = Manifest::read(&world.out()).unwrap();
    let card = &world.files()["README.md"];
    let found = digest::sha256_hex(format!("{sha256}{}", digest::sha256_hex(card)).as_bytes());
    assert_eq!((REVISION, found.as_str()), KNOWN);
}
