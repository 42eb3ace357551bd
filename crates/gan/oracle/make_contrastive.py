"""Makes `contrastive.safetensors`: numbers from PyTorch that `tests/contrastive.rs` compares with.

The picture encoder, the text head and the contrastive losses, written anew in plain PyTorch, in float64, stored as float32. Run by
hand where PyTorch 2.11 is: `python make_contrastive.py`. Neither the tests nor CI import torch.
"""

from pathlib import Path

import torch
import torch.nn.functional as F
from safetensors.torch import save_file
from torch import nn

torch.set_default_dtype(torch.float64)
torch.manual_seed(7)
out = {}


def put(name, tensor):
    assert name not in out, name
    out[name] = tensor.detach().float().contiguous().clone()


# Losses, with loops where the formula has sums.
queries = F.normalize(torch.randn(6, 5), dim=1).requires_grad_()
keys = F.normalize(torch.randn(6, 5), dim=1).requires_grad_()
anchors = F.normalize(torch.randn(3, 5), dim=1).requires_grad_()
groups = torch.tensor([0, 1, 0, 2, 1, 0])
for name, tensor in (("queries", queries), ("keys", keys), ("anchors", anchors), ("groups", groups)):
    put(f"losses/{name}", tensor)


def supervised(a, b, labels, tau):
    total = 0
    for i in range(len(a)):
        logits = torch.stack([(a[i] * b[j]).sum() / tau for j in range(len(b))])
        same = [j for j in range(len(b)) if labels[j] == labels[i]]
        total = total - sum(logits[j] - torch.logsumexp(logits, 0) for j in same) / len(same)
    return total / len(a)


def among(a, own, others, labels, tau):
    total = 0
    for i in range(len(a)):
        rivals = [(a[i] * others[j]).sum() / tau for j in range(len(others)) if labels[j] != labels[i]]
        logits = torch.stack([(a[i] * own[i]).sum() / tau, *rivals])
        total = total - F.log_softmax(logits, 0)[0]
    return total / len(a)


losses = {
    "info_nce": (
        F.cross_entropy(queries @ keys.t() / 0.1, torch.arange(6))
        + F.cross_entropy(keys @ queries.t() / 0.1, torch.arange(6))
    )
    / 2,
    "grouped": (supervised(queries, keys, groups, 0.07) + supervised(keys, queries, groups, 0.07)) / 2,
    "anchored": F.cross_entropy(queries @ anchors.t() / 0.2, groups),
    "among": among(queries, keys.detach().roll(1, 0), keys, groups, 0.07),
}
for name, value in losses.items():
    put(f"losses/{name}", value)
    put(f"losses/{name}/queries", torch.autograd.grad(value, queries, retain_graph=True)[0])


class Stage(nn.Module):
    def __init__(self, n_in, n_out):
        super().__init__()
        self.weight = nn.Parameter(0.2 * torch.randn(n_out, n_in, 4, 4))
        self.bias = nn.Parameter(0.2 * torch.randn(n_out))
        self.norm = nn.ParameterDict({"scale": 1 + 0.3 * torch.randn(n_out), "shift": 0.3 * torch.randn(n_out)})

    def forward(self, x):
        x = F.conv2d(x, self.weight, self.bias, stride=2, padding=1)
        x = F.group_norm(x, 8, self.norm["scale"], self.norm["shift"])
        return F.leaky_relu(x, 0.2)


class Encoder(nn.Module):
    def __init__(self):
        super().__init__()
        self.fine = nn.Conv2d(3, 4, 3, padding=1)
        self.stage8, self.stage4 = Stage(4, 8), Stage(8, 16)
        self.style1, self.style2 = nn.Linear(2 * 28, 7), nn.Linear(7, 5)
        self.subject = nn.Linear(16 * 16, 6)

    def forward(self, x):
        fine = F.leaky_relu(self.fine(x), 0.2)
        first = self.stage8(fine)
        second = self.stage4(first)
        stages = [fine, first, second]
        moments = torch.cat(
            [
                part
                for h in stages
                for part in (h.mean((2, 3)), torch.sqrt(h.var((2, 3), unbiased=False) + 1e-5))
            ],
            1,
        )
        style = F.normalize(self.style2(F.leaky_relu(self.style1(moments), 0.2)), dim=1)
        cells = F.adaptive_avg_pool2d(second, 4).flatten(1)
        return stages, moments, style, F.normalize(self.subject(cells), dim=1)


encoder = Encoder()
pictures, larger = torch.rand(4, 3, 16, 16) * 2 - 1, torch.rand(2, 3, 32, 48) * 2 - 1
put("encoder/pictures", pictures)
put("encoder/larger", larger)
parameters = dict(encoder.named_parameters())
for name, parameter in parameters.items():
    put(f"encoder/weights/{name}", parameter)
stages, moments, style, subject = encoder(pictures)
put("encoder/stage8", stages[1])
put("encoder/moments", moments)
put("encoder/style", style)
put("encoder/subject", subject)
_, _, larger_style, larger_subject = encoder(larger)
put("encoder/larger/style", larger_style)
put("encoder/larger/subject", larger_subject)
cotangents = torch.randn_like(style), torch.randn_like(subject)
put("encoder/cotangent/style", cotangents[0])
put("encoder/cotangent/subject", cotangents[1])
loss = (style * cotangents[0]).sum() + (subject * cotangents[1]).sum()
for name, gradient in zip(parameters, torch.autograd.grad(loss, list(parameters.values()))):
    put(f"encoder/gradients/{name}", gradient)

head = nn.ModuleDict({"layer1": nn.Linear(5, 6), "layer2": nn.Linear(6, 4)})
text = torch.randn(3, 5)
put("head/text", text)
for name, parameter in head.named_parameters():
    put(f"head/weights/{name}", parameter)
put("head/vectors", F.normalize(head["layer2"](F.leaky_relu(head["layer1"](text), 0.2)), dim=1))

# A head that reads parts: attention over those that are there, sentence by sentence (Ilse et al. 2018).
head = nn.ModuleDict({"layer1": nn.Linear(5, 6), "layer2": nn.Linear(6, 4), "attention": nn.Linear(6, 1)})
lists = [torch.randn(n, 5).requires_grad_() for n in (1, 3, 2)]
put("parts/text", torch.stack([F.pad(parts, (0, 0, 0, 3 - len(parts))) for parts in lists]))
for name, parameter in head.named_parameters():
    put(f"parts/weights/{name}", parameter)
vectors = []
for parts in lists:
    hidden = F.leaky_relu(head["layer1"](parts), 0.2)
    weights = F.softmax(head["attention"](hidden).flatten() / 6**0.5, dim=0)
    pooled = sum(weight * row for weight, row in zip(weights, hidden))
    vectors.append(F.normalize(head["layer2"](pooled), dim=0))
vectors = torch.stack(vectors)
put("parts/vectors", vectors)
cotangent = torch.randn_like(vectors)
put("parts/cotangent", cotangent)
gradient = torch.autograd.grad((vectors * cotangent).sum(), head["attention"].weight)[0]
put("parts/gradient", gradient)

path = Path(__file__).parent / "contrastive.safetensors"
save_file(out, path)
print(len(out), "tensors,", path.stat().st_size, "bytes")
