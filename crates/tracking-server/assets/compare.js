// The page that compares runs: wires cursor, pictures, curves and differences together.
import { colour } from "./colours.js";
import { plotly } from "./charts.js";
import { Cursor, cursorControls } from "./cursor.js";
import { Curves } from "./curves.js";
import { byId, fill, make, paced, tell } from "./elements.js";
import { addKeys } from "./keys.js";
import { follow } from "./live.js";
import { shortName } from "./names.js";
import { Parallel } from "./parallel.js";
import { Pictures } from "./pictures.js";
import { saveReport } from "./report.js";
import * as server from "./server.js";
import { say } from "./shell.js";
import { state } from "./status.js";
import { Versus } from "./versus.js";
import * as view from "./view.js";

/** Up to so many runs are drawn with all the points a chart can show. */
const FEW_RUNS = 4;

const page = { ids: view.readList("runs"), runs: [], hidden: new Set(view.readList("hidden")), base: view.read("base") };
const shown = (run) => !page.hidden.has(run.id);
const cursor = new Cursor();
cursorControls(byId("cursor"), cursor);
const pictures = new Pictures(byId("pictures"), cursor);
const curves = new Curves(byId("curves"), cursor);
const versus = new Versus(byId("versus"));
const parallel = new Parallel(byId("parallel"));

/** Reads all of it; runs that are gone are named and the others shown. */
async function load() {
  if (!page.ids.length) return tell(byId("message"), say("compare.none"));
  try {
    plotly();
    // Asked for before it is known that all runs are there: nearly always they are.
    const early = askCurves(page.ids).catch(() => null);
    const brought = server.runsBroughtAlong();
    const answers = await Promise.allSettled(page.ids.map((id) => brought.get(id) ?? server.getRun(id)));
    const missing = page.ids.filter((_, i) => answers[i].status === "rejected");
    page.runs = answers.filter(({ status }) => status === "fulfilled").map(({ value }) => value);
    page.runs.forEach((run) => {
      run.colour = page.ids.indexOf(run.id);
    });
    cursor.setRuns(page.runs);
    tell(byId("message"), missing.length ? say("compare.missing", { runs: missing.join(", ") }) : null);
    for (const part of ["split", "versus", "transport"]) byId(part).hidden = page.runs.length === 0;
    drawChips();
    await Promise.all([loadPictures(), loadCurves(missing.length ? null : early).then(drawn)]);
    drawDifferences();
  } catch (error) {
    tell(byId("message"), say("shell.failed", { message: error.message }));
  }
  return undefined;
}

/** Done when the charts in sight have been drawn, which they are in the frame after they are laid out. */
async function drawn() {
  for (let frames = 0; frames < 2 && !document.hidden; frames += 1) await new Promise(requestAnimationFrame);
}

const ids = () => page.runs.map(({ id }) => id);

async function loadPictures() {
  page.pictures = ids().length ? await server.pictures(ids()) : [];
  pictures.set(page.runs, page.pictures, shown);
}

/** Of many runs fewer points each: a chart has so many pixels and no more. */
const askCurves = (runs) => server.curves(runs, [], runs.length > FEW_RUNS ? 400 : 800);

async function loadCurves(early) {
  page.curves = ids().length ? ((await early) ?? (await askCurves(ids()))) : [];
  markBroken();
  curves.set(page.runs, page.curves, shown);
  if (page.pictures) pictures.set(page.runs, page.pictures, shown);
}

/** A run is broken from the first step at which something it logs as a loss is no number. */
function markBroken() {
  for (const run of page.runs) {
    const steps = page.curves
      .filter((curve) => curve.run === run.id && /loss|penalty|score/.test(curve.key))
      .map(({ points }) => points.find(([, , value]) => !Number.isFinite(value))?.[0])
      .filter((step) => step !== undefined);
    run.broken = steps.length ? Math.min(...steps) : undefined;
  }
}

/** The baseline comes first: the others are measured against it. */
function drawDifferences() {
  const base = page.runs.find(({ id }) => id === page.base);
  versus.set(base ? [base, ...page.runs.filter((run) => run !== base)] : page.runs);
  parallel.set(page.runs, shown);
}

function setBase(run) {
  page.base = page.base === run.id ? "" : run.id;
  view.write({ base: page.base });
  drawChips();
  drawDifferences();
}

function drawChips() {
  document.title = `${page.runs.map(({ name }) => name).join(" · ")} · Idiom`;
  byId("back").href = `/?ticked=${page.ids.map(encodeURIComponent).join(",")}`;
  fill(byId("runs"), page.runs.map(chip));
  fill(byId("share"), shareButtons());
}

/** Ways to hand the comparison on: its address, which holds the whole view, and one file that holds all of it. */
function shareButtons() {
  const link = make("button", { type: "button", class: "quiet" }, say("compare.link"));
  link.addEventListener("click", async () => {
    view.flush();
    await navigator.clipboard?.writeText(location.href).catch(() => {});
    link.textContent = say("compare.link_copied");
  });
  const report = make("button", { type: "button", class: "quiet", id: "report" }, say("compare.report"));
  report.addEventListener("click", async () => {
    report.disabled = true;
    await saveReport({ runs: page.runs.filter(shown), curves, pictures, cursor });
    report.disabled = false;
  });
  return [link, report];
}

/** A run's name, which shows or hides it, and the ways to its own page and out of the comparison. */
function chip(run) {
  const { name } = run;
  const button = (words, click, attributes, ...content) =>
    make("button", { type: "button", title: words, on: { click: () => click(run) }, ...attributes }, content);
  const live = state(run) === "live" ? make("span", { class: "badge live" }, say("status.live")) : null;
  const label = [make("span", { class: "swatch" }), shortName(name, { class: "label", title: null }), live];
  const open = say("compare.open", { name });
  const drop = say("compare.remove_run", { name });
  const base = say("compare.baseline", { name });
  return make(
    "li",
    { class: `chip ${shown(run) ? "" : "off"}`, style: { "--swatch": colour(run.colour) } },
    button(say("compare.toggle_run", { name }), toggle, { "aria-pressed": String(shown(run)) }, label),
    button(base, setBase, { "aria-label": base, "aria-pressed": String(run.id === page.base) }, run.id === page.base ? "★" : "☆"),
    make("a", { href: `/runs/${encodeURIComponent(run.id)}`, "aria-label": open, title: open }, "↗"),
    button(drop, remove, { "aria-label": drop }, "×"),
  );
}

function toggle(run) {
  if (shown(run)) page.hidden.add(run.id);
  else page.hidden.delete(run.id);
  view.write({ hidden: [...page.hidden] });
  drawChips();
  parallel.set(page.runs, shown);
  pictures.set(page.runs, page.pictures, shown);
  curves.set(page.runs, page.curves, shown);
}

function remove(run) {
  page.ids = page.ids.filter((id) => id !== run.id);
  view.write({ runs: page.ids });
  load();
}

addKeys([
  [
    "1|2|3|4|5|6|7|8|9",
    "keys.toggle",
    ({ key }) => {
      const run = page.runs[Number(key) - 1];
      if (run) toggle(run);
    },
  ],
  [
    "b",
    "keys.back",
    () => {
      byId("back").click();
    },
  ],
]);
await load();
if (page.ids.length) follow(page.ids, paced(load, 1000));
