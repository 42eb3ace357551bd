// Parallel coordinates: one line a run over what tells the runs apart, params first, last values after them.
//
// Plain SVG lines: plotly's own trace of this kind needs `unsafe-eval`. The same numbers stand in the table above.
import { byMeaning, isInName, isMachine } from "./columns.js";
import { colour } from "./colours.js";
import { drawn, fill, make } from "./elements.js";
import * as format from "./format.js";
import { say } from "./shell.js";
import { rowsOf } from "./versus.js";

const MOST_PARAMS = 6;
const MOST_METRICS = 6;
const [HEIGHT, TOP, BOTTOM, SIDE] = [270, 58, 26, 70];
const LETTER_WIDTH = 7;

const fitting = (words, room) => (words.length <= room ? words : `${words.slice(0, Math.max(1, room - 1))}…`);

/** Axes `{ key, part, values, low, high, at(i) }`: where the i-th run lies, 0 at the foot and 1 at the top, or NaN. */
export function axesOf(runs) {
  const differing = (part) => rowsOf(part, runs).filter(({ differs }) => differs);
  const params = differing("params").filter(({ key }) => !isInName(runs, key)).slice(0, MOST_PARAMS);
  const metrics = differing("metrics")
    .filter(({ key, values }) => !isMachine(key) && values.filter(Number.isFinite).length > 1)
    .sort((a, b) => byMeaning(a.key, b.key))
    .slice(0, MOST_METRICS);
  return [...params.map((row) => axis("params", row)), ...metrics.map((row) => axis("metrics", row))];
}

function axis(part, { key, values }) {
  const numbers = values.map((value) => (value === "" || value === undefined ? NaN : Number(value)));
  const isNumeric = values.every((value, i) => value === undefined || Number.isFinite(numbers[i]) || part === "metrics");
  if (!isNumeric) {
    const words = [...new Set(values.filter((value) => value !== undefined))].sort();
    const at = (i) => (values[i] === undefined ? NaN : words.length > 1 ? words.indexOf(values[i]) / (words.length - 1) : 0.5);
    return { key, part, values, low: words[0], high: words.at(-1), at };
  }
  const finite = numbers.filter(Number.isFinite);
  const [low, high] = [Math.min(...finite), Math.max(...finite)];
  const at = (i) => (Number.isFinite(numbers[i]) ? (high > low ? (numbers[i] - low) / (high - low) : 0.5) : NaN);
  return { key, part, values, low: format.value(low), high: format.value(high), at };
}

/** Draws into `element`. */
export class Parallel {
  constructor(element) {
    this.element = element;
    this.frame = make("div", { class: "parallel-frame" });
    fill(element, make("div", { class: "pane-head" }, make("h2", {}, say("parallel.title"))), this.frame);
    new ResizeObserver(() => this.draw()).observe(element);
  }

  /** Shows those of these runs that `shown(run)` lets through. */
  set(runs, shown) {
    this.runs = runs.filter(shown);
    this.draw();
  }

  draw() {
    const axes = this.runs?.length > 1 ? axesOf(this.runs) : [];
    this.element.hidden = axes.length < 2;
    if (this.element.hidden) return;
    const width = Math.max(480, this.frame.clientWidth);
    const apart = (width - 2 * SIDE) / (axes.length - 1);
    const x = (i) => SIDE + i * apart;
    const y = (place) => HEIGHT - BOTTOM - place * (HEIGHT - TOP - BOTTOM);
    const about = { class: "parallel", viewBox: `0 0 ${width} ${HEIGHT}`, role: "img", "aria-label": say("parallel.about") };
    const lines = this.runs.map((run, r) => this.#line(run, axes.map((one, i) => [x(i), y(one.at(r))])));
    fill(this.frame, drawn("svg", about, axes.map((one, i) => drawAxis(one, x(i), y, Math.floor(apart / LETTER_WIDTH))), lines));
  }

  #line(run, places) {
    const title = drawn("title", {}, run.name);
    let pen = "M";
    const path = places.map(([x, y]) => {
      // A run that lacks a value leaves a gap.
      if (!Number.isFinite(y)) {
        pen = "M";
        return "";
      }
      const part = `${pen}${x.toFixed(1)} ${y.toFixed(1)}`;
      pen = "L";
      return part;
    });
    const dots = places.filter(([, y]) => Number.isFinite(y)).map(([cx, cy]) => drawn("circle", { cx, cy, r: 3 }));
    const style = { "--swatch": colour(run.colour ?? 0) };
    return drawn("g", { class: "parallel-run", style }, title, drawn("path", { d: path.join("") }), dots);
  }
}

/** `room` is how many letters fit between two axes. */
function drawAxis({ key, low, high }, x, y, room) {
  const [prefix, name] = [key.split(/[/.]/).slice(0, -1).join("."), key.split(/[/.]/).at(-1)];
  const text = (words, at, kind) => drawn("text", { x, y: at, class: kind, "text-anchor": "middle" }, fitting(String(words ?? ""), room));
  return drawn(
    "g",
    { class: "parallel-axis" },
    drawn("title", {}, key),
    text(prefix, 12, "group"),
    text(name, 26, "label"),
    drawn("line", { x1: x, x2: x, y1: y(0), y2: y(1) }),
    text(high, y(1) - 6, "end"),
    text(low, y(0) + 16, "end"),
  );
}
