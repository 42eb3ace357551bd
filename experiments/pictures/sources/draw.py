#!/usr/bin/env python3
"""Draws the three pictures that are restyled beside the photographs: a house with a tree in ink lines, a figure as a child draws it, and a
landscape in washes. Own work of this project, CC0-1.0. The same program gives the same bytes; no package is needed.

Run: python3 experiments/pictures/sources/draw.py      (writes house.svg, figure.svg and landscape.svg beside itself)
"""

import math
import random
from pathlib import Path

SIDE = 256


def wobbly(points, amount, rng, closed=False):
    """A path through points as an unsure hand draws it: each stretch in short steps, each a little off."""
    if closed:
        points = [*points, points[0]]
    path = []
    for (x0, y0), (x1, y1) in zip(points, points[1:]):
        steps = max(2, int(math.hypot(x1 - x0, y1 - y0) / 9))
        for step in range(steps + 1):
            t = step / steps
            path.append((x0 + (x1 - x0) * t + rng.gauss(0, amount), y0 + (y1 - y0) * t + rng.gauss(0, amount)))
    head, *rest = [f"{x:.1f},{y:.1f}" for x, y in path]
    return f"M{head} L" + " ".join(rest) + ("Z" if closed else "")


def ring(x, y, rx, ry, n=22):
    return [(x + rx * math.cos(2 * math.pi * i / n), y + ry * math.sin(2 * math.pi * i / n)) for i in range(n)]


def stroke(path, width, colour="#1b1b1b", fill="none"):
    return (f'<path d="{path}" fill="{fill}" stroke="{colour}" stroke-width="{width}" '
            'stroke-linecap="round" stroke-linejoin="round"/>')


def svg(parts, ground):
    body = "\n".join(parts)
    return (f'<svg xmlns="http://www.w3.org/2000/svg" width="{SIDE}" height="{SIDE}" viewBox="0 0 {SIDE} {SIDE}">\n'
            f'<rect width="{SIDE}" height="{SIDE}" fill="{ground}"/>\n{body}\n</svg>\n')


def house():
    rng = random.Random(1)
    ink = lambda points, width=2.2, closed=False: stroke(wobbly(points, 0.6, rng, closed), width)
    parts = [
        ink([(40, 130), (40, 214), (150, 214), (150, 130)], 2.6),
        ink([(30, 136), (95, 78), (160, 136)], 3.0),
        ink([(30, 136), (160, 136)]),
        ink([(84, 214), (84, 170), (110, 170), (110, 214)]),
        ink([(54, 150), (76, 150), (76, 170), (54, 170)], closed=True),
        ink([(65, 150), (65, 170)], 1.4),
        ink([(54, 160), (76, 160)], 1.4),
        ink([(118, 150), (140, 150), (140, 170), (118, 170)], closed=True),
        ink([(129, 150), (129, 170)], 1.4),
        ink([(122, 100), (122, 76), (136, 76), (136, 113)]),
        ink([(196, 216), (200, 170), (194, 140)], 3.2),
        ink([(212, 216), (207, 172), (214, 138)], 3.2),
        ink([(10, 216), (246, 214)], 2.4),
    ]
    for x, y, r in ((204, 112, 30), (186, 124, 20), (224, 124, 21), (204, 92, 22)):
        parts.append(ink(ring(x, y, r, r * 0.85), 1.8))
    # Shade on the roof and the wall, in parallel strokes.
    for i in range(9):
        x = 52 + i * 10
        parts.append(ink([(x, 128), (x + 7, 112 if i < 5 else 118)], 1.0))
    for i in range(7):
        parts.append(ink([(142 - i * 2, 180 + i * 4), (149, 176 + i * 4)], 0.9))
    for i, (x, y) in enumerate(((130, 62), (138, 50), (150, 42))):
        parts.append(ink(ring(x, y, 5 + i * 2, 4 + i, 10), 1.2))
    return svg(parts, "#fbfaf6")


def figure():
    rng = random.Random(2)
    crayon = lambda points, colour, width=5, closed=False, fill="none": stroke(
        wobbly(points, 1.3, rng, closed), width, colour, fill)
    parts = [
        crayon(ring(128, 82, 38, 36), "#d9534f", closed=True, fill="#ffd9b8"),
        crayon([(128, 120), (92, 196), (166, 194)], "#3b6fb6", closed=True, fill="#8fb8ee"),
        crayon([(104, 148), (60, 124)], "#d9534f"),
        crayon([(152, 146), (200, 110)], "#d9534f"),
        crayon([(114, 196), (108, 234), (94, 236)], "#d9534f"),
        crayon([(144, 196), (152, 232), (168, 234)], "#d9534f"),
        crayon(ring(114, 76, 3, 3, 6), "#222222", 4, True, "#222222"),
        crayon(ring(142, 75, 3, 3, 6), "#222222", 4, True, "#222222"),
        crayon([(110, 96), (120, 104), (136, 104), (148, 95)], "#c0392b", 4),
        crayon([(20, 238), (238, 236)], "#4a9b4a", 7),
        crayon(ring(218, 38, 17, 17), "#f2b705", closed=True, fill="#ffe27a"),
    ]
    for i in range(9):
        angle = 2 * math.pi * i / 9
        parts.append(crayon([(218 + 23 * math.cos(angle), 38 + 23 * math.sin(angle)),
                             (218 + 33 * math.cos(angle), 38 + 33 * math.sin(angle))], "#f2b705", 4))
    for i in range(11):
        x = 96 + i * 6.4
        parts.append(crayon([(x, 56 - 9 * math.sin(i / 10 * math.pi)), (x + rng.gauss(0, 4), 36 - 10 * math.sin(i / 10 * math.pi))], "#7a4a1e", 4))
    for x, colour in ((40, "#e056a0"), (64, "#f08a24")):
        parts.append(crayon([(x, 234), (x + 1, 206)], "#4a9b4a", 4))
        parts.append(crayon(ring(x + 1, 200, 8, 8, 9), colour, 4, True, colour))
    return svg(parts, "#ffffff")


def landscape():
    rng = random.Random(3)
    parts = ['<defs><filter id="wet" x="-10%" y="-10%" width="120%" height="120%"><feGaussianBlur stdDeviation="1.6"/></filter></defs>']

    def wash(points, colour, layers=4, opacity=0.26):
        # Several thin layers whose edges differ, as pigment dries.
        for _ in range(layers):
            moved = [(x + rng.gauss(0, 2.2), y + rng.gauss(0, 2.2)) for x, y in points]
            parts.append(f'<path d="{wobbly(moved, 1.1, rng, True)}" fill="{colour}" fill-opacity="{opacity}" filter="url(#wet)"/>')

    def hill(base, height, start, waves):
        top = [(x, base - height * math.sin(math.pi * (x + start) / waves) - rng.random() * 3) for x in range(-8, SIDE + 16, 12)]
        return [*top, (SIDE + 8, SIDE + 8), (-8, SIDE + 8)]

    wash([(-8, -8), (SIDE + 8, -8), (SIDE + 8, 120), (-8, 128)], "#9cc4de", 3, 0.3)
    wash([(-8, 70), (SIDE + 8, 62), (SIDE + 8, 140), (-8, 140)], "#f4c9a0", 3, 0.22)
    wash(ring(186, 66, 20, 20), "#f2a65a", 4, 0.34)
    wash(hill(128, 30, 40, 150), "#7f9cb5", 4, 0.28)
    wash(hill(150, 22, 150, 190), "#6f9a72", 4, 0.32)
    wash([(-8, 176), (70, 168), (160, 178), (SIDE + 8, 166), (SIDE + 8, 216), (-8, 212)], "#5f93b8", 4, 0.3)
    wash([(-8, 208), (90, 200), (180, 214), (SIDE + 8, 204), (SIDE + 8, SIDE + 8), (-8, SIDE + 8)], "#8aa356", 5, 0.32)
    for x, y, r in ((48, 158, 13), (64, 164, 10), (34, 166, 10), (216, 162, 12), (228, 168, 9)):
        wash(ring(x, y, r, r * 1.2, 12), "#3f6b46", 3, 0.36)
    for x in (48, 216):
        parts.append(stroke(wobbly([(x, 164), (x + 1, 186)], 0.5, rng), 2.4, "#5b4230"))
    for y in (184, 191, 198):
        parts.append(stroke(wobbly([(96 + rng.random() * 20, y), (150 + rng.random() * 30, y + 1)], 0.7, rng), 1.4, "#dbe8ef"))
    return svg(parts, "#fdfbf5")


if __name__ == "__main__":
    here = Path(__file__).parent
    for name, drawing in (("house", house()), ("figure", figure()), ("landscape", landscape())):
        (here / f"{name}.svg").write_text(drawing, encoding="utf-8")
        print(name, len(drawing), "bytes")
