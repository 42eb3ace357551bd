// What differs between runs: params, last values and tags side by side, rows that differ only by default.
import { better } from "./columns.js";
import { colour } from "./colours.js";
import { fill, make, segments } from "./elements.js";
import { exportButtons } from "./export.js";
import * as format from "./format.js";
import { addKeys } from "./keys.js";
import { groupsOf, hasSeeds } from "./seeds.js";
import { say } from "./shell.js";
import { halfWidth, summary, welch } from "./stats.js";
import * as view from "./view.js";

const PARTS = ["params", "metrics", "seeds", "tags"];

/** A difference this unlikely without a cause is worth a mark. */
const SIGNIFICANT = 0.05;

/** Rows `{ key, values, differs }` of one part of the runs, in the order of their names. */
export function rowsOf(part, runs) {
  const value = (run, key) => (part === "metrics" ? run.metrics[key]?.value : run[part][key]);
  const keys = [...new Set(runs.flatMap((run) => Object.keys(run[part])))].sort();
  const wanted =
    part === "tags" ? keys.filter((key) => key !== "mlflow.runName") : keys;
  return wanted.map((key) => {
    const values = runs.map((run) => value(run, key));
    return { key, values, differs: new Set(values.map(String)).size > 1 };
  });
}

/** Draws into `element`. */
export class Versus {
  part = PARTS.includes(view.read("versus")) ? view.read("versus") : "params";
  all = view.read("rows") === "all";

  constructor(element) {
    this.body = make("div", { class: "versus-frame" });
    this.count = make("span", { class: "muted" });
    this.parts = segments(
      say("versus.title"),
      PARTS.map((part) => [part, say(`versus.${part}`)]),
      this.part,
      (part) => {
        this.part = part;
        view.write({ versus: part === "params" ? null : part });
        this.draw();
      },
    );
    const box = make("input", { type: "checkbox", id: "all-rows", checked: this.all });
    box.addEventListener("change", () => {
      this.all = box.checked;
      view.write({ rows: this.all ? "all" : null });
      this.draw();
    });
    fill(
      element,
      make(
        "div",
        { class: "pane-head" },
        make("h2", {}, say("versus.title")),
        this.parts,
        make("label", { class: "field" }, box, make("span", {}, say("versus.all"))),
        this.count,
        make("span", { class: "push" }),
        exportButtons(() => this.#shown()),
      ),
      this.body,
    );
    addKeys([["d", "keys.all_rows", () => box.click()]]);
  }

  /** Shows these runs; the first is the one the others are measured against. */
  set(runs) {
    this.runs = runs;
    const seeds = this.parts.children[PARTS.indexOf("seeds")];
    seeds.hidden = !hasSeeds(runs);
    this.draw();
  }

  draw() {
    if (this.part === "seeds" && hasSeeds(this.runs)) {
      this.#drawSeeds();
      return;
    }
    this.#drawRows();
  }

  /** Last values by group of runs that are alike but for their seed, against the first group. */
  #drawSeeds() {
    const groups = groupsOf(this.runs);
    const rows = seedRows(groups);
    this.count.textContent = say("versus.seeds_about");
    const heads = groups.map(({ name, runs }) =>
      make("th", { scope: "col" }, make("span", { class: "swatch", style: { "--swatch": colour(runs[0].colour ?? 0) } }), `${name} (n=${runs.length})`),
    );
    const body = rows.map(({ key, cells }) =>
      make("tr", {}, make("th", { scope: "row", title: key }, key), cells.map((cell) => seedCell(key, cell))),
    );
    const head = make("thead", {}, make("tr", {}, make("td", {}), heads));
    fill(this.body, make("table", { class: "versus-table" }, head, make("tbody", {}, body)));
  }

  #drawRows() {
    const rows = rowsOf(this.#partOfRuns, this.runs);
    const shown = rows.filter(({ differs }) => this.all || differs);
    this.count.textContent = say("versus.count", { n: rows.filter(({ differs }) => differs).length, all: rows.length });
    if (!shown.length) {
      fill(this.body, make("p", { class: "none" }, say(rows.length ? "versus.same" : "versus.none")));
      return;
    }
    const heads = this.runs.map((run, i) =>
      make(
        "th",
        { scope: "col" },
        make("span", { class: "swatch", style: { "--swatch": colour(run.colour ?? i) } }),
        run.name,
      ),
    );
    fill(
      this.body,
      make(
        "table",
        { class: "versus-table" },
        make("thead", {}, make("tr", {}, make("td", {}), heads)),
        make(
          "tbody",
          {},
          shown.map((row) => this.#row(row)),
        ),
      ),
    );
  }

  /** Without seeds to tell apart, a link that asks for them shows last values. */
  get #partOfRuns() {
    return this.part === "seeds" ? "metrics" : this.part;
  }

  #row({ key, values, differs }) {
    const finite = values.filter(Number.isFinite);
    const wish = this.#partOfRuns === "metrics" && differs && finite.length > 1 ? better(key) : "";
    const best = { low: Math.min(...finite), high: Math.max(...finite) }[wish];
    const cells = values.map((value, i) => {
      const same = String(value) === String(values[0]);
      const kind = value === undefined ? "missing" : best !== undefined && value === best ? "best" : same ? "same" : "";
      const text = value === undefined ? "—" : this.#partOfRuns === "metrics" ? format.value(value) : value;
      return make(
        "td",
        { class: kind, title: value },
        text,
        this.#partOfRuns === "metrics" && i ? change(values[0], value, wish) : null,
      );
    });
    return make(
      "tr",
      { class: differs && this.#partOfRuns !== "metrics" ? "differs" : "" },
      make("th", { scope: "row", title: key }, key),
      cells,
    );
  }

  /** The rows on screen, a column a run. */
  #shown() {
    const rows = rowsOf(this.#partOfRuns, this.runs).filter(({ differs }) => this.all || differs);
    const kind = this.#partOfRuns === "metrics" ? "number" : "text";
    const named = ({ name }) => this.runs.filter((run) => run.name === name).length;
    const columns = this.runs.map((run) => ({ name: named(run) > 1 ? `${run.name} ${run.id}` : run.name, kind }));
    return { name: this.part, columns: [{ name: this.part, kind: "text" }, ...columns], rows: rows.map(({ key, values }) => [key, ...values]) };
  }
}

/** Rows `{ key, cells: [{ n, mean, deviation, half, change, p }] }` of last values by group; the first is the measure. */
export function seedRows(groups) {
  const keys = [...new Set(groups.flatMap(({ runs }) => runs.flatMap((run) => Object.keys(run.metrics))))].sort();
  return keys.map((key) => {
    const samples = groups.map(({ runs }) => runs.map((run) => run.metrics[key]?.value).filter(Number.isFinite));
    const cells = samples.map((sample, i) => {
      const about = summary(sample);
      return { ...about, of: groups[i].runs.length, half: halfWidth(about), first: summary(samples[0]).mean, p: i ? welch(sample, samples[0]).p : NaN };
    });
    return { key, cells };
  });
}

function seedCell(key, { n, of, mean, half, first, p }) {
  if (!n) return make("td", { class: "missing" }, "—");
  const spread = Number.isFinite(half) ? ` ± ${format.value(half)}` : "";
  const sure = p < SIGNIFICANT;
  const wish = sure ? better(key) : "";
  const chance = Number.isFinite(p) ? make("span", { class: `change ${sure ? "sure" : ""}` }, `p=${p < 0.001 ? "<0.001" : p.toFixed(3)}`) : null;
  // A run that ended without a number does not count.
  const counted = n < of ? make("span", { class: "change" }, `n=${n}`) : null;
  return make("td", {}, `${format.value(mean)}${spread}`, counted, change(first, mean, wish), chance);
}

/** By how much a value differs from the first run's, coloured by whether that is better. */
function change(first, value, wish) {
  if (!Number.isFinite(first) || !Number.isFinite(value) || !first || first === value) return null;
  const percent = ((value - first) / Math.abs(first)) * 100;
  const verdict = !wish ? "" : percent > 0 === (wish === "high") ? "better" : "worse";
  const text = `${percent > 0 ? "+" : "−"}${Math.abs(percent).toFixed(Math.abs(percent) < 10 ? 1 : 0)} %`;
  return make("span", { class: `change ${verdict}` }, text);
}
