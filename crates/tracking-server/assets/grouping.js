// Runs of the table in groups that share a param or a tag, each under a line that sums it up.
import * as columns from "./columns.js";
import { make } from "./elements.js";
import * as format from "./format.js";
import { say } from "./shell.js";
import { summary } from "./stats.js";

/** What runs can be grouped by: what has more than one value, but not one for each run. */
export function choices(runs) {
  const all = columns.available(runs);
  const ids = [
    "attribute:experiment",
    "attribute:status",
    ...all.param.map((key) => `param:${key}`),
    ...all.tag.filter((key) => !/^(mlflow|idiom)\./.test(key)).map((key) => `tag:${key}`),
  ];
  return ids.filter((id) => {
    const values = new Set(runs.map((run) => columns.valueOf(columns.columnOf(id), run)));
    return values.size > 1 && values.size < runs.length;
  });
}

/** Groups `{ value, runs }` in the order in which their first runs come. */
export function grouped(runs, id) {
  const column = columns.columnOf(id);
  const groups = Map.groupBy(runs, (run) => columns.valueOf(column, run) ?? "");
  return [...groups].map(([value, members]) => ({ value, runs: members }));
}

/** The line over a group: how many, and the mean and deviation of each column of numbers. */
export function groupRow({ value, runs }, look) {
  const cells = look.columns.map((column) => {
    if (column.kind !== "metric" || column.take === "curve") return make("td", {});
    const { n, mean, deviation } = summary(runs.map((run) => columns.valueOf(column, run, look.extremes)));
    const spread = Number.isFinite(deviation) ? ` ± ${format.value(deviation)}` : "";
    return make("td", { class: "number" }, n ? `${format.value(mean)}${spread}` : "");
  });
  const words = say(runs.length === 1 ? "runs.count_one" : "runs.count", { n: format.count(runs.length) });
  const head = make("th", { scope: "rowgroup", class: "lead" }, String(value) || "—", make("small", {}, words));
  return make("tr", { class: "group-row" }, make("td", { class: "tick" }), head, cells);
}
