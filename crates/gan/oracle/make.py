"""Makes `oracle.safetensors`: numbers from PyTorch that `tests/oracle.rs` compares with.

Everything is written anew from the papers and in plain PyTorch, with the slow and obvious form of each formula, in float64 and
stored as float32. Run by hand where PyTorch 2.11 is: `python make.py`. Neither the tests nor CI import torch.
"""

import math
from pathlib import Path

import torch
import torch.nn.functional as F
from safetensors.torch import save_file
from torch import nn

torch.set_default_dtype(torch.float64)
torch.manual_seed(5)
out = {}


def put(name, tensor):
    assert name not in out, name
    out[name] = tensor.detach().float().contiguous().clone()


# Losses: values and gradients by the scores.
scores = {name: torch.randn(8, requires_grad=True) for name in ("real", "fake", "mismatch")}
for name, tensor in scores.items():
    put(f"scores/{name}", tensor)
real, fake, mismatch = scores.values()
softplus = lambda x: torch.log1p(torch.exp(x))
relu = lambda x: x.clamp(min=0)
losses = {
    "relativistic": (
        softplus(fake - real).mean() + 0.5 * softplus(mismatch - real).mean(),
        softplus(real.detach() - fake).mean(),
    ),
    "hinge": (
        relu(1 - real).mean() + 0.5 * relu(1 + fake).mean() + 0.5 * relu(1 + mismatch).mean(),
        -fake.mean(),
    ),
    "non_saturating": (
        F.binary_cross_entropy_with_logits(real, torch.ones(8))
        + F.binary_cross_entropy_with_logits(fake, torch.zeros(8))
        + 0.5 * F.binary_cross_entropy_with_logits(mismatch, torch.zeros(8)),
        F.binary_cross_entropy_with_logits(fake, torch.ones(8)),
    ),
    "wasserstein": (
        fake.mean() - real.mean() + 0.5 * (mismatch.mean() - real.mean()),
        -fake.mean(),
    ),
}
for name, (discriminator, generator) in losses.items():
    put(f"losses/{name}/discriminator", discriminator)
    for key, gradient in zip(scores, torch.autograd.grad(discriminator, list(scores.values()))):
        put(f"losses/{name}/discriminator/{key}", gradient)
    put(f"losses/{name}/generator", generator)
    put(f"losses/{name}/generator/fake", torch.autograd.grad(generator, fake)[0])

# Penalties on a small critic: tanh(<picture, w>) + <text, v> * mean(picture)^2; values and gradients by w and v.
pictures = torch.randn(4, 3, 5, 5, requires_grad=True)
texts = torch.randn(4, 6, requires_grad=True)
w = (0.3 * torch.randn(3, 5, 5)).requires_grad_()
v = torch.randn(6, requires_grad=True)
for name, tensor in (("pictures", pictures), ("texts", texts), ("w", w), ("v", v)):
    put(f"penalties/{name}", tensor)


def critic(picture, text):
    return torch.tanh((picture * w).sum((1, 2, 3))) + (text @ v) * picture.mean((1, 2, 3)) ** 2


def norms(*inputs):
    gradients = torch.autograd.grad(critic(*inputs[:2]).sum(), inputs, create_graph=True)
    return torch.cat([gradient.flatten(1) for gradient in gradients], 1).norm(dim=1)


def picture_norms(picture):
    gradient = torch.autograd.grad(critic(picture, texts).sum(), picture, create_graph=True)[0]
    return gradient.flatten(1).norm(dim=1)


share = torch.rand(4)
put("penalties/share", share)
others = torch.randn(4, 3, 5, 5)
put("penalties/others", others)
between = (share.view(4, 1, 1, 1) * pictures + (1 - share.view(4, 1, 1, 1)) * others).detach().requires_grad_()
penalties = {
    "zero_centred": 0.5 * (picture_norms(pictures) ** 2).mean(),
    "matching_aware": (norms(pictures, texts) ** 6).mean(),
    "slope": ((picture_norms(between) - 1) ** 2).mean(),
}
for name, value in penalties.items():
    put(f"penalties/{name}", value)
    for key, gradient in zip("wv", torch.autograd.grad(value, [w, v], retain_graph=True)):
        put(f"penalties/{name}/{key}", gradient)

# DiffAugment's operations with given parameters.
x = torch.rand(4, 3, 8, 8) * 2 - 1
put("augment/pictures", x)
brightness, saturation, contrast = torch.rand(4) - 0.5, torch.rand(4) * 2, torch.rand(4) + 0.5
for name, tensor in (("brightness", brightness), ("saturation", saturation), ("contrast", contrast)):
    put(f"augment/{name}", tensor)
y = x + brightness.view(-1, 1, 1, 1)
y = (y - y.mean(1, keepdim=True)) * saturation.view(-1, 1, 1, 1) + y.mean(1, keepdim=True)
y = (y - y.mean((1, 2, 3), keepdim=True)) * contrast.view(-1, 1, 1, 1) + y.mean((1, 2, 3), keepdim=True)
put("augment/coloured", y)
down, right = torch.tensor([0, 2, -3, 1]), torch.tensor([1, 0, 2, -2])
put("augment/down", down)
put("augment/right", right)
padded = F.pad(x, (3, 3, 3, 3), mode="replicate")
shifted = [padded[i, :, 3 - down[i] : 11 - down[i], 3 - right[i] : 11 - right[i]] for i in range(4)]
put("augment/shifted", torch.stack(shifted))
row, column, side = torch.tensor([0, 3, 8, 5]), torch.tensor([0, 4, 8, 1]), 4
put("augment/row", row)
put("augment/column", column)
mask = torch.ones(4, 8, 8)
for i in range(4):
    for r in range(side):
        for c in range(side):
            at = (int(row[i]) - side // 2 + r, int(column[i]) - side // 2 + c)
            if 0 <= at[0] < 8 and 0 <= at[1] < 8:
                mask[i, at[0], at[1]] = 0
put("augment/holed", x * mask[:, None])

# Networks.
LATENT, TEXT, HEAD, STYLE = 3, 5, 4, 6


class Modulation(nn.Module):
    def __init__(self, n):
        super().__init__()
        self.weight = nn.Parameter(0.3 * torch.randn(2 * n, STYLE))
        self.bias = nn.Parameter(0.3 * torch.randn(2 * n))

    def forward(self, x, w):
        gamma, beta = (w @ self.weight.t() + self.bias)[:, :, None, None].chunk(2, 1)
        return F.leaky_relu(x * (1 + gamma) + beta, 0.2)


class Half(nn.Module):
    def __init__(self, n_in, n_out):
        super().__init__()
        self.modulation = Modulation(n_in)
        self.conv = nn.Conv2d(n_in, n_out, 3, padding=1)


class Block(nn.Module):
    def __init__(self, n_in, n_out, up):
        super().__init__()
        self.first, self.second, self.up = Half(n_in, n_out), Half(n_out, n_out), up
        self.shortcut = nn.Conv2d(n_in, n_out, 1)

    def forward(self, x, w):
        if self.up:
            x = x.repeat_interleave(2, 2).repeat_interleave(2, 3)
        h = self.first.conv(self.first.modulation(x, w))
        h = self.second.conv(self.second.modulation(h, w))
        return (h + self.shortcut(x)) / math.sqrt(2)


class Generator(nn.Module):
    def __init__(self, channels):
        super().__init__()
        self.text_head = nn.Linear(TEXT, HEAD)
        self.mapping1, self.mapping2 = nn.Linear(LATENT + HEAD, STYLE), nn.Linear(STYLE, STYLE)
        self.start = nn.Linear(STYLE, channels[0] * 16)
        self.block4 = Block(channels[0], channels[0], False)
        self.block8 = Block(channels[0], channels[1], True)
        self.block16 = Block(channels[1], channels[2], True)
        self.to_rgb = nn.Conv2d(channels[2], 3, 3, padding=1)
        self.n = channels[0]

    def forward(self, z, t):
        w = F.leaky_relu(self.mapping1(torch.cat([z, self.text_head(t)], 1)), 0.2)
        w = F.leaky_relu(self.mapping2(w), 0.2)
        x = self.start(w).view(-1, self.n, 4, 4)
        for block in (self.block4, self.block8, self.block16):
            x = block(x, w)
        return self.to_rgb(F.leaky_relu(x, 0.2))


class Residual(nn.Module):
    def __init__(self, n_in, n_out):
        super().__init__()
        self.same = nn.Conv2d(n_in, n_in, 3, padding=1)
        self.halving = nn.Conv2d(n_in, n_out, 4, 2, 1)
        self.shortcut = nn.Conv2d(n_in, n_out, 1)
        self.gate = nn.Parameter(torch.randn(n_out))

    def forward(self, x):
        side = self.halving(F.leaky_relu(self.same(x), 0.2))
        return F.leaky_relu(self.shortcut(F.avg_pool2d(x, 2)) + self.gate[:, None, None] * side, 0.2)


def with_deviation(x):
    channel = torch.empty(x.shape[0], 1, *x.shape[2:])
    for start in range(0, x.shape[0], 4):
        group = x[start : start + 4]
        variance = ((group - group.mean(0)) ** 2).mean(0)
        channel[start : start + 4] = torch.sqrt(variance + 1e-6).mean()
    return torch.cat([x, channel], 1)


class Discriminator(nn.Module):
    def __init__(self, channels, features, residual):
        super().__init__()
        self.stage16 = nn.Conv2d(3, channels[0], 4, 2, 1)
        self.stage8 = Residual(*channels) if residual else nn.Conv2d(channels[0], channels[1], 4, 2, 1)
        self.last = nn.Conv2d(channels[1] + 1, features, 3, padding=1)
        self.realness = nn.Linear(features, 1)
        self.text_projection = nn.Linear(TEXT, features)
        self.residual = residual

    def features(self, x):
        x = F.leaky_relu(self.stage16(x), 0.2)
        x = self.stage8(x) if self.residual else F.leaky_relu(self.stage8(x), 0.2)
        return F.leaky_relu(self.last(with_deviation(x)), 0.2).mean((2, 3))

    def score(self, h, t):
        return self.realness(h)[:, 0] + (h * self.text_projection(t)).sum(1) / math.sqrt(h.shape[1])


generator = Generator([5, 4, 3])
z, t = torch.randn(4, LATENT), torch.randn(4, TEXT)
put("networks/latent", z)
put("networks/text", t)
for name, parameter in generator.named_parameters():
    put(f"generator/weights/{name}", parameter)
drawn = generator(z, t)
put("generator/pictures", drawn)
weight = torch.randn_like(drawn)
put("generator/cotangent", weight)
parameters = dict(generator.named_parameters())
for name, gradient in zip(parameters, torch.autograd.grad((drawn * weight).sum(), list(parameters.values()))):
    put(f"generator/gradients/{name}", gradient)

x = torch.rand(8, 3, 4, 4)
put("minibatch/features", x)
put("minibatch/result", with_deviation(x))

n = 8
real, fake, t = torch.randn(n, 3, 16, 16), torch.randn(n, 3, 16, 16), torch.randn(n, TEXT)
# Mismatched texts: each sample takes its predecessor's within its group of 4.
rolled = torch.cat([t[[3, 0, 1, 2]], t[[7, 4, 5, 6]]])
for name, tensor in (("real", real), ("fake", fake), ("text", t), ("rolled", rolled)):
    put(f"step/{name}", tensor)
for kind, residual in (("plain", False), ("residual", True)):
    discriminator = Discriminator([4, 5], 7, residual)
    parameters = dict(discriminator.named_parameters())
    for name, parameter in parameters.items():
        put(f"{kind}/weights/{name}", parameter)
    a, b = real.clone().requires_grad_(), fake.clone().requires_grad_()
    ha, hb = discriminator.features(a), discriminator.features(b)
    sa, sb, sm = discriminator.score(ha, t), discriminator.score(hb, t), discriminator.score(ha, rolled)
    put(f"{kind}/real", sa)
    put(f"{kind}/fake", sb)
    put(f"{kind}/mismatch", sm)
    r1 = torch.autograd.grad(sa.sum(), a, create_graph=True)[0].flatten(1).pow(2).sum(1).mean() / 2
    r2 = torch.autograd.grad(sb.sum(), b, create_graph=True)[0].flatten(1).pow(2).sum(1).mean() / 2
    loss = softplus(sb - sa).mean() + 0.5 * softplus(sm - sa).mean() + 40 * (r1 + r2)
    put(f"{kind}/loss", loss)
    put(f"{kind}/penalty", r1 + r2)
    for name, gradient in zip(parameters, torch.autograd.grad(loss, list(parameters.values()))):
        put(f"{kind}/gradients/{name}", gradient)

# A moving average: five batches of 32 images, half-life min(100, 0.5 * seen).
average, seen = torch.zeros(3), 0
for step in range(5):
    seen += 32
    source = torch.arange(3.0) + step
    keep = 0.5 ** (32 / min(100, 0.5 * seen))
    average = keep * average + (1 - keep) * source
put("ema/average", average)

# Spectral normalisation by PyTorch's own hook: one step of the power iteration a call, from a given left vector.
discriminator = Discriminator([4, 5], 7, False)
layers = {name: module for name, module in discriminator.named_modules() if hasattr(module, "weight")}
for name, module in layers.items():
    nn.utils.spectral_norm(module)
    put(f"spectral/weights/{name}.weight", module.weight_orig)
    put(f"spectral/weights/{name}.bias", module.bias)
    put(f"spectral/weights/{name}.left_vector", module.weight_u)
both = discriminator.features(torch.cat([real, fake]))
scored = [(both[:n], t), (both[n:], t), (both[:n], rolled)]
sa, sb, sm = (discriminator.score(h, text) for h, text in scored)
for name, tensor in (("real", sa), ("fake", sb), ("mismatch", sm)):
    put(f"spectral/{name}", tensor)
loss = relu(1 - sa).mean() + 0.5 * relu(1 + sb).mean() + 0.5 * relu(1 + sm).mean()
put("spectral/loss", loss)
parameters = {name.replace("weight_orig", "weight"): value for name, value in discriminator.named_parameters()}
for name, gradient in zip(parameters, torch.autograd.grad(loss, list(parameters.values()))):
    put(f"spectral/gradients/{name}", gradient)
for name, module in layers.items():
    put(f"spectral/after/{name}.left_vector", module.weight_u)

# Warm start: PyTorch's own divergence and squared error, with gradients by what the encoder says and what was drawn.
mean, log_variance = torch.randn(4, 6, requires_grad=True), torch.randn(4, 6, requires_grad=True)
drawn, target, noise = torch.randn(4, 3, 5, 5, requires_grad=True), torch.randn(4, 3, 5, 5), torch.randn(4, 6)
posterior = torch.distributions.Normal(mean, (log_variance / 2).exp())
divergence = torch.distributions.kl_divergence(posterior, torch.distributions.Normal(0.0, 1.0)).sum(1).mean()
loss = F.mse_loss(drawn, target) + 0.7 * divergence / 75
for name, tensor in (
    ("mean", mean), ("log_variance", log_variance), ("drawn", drawn), ("target", target), ("noise", noise),
    ("sample", mean + (log_variance / 2).exp() * noise), ("divergence", divergence), ("loss", loss),
):
    put(f"warm_start/{name}", tensor)
for name, gradient in zip(("mean", "log_variance", "drawn"), torch.autograd.grad(loss, [mean, log_variance, drawn])):
    put(f"warm_start/gradients/{name}", gradient)

# A discriminator of feature maps, 6 channels of 8x8, one halving; hinge with R2 alone.
class OfMaps(Discriminator):
    def __init__(self):
        nn.Module.__init__(self)
        self.stage8 = nn.Conv2d(6, 5, 4, 2, 1)
        self.last = nn.Conv2d(6, 7, 3, padding=1)
        self.realness, self.text_projection = nn.Linear(7, 1), nn.Linear(TEXT, 7)

    def features(self, x):
        return F.leaky_relu(self.last(with_deviation(F.leaky_relu(self.stage8(x), 0.2))), 0.2).mean((2, 3))


discriminator = OfMaps()
parameters = dict(discriminator.named_parameters())
for name, parameter in parameters.items():
    put(f"maps/weights/{name}", parameter)
a, b = torch.randn(n, 6, 8, 8), torch.randn(n, 6, 8, 8, requires_grad=True)
put("maps/real_maps", a)
put("maps/fake_maps", b)
ha, hb = discriminator.features(a), discriminator.features(b)
sa, sb, sm = discriminator.score(ha, t), discriminator.score(hb, t), discriminator.score(ha, rolled)
r2 = torch.autograd.grad(sb.sum(), b, create_graph=True)[0].flatten(1).pow(2).sum(1).mean() / 2
loss = relu(1 - sa).mean() + 0.5 * relu(1 + sb).mean() + 0.5 * relu(1 + sm).mean() + 3 * r2
for name, tensor in (("real", sa), ("fake", sb), ("mismatch", sm), ("penalty", r2), ("loss", loss)):
    put(f"maps/{name}", tensor)
for name, gradient in zip(parameters, torch.autograd.grad(loss, list(parameters.values()))):
    put(f"maps/gradients/{name}", gradient)

# Perceptual distance over two depths, cell by cell.
pairs = [(torch.randn(2, 5, 4, 4, requires_grad=True), torch.randn(2, 5, 4, 4)),
         (torch.randn(2, 7, 2, 2, requires_grad=True), torch.randn(2, 7, 2, 2))]
depths = []
for depth, (a, b) in enumerate(pairs):
    put(f"perceptual/drawn{depth}", a)
    put(f"perceptual/real{depth}", b)
    cells = [
        (a[i, :, y, x] / a[i, :, y, x].norm() - b[i, :, y, x] / b[i, :, y, x].norm()).pow(2).sum()
        for i in range(2) for y in range(a.shape[2]) for x in range(a.shape[3])
    ]
    depths.append(torch.stack(cells).mean())
loss = torch.stack(depths).mean()
put("perceptual/loss", loss)
for depth, gradient in enumerate(torch.autograd.grad(loss, [a for a, _ in pairs])):
    put(f"perceptual/gradients/{depth}", gradient)

path = Path(__file__).parent / "oracle.safetensors"
save_file(out, path)
print(len(out), "tensors,", path.stat().st_size, "bytes")
