// What differs between runs: params, last values and tags side by side, rows that differ only by default.
import { better } from "./columns.js";
import { colour } from "./colours.js";
import { fill, make, segments } from "./elements.js";
import { csv, save } from "./export.js";
import * as format from "./format.js";
import { addKeys } from "./keys.js";
import { say } from "./shell.js";
import * as view from "./view.js";

const PARTS = ["params", "metrics", "tags"];

/** Rows `{ key, values, differs }` of one part of the runs, in the order of their names. */
export function rowsOf(part, runs) {
  const value = (run, key) => (part === "metrics" ? run.metrics[key]?.value : run[part][key]);
  const keys = [...new Set(runs.flatMap((run) => Object.keys(run[part])))].sort();
  const wanted =
    part === "tags" ? keys.filter((key) => key !== "mlflow.loggedImages" && key !== "mlflow.runName") : keys;
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
    const parts = segments(
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
        parts,
        make("label", { class: "field" }, box, make("span", {}, say("versus.all"))),
        this.count,
        make("span", { class: "push" }),
        make("button", { type: "button", class: "quiet", on: { click: () => this.#export() } }, say("export.csv")),
      ),
      this.body,
    );
    addKeys([["d", "keys.all_rows", () => box.click()]]);
  }

  /** Shows these runs; the first is the one the others are measured against. */
  set(runs) {
    this.runs = runs;
    this.draw();
  }

  draw() {
    const rows = rowsOf(this.part, this.runs);
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

  #row({ key, values, differs }) {
    const finite = values.filter(Number.isFinite);
    const wish = this.part === "metrics" && differs && finite.length > 1 ? better(key) : "";
    const best = { low: Math.min(...finite), high: Math.max(...finite) }[wish];
    const cells = values.map((value, i) => {
      const same = String(value) === String(values[0]);
      const kind = value === undefined ? "missing" : best !== undefined && value === best ? "best" : same ? "same" : "";
      const text = value === undefined ? "—" : this.part === "metrics" ? format.value(value) : value;
      return make(
        "td",
        { class: kind, title: value },
        text,
        this.part === "metrics" && i ? change(values[0], value, wish) : null,
      );
    });
    return make(
      "tr",
      { class: differs && this.part !== "metrics" ? "differs" : "" },
      make("th", { scope: "row", title: key }, key),
      cells,
    );
  }

  #export() {
    const rows = rowsOf(this.part, this.runs).filter(({ differs }) => this.all || differs);
    save(
      `${this.part}.csv`,
      csv([[this.part, ...this.runs.map(({ name }) => name)], ...rows.map(({ key, values }) => [key, ...values])]),
    );
  }
}

/** By how much a value differs from the first run's, coloured by whether that is better. */
function change(first, value, wish) {
  if (!Number.isFinite(first) || !Number.isFinite(value) || !first || first === value) return null;
  const percent = ((value - first) / Math.abs(first)) * 100;
  const verdict = !wish ? "" : percent > 0 === (wish === "high") ? "better" : "worse";
  const text = `${percent > 0 ? "+" : "−"}${Math.abs(percent).toFixed(Math.abs(percent) < 10 ? 1 : 0)} %`;
  return make("span", { class: `change ${verdict}` }, text);
}
