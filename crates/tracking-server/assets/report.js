// A comparison as one HTML file that needs nothing else: charts as SVG, pictures and tables inside.
import { plotly } from "./charts.js";
import { make } from "./elements.js";
import { save } from "./export.js";
import * as format from "./format.js";
import { nearest, words } from "./history.js";
import { say } from "./shell.js";
import { rowsOf } from "./versus.js";

const STYLE = `
  body { font: 15px/1.5 system-ui, sans-serif; color: #1c1f24; max-width: 1080px; margin: 2em auto; padding: 0 1em }
  h1 { font-size: 1.4em } h2 { font-size: 1.1em; margin-top: 2em }
  table { border-collapse: collapse; font-size: 13px } th, td { border: 1px solid #d8dce2; padding: 3px 8px; text-align: left }
  .charts { display: grid; grid-template-columns: repeat(auto-fill, minmax(440px, 1fr)); gap: 12px }
  figure { margin: 0 } figcaption { font-size: 13px; color: #555 } img { max-width: 100%; height: auto }
  .pictures { display: grid; grid-template-columns: repeat(auto-fill, minmax(280px, 1fr)); gap: 12px }
  .swatch { display: inline-block; width: 10px; height: 10px; border-radius: 2px; margin-right: 6px }
  .pictures img { image-rendering: pixelated; width: 100% }`;

/** Saves what the page shows: `{ runs, curves, pictures, cursor }`. */
export async function saveReport(view) {
  const page = document.implementation.createHTMLDocument(say("compare.title"));
  page.documentElement.lang = document.documentElement.lang;
  page.head.append(make("meta", { charset: "utf-8" }), make("style", {}, STYLE));
  page.body.append(
    make("h1", {}, view.runs.map(({ name }) => name).join(" · ")),
    make("p", {}, say("report.about", { time: format.time(Date.now()), place: location.origin })),
    make("p", {}, make("a", { href: location.href }, say("report.live"))),
    ...(await pictures(view)),
    ...(await charts(view)),
    table("versus.params", "params", view.runs, String),
    table("versus.metrics", "metrics", view.runs, format.value),
  );
  save("comparison.html", `<!doctype html>\n${page.documentElement.outerHTML}`, "text/html;charset=utf-8");
}

async function charts({ curves }) {
  const Plotly = await plotly();
  const figures = [];
  for (const chart of curves.charts.values()) {
    const { data, layout } = chart.figure();
    // White paper, whatever theme the page has.
    const paper = { ...layout, width: 480, height: 260, paper_bgcolor: "#fff", plot_bgcolor: "#fff", showlegend: false };
    const src = await Plotly.toImage({ data, layout: paper }, { format: "svg", width: 480, height: 260 });
    figures.push(make("figure", {}, make("figcaption", {}, chart.key), make("img", { src, alt: chart.key })));
  }
  return figures.length ? [make("h2", {}, say("curves.title")), make("div", { class: "charts" }, figures)] : [];
}

async function pictures({ pictures: part, cursor }) {
  const figures = [];
  for (const { run, items } of part.rows ?? []) {
    const item = items[nearest(items, cursor.x, ({ x }) => x)];
    if (!item) continue;
    const src = await inside(item.address);
    figures.push(
      make("figure", {}, make("img", { src, alt: run.name }), make("figcaption", {}, `${run.name} · ${words(cursor.axis, item.x)}`)),
    );
  }
  return figures.length ? [make("h2", {}, say("pictures.title")), make("div", { class: "pictures" }, figures)] : [];
}

/** A picture as an address that holds its bytes. */
async function inside(address) {
  const blob = await (await fetch(address)).blob();
  return new Promise((done, fail) => {
    const reader = new FileReader();
    reader.addEventListener("load", () => done(reader.result));
    reader.addEventListener("error", () => fail(reader.error));
    reader.readAsDataURL(blob);
  });
}

function table(title, part, runs, show) {
  const rows = rowsOf(part, runs).filter(({ differs }) => differs);
  const cell = (value) => make("td", {}, value === undefined ? "—" : show(value));
  const body = rows.map(({ key, values }) => make("tr", {}, make("th", {}, key), values.map(cell)));
  const head = make("tr", {}, make("td", {}), runs.map(({ name }) => make("th", {}, name)));
  return make("section", {}, make("h2", {}, say(title)), make("table", {}, head, body));
}
