// The page of runs: which experiment, which filter, which columns, what order, and which are ticked.
import * as columns from "./columns.js";
import { chooseColumns } from "./chooser.js";
import { byId, fill, make, paced, settled, tell } from "./elements.js";
import { kinds } from "./export.js";
import { colour } from "./colours.js";
import * as format from "./format.js";
import * as grouping from "./grouping.js";
import { addKeys } from "./keys.js";
import { follow } from "./live.js";
import { addressOf } from "./mlflow_links.js";
import * as server from "./server.js";
import { say } from "./shell.js";
import { tableOf } from "./table.js";
import * as view from "./view.js";

/** Runs that get a picture and a small curve; the others are far down. */
const MOST_DRESSED = 200;

/** Points of a small curve. */
const SMALL_POINTS = 100;

const page = {
  experiments: [],
  asked: 0,
  runs: [],
  defaults: [],
  next: undefined,
  extremes: new Map(),
  curves: new Map(),
  thumbs: new Map(),
  ticked: new Set(view.readList("ticked")),
  current: -1,
  lastTicked: null,
};

const sortOf = (text) => ({ id: text.replace(/^-/, ""), descending: text.startsWith("-") });
const sort = () => sortOf(view.read("sort", "-attribute:started"));

/** Whether the table shows what was deleted. */
const isBin = () => view.read("view") === "deleted";

function shownColumns() {
  const chosen = view.readList("columns");
  return (chosen.length ? chosen : page.defaults).map(columns.columnOf).filter(Boolean);
}

/** Plain words look for runs of that name; anything with an operator is MLflow's grammar (with OR and parentheses). */
export function filterOf(text) {
  const words = text.trim();
  if (!words || /[=<>!]|\b(I?LIKE|IN)\s*['"(]/i.test(words)) return words;
  return `attributes.run_name ILIKE '%${words.replaceAll("'", "")}%'`;
}

async function load() {
  byId("table").setAttribute("aria-busy", "true");
  try {
    page.experiments = await server.experiments();
    fillExperiments();
    await search();
    tell(byId("filter-error"), null);
  } catch (error) {
    tell(
      byId("filter-error"),
      error.code === "INVALID_PARAMETER_VALUE"
        ? say("runs.filter_wrong", { message: error.message })
        : say("shell.failed", { message: error.message }),
    );
  }
  byId("table").setAttribute("aria-busy", "false");
}

/** An answer that a later search has overtaken is dropped. */
async function search(pageToken) {
  const asked = (page.asked += 1);
  const chosen = view.read("experiment");
  const experimentIds = chosen ? [chosen] : page.experiments.map(({ id }) => id);
  const found = experimentIds.length
    ? await server.searchRuns({ experimentIds, filter: filterOf(view.read("filter")), pageToken, deleted: isBin() })
    : { runs: [] };
  if (asked !== page.asked) return;
  take(found, pageToken);
  await Promise.all([loadExtremes(), loadThumbs()]);
}

/** Shows what was found: in place of what is there, or after it where it is a further page. */
function take(found, pageToken) {
  const names = new Map(page.experiments.map(({ id, name }) => [id, name]));
  found.runs.forEach((run) => {
    run.experiment = names.get(run.experimentId);
  });
  page.runs = pageToken ? [...page.runs, ...found.runs] : found.runs;
  page.next = found.next;
  page.defaults = columns.defaults(page.runs);
  draw();
  performance.mark("table drawn");
}

/** Least and greatest values are only asked for when a column shows them, and so are curves. */
async function loadExtremes() {
  const shown = shownColumns();
  if (shown.some((column) => ["min", "max"].includes(columns.takeOf(column)))) {
    page.extremes = columns.byCurve(await inPieces(page.runs, 500, server.summaries));
    draw();
  }
  const keys = shown.filter(({ take }) => take === "curve").map(({ key }) => key);
  if (keys.length) {
    const dressed = page.runs.slice(0, MOST_DRESSED);
    page.curves = columns.byCurve(await inPieces(dressed, 50, (ids) => server.curves(ids, keys, SMALL_POINTS)));
    draw();
  }
}

async function loadThumbs() {
  const found = await inPieces(page.runs.slice(0, MOST_DRESSED), 50, server.pictures).catch(() => []);
  if (!found.length) return;
  page.thumbs = new Map(found.map(({ run, address }) => [run, address]));
  draw();
}

async function inPieces(runs, size, ask) {
  const answers = [];
  for (let at = 0; at < runs.length; at += size)
    answers.push(...(await ask(runs.slice(at, at + size).map(({ id }) => id))));
  return answers;
}

function fillExperiments() {
  const options = page.experiments.map(({ id, name }) => make("option", { value: id }, name));
  const select = byId("experiment");
  fill(select, select.firstElementChild, options);
  select.value = view.read("experiment");
}

function sorted() {
  const { id, descending } = sort();
  const column = columns.columnOf(id);
  const value = (run) => (column ? columns.valueOf(column, run, page.extremes) : run.name);
  return [...page.runs].sort(
    (a, b) => columns.order(value(a), value(b), descending) || b.start - a.start || (a.id < b.id ? -1 : 1),
  );
}

function draw() {
  const frame = byId("table");
  const focused = document.activeElement?.closest?.("tr[data-run]")?.dataset.run;
  const look = {
    columns: shownColumns(),
    sort: sort(),
    extremes: page.extremes,
    curves: page.curves,
    thumbs: page.thumbs,
    ticked: page.ticked,
    groupBy: view.read("group"),
    shown: frame.querySelectorAll("tbody tr").length,
    on: { sort: sortBy, tick, tickAll },
  };
  if (page.runs.length) fill(frame, tableOf(sorted(), look), page.next ? moreButton() : null);
  else fill(frame, emptyState());
  if (focused) frame.querySelector(`tr[data-run="${CSS.escape(focused)}"] input`)?.focus();
  byId("count").textContent = page.runs.length
    ? say(page.runs.length === 1 ? "runs.count_one" : "runs.count", {
        n: `${format.count(page.runs.length)}${page.next ? "+" : ""}`,
      })
    : "";
  fillGroups();
  drawTicked();
  markCurrent();
}

function fillGroups() {
  const chosen = view.read("group");
  const ids = grouping.choices(page.runs);
  const known = !chosen || ids.includes(chosen) ? ids : [chosen, ...ids];
  const select = byId("group");
  fill(
    select,
    select.firstElementChild,
    known.map((id) => make("option", { value: id }, id.replace(/^[a-z]+:/, ""))),
  );
  select.value = chosen;
}

function moreButton() {
  return make(
    "div",
    { class: "more" },
    make("button", { type: "button", on: { click: () => search(page.next) } }, say("runs.more")),
  );
}

function emptyState() {
  if (view.read("filter") || view.read("experiment"))
    return make(
      "div",
      { class: "empty" },
      make("h2", {}, say("runs.none_match")),
      make("p", {}, say("runs.none_match_hint")),
    );
  return make(
    "div",
    { class: "empty" },
    make("h2", {}, say("runs.none")),
    make("p", {}, say("runs.none_hint")),
    make("pre", {}, "./justw experiment FILE.yaml\n./justw experiment FILE.yaml train.seed=2"),
    make("p", {}, say("runs.none_other")),
    make("pre", {}, `export MLFLOW_TRACKING_URI=${location.origin}`),
  );
}

function sortBy(id) {
  const now = sort();
  const first =
    !["attribute:name", "attribute:experiment", "attribute:status"].includes(id) && !id.startsWith("param:");
  const wantsLow = id.startsWith("metric:") && columns.better(columns.columnOf(id).key) === "low";
  const descending = now.id === id ? !now.descending : first && !wantsLow;
  view.write({ sort: `${descending ? "-" : ""}${id}` });
  draw();
  [...document.querySelectorAll("th[aria-sort] button")].at(0)?.focus();
}

function tick(id, on, withRange) {
  const order = [...document.querySelectorAll("tr[data-run]")].map((row) => row.dataset.run);
  const [from, to] = [order.indexOf(withRange ? page.lastTicked : id), order.indexOf(id)].sort((a, b) => a - b);
  order.slice(from < 0 ? to : from, to + 1).forEach((run) => (on ? page.ticked.add(run) : page.ticked.delete(run)));
  page.lastTicked = id;
  afterTick();
}

function tickAll(on) {
  page.runs.forEach(({ id }) => (on ? page.ticked.add(id) : page.ticked.delete(id)));
  afterTick();
}

function afterTick() {
  view.write({ ticked: [...page.ticked] });
  for (const row of document.querySelectorAll("tr[data-run]")) {
    const on = page.ticked.has(row.dataset.run);
    row.classList.toggle("ticked-row", on);
    row.querySelector("input").checked = on;
  }
  drawTicked();
}

function compareAddress() {
  return `/compare?runs=${[...page.ticked].map(encodeURIComponent).join(",")}`;
}

function drawTicked() {
  const names = new Map(page.runs.map(({ id, name }) => [id, name]));
  const chips = [...page.ticked].map((id, i) =>
    make(
      "li",
      { class: "chip", style: { "--swatch": colour(i) } },
      make(
        "button",
        { type: "button", title: say("runs.untick"), on: { click: () => tick(id, false, false) } },
        make("span", { class: "swatch" }),
        make("span", { class: "label" }, names.get(id) ?? id),
      ),
    ),
  );
  byId("ticked").hidden = page.ticked.size === 0;
  fill(
    byId("ticked"),
    make("ul", { class: "chips" }, chips),
    make(
      "a",
      { class: "button primary", id: "compare", href: compareAddress(), "aria-keyshortcuts": "c" },
      page.ticked.size === 1 ? say("runs.look") : say("runs.compare", { n: page.ticked.size }),
    ),
    make(
      "button",
      {
        type: "button",
        class: "quiet",
        on: {
          click: () => {
            page.ticked.clear();
            afterTick();
          },
        },
      },
      say("runs.clear"),
    ),
    make(
      "button",
      { type: "button", class: "quiet", id: "bin", on: { click: moveTicked } },
      say(isBin() ? "runs.restore" : "runs.delete"),
    ),
  );
}

/** Deletes what is ticked, or restores it where the table shows what was deleted. */
async function moveTicked() {
  const move = isBin() ? server.restoreRun : server.deleteRun;
  const moved = await Promise.allSettled([...page.ticked].map((id) => move(id)));
  const failed = moved.find(({ status }) => status === "rejected");
  tell(byId("filter-error"), failed ? say("shell.failed", { message: failed.reason.message }) : null);
  page.ticked.clear();
  afterTick();
  await load();
}

function markCurrent(step = 0) {
  const rows = [...document.querySelectorAll("tr[data-run]")];
  if (step) page.current = Math.max(0, Math.min(rows.length - 1, page.current + step));
  rows.forEach((row, i) => row.classList.toggle("current", i === page.current));
  if (step) rows[page.current]?.scrollIntoView({ block: "nearest" });
}

const currentRow = () => document.querySelectorAll("tr[data-run]")[page.current];

/** The table on screen, all of its rows; params stay as they were written. */
function shownTable() {
  const shown = shownColumns().filter(({ take }) => take !== "curve");
  const names = ["run_id", "name"].map((name) => ({ name, kind: "text" }));
  const kind = ({ kind: of, key }) => {
    if (of === "metric") return "number";
    return (of === "attribute" && { duration: "number", started: "int" }[key]) || "text";
  };
  const rows = sorted().map((run) => [
    run.id,
    run.name,
    ...shown.map((column) => columns.valueOf(column, run, page.extremes)),
  ]);
  return { name: "runs", columns: [...names, ...shown.map((column) => ({ name: column.id, kind: kind(column) }))], rows };
}

byId("filter").value = view.read("filter");
byId("filter-form").addEventListener("submit", (event) => {
  event.preventDefault();
  setFilter();
});
const setFilter = () => {
  view.write({ filter: byId("filter").value.trim() });
  load();
};
byId("filter").addEventListener("input", settled(setFilter, 450));
byId("experiment").addEventListener("change", (event) => {
  view.write({ experiment: event.target.value });
  load();
});
byId("group").addEventListener("change", (event) => {
  view.write({ group: event.target.value });
  draw();
});
byId("view").value = view.read("view");
byId("view").addEventListener("change", (event) => {
  view.write({ view: event.target.value });
  page.ticked.clear();
  afterTick();
  load();
});
byId("columns").addEventListener("click", () =>
  chooseColumns(
    columns.available(page.runs),
    shownColumns().map(({ id }) => id),
    (ids) => {
      view.write({ columns: ids });
      draw();
      loadExtremes();
    },
  ),
);
for (const kind in kinds) byId(`export-${kind}`).addEventListener("click", () => kinds[kind](shownTable()));
addKeys([
  ["/", "keys.filter", () => byId("filter").focus()],
  ["j", "keys.down", () => markCurrent(1)],
  ["k", "keys.up", () => markCurrent(-1)],
  ["x", "keys.tick", () => currentRow()?.querySelector("input").click()],
  ["Enter", "keys.open", () => currentRow()?.querySelector("a").click()],
  [
    "c",
    "keys.compare",
    () => {
      if (page.ticked.size) byId("compare").click();
    },
  ],
]);
const elsewhere = await addressOf(location.hash).catch(() => null);
if (elsewhere) location.replace(elsewhere);
else {
  const brought = server.broughtAlong();
  if (brought) {
    page.experiments = brought.experiments;
    fillExperiments();
    take(brought.found);
    byId("table").setAttribute("aria-busy", "false");
  }
  // What there was to bring may have been all there is; extremes, pictures and further rows are asked for either way.
  await load();
  follow([], paced(load, 1200));
  setInterval(() => document.visibilityState === "visible" && draw(), 30_000);
}
