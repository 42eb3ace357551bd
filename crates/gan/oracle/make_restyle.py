"""Makes `restyle.safetensors`: numbers from PyTorch that `tests/oracle/restyle.rs` compares with.

The restyling generator, its discriminator and both losses, written anew in plain PyTorch with loops where the formulas have sums, in
float64, stored as float32. Run by hand where PyTorch 2.11 is: `python make_restyle.py`. Neither the tests nor CI import torch.
"""

from pathlib import Path

import torch
import torch.nn.functional as F
from safetensors.torch import save_file

torch.set_default_dtype(torch.float64)
torch.manual_seed(11)
out = {}
DIM = 6


def put(name, tensor):
    assert name not in out, name
    out[name] = tensor.detach().float().contiguous().clone()


def leaky(x):
    return F.leaky_relu(x, 0.2)


class Weights(dict):
    """Parameters by the names that the Rust code gives them."""

    def layer(self, name, *shape, scale=0.3):
        self[f"{name}.weight"] = (scale * torch.randn(*shape)).requires_grad_()
        self[f"{name}.bias"] = (scale * torch.randn(shape[0])).requires_grad_()

    def linear(self, name, x):
        return F.linear(x, self[f"{name}.weight"], self[f"{name}.bias"])

    def conv(self, name, x, stride=1, padding=1):
        return F.conv2d(x, self[f"{name}.weight"], self[f"{name}.bias"], stride=stride, padding=padding)


# Generator: channels 4, 5, 6, one block, w of 7.
channels, mapped = [4, 5, 6], 7
g = Weights()
g.layer("mapping1", mapped, DIM)
g.layer("mapping2", mapped, mapped)
g.layer("stem", 4, 3, 3, 3)
g.layer("down1", 5, 4, 4, 4)
g.layer("down2", 6, 5, 4, 4)
for name, n_in, n_out in (("block1", 6, 6), ("up2.block", 6, 5), ("up1.block", 5, 4)):
    g.layer(f"{name}.first.modulation", 2 * n_in, mapped)
    g.layer(f"{name}.first.conv", n_out, n_in, 3, 3)
    g.layer(f"{name}.second.modulation", 2 * n_out, mapped)
    g.layer(f"{name}.second.conv", n_out, n_out, 3, 3)
    g.layer(f"{name}.shortcut", n_out, n_in, 1, 1)
g.layer("up2.join", 12, mapped)
g.layer("up1.join", 10, mapped)
g.layer("enter", 8, mapped)
g.layer("finish", 8, mapped)
g.layer("to_rgb", 3, 4, 3, 3)
g.layer("palette", 12, mapped)


def modulate(name, x, w):
    gamma, beta = g.linear(name, w).chunk(2, 1)
    return leaky(x * (1 + gamma[:, :, None, None]) + beta[:, :, None, None])


def block(name, x, w, factor):
    up = lambda v: F.interpolate(v, scale_factor=factor, mode="nearest") if factor > 1 else v
    h = g.conv(f"{name}.first.conv", up(modulate(f"{name}.first.modulation", x, w)))
    h = g.conv(f"{name}.second.conv", modulate(f"{name}.second.modulation", h, w))
    return (h + g.conv(f"{name}.shortcut", up(x), padding=0)) / 2**0.5


def generator(x, style):
    w = leaky(g.linear("mapping2", leaky(g.linear("mapping1", style))))
    s0 = leaky(g.conv("stem", x))
    s1 = leaky(g.conv("down1", s0, stride=2))
    s2 = leaky(g.conv("down2", s1, stride=2))
    h = block("block1", s2, w, 1)
    h = block("up2.block", h + modulate("up2.join", s2, w), w, 2)
    h = block("up1.block", h + modulate("up1.join", s1, w), w, 2)
    h = g.conv("to_rgb", modulate("finish", h + modulate("enter", s0, w), w))
    palette = g.linear("palette", w)
    matrix, shift = palette[:, :9].view(-1, 3, 3), palette[:, 9:]
    h = h + torch.einsum("nchw,ncd->ndhw", h, matrix) + shift[:, :, None, None]
    return torch.where(h.abs() <= 1, h, h.sign() + 0.05 * (h - h.sign()))


pictures, style = torch.rand(2, 3, 12, 16) * 2 - 1, torch.randn(2, DIM)
put("generator/pictures", pictures)
put("generator/style", style)
for name, value in g.items():
    put(f"generator/weights/{name}", value)
drawn = generator(pictures, style)
put("generator/drawn", drawn)
cotangent = torch.randn_like(drawn)
put("generator/cotangent", cotangent)
for name, gradient in zip(g, torch.autograd.grad((drawn * cotangent).sum(), list(g.values()))):
    put(f"generator/gradients/{name}", gradient)

# Discriminator: channels 4, 5, 6, of which the last two are scored.
d = Weights()
widths = [3, 4, 5, 6]
for i in range(3):
    d.layer(f"stage{i + 1}", widths[i + 1], widths[i], 4, 4)
for i in (2, 3):
    d.layer(f"head{i}.plain", 1, widths[i], 3, 3)
    d.layer(f"head{i}.projection", widths[i], DIM)
d.layer("agreement1", 5, 2 * (4 + 5 + 6))
d.layer("agreement2", DIM, 5)


def features(x):
    stages = []
    for i in range(3):
        x = leaky(d.conv(f"stage{i + 1}", x, stride=2))
        stages.append(x)
    return stages


def score(stages, style):
    cells = []
    for i in (2, 3):
        h = stages[i - 1]
        projected = d.linear(f"head{i}.projection", style)
        fit = torch.einsum("nchw,nc->nhw", h, projected) / h.shape[1] ** 0.5
        cells.append((d.conv(f"head{i}.plain", h)[:, 0] + fit).flatten(1))
    return cells


def moments(stages):
    rows = [v for h in stages for v in (h.mean((2, 3)), torch.sqrt(h.var((2, 3), unbiased=False) + 1e-5))]
    return torch.cat(rows, 1)


def agreement(stages):
    return F.normalize(d.linear("agreement2", leaky(d.linear("agreement1", moments(stages)))), dim=1)


def supervised(a, b, labels, tau):
    def toward(a, b):
        total = 0
        for i in range(len(a)):
            logits = (b @ a[i]) / tau
            same = [j for j in range(len(b)) if labels[j] == labels[i]]
            total = total - sum(logits[j] - torch.logsumexp(logits, 0) for j in same) / len(same)
        return total / len(a)

    return (toward(a, b) + toward(b, a)) / 2


def pairs(low, high, rows=None):
    scales = []
    for a, b in zip(low, high):
        chosen = range(len(a)) if rows is None else rows
        scales.append(sum(F.softplus(a[i] - b[i]).mean() for i in chosen) / max(len(list(chosen)), 1))
    return sum(scales) / len(scales)


n = 4
labels = torch.tensor([0, 1, 1, 2])
is_paired, is_own = torch.tensor([1.0, 0.0, 1.0, 1.0]), torch.tensor([0.0, 0.0, 1.0, 0.0])
source, target, real = (torch.rand(n, 3, 16, 16) * 2 - 1 for _ in range(3))
fake, fake_seen = (torch.rand(n, 3, 16, 16) * 2 - 1 for _ in range(2))
styles = torch.randn(n, DIM)
for name, value in d.items():
    put(f"discriminator/weights/{name}", value)
for name, value in (("source", source), ("target", target), ("real", real), ("fake", fake), ("fake_seen", fake_seen)):
    put(f"batch/{name}", value)
put("batch/style", styles)
put("batch/labels", labels)
put("batch/is_paired", is_paired)
put("batch/is_own", is_own)

# The discriminator's loss: mismatch .5, temperature .2, penalty weight 3.
both = torch.cat([real, fake_seen]).requires_grad_()
stages = features(both)
cells = score(stages, torch.cat([styles, styles]))
real_cells, fake_cells = [c[:n] for c in cells], [c[n:] for c in cells]
others = score([h[:n] for h in stages], styles.roll(1, 0))
rows = [i for i in range(n) if labels[i] != labels[i - 1]]
adversarial = pairs(fake_cells, real_cells) + 0.5 * pairs(others, real_cells, rows)
agree = supervised(agreement([h[:n] for h in stages]), F.normalize(styles, dim=1), labels, 0.2)
penalised = sum(c.sum() / c.shape[1] ** 0.5 for c in cells) / 2
(slope,) = torch.autograd.grad(penalised, both, create_graph=True)
penalty = (slope**2).sum() / n
loss = adversarial + agree + 3.0 / 2 * penalty
put("discriminator/adversarial", adversarial)
put("discriminator/agreement", agree)
put("discriminator/penalty", penalty)
put("discriminator/loss", loss)
for name, gradient in zip(d, torch.autograd.grad(loss, list(d.values()))):
    put(f"discriminator/gradients/{name}", gradient)

# The generator's loss, with made-up views of the frozen encoder.
weights = dict(adversarial=1.1, agreement=0.7, style=0.6, moments=5.0, content=1.3, features=0.9, pooled_colour=2.0, identity=4.0, total_variation=0.4)
views = {}
for who in ("drawn", "target", "source"):
    views[who] = dict(
        stages=[torch.randn(n, c, s, s) for c, s in ((2, 16), (3, 8), (4, 4))],
        style=F.normalize(torch.randn(n, DIM), dim=1),
        subject=F.normalize(torch.randn(n, 5), dim=1),
    )
    for i, h in enumerate(views[who]["stages"]):
        put(f"views/{who}/stage{i}", h)
    put(f"views/{who}/style", views[who]["style"])
    put(f"views/{who}/subject", views[who]["subject"])
fake.requires_grad_()
fake_seen.requires_grad_()
seen = features(fake_seen)


def over(mask, values):
    chosen = [i for i in range(n) if mask[i] == 1]
    return sum(values[i].mean() for i in chosen) / len(chosen)


pool = lambda x: x.view(n, 3, 8, 2, 8, 2).mean((3, 5))
subjects = [views["target" if is_paired[i] == 1 else "source"]["subject"][i] for i in range(n)]
both_coarse = list(zip(views["drawn"]["stages"], views["target"]["stages"]))[1:]
terms = dict(
    adversarial=pairs([c.detach() for c in real_cells], score(seen, styles)),
    agreement=supervised(agreement(seen), F.normalize(styles, dim=1), labels, 0.2),
    style=supervised(views["drawn"]["style"], F.normalize(styles, dim=1), labels, 0.2),
    moments=over(is_paired, (moments(views["drawn"]["stages"]) - moments(views["target"]["stages"])).abs()),
    content=sum(1 - views["drawn"]["subject"][i] @ subjects[i] for i in range(n)) / n,
    features=sum(over(is_paired, (a - b).abs()) for a, b in both_coarse) / 2,
    pooled_colour=over(is_paired, (pool(fake) - pool(target)).abs()),
    identity=over(is_own, (fake - source).abs()),
    total_variation=(fake[:, :, 1:] - fake[:, :, :-1]).abs().mean() + (fake[..., 1:] - fake[..., :-1]).abs().mean(),
)
total = sum(weights[name] * term for name, term in terms.items())
for name, term in terms.items():
    put(f"terms/{name}", term)
put("terms/loss", total)
for name, gradient in zip(("fake", "fake_seen"), torch.autograd.grad(total, [fake, fake_seen])):
    put(f"terms/gradients/{name}", gradient)

path = Path(__file__).parent / "restyle.safetensors"
save_file(out, path)
print(len(out), "tensors,", path.stat().st_size, "bytes")
