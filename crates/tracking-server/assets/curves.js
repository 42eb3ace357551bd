// The curves of some runs: a chart for each metric, grouped by the part of its name before the last slash.
import { Chart } from "./charts.js";
import { fill, make, segments } from "./elements.js";
import { csv, save } from "./export.js";
import { place } from "./history.js";
import { addKeys } from "./keys.js";
import { say, shell } from "./shell.js";
import * as view from "./view.js";

const FIRST = ["score", "loss", "penalty"];
const LAST = ["rate", "memory", "system"];

/** What says most comes first, what only the machine feels comes last. */
function rank(key) {
  const group = key.split("/")[0];
  return FIRST.includes(group) ? FIRST.indexOf(group) : 10 + LAST.indexOf(group) + 1;
}

/** Draws into `element`; `cursor` is shared with the pictures. */
export class Curves {
  charts = new Map();
  runs = [];
  all = [];
  smoothing = Number(view.read("smooth") || 0);
  log = view.read("log") === "yes";
  range = null;

  constructor(element, cursor, ids = "") {
    this.cursor = cursor;
    this.groups = make("div", { class: "groups" });
    fill(element, this.#head(ids), this.groups);
    this.watcher = new IntersectionObserver((entries) => entries.forEach((entry) => this.#watch(entry)), {
      rootMargin: "200px",
    });
    cursor.addEventListener("move", () => this.charts.forEach((chart) => chart.moveTo(cursor.x)));
    cursor.addEventListener("axis", () => {
      this.range = null;
      this.redraw();
    });
    shell.addEventListener("theme", () => this.redraw());
    new ResizeObserver(() => this.charts.forEach((chart) => chart.resize())).observe(element);
  }

  /** Shows these curves (`server.curves`) of these runs; `shown(run)` says which are visible. */
  set(runs, all, shown) {
    [this.runs, this.all, this.shown] = [runs, all, shown];
    const keys = [...new Set(all.map(({ key }) => key))].sort((a, b) => rank(a) - rank(b) || (a < b ? -1 : 1));
    if (keys.join("\n") !== [...this.charts.keys()].join("\n")) this.#layOut(keys);
    this.redraw();
  }

  redraw() {
    const look = { smoothing: this.smoothing, log: this.log, axis: this.cursor.axis, range: this.range };
    for (const [key, chart] of this.charts) chart.set(this.#linesOf(key), look);
  }

  #linesOf(key) {
    return this.runs.map((run, i) => {
      const points = this.all.find((curve) => curve.run === run.id && curve.key === key)?.points ?? [];
      const x = points.map(([step, timestamp]) => place(this.cursor.axis, run, step, timestamp));
      return { i: run.colour ?? i, name: run.name, shown: this.shown(run), x, y: points.map((point) => point[2]) };
    });
  }

  #layOut(keys) {
    this.watcher.disconnect();
    this.charts = new Map(
      keys.map((key) => [
        key,
        new Chart(key, key.split("/").at(-1), {
          point: (x) => {
            if (this.cursor.follows && !this.cursor.playing) this.cursor.moveTo(x);
          },
          range: (range) => {
            this.range = range;
            this.redraw();
          },
        }),
      ]),
    );
    const groups = Map.groupBy(keys, (key) => key.split("/").slice(0, -1).join("/"));
    fill(
      this.groups,
      keys.length ? null : make("p", { class: "none" }, say("curves.none")),
      [...groups].map(([name, members]) =>
        make(
          "details",
          { class: "group", open: true, data: { n: Math.min(2, members.length) } },
          make(
            "summary",
            {},
            make("h2", {}, name || say("curves.other")),
            make("span", { class: "muted" }, String(members.length)),
          ),
          make(
            "div",
            { class: "charts" },
            members.map((key) => this.charts.get(key).element),
          ),
        ),
      ),
    );
    this.charts.forEach((chart) => {
      chart.moveTo(this.cursor.x);
      this.watcher.observe(chart.element);
      this.#addEnlarge(chart);
    });
  }

  #addEnlarge(chart) {
    const button = make(
      "button",
      { type: "button", class: "quiet enlarge", "aria-label": say("curves.enlarge"), "aria-pressed": "false" },
      "⤢",
    );
    button.addEventListener("click", () => {
      button.setAttribute("aria-pressed", String(chart.element.classList.toggle("large")));
      chart.resize();
    });
    chart.head.append(button);
  }

  #watch({ target, isIntersecting }) {
    this.charts.get(target.dataset.key)?.setInSight(isIntersecting);
  }

  #head(extra) {
    const amount = make("output", { class: "figure" }, this.smoothing.toFixed(2));
    const slider = make("input", {
      type: "range",
      id: "smoothing",
      min: 0,
      max: 0.99,
      step: 0.01,
      value: this.smoothing,
    });
    slider.addEventListener("input", () => {
      this.smoothing = Number(slider.value);
      amount.textContent = this.smoothing.toFixed(2);
      view.write({ smooth: this.smoothing ? String(this.smoothing) : null });
      this.redraw();
    });
    const setLog = (log) => {
      this.log = log;
      view.write({ log: log ? "yes" : null });
      this.redraw();
    };
    const scale = segments(
      say("curves.scale"),
      [
        [false, say("curves.linear")],
        [true, say("curves.log")],
      ],
      this.log,
      setLog,
    );
    const reset = make(
      "button",
      {
        type: "button",
        class: "quiet",
        on: {
          click: () => {
            this.range = null;
            this.redraw();
          },
        },
      },
      say("curves.reset"),
    );
    const save = make(
      "button",
      { type: "button", class: "quiet", on: { click: () => this.#export() } },
      say("export.csv"),
    );
    addKeys([
      ["l", "keys.log", () => scale.querySelector('[aria-pressed="false"]').click()],
      ["r", "keys.reset", () => reset.click()],
    ]);
    return make(
      "div",
      { class: "pane-head" },
      make("h2", {}, say("curves.title")),
      extra,
      make("label", { class: "field" }, make("span", {}, say("curves.smoothing")), slider, amount),
      scale,
      make("span", { class: "push" }),
      reset,
      save,
    );
  }

  /** All visible points as they were logged, one a line. */
  #export() {
    const visible = new Map(this.runs.filter(this.shown).map((run) => [run.id, run.name]));
    const rows = this.all
      .filter(({ run }) => visible.has(run))
      .flatMap(({ run, key, points }) =>
        points.map(([step, timestamp, value]) => [run, visible.get(run), key, step, timestamp, value]),
      );
    save("curves.csv", csv([["run_id", "run", "metric", "images", "timestamp_ms", "value"], ...rows]));
  }
}
