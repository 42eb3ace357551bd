// The matrix of pictures: a row for each run, a column for each step, the cursor's column marked.
import { fill, make } from "./elements.js";
import { nearest, words } from "./history.js";
import { shortName } from "./names.js";
import { windowed } from "./part.js";
import { say } from "./shell.js";

const MOST_COLUMNS = 120;
const [LEAST_WIDTH, MOST_WIDTH] = [56, 150];
const ROOM_BEFORE = 150;
const ROOM_AFTER = 60;

/** Rows are `{ run, colour, items }` with items in order of their place `x`. */
export class Matrix {
  columns = [];

  constructor(cursor) {
    this.cursor = cursor;
    const about = { tabindex: "0", role: "region", "aria-label": say("pictures.matrix") };
    this.element = make("div", { class: "matrix-frame", ...about });
    new ResizeObserver(() => {
      this.#sizeThumbs();
      this.mark(this.cursor.x);
    }).observe(this.element);
  }

  /** Draws the rows, each picture cut to `part`. One column says no more than the large pictures do. */
  draw(rows, part) {
    this.columns = this.#columns();
    this.element.hidden = this.columns.length < 2;
    if (this.element.hidden) return;
    const heads = this.columns.map((x) => make("th", { scope: "col" }, shortWords(this.cursor.axis, x)));
    const body = rows.map((row) => this.#row(row, part));
    const head = make("thead", {}, make("tr", {}, make("td", {}), heads));
    fill(this.element, make("table", { class: "matrix" }, head, make("tbody", {}, body)));
    this.#sizeThumbs();
  }

  /** Marks the column nearest to `x` and brings it into sight. */
  mark(x) {
    const table = this.element.querySelector("table");
    if (!table || this.element.hidden || !Number.isFinite(x)) return;
    const at = nearest(this.columns, x) + 1;
    table.querySelectorAll(".here").forEach((cell) => cell.classList.remove("here"));
    for (const row of table.rows) row.cells[at]?.classList.add("here");
    const { offsetLeft, offsetWidth } = table.rows[0].cells[at];
    const [left, right] = [offsetLeft - ROOM_BEFORE, offsetLeft + offsetWidth + ROOM_AFTER];
    const { scrollLeft, clientWidth } = this.element;
    if (left < scrollLeft) this.element.scrollLeft = left;
    else if (right > scrollLeft + clientWidth) this.element.scrollLeft = right - clientWidth;
  }

  /** Every stop, thinned out evenly when there are too many to look at. */
  #columns() {
    const { stops } = this.cursor;
    const each = Math.ceil(stops.length / MOST_COLUMNS);
    return stops.filter((x, i) => i % each === 0 || i === stops.length - 1);
  }

  #row(row, part) {
    const { run, colour } = row;
    const name = shortName(run.name, { class: "name" });
    const head = make("th", { scope: "row" }, make("span", { class: "swatch" }), name);
    return make(
      "tr",
      { style: { "--swatch": colour } },
      head,
      this.columns.map((x) => this.#cell(row, x, part)),
    );
  }

  /** By images seen a picture stands at its own step or nowhere; times never agree, so there the nearest stands in. */
  #cell({ run, items }, x, part) {
    const near = items[nearest(items, x, (item) => item.x)];
    const item = this.cursor.axis === "images" && near?.x !== x ? undefined : near;
    if (!item) return make("td", { class: "gap", "aria-label": say("pictures.gap") });
    const label = `${run.name}, ${words(this.cursor.axis, item.x)}`;
    const move = () => this.cursor.moveTo(x);
    const picture = windowed(item.address, part, { loading: "lazy" });
    const after = brokenBy(run, item);
    const about = { type: "button", "aria-label": after ? `${label}, ${say("pictures.broken")}` : label, on: { click: move } };
    return make("td", { class: after ? "broken" : null, title: after ? say("pictures.broken") : null }, make("button", about, picture));
  }

  /** As large as lets all columns be seen, within reason. */
  #sizeThumbs() {
    const names = this.element.querySelector("tbody th")?.offsetWidth;
    if (!names || !this.columns.length) return;
    const each = Math.floor((this.element.clientWidth - names - 4) / this.columns.length - 6);
    this.element.style.setProperty("--thumb", `${Math.max(LEAST_WIDTH, Math.min(MOST_WIDTH, each))}px`);
  }
}

/** Whether the run had stopped being a number by then (`run.broken` is the first step of that). */
export function brokenBy(run, item) {
  return run.broken !== undefined && item.step >= run.broken;
}

function shortWords(axis, x) {
  if (axis === "images") return x >= 10_000 ? `${Number((x / 1000).toPrecision(4))}k` : String(x);
  if (axis === "relative") return `${x.toFixed(1)} min`;
  return new Date(x).toLocaleTimeString([], { hour: "2-digit", minute: "2-digit" });
}
