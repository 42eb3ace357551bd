//! The numbers of a report, counted in one pass over the rows.

use std::collections::{BTreeMap, BTreeSet, HashMap};

use bytes::Bytes;
use idiom_dataset::thumbnails::Thumbnail;
use idiom_dataset::{Record, Reject, Split};

/// Rejects of each code that are shown.
const EXAMPLES: usize = 6;
/// Lengths of captions are counted in steps of this many characters,
pub(super) const LENGTH_STEP: usize = 10;
/// up to this many steps.
pub(super) const LENGTH_STEPS: usize = 20;

/// How often each value of something stands in the rows.
pub(super) type Tally = BTreeMap<String, u64>;

/// Everything that is counted.
#[derive(Debug, Default)]
pub(super) struct Figures {
    /// Style -> split -> rows.
    pub(super) styles: BTreeMap<String, BTreeMap<Split, u64>>,
    /// Subject -> its styles.
    pub(super) subjects: BTreeMap<String, BTreeSet<String>>,
    pub(super) licenses: Tally,
    pub(super) formats: Tally,
    pub(super) transforms: Tally,
    pub(super) classes: Tally,
    /// Width and height before the transform, in powers of two of the longer side.
    pub(super) source_sides: BTreeMap<u32, u64>,
    /// Width x height as stored.
    pub(super) stored_sizes: Tally,
    /// Language -> kind -> captions.
    pub(super) captions: BTreeMap<String, Tally>,
    /// Language -> captions by length, the last step for all that are longer.
    pub(super) lengths: BTreeMap<String, [u64; LENGTH_STEPS]>,
    pub(super) distinct_captions: usize,
    /// By code.
    pub(super) rejects: BTreeMap<String, Refused>,
    /// Keys of rows with equal source bytes, and with equal perceptual hashes.
    pub(super) same_bytes: Vec<Vec<String>>,
    pub(super) same_look: Vec<Vec<String>>,
    by_bytes: HashMap<[u8; 32], Vec<String>>,
    by_look: HashMap<u64, Vec<String>>,
    texts: std::collections::HashSet<[u8; 32]>,
}

/// What was refused with one code.
#[derive(Debug, Default)]
pub(super) struct Refused {
    pub(super) n_rows: u64,
    /// Some of it, with small pictures where there are any; those first.
    pub(super) examples: Vec<(Reject, Option<Bytes>)>,
}

impl Refused {
    fn count(&mut self, reject: &Reject, image: Option<Bytes>) {
        self.n_rows += 1;
        let n_pictured = self.examples.iter().filter(|(_, image)| image.is_some());
        let place = match image {
            Some(_) => n_pictured.count(),
            None => self.examples.len(),
        };
        if place < EXAMPLES {
            self.examples.insert(place, (reject.clone(), image));
            self.examples.truncate(EXAMPLES);
        }
    }
}

impl Figures {
    pub(super) fn new(rejects: &[Reject], thumbnails: Vec<Thumbnail>) -> Self {
        let mut figures = Self::default();
        let mut images: HashMap<_, Bytes> = thumbnails
            .into_iter()
            .map(|t| ((t.code, t.source, t.member), t.image))
            .collect();
        for reject in rejects {
            let Reject {
                code,
                source,
                member,
                ..
            } = reject;
            let image = images.remove(&(code.to_string(), source.to_string(), member.to_string()));
            let refused = figures.rejects.entry(code.to_string()).or_default();
            refused.count(reject, image);
        }
        figures
    }

    pub(super) fn count(&mut self, row: &Record, split: Split) {
        let or_none =
            |text: &Option<String>| text.clone().unwrap_or_else(|| "(not known)".to_owned());
        let style = or_none(&row.style);
        *self
            .styles
            .entry(style.clone())
            .or_default()
            .entry(split)
            .or_default() += 1;
        if let Some(subject) = &row.subject {
            self.subjects
                .entry(subject.clone())
                .or_default()
                .insert(style);
        }
        if let Some(label) = row.label {
            *self.classes.entry(format!("{label:06}")).or_default() += 1;
        }
        *self.licenses.entry(or_none(&row.license)).or_default() += 1;
        *self.formats.entry(row.format.clone()).or_default() += 1;
        *self.transforms.entry(or_none(&row.transform)).or_default() += 1;
        let longer = row.orig_width.max(row.orig_height).max(1);
        *self
            .source_sides
            .entry(longer.next_power_of_two())
            .or_default() += 1;
        let stored = format!("{} x {}", row.width, row.height);
        *self.stored_sizes.entry(stored).or_default() += 1;
        for caption in &row.captions {
            let lang = if caption.lang.is_empty() {
                "(not known)"
            } else {
                &caption.lang
            };
            let kinds = self.captions.entry(lang.to_owned()).or_default();
            *kinds.entry(caption.kind.clone()).or_default() += 1;
            let step = (caption.text.chars().count() / LENGTH_STEP).min(LENGTH_STEPS - 1);
            self.lengths.entry(lang.to_owned()).or_default()[step] += 1;
            if self
                .texts
                .insert(idiom_dataset::embeddings::text_sha256(&caption.text))
            {
                self.distinct_captions += 1;
            }
        }
        self.by_bytes
            .entry(row.sha256)
            .or_default()
            .push(row.key.clone());
        if let Some(hash) = row.phash {
            self.by_look.entry(hash).or_default().push(row.key.clone());
        }
    }

    /// Finds the rows that are alike, the largest groups first.
    pub(super) fn finish(&mut self) {
        self.same_bytes = groups(std::mem::take(&mut self.by_bytes));
        self.same_look = groups(std::mem::take(&mut self.by_look));
    }

    /// Subjects by the number of styles that they are drawn in.
    pub(super) fn coverage(&self) -> BTreeMap<usize, u64> {
        let mut coverage = BTreeMap::new();
        for styles in self.subjects.values() {
            *coverage.entry(styles.len()).or_default() += 1;
        }
        coverage
    }
}

fn groups<K>(map: HashMap<K, Vec<String>>) -> Vec<Vec<String>> {
    let mut groups: Vec<Vec<String>> = map.into_values().filter(|keys| keys.len() > 1).collect();
    groups.iter_mut().for_each(|keys| keys.sort());
    groups.sort_by(|a, b| b.len().cmp(&a.len()).then_with(|| a.cmp(b)));
    groups
}
