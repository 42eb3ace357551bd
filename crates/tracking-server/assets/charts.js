// One chart of one metric over plotly (SVG line traces only: its WebGL traces need `unsafe-eval`).
//
// The cursor is drawn by us over plotly's plot: moving a line costs a style change, where plotly's own
// hover would lay the chart out again. `_fullLayout` is plotly's inner state; it has kept this shape since 1.0.
import { colour, dash, faded, resolved } from "./colours.js";
import { eachFrame, fill, make } from "./elements.js";
import { saveAddress } from "./export.js";
import * as format from "./format.js";
import { nearest } from "./history.js";
import { say } from "./shell.js";
import { smooth } from "./smoothing.js";

/** The fraction of values at either end that count as outliers. */
const OUTLIERS = 0.02;

/** How much of the line over a chart a value takes, and how much there is. */
const [READOUT_LETTERS, LINE_LETTERS] = [10, 31];

let loading = null;

/** Loads plotly.js, once. */
export function plotly() {
  loading ??= new Promise((done, fail) => {
    const script = make("script", { src: document.documentElement.dataset.plotly });
    script.addEventListener("load", () => done(globalThis.Plotly));
    script.addEventListener("error", () => fail(new Error("plotly.js did not load")));
    document.head.append(script);
  });
  return loading;
}

const quiet = { displayModeBar: false, responsive: false, doubleClick: false, showTips: false, scrollZoom: false };

/** A chart of `lines`: `{ i, name, shown, x: [], y: [], total }`, one for each run. */
export class Chart {
  lines = [];
  look = { smoothing: 0, log: false, clip: false, axis: "images", range: null, span: null };
  #drawn = false;
  #inSight = false;
  #stale = false;
  #x = NaN;

  /** `on` has `point(x)` as the pointer moves and `range([from, to] or null)` as the reader zooms. */
  constructor(key, title, on) {
    this.on = on;
    this.key = key;
    this.plot = make("div", { class: "plot", role: "img", "aria-label": say("curves.chart", { key }) });
    this.line = make("div", { class: "cursor-line", "aria-hidden": "true" });
    this.readout = make("ul", { class: "readout" });
    this.title = make("h3", { title: key }, title);
    this.head = make("div", { class: "chart-head" }, this.title, this.readout, this.#save(), this.#enlarge());
    this.element = make(
      "article",
      { class: "chart", data: { key } },
      this.head,
      make("div", { class: "plot-frame" }, this.plot, this.line),
    );
    this.plot.addEventListener(
      "pointermove",
      eachFrame((event) => this.#point(event)),
    );
    this.plot.addEventListener("dblclick", () => on.range(null));
  }

  /** Hands the chart out as a picture, as it is drawn. */
  #save() {
    const label = say("curves.png");
    const about = { type: "button", class: "quiet enlarge", "aria-label": label, title: label };
    const button = make("button", about, "⤓");
    button.addEventListener("click", async () => {
      const Plotly = await plotly();
      const { data, layout } = this.figure();
      const paper = { ...layout, paper_bgcolor: resolved("var(--surface)"), showlegend: data.length > 1 };
      const size = { width: 900, height: 480 };
      const address = await Plotly.toImage({ data, layout: { ...paper, ...size } }, { format: "png", scale: 2, ...size });
      saveAddress(`${this.key.replaceAll("/", "_")}.png`, address);
    });
    return button;
  }

  /** What plotly is told to draw. */
  figure() {
    return { data: this.#traces(), layout: this.#layout() };
  }

  #enlarge() {
    const about = {
      type: "button",
      class: "quiet enlarge",
      "aria-label": say("curves.enlarge"),
      "aria-pressed": "false",
    };
    const button = make("button", about, "⤢");
    button.addEventListener("click", () => {
      button.setAttribute("aria-pressed", String(this.element.classList.toggle("large")));
      this.resize();
    });
    return button;
  }

  /** Takes new lines or a new look; draws now if the chart is in sight, else when it comes into sight. */
  set(lines, look) {
    this.lines = lines;
    this.look = look;
    this.#stale = true;
    if (this.#inSight) this.draw();
  }

  /** Told by whoever watches the page scroll. */
  setInSight(inSight) {
    this.#inSight = inSight;
    if (inSight && this.#stale) this.draw();
  }

  async draw() {
    this.#drawn = true;
    this.#stale = false;
    const Plotly = await plotly();
    await Plotly.react(this.plot, this.#traces(), this.#layout(), quiet);
    if (!this.plot.dataset.heard) {
      this.plot.dataset.heard = "yes";
      this.plot.on("plotly_relayout", (change) => this.#zoomed(change));
    }
    this.moveTo(this.#x);
    performance.mark("chart drawn");
  }

  /** Fits the plot to its place. */
  resize() {
    if (this.#drawn)
      plotly()
        .then((Plotly) => Plotly.Plots.resize(this.plot))
        .then(() => this.moveTo(this.#x));
  }

  /** Shows the cursor at `x`, and what each line says there. */
  moveTo(x) {
    this.#x = x;
    const axis = this.plot._fullLayout?.xaxis;
    if (!axis) return;
    const left = axis.c2p(this.#drawnAt(x)) + axis._offset;
    this.line.hidden = !(left >= axis._offset && left <= axis._offset + axis._length);
    this.line.style.transform = `translateX(${left}px)`;
    const shown = this.lines.filter((line) => line.shown);
    const letters = this.title.textContent.length + READOUT_LETTERS * shown.length;
    this.head.classList.toggle("two-lines", letters > LINE_LETTERS || shown.some(({ n }) => n));
    fill(
      this.readout,
      shown.map((line) => this.#valueAt(line, x)),
    );
  }

  /** What a line says nearest to `x`; faint where the line has ended before. */
  #valueAt(line, x) {
    const at = nearest(line.x, x);
    if (at < 0) return null;
    const half = line.n?.[at] > 1 ? (line.high[at] - line.low[at]) / 2 : NaN;
    const spread = Number.isFinite(half) ? ` ± ${format.value(half)} · n=${line.n[at]}` : "";
    const text = `${format.value(line.smoothed?.[at] ?? line.y[at])}${spread}`;
    const ended = at === line.x.length - 1 && x > line.x[at];
    const swatch = make("span", { class: "swatch" });
    return make(
      "li",
      { title: line.name, class: ended ? "ended" : null, style: { "--swatch": colour(line.i) } },
      swatch,
      text,
    );
  }

  /** plotly writes dates in UTC, people read them by their own clock. */
  #drawnAt(x) {
    return this.look.axis === "wall" ? x - new Date(x).getTimezoneOffset() * 60_000 : x;
  }

  #placeOf(drawn) {
    return this.look.axis === "wall" ? drawn + new Date(drawn).getTimezoneOffset() * 60_000 : drawn;
  }

  #point(event) {
    const axis = this.plot._fullLayout?.xaxis;
    if (!axis) return;
    const across = event.clientX - this.plot.getBoundingClientRect().left - axis._offset;
    if (across >= 0 && across <= axis._length) this.on.point(this.#placeOf(axis.p2c(across)));
  }

  #zoomed(change) {
    if ("xaxis.range[0]" in change) {
      const asNumber = (value) =>
        typeof value === "string" ? new Date(`${value.replace(" ", "T")}Z`).getTime() : value;
      this.on.range([0, 1].map((end) => this.#placeOf(asNumber(change[`xaxis.range[${end}]`]))));
    }
  }

  #traces() {
    const shown = this.lines.filter((line) => line.shown && line.x.length);
    return shown.flatMap((line) => {
      const rgb = resolved(colour(line.i));
      const base = {
        type: "scatter",
        mode: line.x.length > 1 ? "lines" : "markers",
        x: line.x.map((x) => this.#drawnAt(x)),
        name: line.name,
        hoverinfo: "skip",
      };
      const style = { width: 1.7, dash: dash(line.i), color: rgb };
      line.smoothed = smooth(line.y, this.look.smoothing);
      const main = { ...base, y: line.smoothed, line: style, marker: { color: rgb, size: 7 } };
      const ghost = { ...base, y: line.y, line: { width: 1, color: faded(rgb, 0.28) } };
      const edge = (y) => ({ ...base, mode: "lines", y: smooth(y, this.look.smoothing), line: { width: 0 }, showlegend: false });
      const spread = line.low
        ? [edge(line.low), { ...edge(line.high), fill: "tonexty", fillcolor: faded(rgb, 0.16) }]
        : [];
      const raw = this.look.smoothing && !line.low ? [ghost] : [];
      return [...spread, ...raw, main, ...broken(line, base.x, rgb)];
    });
  }

  #layout() {
    const [ink, grid] = [resolved("var(--muted)"), resolved("var(--grid)")];
    const axis = {
      gridcolor: grid,
      zeroline: false,
      linecolor: grid,
      tickfont: { size: 11, color: ink },
      automargin: false,
    };
    const { axis: kind, log } = this.look;
    const range = this.look.range ?? this.look.span;
    return {
      width: this.plot.clientWidth,
      height: this.plot.clientHeight,
      margin: { l: 50, r: 10, t: 6, b: kind === "wall" ? 38 : 24 },
      showlegend: false,
      hovermode: false,
      dragmode: "zoom",
      paper_bgcolor: "rgba(0,0,0,0)",
      plot_bgcolor: "rgba(0,0,0,0)",
      font: { family: getComputedStyle(document.body).fontFamily, color: ink },
      xaxis: {
        ...axis,
        type: kind === "wall" ? "date" : "linear",
        nticks: 5,
        ticksuffix: kind === "relative" ? " min" : "",
        ...(range ? { range: range.map((x) => this.#drawnAt(x)), autorange: false } : { autorange: true }),
      },
      yaxis: {
        ...axis,
        type: log ? "log" : "linear",
        nticks: 5,
        fixedrange: true,
        exponentformat: "power",
        ...this.#heights(),
      },
    };
  }

  /** The height follows what is in sight while zoomed, and what is usual while outliers are left out. */
  #heights() {
    const { range, log, clip } = this.look;
    if (!range && !clip) return { autorange: true };
    const [from, to] = range ?? [-Infinity, Infinity];
    const seen = this.lines
      .filter(({ shown }) => shown)
      .flatMap((line) => (line.smoothed ?? line.y).filter((y, i) => line.x[i] >= from && line.x[i] <= to));
    const values = seen.filter((y) => Number.isFinite(y) && (y > 0 || !log)).map((y) => (log ? Math.log10(y) : y));
    if (!values.length) return { autorange: true };
    const [low, high] = extent(values, clip ? OUTLIERS : 0);
    const pad = (high - low) * 0.06 || Math.abs(high) * 0.06 || 1;
    return { range: [low - pad, high + pad], autorange: false };
  }
}

/** The lowest and highest of some values, once a fraction of them is left out at either end. */
function extent(values, leftOut) {
  const sorted = Float64Array.from(values).sort();
  const skip = Math.floor(sorted.length * leftOut);
  return [sorted[skip], sorted[sorted.length - 1 - skip]];
}

/** Marks where a line stopped being a number, at the height it had last. */
function broken(line, places, color) {
  const [x, y] = [[], []];
  line.y.forEach((value, i) => {
    if (Number.isFinite(value) || (i > 0 && !Number.isFinite(line.y[i - 1]))) return;
    x.push(places[i]);
    y.push(line.y.slice(0, i).findLast(Number.isFinite) ?? 0);
  });
  return x.length
    ? [{ type: "scatter", mode: "markers", x, y, hoverinfo: "skip", marker: { symbol: "x", size: 9, color } }]
    : [];
}
