"""sentence-transformers' rate with the same weights on the same texts, for `encode.rs`: python3 peers.py MODEL_FOLDER REPEATS < texts

One text a line. Prints CPU-seconds, clock-seconds and peak megabytes, separated by tabs. One thread, as ours.
"""

import os
import sys
import time

os.environ["OMP_NUM_THREADS"] = os.environ["RAYON_NUM_THREADS"] = "1"
os.environ["TOKENIZERS_PARALLELISM"] = "false"

import torch  # noqa: E402
from sentence_transformers import SentenceTransformer  # noqa: E402

torch.set_num_threads(1)
model = SentenceTransformer(sys.argv[1], device="cpu")
texts = sys.stdin.read().split("\n") * int(sys.argv[2])
model.encode(texts[:64], batch_size=32)
begun = time.process_time(), time.time()
model.encode(texts, batch_size=32, normalize_embeddings=True)
spent = time.process_time() - begun[0], time.time() - begun[1]
with open("/proc/self/status") as status:  # the usual call gives what the starting process has held, where that is more
    peak = next(int(line.split()[1]) for line in status if line.startswith("VmHWM:")) / 1000
print(*spent, peak, sep="\t")
