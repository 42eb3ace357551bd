"""Makes `mobilenet-v2.safetensors`: features that PyTorch computes with the fetched weights, for `tests/mobilenet.rs`.

The network is written from the paper's table in plain PyTorch (as torchvision builds it) and loaded by parameter names, so
that a wrong name, stride or padding on our side shows. Run by hand: `python make_mobilenet.py CACHE/encoders/mobilenet-v2`.
"""

import sys
from pathlib import Path

import torch
import torch.nn.functional as F
from safetensors.torch import load_file, save_file

weights = load_file(Path(sys.argv[1]) / "model.safetensors")


def layer(x, conv, norm, stride=1, groups=1, padding=0):
    x = F.conv2d(x, weights[f"{conv}.weight"], None, stride, padding, 1, groups)
    part = [weights[f"{norm}.{key}"] for key in ("running_mean", "running_var", "weight", "bias")]
    return F.batch_norm(x, *part, training=False, eps=1e-5)


def features(x, depths=()):
    seen = []
    x = F.relu6(layer(x, "features.0.0", "features.0.1", 2, 1, 1))
    at, n_in = 1, 32
    for t, c, n, s in ((1, 16, 1, 1), (6, 24, 2, 2), (6, 32, 3, 2), (6, 64, 4, 2), (6, 96, 3, 1), (6, 160, 3, 2), (6, 320, 1, 1)):
        for i in range(n):
            stride, wide, name, h, k = (s if i == 0 else 1), n_in * t, f"features.{at}.conv", x, 0
            if t != 1:
                h, k = F.relu6(layer(h, f"{name}.0.0", f"{name}.0.1")), 1
            h = F.relu6(layer(h, f"{name}.{k}.0", f"{name}.{k}.1", stride, wide, 1))
            h = layer(h, f"{name}.{k + 1}", f"{name}.{k + 2}")
            x = x + h if stride == 1 and n_in == c else h
            if at in depths:
                seen.append(x)
            at, n_in = at + 1, c
    if depths:
        return seen
    return F.relu6(layer(x, "features.18.0", "features.18.1")).mean((2, 3))


torch.manual_seed(1)
# Stored as half floats, so the features are those of the rounded pictures.
pictures = (F.interpolate(torch.randn(3, 3, 6, 6), size=(64, 64), mode="bicubic") * 0.7).clamp(-1, 1).to(torch.float16)
x = F.interpolate(pictures.float(), size=(128, 128), mode="bilinear", align_corners=False)
mean, std = torch.tensor([0.485, 0.456, 0.406]), torch.tensor([0.229, 0.224, 0.225])
coloured = lambda x: ((x + 1) / 2 - mean.view(1, 3, 1, 1)) / std.view(1, 3, 1, 1)
out = {"pictures": pictures, "features": features(coloured(x))}
# The first picture at its own size, after torchvision's features.3, features.6 and features.13.
for depth, seen in enumerate(features(coloured(pictures[:1].float()), (3, 6, 13))):
    out[f"depth{depth}"] = seen.contiguous()
path = Path(__file__).parent / "mobilenet-v2.safetensors"
save_file(out, path)
print(path.stat().st_size, "bytes; features up to", float(out["features"].max()))
