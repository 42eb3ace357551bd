"""Reads a dataset folder with the programs that other people have, and prints what each saw as one line of JSON.

Run by `readers.rs`: python3 readers.py FOLDER ENCODER. Nothing here knows how the folder was written.
"""

import hashlib
import io
import json
import os
import pathlib
import sys

os.environ["HF_DATASETS_OFFLINE"] = "1"
os.environ["HF_HUB_OFFLINE"] = "1"
os.environ["HF_DATASETS_DISABLE_PROGRESS_BARS"] = "1"
folder, encoder = pathlib.Path(sys.argv[1]), sys.argv[2]
os.environ["HF_HOME"] = str(folder / ".hf")
shards = sorted(str(path) for path in (folder / "data").glob("*.parquet"))
parts = sorted(str(path) for path in (folder / "embeddings" / encoder).glob("*.parquet"))
of_pictures = sorted(str(path) for path in (folder / "embeddings" / encoder / "pictures").glob("*.parquet"))


def digest(values) -> str:
    return hashlib.sha256("\n".join(values).encode()).hexdigest()


def seen(rows, vectors, picture_vectors) -> dict:
    """What all readers must agree on: rows are (key, caption, all captions, picture bytes, label, perceptual hash), picture
    vectors are (key, vector)."""
    rows, keys = sorted(rows, key=lambda row: row[0]), sorted(key for key, _ in picture_vectors)
    return {
        "rows": len(rows),
        "keys": digest(row[0] for row in rows),
        "captions": digest(row[1] for row in rows),
        "all_captions": digest(" | ".join(row[2]) for row in rows),
        "pictures": digest(hashlib.sha256(row[3]).hexdigest() for row in rows),
        "labels": digest(str(row[4]) for row in rows),
        "phashes": digest(str(row[5]) for row in rows),
        "picture_vectors": digest(keys) + f" {len(picture_vectors[0][1])}",
        "vectors": len(vectors),
        "dim": len(vectors[0]),
        "norm": round(sum(x * x for x in vectors[0]), 3),
    }


def tell(reader: str, found: dict) -> None:
    print(json.dumps({"reader": reader, **found}), flush=True)


def with_pyarrow():
    import pyarrow.dataset as ds

    table = ds.dataset(shards, format="parquet").to_table()
    rows = [(r["key"], r["caption"], [c["text"] for c in r["captions"]], r["image"]["bytes"], r["label"], r["phash"]) for r in table.to_pylist()]
    vectors = ds.dataset(parts, format="parquet").to_table()["embedding"].to_pylist()
    pictures = [(r["key"], r["embedding"]) for r in ds.dataset(of_pictures, format="parquet").to_table().to_pylist()]
    return seen(rows, vectors, pictures)


def with_polars():
    import polars as pl

    frame = pl.read_parquet(shards)
    rows = [(r["key"], r["caption"], [c["text"] for c in r["captions"]], r["image"]["bytes"], r["label"], r["phash"]) for r in frame.iter_rows(named=True)]
    vectors = pl.read_parquet(parts)["embedding"].to_list()
    return seen(rows, vectors, pl.read_parquet(of_pictures).select("key", "embedding").rows())


def with_duckdb():
    import duckdb

    query = "select key, caption, list_transform(captions, c -> c.text), image.bytes, label, phash from read_parquet($1)"
    rows = [(k, c, list(a), bytes(b), *rest) for k, c, a, b, *rest in duckdb.execute(query, [shards]).fetchall()]
    vectors = [v for (v,) in duckdb.execute("select embedding from read_parquet($1)", [parts]).fetchall()]
    join = "select key, embedding from read_parquet($1) as rows join read_parquet($2) as vectors using (key)"
    return seen(rows, vectors, duckdb.execute(join, [shards, of_pictures]).fetchall())


def with_datasets(streaming: bool):
    from datasets import Image, load_dataset

    loaded = load_dataset(str(folder), streaming=streaming)
    rows, decoded = [], 0
    for split in loaded.values():
        features = split.features
        assert type(features["image"]).__name__ == "Image", features["image"]
        assert features["label"].names == ["cat", "dog"], features["label"]
        assert features["phash"].dtype == "uint64", features["phash"]
        decoded += next(iter(split))["image"].size[0]
        for row in split.cast_column("image", Image(decode=False)):
            texts = [c["text"] for c in row["captions"]]
            rows.append((row["key"], row["caption"], texts, row["image"]["bytes"], row["label"], row["phash"]))
    found = load_dataset("parquet", data_files=parts, split="train")["embedding"]
    pictures = [(r["key"], r["embedding"]) for r in load_dataset("parquet", data_files=of_pictures, split="train")]
    return {**seen(rows, [list(v) for v in found], pictures), "first_widths": decoded}


def main() -> None:
    import PIL.Image
    import pyarrow.dataset as ds

    first = ds.dataset(shards, format="parquet").head(1).to_pylist()[0]
    size = PIL.Image.open(io.BytesIO(first["image"]["bytes"])).size
    tell("pillow", {"width": size[0], "height": size[1]})
    tell("pyarrow", with_pyarrow())
    tell("polars", with_polars())
    tell("duckdb", with_duckdb())
    tell("datasets", with_datasets(streaming=False))
    tell("datasets streaming", with_datasets(streaming=True))


main()
