// The curves of some runs: a chart for each metric, grouped by the part of its name before the last slash.
import { Chart } from "./charts.js";
import { fill, make, segments } from "./elements.js";
import { exportButtons } from "./export.js";
import { place } from "./history.js";
import { addKeys } from "./keys.js";
import { band, groupsOf, hasSeeds } from "./seeds.js";
import { say, shell } from "./shell.js";
import * as view from "./view.js";

const FIRST = ["loss", "score", "penalty"];
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
  look = {
    smoothing: Number(view.read("smooth") || 0),
    log: view.read("log") === "yes",
    clip: view.read("clip") === "yes",
    seeds: view.read("seeds") === "yes",
    range: null,
  };

  constructor(element, cursor) {
    this.cursor = cursor;
    this.groups = make("div", { class: "groups" });
    fill(element, this.#head(), this.groups);
    this.watcher = new IntersectionObserver((entries) => entries.forEach((entry) => this.#watch(entry)), {
      rootMargin: "200px",
    });
    cursor.addEventListener("move", () => this.charts.forEach((chart) => chart.moveTo(cursor.x)));
    cursor.addEventListener("axis", () => this.#change({ range: null }));
    shell.addEventListener("theme", () => this.redraw());
    new ResizeObserver(() => this.charts.forEach((chart) => chart.resize())).observe(element);
  }

  /** Shows these curves (`server.curves`) of these runs; `shown(run)` says which are visible. */
  set(runs, all, shown) {
    [this.runs, this.all, this.shown] = [runs, all, shown];
    this.seeds.hidden = !hasSeeds(runs);
    if (this.seeds.hidden) this.look.seeds = false;
    const keys = [...new Set(all.map(({ key }) => key))].sort((a, b) => rank(a) - rank(b) || (a < b ? -1 : 1));
    if (!keys.length || keys.join("\n") !== [...this.charts.keys()].join("\n")) this.#layOut(keys);
    this.redraw();
  }

  redraw() {
    this.reset.hidden = this.look.range === null;
    const lines = new Map([...this.charts.keys()].map((key) => [key, this.#linesOf(key)]));
    const look = { ...this.look, axis: this.cursor.axis, span: spanOf([...lines.values()].flat()) };
    for (const [key, chart] of this.charts) chart.set(lines.get(key), look);
  }

  #change(look) {
    Object.assign(this.look, look);
    const { smoothing, log, clip, seeds } = this.look;
    const yes = (is) => (is ? "yes" : null);
    view.write({ smooth: smoothing ? String(smoothing) : null, log: yes(log), clip: yes(clip), seeds: yes(seeds) });
    this.redraw();
  }

  #linesOf(key) {
    const lines = this.#linesOfRuns(key);
    if (!this.look.seeds) return lines;
    return groupsOf(this.runs).map(({ name, runs }) => {
      const own = lines.filter(({ run, shown, x }) => runs.includes(run) && shown && x.length);
      const first = lines.find(({ run }) => run === runs[0]);
      if (!own.length) return { ...first, shown: false };
      return { ...first, shown: true, name: `${name} (n=${own.length})`, ...band(own) };
    });
  }

  #linesOfRuns(key) {
    return this.runs.map((run, i) => {
      const points = this.all.find((curve) => curve.run === run.id && curve.key === key)?.points ?? [];
      const x = points.map(([step, timestamp]) => place(this.cursor.axis, run, step, timestamp));
      const y = points.map((point) => point[2]);
      return { run, i: run.colour ?? i, name: run.name, shown: this.shown(run), x, y };
    });
  }

  #layOut(keys) {
    this.watcher.disconnect();
    this.charts = new Map(keys.map((key) => [key, this.#chart(key)]));
    const groups = Map.groupBy(keys, (key) => key.split("/").slice(0, -1).join("/"));
    const none = make("p", { class: "none" }, say("curves.none"));
    fill(this.groups, keys.length ? [...groups].map(([name, members]) => this.#group(name, members)) : none);
    this.charts.forEach((chart) => this.watcher.observe(chart.element));
  }

  #chart(key) {
    const point = (x) => {
      if (this.cursor.follows && !this.cursor.playing) this.cursor.moveTo(x);
    };
    const chart = new Chart(key, key.split("/").at(-1), { point, range: (range) => this.#change({ range }) });
    chart.moveTo(this.cursor.x);
    return chart;
  }

  #group(name, members) {
    const title = make("h2", {}, name || say("curves.other"));
    const charts = members.map((key) => this.charts.get(key).element);
    const about = { class: "group", open: true, data: { n: Math.min(2, members.length) } };
    const summary = make("summary", {}, title, make("span", { class: "muted" }, String(members.length)));
    return make("details", about, summary, make("div", { class: "charts" }, charts));
  }

  #watch({ target, isIntersecting }) {
    this.charts.get(target.dataset.key)?.setInSight(isIntersecting);
  }

  #head() {
    const quiet = (words, click) => make("button", { type: "button", class: "quiet", on: { click } }, say(words));
    const scale = this.#scale();
    const clip = this.#switch("clip", "curves.clip");
    this.seeds = this.#switch("seeds", "curves.seeds");
    this.seeds.hidden = true;
    this.reset = quiet("curves.reset", () => this.#change({ range: null }));
    addKeys([
      ["l", "keys.log", () => scale.querySelector('[aria-pressed="false"]').click()],
      ["o", "keys.clip", () => clip.click()],
      ["e", "keys.seeds", () => this.seeds.hidden || this.seeds.click()],
      ["r", "keys.reset", () => this.reset.click()],
    ]);
    const push = make("span", { class: "push" });
    const title = make("h2", {}, say("curves.title"));
    const ways = [this.#smoothing(), scale, clip, this.seeds];
    return make("div", { class: "pane-head" }, title, ways, push, this.reset, exportButtons(() => this.#points()));
  }

  #smoothing() {
    const amount = make("output", { class: "figure" }, this.look.smoothing.toFixed(2));
    const range = { min: 0, max: 0.99, step: 0.01, value: this.look.smoothing };
    const slider = make("input", { type: "range", id: "smoothing", ...range });
    slider.addEventListener("input", () => {
      amount.textContent = Number(slider.value).toFixed(2);
      this.#change({ smoothing: Number(slider.value) });
    });
    return make("label", { class: "field" }, make("span", {}, say("curves.smoothing")), slider, amount);
  }

  #scale() {
    const kinds = [false, true].map((log) => [log, say(log ? "curves.log" : "curves.linear")]);
    return segments(say("curves.scale"), kinds, this.look.log, (log) => this.#change({ log }));
  }

  #switch(name, words) {
    const about = { type: "button", "aria-pressed": String(this.look[name]), title: say(`${words}_hint`) };
    const button = make("button", about, say(words));
    button.addEventListener("click", () => {
      this.#change({ [name]: !this.look[name] });
      button.setAttribute("aria-pressed", String(this.look[name]));
    });
    return button;
  }

  /** All visible points as they were logged, one a line. */
  #points() {
    const visible = new Map(this.runs.filter(this.shown).map((run) => [run.id, run.name]));
    const rows = this.all
      .filter(({ run }) => visible.has(run))
      .flatMap(({ run, key, points }) => points.map((point) => [run, visible.get(run), key, ...point]));
    const text = ["run_id", "run", "metric"].map((name) => ({ name, kind: "text" }));
    const whole = ["step", "timestamp_ms"].map((name) => ({ name, kind: "int" }));
    return { name: "curves", columns: [...text, ...whole, { name: "value", kind: "number" }], rows };
  }
}

/** From the first point of all to the last, so that the cursor stands at the same place in every chart; or null. */
function spanOf(lines) {
  const drawn = lines.filter(({ shown, x }) => shown && x.length);
  if (!drawn.length) return null;
  const [from, to] = [Math.min(...drawn.map(({ x }) => x[0])), Math.max(...drawn.map(({ x }) => x.at(-1)))];
  return from < to ? [from, to] : null;
}
