# Every verb of the project. `just` (or `./justw`, which installs just) lists them; `just VERB --help` explains one.

set positional-arguments

export IDIOM_CACHE := env("IDIOM_CACHE", cache_directory() / "idiom")
device := if path_exists("/dev/nvidiactl") == "true" { "cuda" } else { "cpu" }
export LIBTORCH := env("LIBTORCH", IDIOM_CACHE / "libtorch-2.11.0-" + device)
target := env("CARGO_TARGET_DIR", justfile_directory() / "target") / "debug"
idiom := target / "idiom"
# CI compiles by clippy's driver (.ci/run): there, to build is to lint.
lint := if env("RUSTC_WORKSPACE_WRAPPER", "") == "clippy-driver" { "cargo build --workspace --all-targets --locked --quiet" } else { "cargo clippy --workspace --all-targets --locked --quiet -- -D warnings" }

# List the verbs
[private]
default:
    @just --list --unsorted

# Captioned pictures from any source -> a Parquet data set: just ingest [emoji.yaml] [key=value ...] [--dry-run]
ingest pipeline="emoji.yaml" *arguments: build
    @{{idiom}} ingest "$@"

# Captions -> vectors beside the data set: just embed [emoji] [--encoder NAME]
embed dataset="emoji" *arguments: build encoders
    @{{idiom}} embed "$@"

# One page that shows what a data set holds: just report [emoji]
report dataset="emoji" *arguments: build
    @{{idiom}} report "$@"

# Captions nearest to some words, across languages, with their pictures: just search emoji "a grumpy cat"
search *arguments: build encoders font
    @{{idiom}} search "$@"

# Train what a file declares, with all that is missing before it: just experiment baseline.yaml [key=value ...]
experiment *arguments: build encoders font
    @{{idiom}} experiment "$@"

# Measure a finished run on held-out data, by a judge that had no part in it: just evaluate RUN [--judge RUN]
evaluate *arguments: build encoders font
    @{{idiom}} evaluate "$@"

# Restyle pictures by words, or by another picture: just stylize PICTURE... "words" [--strength 0.7]
stylize *arguments: build encoders
    @{{idiom}} stylize "$@"

# Draw pictures from words alone: just generate "words" [-n 16]
generate *arguments: build encoders
    @{{idiom}} generate "$@"

# Say in everyday words which look a picture has, and what it shows: just describe PICTURE
describe *arguments: build encoders
    @{{idiom}} describe "$@"

# Four photographs and three drawings in every look of a model, on one sheet: just gallery [--run RUN] [--out gallery.png]
gallery *arguments: build encoders font
    @python3 experiments/pictures/sources/fetch_photos.py "$IDIOM_CACHE/photos"
    @{{idiom}} gallery "$IDIOM_CACHE/photos" experiments/pictures/sources "$@"

# Go on with an interrupted run: just resume RUN
resume *arguments: build encoders font
    @{{idiom}} resume "$@"

# The tracking server and its pages, to compare runs in the browser: just ui [--port 5151]
ui *arguments: build
    @echo "compare runs in a browser at the address below; Ctrl-C ends the server"
    @{{target}}/idiom-tracking-server "$@"

# Any verb of the binary: just idiom serve --studio RUN
idiom *arguments: build
    @{{idiom}} "$@"

# Versions, devices, caches, server, and what is wrong
doctor: build
    @{{idiom}} doctor

# All tests, with small counts (needs nothing that ./justw does not name)
test *arguments: build encoders font axe python
    LD_LIBRARY_PATH="$LIBTORCH/lib:${LD_LIBRARY_PATH:-}" IDIOM_BIN={{idiom}} cargo test --workspace --locked "$@"

# The same tests with full counts, by hand: hundreds of kills, thousands of hostile pictures
soak: build encoders font axe python
    IDIOM_SOAK=1 {{just_executable()}} test -- --nocapture

# Format, lints, layering, licences
check: build
    cargo fmt --all --check
    {{lint}}
    LD_LIBRARY_PATH="$LIBTORCH/lib:${LD_LIBRARY_PATH:-}" cargo test --workspace --locked --quiet --test layering --test sources --test phrases

# Benchmarks: training step, loader, text encoders, logging; `just bench ingest`, `tracking`, `stylize` and `train` set us beside others, `pages` times the UI
bench *arguments: build encoders
    @if [ "${1:-}" = ingest ]; then shift; exec {{just_executable()}} bench-ingest "$@"; fi; \
    if [ "${1:-}" = tracking ]; then shift; exec {{just_executable()}} bench-tracking "$@"; fi; \
    if [ "${1:-}" = pages ]; then exec {{just_executable()}} bench-pages; fi; \
    if [ "${1:-}" = train ]; then shift; exec {{just_executable()}} bench-train "$@"; fi; \
    if [ "${1:-}" = stylize ]; then shift; set -- --bench stylize "$@"; fi; \
    LD_LIBRARY_PATH="$LIBTORCH/lib:${LD_LIBRARY_PATH:-}" cargo bench --profile dev --workspace --locked "$@"

[private]
bench-train threads="2" *only:
    python3 tests/fetch_python.py torch
    LD_LIBRARY_PATH="$LIBTORCH/lib:${LD_LIBRARY_PATH:-}" cargo bench --profile dev --workspace --locked --bench versus_torch -- "$@"

[private]
bench-tracking *arguments: build
    python3 tests/fetch_python.py mlflow-server
    python3 crates/tracking-server/benches/versus_mlflow.py {{target}}/idiom-tracking-server "$IDIOM_CACHE/python/mlflow-server-3.17.2" "$@"

[private]
bench-pages: build
    python3 crates/tracking-server/benches/pages.py {{target}}/idiom-tracking-server

[private]
bench-ingest *arguments:
    python3 tests/fetch_python.py readers peers
    cargo bench --profile dev --workspace --locked --bench rates "$@"

# Compile the binaries
build: libtorch
    @test -x "{{idiom}}" || echo "compiling, once: 10 to 20 minutes on two cores"
    @cargo build --locked {{ if path_exists(idiom) == "true" { "--quiet" } else { "" } }} -p idiom -p idiom-tracking-server

[private]
libtorch:
    @./justw --prerequisites
    @test -f "$LIBTORCH/build-version" -o -d "$LIBTORCH/lib" || python3 crates/torch-ext/fetch_libtorch.py "$LIBTORCH" {{ if device == "cuda" { "--cuda" } else { "" } }}

[private]
encoders:
    @python3 crates/encoders/fetch_encoders.py

[private]
font:
    @python3 crates/picture/fetch_font.py "$IDIOM_CACHE/fonts"

[private]
python:
    @python3 tests/fetch_python.py readers mlflow-client s3

[private]
axe:
    @python3 crates/tracking-server/tests/fetch_axe.py "$IDIOM_CACHE/axe"
