// The page of one run: overview, curves, pictures, artifacts, config and where it came from.
import { Artifacts } from "./artifacts.js";
import { byCurve, byMeaning, isMachine, lasted } from "./columns.js";
import { Cursor, cursorControls } from "./cursor.js";
import { Curves } from "./curves.js";
import { binButton, nameOf, noteOf, tagsOf as ownTags } from "./edit.js";
import { byId, fill, make, paced, tell } from "./elements.js";
import * as format from "./format.js";
import { stepWords } from "./history.js";
import { addKeys } from "./keys.js";
import { Ledger } from "./ledger.js";
import { follow } from "./live.js";
import { Pictures } from "./pictures.js";
import * as server from "./server.js";
import { say } from "./shell.js";
import { badge } from "./status.js";
import { spark } from "./table.js";
import * as view from "./view.js";

const TABS = ["overview", "curves", "pictures", "artifacts", "system", "config", "ledger", "provenance"];

/** Tags that say which machine and which libraries the run had. */
const MACHINE_TAG = /^(idiom\.(cores|cpu|cuda|gpu|kernel|memory|version|world)|device|threads|libtorch|cuda)/;
const id = byId("run").dataset.run;
const cursor = new Cursor();
cursorControls(byId("cursor"), cursor);
const parts = {
  pictures: make("section", { class: "pane pictures" }),
  curves: make("section", { class: "pane curves" }),
};
const page = {
  run: null,
  curves: [],
  pictures: [],
  tab: TABS.includes(view.read("tab")) ? view.read("tab") : "overview",
};
const pictures = new Pictures(parts.pictures, cursor);
const curves = new Curves(parts.curves, cursor);
const artifacts = new Artifacts(id);
const ledger = new Ledger();
const always = () => true;

async function load() {
  try {
    page.run = await server.getRun(id);
    [page.curves, page.pictures] = await Promise.all([server.curves([id]), server.pictures([id])]);
    tell(byId("message"), null);
    cursor.setRuns([page.run]);
    drawHead();
    pictures.set([page.run], page.pictures, always);
    draw();
  } catch (error) {
    const words =
      error.code === "RESOURCE_DOES_NOT_EXIST"
        ? say("run.missing", { id })
        : say("shell.failed", { message: error.message });
    tell(byId("message"), words);
    if (!page.run) for (const part of ["tabs", "run-head", "cursor"]) byId(part).hidden = true;
  }
}

function drawHead() {
  if (isEditing()) return;
  const { run } = page;
  document.title = `${run.name} · Idiom`;
  byId("run-name").textContent = run.name;
  const copy = make(
    "button",
    {
      type: "button",
      class: "quiet mono",
      title: say("run.copy"),
      on: { click: () => navigator.clipboard?.writeText(run.id) },
    },
    run.id,
  );
  fill(
    byId("run-head"),
    nameOf(run, load),
    badge(run),
    run.deleted ? make("span", { class: "badge failed" }, say("runs.deleted")) : null,
    make(
      "span",
      { class: "muted" },
      [format.time(run.start), format.duration(lasted(run))].filter(Boolean).join(" · "),
    ),
    make("span", { class: "push" }),
    copy,
    binButton(run, load),
    make("a", { class: "button", href: `/?ticked=${encodeURIComponent(run.id)}` }, say("run.compare")),
  );
}

function choose(tab) {
  page.tab = tab;
  view.write({ tab: tab === "overview" ? null : tab });
  draw();
}

function drawTabs() {
  fill(
    byId("tabs"),
    TABS.map((tab) =>
      make(
        "button",
        {
          type: "button",
          role: "tab",
          id: `tab-${tab}`,
          "aria-controls": "panel",
          "aria-selected": String(tab === page.tab),
          tabindex: tab === page.tab ? 0 : -1,
          on: { click: () => choose(tab) },
        },
        say(`run.${tab}`),
      ),
    ),
  );
  byId("panel").setAttribute("aria-labelledby", `tab-${page.tab}`);
}

function draw() {
  drawTabs();
  byId("cursor").hidden = !["overview", "pictures", "curves", "system"].includes(page.tab) || !page.pictures.length;
  byId("panel").dataset.tab = page.tab;
  const contents = {
    overview: () =>
      make(
        "div",
        { class: "overview" },
        parts.pictures,
        make("div", { class: "column" }, noteOf(page.run, load), tiles(), facts("run.params", page.run.params)),
      ),
    pictures: () => parts.pictures,
    curves: () => curvesOf(false),
    system: () => make("div", { class: "column" }, facts("run.machine", machineTags()), curvesOf(true)),
    artifacts: () => artifacts.element,
    config: () => artifacts.config(facts("run.params", page.run.params)),
    ledger: () => ledger.element,
    provenance: () =>
      make("div", { class: "column" }, ownTags(page.run, load), facts("run.tags", page.run.tags)),
  };
  if (page.drawn === page.tab && (page.tab === "artifacts" || isEditing())) return;
  page.drawn = page.tab;
  fill(byId("panel"), contents[page.tab]());
  if (page.tab === "artifacts") artifacts.open();
  if (page.tab === "ledger") ledger.show(page.run);
}

/** The curves of the machine, or all others. */
function curvesOf(machine) {
  const wanted = page.curves.filter(({ key }) => isMachine(key) === machine);
  curves.set([page.run], wanted, always);
  return parts.curves;
}

const machineTags = () => Object.fromEntries(Object.entries(page.run.tags).filter(([key]) => MACHINE_TAG.test(key)));

/** Whether somebody is writing on the page: news of a run that trains must not take the words away. */
const isEditing = () => document.activeElement?.matches?.("textarea, input[type=text]") ?? false;

/** The last value of each metric with its curve in small. */
function tiles() {
  const ends = byCurve(page.curves).get(id) ?? {};
  const each = Object.entries(page.run.metrics)
    .filter(([key]) => !isMachine(key))
    .sort(([a], [b]) => byMeaning(a, b))
    .map(([key, { value, step }]) =>
      make(
        "div",
        { class: "tile", title: stepWords(page.run, step) },
        make("dt", { title: key }, key),
        make("dd", { class: Number.isFinite(value) ? null : "broken" }, format.value(value), spark(ends[key]?.points)),
      ),
    );
  return make(
    "section",
    { class: "pane" },
    make("div", { class: "pane-head" }, make("h2", {}, say("run.last_values"))),
    each.length ? make("dl", { class: "tiles" }, each) : make("p", { class: "none" }, say("curves.none")),
  );
}

/** Names and values as a table. */
function facts(title, values) {
  const rows = Object.entries(values)
    .sort(([a], [b]) => (a < b ? -1 : 1))
    .map(([key, value]) =>
      make(
        "tr",
        {},
        make("th", { scope: "row" }, key),
        make("td", {}, value.includes("\n") ? make("pre", {}, value) : value),
      ),
    );
  return make(
    "section",
    { class: "pane" },
    make(
      "div",
      { class: "pane-head" },
      make("h2", {}, say(title)),
      make("span", { class: "muted" }, String(rows.length)),
    ),
    rows.length
      ? make("div", { class: "versus-frame" }, make("table", { class: "versus-table facts" }, make("tbody", {}, rows)))
      : make("p", { class: "none" }, say("versus.none")),
  );
}

byId("tabs").addEventListener("keydown", (event) => {
  const by = { ArrowLeft: -1, ArrowRight: 1 }[event.key];
  if (!by) return;
  event.stopPropagation();
  choose(TABS[(TABS.indexOf(page.tab) + by + TABS.length) % TABS.length]);
  byId(`tab-${page.tab}`).focus();
});
addKeys([
  ["[", "keys.tab_before", () => choose(TABS[(TABS.indexOf(page.tab) + TABS.length - 1) % TABS.length])],
  ["]", "keys.tab_after", () => choose(TABS[(TABS.indexOf(page.tab) + 1) % TABS.length])],
]);
drawTabs();
await load();
if (page.run) follow([id], paced(load, 1000));
