// Draws the table of runs. What is in it is decided in `runs.js` and `columns.js`.
import * as columns from "./columns.js";
import { make, drawn } from "./elements.js";
import * as format from "./format.js";
import { groupRow, grouped } from "./grouping.js";
import { stepWords } from "./history.js";
import { shortName } from "./names.js";
import { say } from "./shell.js";
import { badge } from "./status.js";

const CHUNK = 100;

/**
 * A table element of `runs`, the first hundred rows at once and the rest as they are scrolled to.
 * `look` is `{ columns, sort, extremes, curves, thumbs, ticked, shown, on: { sort, tick, tickAll } }`; `shown` rows are drawn at least.
 */
export function tableOf(runs, look) {
  const marks = look.columns.map((column) => ({
    column,
    number: columns.isNumber(column, runs),
    best: columns.best(column, runs, look.extremes),
  }));
  const body = make("tbody");
  const table = make("table", { class: "runs-table" }, make("thead", {}, headRow(runs, marks, look)), body);
  const items = look.groupBy ? grouped(runs, look.groupBy).flatMap((group) => [{ group }, ...group.runs]) : runs;
  appendRows(body, items, Math.max(CHUNK, look.shown), (item) =>
    item.group ? groupRow(item.group, look) : rowOf(item, marks, look),
  );
  return table;
}

function appendRows(body, runs, atOnce, row) {
  let shown = 0;
  const more = () => {
    const until = shown + (shown ? CHUNK : atOnce);
    body.append(...runs.slice(shown, until).map(row));
    shown = until;
    if (shown < runs.length) watcher.observe(body.lastElementChild);
  };
  const watcher = new IntersectionObserver(
    (entries) => {
      if (!entries.some((entry) => entry.isIntersecting)) return;
      watcher.disconnect();
      more();
    },
    { rootMargin: "600px" },
  );
  more();
}

function headRow(runs, marks, look) {
  const all = runs.length > 0 && runs.every((run) => look.ticked.has(run.id));
  const tickAll = make("input", {
    type: "checkbox",
    checked: all,
    "aria-label": say("runs.tick_all"),
    on: { change: (event) => look.on.tickAll(event.target.checked) },
  });
  return make(
    "tr",
    {},
    make("th", { class: "tick", scope: "col" }, tickAll),
    headCell({ id: "attribute:name", kind: "attribute", key: "name" }, "lead", look),
    marks.map(({ column, number }) => headCell(column, number ? "number" : "", look)),
  );
}

/** The words over a column: a small line for its group, and its own name. */
export function headWords(column) {
  if (column.kind === "attribute") return { group: "", label: say(`column.${column.key}`) };
  const [, prefix, label] = /^(?:(.*)[/.])?(.*)$/.exec(column.key);
  const group =
    column.kind === "metric" ? [prefix, say(`take.${column.take}`)].filter(Boolean).join(" · ") : (prefix ?? "");
  return { group: group || say(`kind.${column.kind}`), label };
}

function headCell(column, className, { sort, on }) {
  const { group, label } = headWords(column);
  const sorted = sort.id === column.id ? (sort.descending ? "descending" : "ascending") : null;
  const words = make(
    "span",
    { class: "name" },
    group ? make("span", { class: "group" }, group) : null,
    make("span", { class: "label" }, label),
  );
  const arrow = make("span", { class: "arrow", "aria-hidden": "true" }, sorted ? (sort.descending ? "↓" : "↑") : "");
  const button = make(
    "button",
    { type: "button", title: column.key, on: { click: () => on.sort(column.id) } },
    words,
    arrow,
  );
  return make("th", { class: className, scope: "col", "aria-sort": sorted }, column.take === "curve" ? words : button);
}

function rowOf(run, marks, look) {
  const ticked = look.ticked.has(run.id);
  const tick = make("input", {
    type: "checkbox",
    checked: ticked,
    "aria-label": say("runs.tick", { name: run.name }),
    on: { click: (event) => look.on.tick(run.id, event.target.checked, event.shiftKey) },
  });
  return make(
    "tr",
    { class: ticked ? "ticked-row" : "", data: { run: run.id } },
    make("td", { class: "tick" }, tick),
    make("th", { class: "lead", scope: "row" }, lead(run, look)),
    marks.map((mark) => cell(run, mark, look)),
  );
}

function lead(run, { thumbs }) {
  const address = thumbs.get(run.id);
  const picture = address
    ? make("img", { class: "thumb", src: address, alt: "", loading: "lazy", width: 34, height: 34 })
    : make("span", { class: "thumb" });
  return make(
    "div",
    { class: "lead-body" },
    thumbs.size ? picture : null,
    make(
      "div",
      { class: "names" },
      make("a", { href: `/runs/${encodeURIComponent(run.id)}`, title: run.name }, shortName(run.name, { title: null })),
      make("small", { title: run.id }, run.experiment ?? ""),
    ),
  );
}

function cell(run, { column, number, best }, { extremes, curves }) {
  if (column.take === "curve") return make("td", {}, spark(curves.get(run.id)?.[column.key]?.points));
  const value = columns.valueOf(column, run, extremes);
  if (column.kind === "attribute")
    return make("td", { class: number ? "number" : "" }, attribute(column.key, value, run));
  const isBest = best !== undefined && value === best;
  const at = extremes?.get(run.id)?.[column.key]?.[columns.takeOf(column)]?.step ?? run.metrics[column.key]?.step;
  const title =
    column.kind === "metric" && value !== undefined ? stepWords(run, at) : value;
  const text = number && column.kind === "metric" ? format.value(value) : (value ?? "");
  return make(
    "td",
    { class: `${number ? "number" : ""} ${isBest ? "best" : ""}`, title },
    text,
    column.take === "best" && text ? make("small", { class: "at-step" }, ` @ ${format.compact(at)}`) : null,
    isBest ? make("span", { class: "unseen" }, ` ${say("runs.best")}`) : null,
  );
}

function attribute(key, value, run) {
  if (key === "status") return badge(run);
  if (key === "started") return make("time", { title: format.time(value) }, value ? format.ago(value) : "");
  return key === "duration" ? format.duration(value) : (value ?? "");
}

/** A curve in small, of its `[step, timestamp, value]` that are numbers. */
export function spark(all = []) {
  const points = all.filter(([, , value]) => Number.isFinite(value)).map(([step, , value]) => ({ step, value }));
  if (points.length < 2) return null;
  const values = points.map(({ value }) => value);
  const [low, high, first, last] = [Math.min(...values), Math.max(...values), points[0].step, points.at(-1).step];
  const place = ({ step, value }) => [
    ((step - first) / (last - first || 1)) * 100,
    23 - ((value - low) / (high - low || 1)) * 22,
  ];
  const path = points
    .map(
      (point, i) =>
        `${i ? "L" : "M"}${place(point)
          .map((n) => n.toFixed(2))
          .join(" ")}`,
    )
    .join("");
  return drawn(
    "svg",
    { class: "spark", viewBox: "0 0 100 24", preserveAspectRatio: "none", "aria-hidden": "true" },
    drawn("path", { d: path }),
  );
}
