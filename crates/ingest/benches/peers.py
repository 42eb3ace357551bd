"""Other people's rates on the same bytes, for `rates.rs`: python3 peers.py PICTURES DATASET, one line a measure.

Each measure runs in a process of its own, on one thread. Lines are WHAT, NAME, PICTURES A CPU-SECOND, PEAK MEGABYTES.
"""

import io
import multiprocessing
import os
import pathlib
import resource
import sys
import time

for name in ["OMP_NUM_THREADS", "ARROW_NUM_THREADS", "RAYON_NUM_THREADS", "POLARS_MAX_THREADS"]:
    os.environ[name] = "1"
os.environ["HF_DATASETS_OFFLINE"] = "1"
os.environ["HF_HUB_OFFLINE"] = "1"
os.environ["HF_DATASETS_DISABLE_PROGRESS_BARS"] = "1"
pictures, dataset = map(pathlib.Path, sys.argv[1:3])
SIDE = 256


def pillow_in():
    """Decode, centre crop, Lanczos to 256, JPEG 95; captions read; nothing is stored."""
    from PIL import Image

    n = 0
    for path in sorted(pictures.glob("*.jpg")):
        path.with_suffix(".txt").read_text()
        picture = Image.open(path).convert("RGB")
        side = min(picture.size)
        left, top = (picture.width - side) // 2, (picture.height - side) // 2
        square = picture.crop((left, top, left + side, top + side)).resize((SIDE, SIDE), Image.Resampling.LANCZOS)
        square.save(io.BytesIO(), "JPEG", quality=95)
        n += 1
    return n


def pyarrow_out():
    import numpy as np
    import pyarrow as pa
    import pyarrow.parquet as pq
    from PIL import Image

    pa.set_cpu_count(1)
    n = 0
    for path in sorted((dataset / "data").glob("*.parquet")):
        for batch in pq.ParquetFile(path).iter_batches(256):
            for image in batch.column("image").to_pylist():
                np.asarray(Image.open(io.BytesIO(image["bytes"])).convert("RGB"))
                n += 1
    return n


def datasets_out():
    import numpy as np
    from datasets import load_dataset

    n = 0
    for row in load_dataset(str(dataset), split="train", streaming=True):
        np.asarray(row["image"].convert("RGB"))
        n += 1
    return n


def measure(act, send):
    n = act()  # once to import and to warm the files, once for the figure
    begun = time.process_time()
    n = act()
    seconds = time.process_time() - begun
    send.send((n / seconds, resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1000))


for what, name, act in [
    ("in", "Pillow, nothing stored", pillow_in),
    ("out", "pyarrow + Pillow", pyarrow_out),
    ("out", "datasets, streaming", datasets_out),
]:
    receive, send = multiprocessing.get_context("fork").Pipe(duplex=False)
    process = multiprocessing.get_context("fork").Process(target=measure, args=(act, send))
    process.start()
    rate, peak = receive.recv()
    process.join()
    print(f"{what}\t{name}\t{rate:.1f}\t{peak:.0f}", flush=True)
