//! What can be typed. Each verb says what it does, with an example.

use clap::{Args, Parser, Subcommand};
use idiom_picture::Container;
use idiom_tracking_server::{ArtifactsPlace, DatabasePlace, Upkeep};
use std::path::PathBuf;

/// Say a look in plain words, and a GAN draws it.
#[derive(Debug, Parser)]
#[command(
    name = "idiom",
    version,
    about,
    arg_required_else_help = true,
    propagate_version = true
)]
pub(crate) struct Arguments {
    /// The project's folder, which holds `pipelines`, `experiments` and `data`.
    #[arg(
        long,
        global = true,
        env = "IDIOM_HOME",
        default_value = ".",
        hide_default_value = true
    )]
    pub(crate) home: PathBuf,
    /// Log more: `-v` what is done, `-vv` how.
    #[arg(short, long, global = true, action = clap::ArgAction::Count)]
    pub(crate) verbose: u8,
    #[command(subcommand)]
    pub(crate) verb: Verb,
}

#[derive(Debug, Subcommand)]
pub(crate) enum Verb {
    /// Captioned pictures from any source -> a Parquet data set in data/datasets.
    #[command(
        after_help = "Examples:\n  idiom ingest folder.yaml\n  idiom ingest emoji.yaml picture.side=128 name=emoji-128\n  idiom ingest folder.yaml --dry-run                 what would be read, nothing written\n  idiom ingest folder.yaml --rank 0 --world 4        one of four workers (one each, then:)\n  idiom ingest folder.yaml --seal                    makes the data set of what they left\n  idiom ingest folder.yaml --retry-rejects timeout   reads again what was refused with that code\n\nWorkers may also be numbered by their scheduler: RANK and WORLD_SIZE (torchrun), SLURM_ARRAY_TASK_ID and\nSLURM_ARRAY_TASK_COUNT (Slurm), JOB_COMPLETION_INDEX with --world (Kubernetes). These count only with `--share`."
    )]
    Ingest(Ingest),
    /// Captions and style phrases, or pictures -> vectors beside the data set.
    #[command(
        after_help = "Examples:\n  idiom embed emoji --encoder all-minilm-l6-v2\n  idiom embed emoji --encoder BAAI/bge-small-zh-v1.5   from the hub\n  idiom embed emoji --images                           the pictures, by MobileNetV2\n  idiom embed emoji --images --encoder ./clip          the pictures, by a folder's CLIP"
    )]
    Embed(Embed),
    /// One page that shows what a data set holds: sums, pictures, captions, rejects, look-alikes.
    #[command(
        after_help = "Examples:\n  idiom report emoji\n  idiom report emoji --out /tmp/emoji.html"
    )]
    Report(Report),
    /// The captions nearest to some words, across languages, and a sheet of their pictures.
    #[command(
        after_help = "Examples:\n  idiom search emoji \"a grumpy cat\"\n  idiom search emoji 生日蛋糕 --texts 5 --out cake.png"
    )]
    Search(Search),
    /// Train what a file declares, after all that is missing before it, and log it to the tracking server.
    #[command(
        after_help = "Examples:\n  idiom experiment baseline.yaml\n  idiom experiment baseline.yaml train.seed=2 train.device=cpu\n  idiom experiment smoke.yaml --dry-run\n  idiom experiment smoke.yaml 'sweep={seeds: [1, 2, 3]}'"
    )]
    Experiment(Experiment),
    /// Go on with a run that was interrupted.
    #[command(after_help = "Example:\n  idiom resume baseline-20260102-030405")]
    Resume(Resume),
    /// Train what a run trained once more and compare the bytes.
    #[command(after_help = "Example:\n  idiom reproduce baseline-20260102-030405")]
    Reproduce(Reproduce),
    /// The JSON Schema of experiments or pipelines, for editors.
    #[command(after_help = "Example:\n  idiom schema experiment > experiments/schema.json")]
    Schema(Schema),
    /// Measure a finished run on held-out data: a table, a page beside the run, figures on the tracking server.
    #[command(
        after_help = "Examples:\n  idiom evaluate baseline-20260102-030405\n  idiom evaluate baseline-20260102-030405 --judge judge-20260102-020304 --sentences 200\n  idiom evaluate restyle-20260102-030405 --judge judge-20260102-020304 --judge judge-20260103-020304"
    )]
    Evaluate(Evaluate),
    /// Serve the tracking API and its pages until Ctrl-C; takes up what runs have left to send, as `sync` does.
    #[command(
        after_help = "Examples:\n  idiom serve --port 5151\n  idiom serve --studio restyle-20260102-030405\n  idiom serve --db postgresql://idiom@db.lab/idiom --artifacts s3://lab-artifacts/idiom"
    )]
    Serve(Serve),
    /// The finished runs of this project as a table, with the last figures of their training and those of `idiom evaluate`.
    #[command(
        after_help = "Examples:\n  idiom runs\n  idiom runs --by evaluate/test/look_accuracy\n  idiom runs baseline dfgan --over-seeds --by evaluate/test/kid\n  idiom runs --columns kid,coverage,loss/generator\n  idiom runs --by rate/images_per_second --highest --csv"
    )]
    Runs(Runs),
    /// Send what runs have logged and no server has taken yet.
    #[command(after_help = "Examples:\n  idiom sync\n  idiom sync baseline-20260102-030405")]
    Sync(Sync),
    /// Restyle pictures by words, or by another picture.
    ///
    /// Still pictures, animated GIFs, folders of either, and videos where ffmpeg is installed. The last of the arguments are the words, unless
    /// they are given as `--words`, or there is a `--reference`. The same picture, words and model always give the same picture.
    #[command(
        override_usage = "idiom stylize [OPTIONS] <PICTURE>... <WORDS>\n       idiom stylize [OPTIONS] --words <WORDS> <PICTURE>...\n       idiom stylize [OPTIONS] --reference <PICTURE> <PICTURE>...",
        after_help = "Examples:\n  idiom stylize cat.png \"like a napkin scribble\"\n  idiom stylize cat.png \"像小時候的簡筆畫\" --strength 0.6 --out cat-drawn.png\n  idiom stylize drawings/ \"shiny clay toy + comic strip\" --out restyled/     two looks mixed\n  idiom stylize cat.png --reference stamp.png --keep-background\n  idiom stylize *.jpg --words \"comic strip\" --out comic/ --format webp\n  idiom stylize waving.gif \"stamped in ink\"                           a GIF in one style, without new flicker\n  idiom stylize --clip frames/ \"shiny clay toy\" --out clay-frames/    a folder of frames as one clip\n  idiom stylize walk.mp4 \"pencil sketch\"                              needs ffmpeg\n  idiom stylize --run restyle-20260102-030405 cat.png \"stamped in ink\""
    )]
    Stylize(Stylize),
    /// Draw pictures from words alone.
    #[command(
        after_help = "Examples:\n  idiom generate \"a dog like squishy clay\" -n 16 --out dogs"
    )]
    Generate(Generate),
    /// Say in everyday words which look a picture has, and what it shows.
    #[command(
        after_help = "Examples:\n  idiom describe cat.png\n  idiom describe --run my-model drawings/"
    )]
    Describe(Describe),
    /// Some pictures in all looks that a model knows, on one sheet.
    #[command(
        after_help = "Examples:\n  idiom gallery drawings/ --out gallery.png\n  idiom gallery --run my-model --language zh cat.png dog.png\n  idiom gallery cat.png --words \"stamped in ink\" --words \"comic strip\" --strength 0.6"
    )]
    Gallery(Gallery),
    /// Hand a trained model on: weights, configuration and a card, without the data set.
    #[command(
        after_help = "Examples:\n  idiom export restyle-20260102-030405 --out my-model\n  idiom stylize --run my-model cat.png \"stamped in ink\""
    )]
    Export(Export),
    /// Work on the project's tracking database; `idiom-tracking-server` does the same on another.
    #[command(flatten)]
    Upkeep(Upkeep),
    /// Versions, devices, threads, caches, the server, and what is wrong.
    Doctor,
}

#[derive(Debug, Args)]
pub(crate) struct Ingest {
    /// A file, or the name of one in `pipelines`.
    pub(crate) pipeline: PathBuf,
    /// `key=value` laid over the file.
    pub(crate) overrides: Vec<String>,
    /// Threads; the output is the same for any number.
    #[arg(long)]
    pub(crate) threads: Option<usize>,
    /// Say what would be read: kinds, counts, samples, problems.
    #[arg(long, group = "part")]
    pub(crate) dry_run: bool,
    /// Do the share of this worker, counted from 0, and seal nothing.
    #[arg(long, group = "part", requires = "world")]
    rank: Option<usize>,
    /// Do the share of the worker that the scheduler's variables name.
    #[arg(long, group = "part")]
    share: bool,
    /// How many workers there are.
    #[arg(long)]
    world: Option<usize>,
    /// Make the data set of the units that workers have left.
    #[arg(long, group = "part")]
    seal: bool,
    /// Read again what was refused with this code, and keep everything else.
    #[arg(long, group = "part", value_name = "CODE")]
    retry_rejects: Option<String>,
}

/// Which part of an ingest is asked for.
pub(crate) enum Part<'a> {
    Whole,
    DryRun,
    Rank(usize, usize),
    /// As the scheduler numbers the workers; their number may be given.
    Scheduled(Option<usize>),
    Seal,
    Retry(&'a str),
}

impl Ingest {
    pub(crate) fn part(&self) -> Part<'_> {
        match (self.rank, self.world, &self.retry_rejects) {
            (Some(rank), Some(world), _) => Part::Rank(rank, world),
            (_, _, Some(code)) => Part::Retry(code),
            (_, world, _) if self.share => Part::Scheduled(world),
            _ if self.seal => Part::Seal,
            _ if self.dry_run => Part::DryRun,
            _ => Part::Whole,
        }
    }
}

#[derive(Debug, Args)]
pub(crate) struct Embed {
    /// A data set in data/datasets, or its folder.
    pub(crate) dataset: String,
    /// A built-in encoder, a folder, or a hub id [default: use-multilingual; for pictures mobilenet-v2].
    #[arg(long)]
    pub(crate) encoder: Option<String>,
    /// Embed the pictures rather than the words.
    #[arg(long)]
    pub(crate) images: bool,
}

#[derive(Debug, Args)]
pub(crate) struct Report {
    /// A data set in data/datasets, or its folder.
    pub(crate) dataset: String,
    /// The HTML file [default: data/reports/NAME.html].
    #[arg(long)]
    pub(crate) out: Option<PathBuf>,
}

#[derive(Debug, Args)]
pub(crate) struct Search {
    /// A data set in data/datasets, or its folder; it must have been embedded.
    pub(crate) dataset: String,
    /// What to look for, in any language that the encoder knows.
    pub(crate) words: String,
    /// A built-in encoder, a folder, or a hub id.
    #[arg(long, default_value = "use-multilingual")]
    pub(crate) encoder: String,
    /// How many texts are shown.
    #[arg(long, default_value_t = 8)]
    pub(crate) texts: usize,
    /// The PNG file with the pictures [default: data/searches/NAME.png].
    #[arg(long)]
    pub(crate) out: Option<PathBuf>,
}

#[derive(Debug, Args)]
pub(crate) struct Experiment {
    /// A file, or the name of one in `experiments`.
    pub(crate) file: PathBuf,
    /// `key=value` laid over the file.
    pub(crate) overrides: Vec<String>,
    /// Print the resolved configuration with sizes, time and memory, as a few steps show them, and stop.
    #[arg(long)]
    pub(crate) dry_run: bool,
}

#[derive(Debug, Args)]
pub(crate) struct Resume {
    /// The name of a run in data/runs, or its folder.
    pub(crate) run: String,
}

#[derive(Debug, Args)]
pub(crate) struct Reproduce {
    /// The name of a run in data/runs, or its folder.
    pub(crate) run: String,
}

#[derive(Debug, Args)]
pub(crate) struct Schema {
    /// Of which files.
    pub(crate) kind: Kind,
}

/// Files that people write.
#[derive(Debug, Clone, Copy, PartialEq, Eq, clap::ValueEnum)]
pub(crate) enum Kind {
    /// `experiments/*.yaml`.
    Experiment,
    /// `pipelines/*.yaml`.
    Pipeline,
}

#[derive(Debug, Args)]
pub(crate) struct Evaluate {
    /// The name of a run in data/runs, or its folder.
    pub(crate) run: String,
    /// A contrastive run that had no part in this one; given again, a panel whose judges count alike [default: the newest such run].
    #[arg(long)]
    pub(crate) judge: Vec<String>,
    /// Sentences drawn in each language and split, at most.
    #[arg(long, default_value_t = 500)]
    pub(crate) sentences: usize,
    /// Real training pictures that are looked at, at most; the memorisation audit sees no others [default: all].
    #[arg(long)]
    pub(crate) training: Option<usize>,
    /// Decides latents, sentences and distractors.
    #[arg(long, default_value_t = 0)]
    pub(crate) seed: u64,
    /// Threads for arithmetic [default: all cores].
    #[arg(long)]
    pub(crate) threads: Option<usize>,
}

#[derive(Debug, Args)]
pub(crate) struct Runs {
    /// Only runs whose names begin with one of these [default: all].
    pub(crate) names: Vec<String>,
    /// Sort by this column, best first where an evaluation says which end is the best, else lowest first.
    #[arg(long)]
    pub(crate) by: Option<String>,
    /// Sort highest first.
    #[arg(long, requires = "by")]
    pub(crate) highest: bool,
    /// Columns to show: parts of their names, with commas between them, or `all` [default: what leads, as far as a line has room].
    #[arg(long, value_delimiter = ',', value_name = "PARTS")]
    pub(crate) columns: Vec<String>,
    /// One line for runs that differ in their seed only: means, with half the width of their 95 % intervals.
    #[arg(long)]
    pub(crate) over_seeds: bool,
    /// Comma-separated values for another program, with every column.
    #[arg(long, conflicts_with = "columns")]
    pub(crate) csv: bool,
}

#[derive(Debug, Args)]
pub(crate) struct Serve {
    /// The address to listen on.
    #[arg(long, default_value = "127.0.0.1")]
    pub(crate) host: String,
    /// The port; 0 lets the system choose.
    #[arg(long, env = "IDIOM_PORT", default_value_t = 5151)]
    pub(crate) port: u16,
    /// The database: a SQLite file, or `postgresql://USER@HOST/DATABASE` [default: data/tracking/idiom.db].
    #[arg(
        long,
        alias = "store",
        value_name = "FILE|URI",
        env = "IDIOM_DB",
        hide_env_values = true
    )]
    pub(crate) db: Option<DatabasePlace>,
    /// The store of artifacts: a folder, or `s3://BUCKET/PREFIX` with the usual AWS_ variables [default: data/tracking/artifacts].
    #[arg(long, value_name = "FOLDER|URI", env = "IDIOM_ARTIFACTS")]
    pub(crate) artifacts: Option<ArtifactsPlace>,
    /// Put the pages before a real MLflow server, e.g. http://127.0.0.1:5000, with the credentials of the environment.
    #[arg(long, value_name = "URI")]
    pub(crate) upstream: Option<String>,
    /// Add a page on which pictures are restyled by this run's model, or by an exported one.
    #[arg(long, value_name = "RUN")]
    pub(crate) studio: Option<String>,
}

#[derive(Debug, Args)]
pub(crate) struct Sync {
    /// A run in data/runs; all of them where none is named.
    pub(crate) run: Option<String>,
}

#[derive(Debug, Args)]
pub(crate) struct Stylize {
    /// Pictures, clips or folders of them; then the words for the look, in one argument.
    #[arg(required = true, value_name = "PICTURE|WORDS")]
    inputs: Vec<String>,
    /// The words for the look; then all other arguments are pictures.
    #[arg(long, conflicts_with = "reference")]
    words: Option<String>,
    /// A run in data/runs, or an exported model's folder; the newest run that can restyle where none is named.
    #[arg(long)]
    pub(crate) run: Option<String>,
    /// How far to go from the picture's own style to the wished one, 0 to 1.
    #[arg(long, default_value_t = 1.0)]
    pub(crate) strength: f64,
    /// Take the style of this picture instead of words.
    #[arg(long)]
    pub(crate) reference: Option<PathBuf>,
    /// Leave the background as it is.
    #[arg(long)]
    pub(crate) keep_background: bool,
    /// Write the words into the picture's metadata.
    #[arg(long)]
    pub(crate) write_words: bool,
    /// The file for one picture, whose end says the format (.png, .jpg, .webp, .gif); the folder for several [default: NAME-restyled.png
    /// beside each].
    #[arg(long)]
    pub(crate) out: Option<PathBuf>,
    /// What pictures are written as where `--out` does not say it.
    #[arg(long, value_enum, default_value_t = Format::Png)]
    pub(crate) format: Format,
    /// Take the pictures in each folder as the frames of one clip, in the order of their names.
    #[arg(long)]
    pub(crate) clip: bool,
}

impl Stylize {
    /// The pictures, and the words where there are any.
    pub(crate) fn split(&self) -> (Vec<PathBuf>, Option<String>) {
        let n_pictures = match (&self.reference, &self.words) {
            (None, None) => self.inputs.len() - 1,
            _ => self.inputs.len(),
        };
        let (pictures, last) = self.inputs.split_at(n_pictures);
        (
            pictures.iter().map(PathBuf::from).collect(),
            self.words.clone().or_else(|| last.first().cloned()),
        )
    }
}

/// What a still picture is written as.
#[derive(Debug, Clone, Copy, PartialEq, Eq, clap::ValueEnum)]
pub(crate) enum Format {
    /// Without loss, with alpha.
    Png,
    /// With loss, without alpha.
    Jpg,
    /// Without loss, with alpha, smaller.
    Webp,
}

impl Format {
    pub(crate) fn extension(self) -> &'static str {
        match self {
            Self::Png => "png",
            Self::Jpg => "jpg",
            Self::Webp => "webp",
        }
    }

    pub(crate) fn container(self) -> Container {
        match self {
            Self::Png => Container::Png,
            Self::Jpg => Container::Jpeg,
            Self::Webp => Container::Webp,
        }
    }
}

#[derive(Debug, Args)]
pub(crate) struct Generate {
    /// What to draw, subject and look in one sentence; a comma between the two helps.
    pub(crate) words: String,
    /// How many pictures.
    #[arg(short, default_value_t = 1, value_parser = clap::value_parser!(u32).range(1..=10_000))]
    pub(crate) n: u32,
    /// A run in data/runs, or a model's folder; the newest run that can draw where none is named.
    #[arg(long)]
    pub(crate) run: Option<String>,
    /// Decides the latents: equal seeds give equal pictures.
    #[arg(long, default_value_t = 1)]
    pub(crate) seed: u64,
    /// Write the words into the pictures' metadata.
    #[arg(long)]
    pub(crate) write_words: bool,
    /// The folder for the pictures.
    #[arg(long, default_value = "generated")]
    pub(crate) out: PathBuf,
    /// What they are written as.
    #[arg(long, value_enum, default_value_t = Format::Png)]
    pub(crate) format: Format,
}

#[derive(Debug, Args)]
pub(crate) struct Describe {
    /// Pictures or folders of pictures.
    #[arg(required = true)]
    pub(crate) pictures: Vec<PathBuf>,
    /// A run in data/runs, or an exported model's folder; the newest run that can restyle where none is named.
    #[arg(long)]
    pub(crate) run: Option<String>,
}

#[derive(Debug, Args)]
pub(crate) struct Gallery {
    /// Pictures or folders of pictures.
    #[arg(required = true)]
    pub(crate) pictures: Vec<PathBuf>,
    /// A run in data/runs, or an exported model's folder; the newest run that can restyle where none is named.
    #[arg(long)]
    pub(crate) run: Option<String>,
    /// Words for a look; may be given several times [default: the phrase nearest to the middle of each look that it learnt].
    #[arg(long)]
    pub(crate) words: Vec<String>,
    /// The language of these phrases, by its tag [default: they take turns].
    #[arg(long)]
    pub(crate) language: Option<String>,
    /// How far to go from the pictures' own styles to the wished ones, 0 to 1.
    #[arg(long, default_value_t = 1.0)]
    pub(crate) strength: f64,
    /// Side in pixels to which the pictures' middle squares are scaled first.
    #[arg(long, default_value_t = 192, value_parser = clap::value_parser!(u32).range(16..=1024))]
    pub(crate) side: u32,
    /// The sheet.
    #[arg(long, default_value = "gallery.png")]
    pub(crate) out: PathBuf,
}

#[derive(Debug, Args)]
pub(crate) struct Export {
    /// A run in data/runs.
    pub(crate) run: String,
    /// The folder to write.
    #[arg(long, default_value = "model")]
    pub(crate) out: PathBuf,
}
