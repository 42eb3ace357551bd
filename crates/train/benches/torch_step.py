"""The same networks and steps in PyTorch, for `versus_torch.rs`: python3 torch_step.py TASK FORM STEPS THREADS

TASK is `text_to_image` or `restyle` (its game, not its encoder's part); FORM is `idiomatic` (default Adam, contiguous tensors) or `best`
(fused Adam, channels_last). Both are eager. Pictures and vectors lie in memory; nothing is logged. One line comes out:
pictures a second, CPU seconds a picture, peak MB, weights of the generator and of the discriminator.
"""

import sys
import time

import torch
import torch.nn.functional as F
from torch import nn

TASK, FORM, STEPS, THREADS = sys.argv[1], sys.argv[2], int(sys.argv[3]), int(sys.argv[4])
torch.set_num_threads(THREADS)
torch.manual_seed(1)
BEST = FORM == "best"
WARM = 8  # steps before the clock runs: one round of the lazy penalty


def leaky(x):
    return F.leaky_relu(x, 0.2)


class Modulation(nn.Module):
    def __init__(self, dim, n):
        super().__init__()
        self.affine = nn.Linear(dim, 2 * n)

    def forward(self, x, w):
        gamma, beta = self.affine(w)[:, :, None, None].chunk(2, 1)
        return leaky(x * (1 + gamma) + beta)


class Block(nn.Module):
    def __init__(self, dim, n_in, n_out, up):
        super().__init__()
        self.m1, self.c1 = Modulation(dim, n_in), nn.Conv2d(n_in, n_out, 3, padding=1)
        self.m2, self.c2 = Modulation(dim, n_out), nn.Conv2d(n_out, n_out, 3, padding=1)
        self.shortcut, self.up = nn.Conv2d(n_in, n_out, 1), up

    def forward(self, x, w):
        if self.up:
            x = F.interpolate(x, scale_factor=2, mode="nearest")
        h = self.c2(self.m2(self.c1(self.m1(x, w)), w))
        return (h + self.shortcut(x)) * 0.5**0.5


def shifted(x, down, right, reach):
    """DiffAugment's translation: one gather from the padded batch."""
    n, _, height, width = x.shape
    rows = torch.arange(height)[None, :, None] + reach - down[:, None, None]
    columns = torch.arange(width)[None, None, :] + reach - right[:, None, None]
    padded = F.pad(x, (reach,) * 4, mode="replicate").permute(0, 2, 3, 1)
    return padded[torch.arange(n)[:, None, None], rows, columns].permute(0, 3, 1, 2)


def adam(network, rate):
    return torch.optim.Adam(network.parameters(), rate, betas=(0.0, 0.99), fused=True if BEST else None)


def average(ema, network):
    with torch.no_grad():
        if BEST:
            torch._foreach_lerp_(list(ema.parameters()), list(network.parameters()), 0.001)
            return
        for old, new in zip(ema.parameters(), network.parameters()):
            old.lerp_(new, 0.001)


def placed(*networks):
    return [network.to(memory_format=torch.channels_last) if BEST else network for network in networks]


def pictures_of(data, rows):
    x = data[rows].float() / 127.5 - 1
    return x.contiguous(memory_format=torch.channels_last) if BEST else x


# text_to_image: the networks and the objective of experiments/baseline.yaml.


class Generator(nn.Module):
    def __init__(self, channels=(192, 128, 96, 48, 24), latent=64, text=512, head=128, dim=128):
        super().__init__()
        self.head, self.m1, self.m2 = nn.Linear(text, head), nn.Linear(latent + head, dim), nn.Linear(dim, dim)
        self.start, self.n = nn.Linear(dim, channels[0] * 16), channels[0]
        pairs = [(channels[0], channels[0])] + list(zip(channels, channels[1:]))
        self.blocks = nn.ModuleList(Block(dim, a, b, i > 0) for i, (a, b) in enumerate(pairs))
        self.to_rgb = nn.Conv2d(channels[-1], 3, 3, padding=1)

    def forward(self, z, t):
        w = leaky(self.m2(leaky(self.m1(torch.cat([z, self.head(t)], 1)))))
        x = self.start(w).view(-1, self.n, 4, 4)
        for block in self.blocks:
            x = block(x, w)
        return self.to_rgb(leaky(x))


class Discriminator(nn.Module):
    def __init__(self, channels=(24, 48, 96, 192), text=512, features=256):
        super().__init__()
        self.stages = nn.ModuleList(nn.Conv2d(a, b, 4, 2, 1) for a, b in zip((3, *channels), channels))
        self.last = nn.Conv2d(channels[-1] + 1, features, 3, padding=1)
        self.realness, self.text = nn.Linear(features, 1), nn.Linear(text, features)

    def features(self, x):
        for stage in self.stages:
            x = leaky(stage(x))
        n, c, h, w = x.shape
        deviation = (x.view(-1, 4, c, h, w).var(1, unbiased=False) + 1e-6).sqrt().mean((1, 2, 3))
        x = torch.cat([x, deviation.repeat_interleave(4).view(-1, 1, 1, 1).expand(n, 1, h, w)], 1)
        return leaky(self.last(x)).mean((2, 3))

    def score(self, h, t):
        return self.realness(h)[:, 0] + (h * self.text(t)).sum(1) / h.shape[1] ** 0.5


def text_to_image():
    n = 32
    data, texts = torch.randint(0, 256, (512, 3, 64, 64), dtype=torch.uint8), torch.randn(2048, 512)
    generator, ema, judge = placed(Generator(), Generator(), Discriminator())
    g_adam, d_adam = adam(generator, 1e-3), adam(judge, 3e-4)

    def step(i):
        rows = torch.randint(0, 512, (n,))
        real, text = pictures_of(data, rows), texts[torch.randint(0, 2048, (n,))]
        fake = generator(torch.randn(n, 64), text + 0.1 * torch.randn_like(text))
        down, right = torch.randint(-4, 5, (2, n))
        real_seen, fake_seen = shifted(real, down, right, 4), shifted(fake, down, right, 4)
        due = i % 8 == 0
        a, b = real_seen.detach().requires_grad_(due), fake_seen.detach().requires_grad_(due)
        judge.requires_grad_(True)
        h = judge.features(torch.cat([a, b]))
        other = text.view(-1, 4, 512).roll(1 + i % 3, 1).reshape(n, 512)
        sa, sb, sm = judge.score(h[:n], text), judge.score(h[n:], text), judge.score(h[:n], other)
        loss = F.softplus(sb - sa).mean() + 0.5 * F.softplus(sm - sa).mean()
        if due:
            gradients = torch.autograd.grad(sa.sum() + sb.sum(), (a, b), create_graph=True)
            loss = loss + 40 * sum(g.square().sum((1, 2, 3)).mean() / 2 for g in gradients)
        d_adam.zero_grad()
        loss.backward()
        d_adam.step()
        judge.requires_grad_(False)
        loss = F.softplus(sa.detach() - judge.score(judge.features(fake_seen), text)).mean()
        loss = loss + 5 * (F.adaptive_avg_pool2d(fake, 8) - F.adaptive_avg_pool2d(real, 8)).abs().mean()
        g_adam.zero_grad()
        loss.backward()
        g_adam.step()
        average(ema, generator)

    return n, step, (generator, judge)


# restyle: the game of experiments/restyle.yaml.


class Redrawer(nn.Module):
    def __init__(self, channels=(16, 32, 64), blocks=4, dim=128):
        super().__init__()
        self.m1, self.m2 = nn.Linear(128, dim), nn.Linear(dim, dim)
        self.stem = nn.Conv2d(3, channels[0], 3, padding=1)
        pairs = list(zip(channels, channels[1:]))
        self.down = nn.ModuleList(nn.Conv2d(a, b, 4, 2, 1) for a, b in pairs)
        self.blocks = nn.ModuleList(Block(dim, channels[-1], channels[-1], False) for _ in range(blocks))
        self.join = nn.ModuleList(Modulation(dim, b) for _, b in reversed(pairs))
        self.up = nn.ModuleList(Block(dim, b, a, True) for a, b in reversed(pairs))
        self.finish, self.to_rgb = Modulation(dim, channels[0]), nn.Conv2d(channels[0], 3, 3, padding=1)

    def forward(self, x, style):
        w = leaky(self.m2(leaky(self.m1(style))))
        seen = [leaky(self.stem(x))]
        for down in self.down:
            seen.append(leaky(down(seen[-1])))
        h = seen[-1]
        for block in self.blocks:
            h = block(h, w)
        for join, up, skip in zip(self.join, self.up, reversed(seen)):
            h = up(h + join(skip, w), w)
        return self.to_rgb(leaky(self.finish(h, w) + seen[0]))


def moments(stages):
    rows = [v for h in stages for v in (h.mean((2, 3)), (h.var((2, 3), unbiased=False) + 1e-5).sqrt())]
    return torch.cat(rows, 1)


class Patches(nn.Module):
    def __init__(self, channels=(32, 64, 128, 160), hidden=128):
        super().__init__()
        self.stages = nn.ModuleList(nn.Conv2d(a, b, 4, 2, 1) for a, b in zip((3, *channels), channels))
        self.plain = nn.ModuleList(nn.Conv2d(c, 1, 3, padding=1) for c in channels[-2:])
        self.projection = nn.ModuleList(nn.Linear(128, c) for c in channels[-2:])
        self.a1, self.a2 = nn.Linear(2 * sum(channels), hidden), nn.Linear(hidden, 128)

    def features(self, x):
        stages = []
        for stage in self.stages:
            x = leaky(stage(x))
            stages.append(x)
        return stages

    def score(self, stages, style):
        cells = []
        for h, plain, projection in zip(stages[-2:], self.plain, self.projection):
            fit = (h * projection(style)[:, :, None, None]).sum(1, keepdim=True) / h.shape[1] ** 0.5
            cells.append((plain(h) + fit).flatten(1))
        return cells

    def agreement(self, stages):
        return F.normalize(self.a2(leaky(self.a1(moments(stages)))), dim=1)


class Encoder(nn.Module):
    def __init__(self, fine=16, channels=(24, 48, 96, 144), hidden=128):
        super().__init__()
        self.fine = nn.Conv2d(3, fine, 3, padding=1)
        self.stages = nn.ModuleList(
            nn.Sequential(nn.Conv2d(a, b, 4, 2, 1), nn.GroupNorm(8, b)) for a, b in zip((fine, *channels), channels)
        )
        self.s1, self.s2 = nn.Linear(2 * (fine + sum(channels)), hidden), nn.Linear(hidden, 128)
        self.subject = nn.Linear(channels[-1] * 16, 128)

    def forward(self, x):
        stages = [leaky(self.fine(x))]
        for stage in self.stages:
            stages.append(leaky(stage(stages[-1])))
        style = F.normalize(self.s2(leaky(self.s1(moments(stages)))), dim=1)
        return stages, style, F.normalize(self.subject(stages[-1].flatten(1)), dim=1)


def supervised(a, b, labels, tau=0.1):
    together = (labels[None] == labels[:, None]).float()
    shares = together / together.sum(1, keepdim=True)
    logits = a @ b.t() / tau
    return -((F.log_softmax(logits, 1) + F.log_softmax(logits.t(), 1)) * shares).sum() / len(a) / 2


def pairs(low, high):
    return sum(F.softplus(a - b).mean() for a, b in zip(low, high)) / len(low)


def over(mask, values):
    return (values.flatten(1).mean(1) * mask).sum() / mask.sum().clamp(min=1)


def restyle():
    n = 16
    data, texts = torch.randint(0, 256, (512, 3, 64, 64), dtype=torch.uint8), torch.randn(2048, 512)
    generator, ema, judge, encoder = placed(Redrawer(), Redrawer(), Patches(), Encoder())
    head = nn.Sequential(nn.Linear(512, 128), nn.LeakyReLU(0.2), nn.Linear(128, 128))
    encoder.requires_grad_(False)
    g_adam, d_adam = adam(generator, 5e-4), adam(judge, 1e-3)

    def step(i):
        batch = [pictures_of(data, torch.randint(0, 512, (n,))) for _ in range(3)]
        source, target, reference = batch
        labels, paired, own = torch.randint(0, 6, (n,)), (torch.rand(n) < 0.9).float(), (torch.rand(n) < 0.25).float()
        with torch.no_grad():
            stages, styles, subjects = encoder(torch.cat(batch))
            words = F.normalize(head(texts[torch.randint(0, 2048, (n,))]), dim=1)
            asked = torch.where(torch.rand(n, 1) < 0.4, styles[2 * n :], words)
            style = torch.where(own[:, None] > 0, styles[:n], asked) * 128**0.5
            of_target, unit = [h[n : 2 * n] for h in stages], F.normalize(style, dim=1)
        half = (torch.arange(n) % 2)[:, None, None, None]
        real = target * half + reference * (1 - half)
        fake = generator(source, style)
        down, right = torch.randint(-4, 5, (2, n))
        real, fake_seen = shifted(real, down, right, 4), shifted(fake, down, right, 4)
        due = i % 8 == 0
        both = torch.cat([real, fake_seen.detach()]).requires_grad_(due)
        judge.requires_grad_(True)
        seen = judge.features(both)
        cells = judge.score(seen, torch.cat([style, style]))
        real_cells, fake_cells = [c[:n] for c in cells], [c[n:] for c in cells]
        of_real = [h[:n] for h in seen]
        others = judge.score(of_real, style.roll(1, 0))
        other = (labels.roll(1, 0) != labels).float()
        mismatch = sum(over(other, F.softplus(a - b)) for a, b in zip(others, real_cells)) / 2
        loss = pairs(fake_cells, real_cells) + 0.5 * mismatch + supervised(judge.agreement(of_real), unit, labels)
        if due:
            score = sum(c.sum() / c.shape[1] ** 0.5 for c in cells) / 2
            (gradient,) = torch.autograd.grad(score, both, create_graph=True)
            loss = loss + 2 * gradient.square().sum() / n
        d_adam.zero_grad()
        loss.backward()
        d_adam.step()
        judge.requires_grad_(False)
        drawn, drawn_style, drawn_subject = encoder(fake)
        seen = judge.features(fake_seen)
        wanted = torch.where(paired[:, None] > 0, subjects[n : 2 * n], subjects[:n])
        pool = lambda x: F.adaptive_avg_pool2d(x, 8)
        coarse = sum(over(paired, (a - b).abs()) for a, b in zip(drawn[-2:], of_target[-2:])) / 2
        loss = (
            pairs([c.detach() for c in real_cells], judge.score(seen, style))
            + supervised(judge.agreement(seen), unit, labels)
            + 0.5 * supervised(drawn_style, unit, labels)
            + 5 * over(paired, (moments(drawn) - moments(of_target)).abs())
            + (1 - (drawn_subject * wanted).sum(1)).mean()
            + coarse
            + 2 * over(paired, (pool(fake) - pool(target)).abs())
            + 5 * over(own, (fake - source).abs())
        )
        g_adam.zero_grad()
        loss.backward()
        g_adam.step()
        average(ema, generator)

    return n, step, (generator, judge)


n, step, networks = {"text_to_image": text_to_image, "restyle": restyle}[TASK]()
for i in range(WARM):
    step(i)
begun, cpu = time.perf_counter(), time.process_time()
for i in range(STEPS):
    step(i)
images = n * STEPS
with open("/proc/self/status") as status:  # the usual call gives what the starting process has held, where that is more
    peak = next(int(line.split()[1]) for line in status if line.startswith("VmHWM:")) / 1024
weights = [sum(p.numel() for p in network.parameters()) for network in networks]
print(images / (time.perf_counter() - begun), (time.process_time() - cpu) / images, peak, *weights)
