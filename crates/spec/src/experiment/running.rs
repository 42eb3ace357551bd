//! How long, on what machine, and what is kept of it.

use garde::Validate;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::range::{above_up_to, between, if_given};

/// Length, seed, batch and machine.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, Validate, JsonSchema)]
#[serde(deny_unknown_fields, rename_all = "snake_case", default)]
pub struct Train {
    /// Decides every random draw: weights, order, captions, latents, augmentation. 0 to 2^63 - 1.
    #[garde(custom(between(0, i64::MAX as u64)))]
    pub seed: u64,
    /// Length of the run in pictures seen, 1 to 1e12; rounded up to whole batches.
    #[garde(custom(between(1, 1_000_000_000_000)))]
    pub images: u64,
    /// Stop earlier, after this many minutes of training, above 0 and at most 1e6; left out for no such limit. A run
    /// that it cuts short is another one each time; `idiom reproduce` repeats it by the pictures it saw.
    #[garde(custom(if_given(above_up_to(0.0, 1e6))))]
    pub minutes: Option<f64>,
    /// Pictures a step, a multiple of 4 from 4 to 4096: the discriminator compares groups of four.
    #[garde(custom(multiple_of_four))]
    pub batch_size: u64,
    /// Parts that a batch goes through the networks in, 1 to 64; their gradients are averaged, which takes less memory and more
    /// time. Each part is a multiple of 4.
    #[garde(custom(parts_of(self.batch_size)))]
    pub accumulate: u64,
    /// Threads for arithmetic on the CPU, 1 to 256; left out for all cores. Equal bytes need an equal count.
    #[garde(custom(if_given(between(1, 256))))]
    pub threads: Option<u32>,
    /// Where to compute: `auto` (a GPU where there is one), `cpu`, `cuda` or `cuda:1`.
    #[garde(skip)]
    pub device: DeviceChoice,
    /// With how many digits.
    #[garde(skip)]
    pub precision: Precision,
}

/// With how many digits the networks are computed. Weights, penalties, optimisers and averages are `f32` in any case.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Precision {
    /// 24 bits everywhere; TF32 is off.
    #[default]
    F32,
    /// As `f32`, but a GPU may multiply with TF32's 11 bits, penalties included. An error on a CPU, which has no such thing.
    Tf32,
    /// Products and convolutions of a pass without a penalty in bf16, 8 bits, by libtorch's autocast; cosines stay `f32`. Fast on a GPU and on a CPU
    /// with AMX, slower than `f32` on others.
    Bf16,
    /// `bf16` on a CPU with AMX, `f32` elsewhere. The run's record says which it was; another machine's run has other bytes.
    Auto,
}

/// Where to compute.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub enum DeviceChoice {
    /// A GPU where there is one, else the CPU.
    #[default]
    Auto,
    /// The CPU.
    Cpu,
    /// The GPU of this number, counted from 0.
    Cuda(u32),
}

/// When the state of the run is saved.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, Validate, JsonSchema)]
#[serde(deny_unknown_fields, rename_all = "snake_case", default)]
pub struct Checkpoint {
    /// Pictures seen between two saves, 1 to 1e12; the end of the run is always saved.
    #[garde(custom(between(1, 1_000_000_000_000)))]
    pub every_images: u64,
    /// Saves kept, the newest ones, 1 to 1000.
    #[garde(custom(between(1, 1000)))]
    pub keep: usize,
}

/// The sheets of drawn pictures: the same latents and captions each time.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, Validate, JsonSchema)]
#[serde(deny_unknown_fields, rename_all = "snake_case", default)]
pub struct Samples {
    /// Pictures seen between two sheets, 1 to 1e12; the end of the run always has one.
    #[garde(custom(between(1, 1_000_000_000_000)))]
    pub every_images: u64,
    /// Rows of the sheet, each a subject drawn in the looks of the data set, 1 to 64.
    #[garde(custom(between(1, 64)))]
    pub subjects: usize,
    /// Columns of the sheet, 1 to 32; left out for one a look.
    #[garde(custom(if_given(between(1, 32))))]
    pub columns: Option<usize>,
    /// How many of the rows that are not named show subjects that are not trained on, 0 to 64.
    #[garde(custom(between(0, 64)))]
    pub held_out_subjects: usize,
    /// Subjects to show first, each by a label as it stands in the data set's captions; at most 64.
    #[garde(length(max = 64))]
    pub named: Vec<String>,
}

/// How often figures are logged.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, Validate, JsonSchema)]
#[serde(deny_unknown_fields, rename_all = "snake_case", default)]
pub struct Logging {
    /// Pictures seen between two entries, 1 to 1e12; each entry is a mean over them.
    #[garde(custom(between(1, 1_000_000_000_000)))]
    pub every_images: u64,
}

/// Where the tracking server files the run.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, Validate, JsonSchema)]
#[serde(deny_unknown_fields, rename_all = "snake_case", default)]
pub struct Tracking {
    /// The tracking server's experiment, 1 to 256 bytes; runs of one experiment are compared side by side.
    #[garde(length(min = 1, max = 256))]
    pub experiment: String,
}

/// The discriminator's batch statistics are taken over groups of four.
fn multiple_of_four(value: &u64, context: &()) -> garde::Result {
    between(4, 4096)(value, context)?;
    if value.is_multiple_of(4) {
        return Ok(());
    }
    Err(garde::Error::new(format!(
        "is {value}, but must be a multiple of 4 from 4 to 4096"
    )))
}

/// Groups of four must not be cut.
fn parts_of(batch_size: u64) -> impl Fn(&u64, &()) -> garde::Result {
    move |parts, context| {
        between(1, 64)(parts, context)?;
        if batch_size.is_multiple_of(4 * parts) {
            return Ok(());
        }
        Err(garde::Error::new(format!(
            "is {parts}, but must cut the batch of {batch_size} into multiples of 4"
        )))
    }
}

impl TryFrom<String> for DeviceChoice {
    type Error = String;

    fn try_from(text: String) -> Result<Self, String> {
        let number = text.strip_prefix("cuda:").map(str::parse);
        match (text.as_str(), number) {
            ("auto", _) => Ok(Self::Auto),
            ("cpu", _) => Ok(Self::Cpu),
            ("cuda", _) => Ok(Self::Cuda(0)),
            (_, Some(Ok(index))) => Ok(Self::Cuda(index)),
            _ => Err(format!(
                "is `{text}`, but must be `auto`, `cpu`, `cuda` or `cuda:N`"
            )),
        }
    }
}

impl From<DeviceChoice> for String {
    fn from(choice: DeviceChoice) -> Self {
        match choice {
            DeviceChoice::Auto => "auto".to_owned(),
            DeviceChoice::Cpu => "cpu".to_owned(),
            DeviceChoice::Cuda(index) => format!("cuda:{index}"),
        }
    }
}

impl JsonSchema for DeviceChoice {
    fn schema_name() -> std::borrow::Cow<'static, str> {
        "DeviceChoice".into()
    }

    fn json_schema(_: &mut schemars::SchemaGenerator) -> schemars::Schema {
        schemars::json_schema!({ "type": "string", "pattern": "^(auto|cpu|cuda(:[0-9]+)?)$" })
    }
}
