"""Other people's rates on the same bytes, for `rates.rs`: python3 peers.py MEASURE PICTURES DATASET, one line.

Each measure runs in a process of its own, on one thread. The line is
CPU-SECONDS A PICTURE, CLOCK-SECONDS A PICTURE, PEAK MEGABYTES, separated by tabs.
"""

import io
import os
import pathlib
import resource
import sys
import tempfile
import time

for name in ["OMP_NUM_THREADS", "ARROW_NUM_THREADS", "RAYON_NUM_THREADS", "POLARS_MAX_THREADS", "OPENBLAS_NUM_THREADS"]:
    os.environ[name] = "1"
os.environ["HF_DATASETS_OFFLINE"] = "1"
os.environ["HF_HUB_OFFLINE"] = "1"
os.environ["HF_DATASETS_DISABLE_PROGRESS_BARS"] = "1"
os.environ["NO_ALBUMENTATIONS_UPDATE"] = "1"
SIDE = 256
PASSES = 4


def img2dataset_in(pictures, dataset):
    """Centre crop to 256, JPEG 95, into Parquet, from `file:` addresses: no server, no network. Starting up takes seconds, so the
    figure is the difference between a long list and a short one."""
    import pyarrow as pa
    import pyarrow.parquet as pq
    from img2dataset import download

    urls = [path.as_uri() for path in sorted(pictures.glob("*.jpg"))]
    captions = [path.with_suffix(".txt").read_text() for path in sorted(pictures.glob("*.jpg"))]

    def run(passes):
        with tempfile.TemporaryDirectory() as folder:
            table = pa.table({"url": urls * passes, "caption": captions * passes})
            pq.write_table(table, f"{folder}/list.parquet")
            begun = used(), time.time()
            download(
                url_list=f"{folder}/list.parquet", input_format="parquet", url_col="url", caption_col="caption",
                output_folder=f"{folder}/out", output_format="parquet", processes_count=1, thread_count=1,
                image_size=SIDE, resize_mode="center_crop", encode_format="jpg", encode_quality=95, number_sample_per_shard=10**6,
            )
            spent = used() - begun[0], time.time() - begun[1]
            shards = pathlib.Path(f"{folder}/out").glob("*.parquet")
            rows = sum(sum(status == "success" for status in pq.read_table(path)["status"].to_pylist()) for path in shards)
            assert rows == len(urls) * passes, f"{rows} of {len(urls) * passes} pictures"
            return spent

    short, long = run(1), run(1 + PASSES)
    return [(b - a) / (len(urls) * PASSES) for a, b in zip(short, long, strict=True)]


def pillow_in(pictures, dataset):
    """Decode, centre crop, Lanczos to 256, JPEG 95; captions read; nothing is stored."""
    from PIL import Image

    for path in sorted(pictures.glob("*.jpg")):
        path.with_suffix(".txt").read_text()
        picture = Image.open(path).convert("RGB")
        side = min(picture.size)
        left, top = (picture.width - side) // 2, (picture.height - side) // 2
        square = picture.crop((left, top, left + side, top + side)).resize((SIDE, SIDE), Image.Resampling.LANCZOS)
        square.save(io.BytesIO(), "JPEG", quality=95)
        yield 1


def libjpeg_turbo_in(pictures, dataset):
    """What libjpeg-turbo would give: decoding at 6/8 straight to 375x282, OpenCV's resize, its JPEG encoder; nothing is stored."""
    import cv2
    import simplejpeg

    cv2.setNumThreads(1)
    for path in sorted(pictures.glob("*.jpg")):
        path.with_suffix(".txt").read_text()
        picture = simplejpeg.decode_jpeg(path.read_bytes(), "BGR", min_height=SIDE, min_width=SIDE)
        side = min(picture.shape[:2])
        top, left = (picture.shape[0] - side) // 2, (picture.shape[1] - side) // 2
        square = cv2.resize(picture[top : top + side, left : left + side], (SIDE, SIDE), interpolation=cv2.INTER_AREA)
        cv2.imencode(".jpg", square, [cv2.IMWRITE_JPEG_QUALITY, 95])
        yield 1


def batches(dataset):
    import pyarrow as pa
    import pyarrow.parquet as pq

    pa.set_cpu_count(1)
    for path in sorted((dataset / "data").glob("*.parquet")):
        yield from pq.ParquetFile(path).iter_batches(256, columns=["image", "caption"])


def simplejpeg_out(pictures, dataset):
    """The quickest script that one would write: pyarrow for the rows, libjpeg-turbo for the pixels, OpenCV for the planes."""
    import cv2
    import simplejpeg

    cv2.setNumThreads(1)
    for batch in batches(dataset):
        for image in batch.column("image").field("bytes"):
            cv2.split(simplejpeg.decode_jpeg(memoryview(image.as_buffer()).cast("B"), "RGB"))
            yield 1


def pyarrow_out(pictures, dataset):
    import numpy as np
    from PIL import Image

    for batch in batches(dataset):
        for image in batch.column("image").to_pylist():
            np.asarray(Image.open(io.BytesIO(image["bytes"])).convert("RGB"))
            yield 1


def datasets_out(pictures, dataset):
    import numpy as np
    from datasets import load_dataset

    for row in load_dataset(str(dataset), split="train", streaming=True):
        np.asarray(row["image"].convert("RGB"))
        yield 1


def webdataset_out(pictures, dataset):
    import numpy as np
    import webdataset as wds

    tar = str(dataset / "peers.tar")
    if not os.path.exists(tar):
        with wds.TarWriter(tar) as sink:
            for batch in batches(dataset):
                for number, row in enumerate(batch.to_pylist()):
                    sink.write({"__key__": f"{number:06}", "jpg": row["image"]["bytes"], "txt": row["caption"]})
    for picture, _ in wds.WebDataset(tar, shardshuffle=False, empty_check=False).decode("pil").to_tuple("jpg", "txt"):
        np.asarray(picture.convert("RGB"))
        yield 1


def used():
    return sum(sum(resource.getrusage(who)[:2]) for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN))


def repeated(measure, pictures, dataset):
    sum(measure(pictures, dataset))  # once to import and to warm the files
    begun = used(), time.time()
    n = sum(sum(measure(pictures, dataset)) for _ in range(PASSES))
    return (used() - begun[0]) / n, (time.time() - begun[1]) / n


def peak_megabytes():
    """The most memory that this program, or a process that it started, has held. The system's own figure for this process would do,
    were it not handed down from the process that started it."""
    with open("/proc/self/status") as status:
        own = next(int(line.split()[1]) for line in status if line.startswith("VmHWM:"))
    return max(own, resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss) / 1000


def main(name, pictures, dataset):
    measure = globals()[name]
    act = measure if name == "img2dataset_in" else lambda *folders: repeated(measure, *folders)
    cpu, clock = act(pathlib.Path(pictures), pathlib.Path(dataset))
    print(f"{cpu}\t{clock}\t{peak_megabytes()}", flush=True)


if __name__ == "__main__":
    main(*sys.argv[1:4])
