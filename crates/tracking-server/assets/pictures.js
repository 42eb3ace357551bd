// Pictures of some runs: large ones at the cursor, and a matrix of run by step beneath.
//
// Runs need not have pictures at the same steps: each shows the one nearest to the cursor and says which
// that is. A part of the picture can be singled out by dragging over it (one tile of a sample sheet, say);
// all pictures then show the same part, so that one latent can be followed over steps and runs.
import { colour } from "./colours.js";
import { fill, make } from "./elements.js";
import { nearest, place, union, words } from "./history.js";
import { addKeys } from "./keys.js";
import { openLoupe } from "./loupe.js";
import { WHOLE, windowed } from "./part.js";
import { say } from "./shell.js";
import * as view from "./view.js";

const MOST_COLUMNS = 120;

/** Draws into `element`, moved by `cursor`. */
export class Pictures {
  runs = [];
  all = [];
  key = view.read("pictures");
  part = view.read("part") ? view.read("part").split(",").map(Number) : WHOLE;

  constructor(element, cursor) {
    this.cursor = cursor;
    this.stage = make("div", { class: "stage" });
    this.matrix = make("div", { class: "matrix-frame", tabindex: "0", role: "region", "aria-label": say("pictures.matrix") });
    this.head = make("div", { class: "pane-head" });
    fill(element, this.head, this.stage, this.matrix);
    cursor.addEventListener("move", () => this.#move());
    cursor.addEventListener("axis", () => this.draw());
    addKeys([
      ["z", "keys.zoom", () => this.#open(0)],
      ["0", "keys.whole", () => this.#setPart(WHOLE)],
    ]);
  }

  /** Shows these pictures (`server.pictures`) of these runs; `shown(run)` says which are visible. */
  set(runs, all, shown) {
    [this.runs, this.all, this.shown] = [runs, all, shown];
    this.draw();
  }

  draw() {
    const keys = [...new Set(this.all.map(({ key }) => key))].sort();
    if (!keys.includes(this.key)) this.key = keys[0] ?? "";
    this.rows = this.runs.filter(this.shown).map((run) => ({ run, colour: colour(run.colour ?? this.runs.indexOf(run)), items: this.#itemsOf(run) }));
    this.#drawHead(keys);
    this.cursor.setStops(union(this.rows.flatMap(({ items }) => items.map(({ x }) => x))));
    this.#drawStage();
    this.#drawMatrix();
    this.#move();
  }

  #itemsOf(run) {
    const own = this.all.filter((picture) => picture.run === run.id && picture.key === this.key);
    const placed = own.map((picture) => ({ ...picture, x: place(this.cursor.axis, run, picture.step, picture.timestamp) }));
    return placed.filter((item, i) => item.x !== placed[i + 1]?.x);
  }

  #drawHead(keys) {
    const choose = make("select", { "aria-label": say("pictures.key"), on: { change: (event) => { this.key = event.target.value; view.write({ pictures: this.key }); this.draw(); } } },
      keys.map((key) => make("option", { value: key, selected: key === this.key }, key)));
    const isWhole = this.part.join() === WHOLE.join();
    fill(this.head, make("h2", {}, say("pictures.title")), keys.length > 1 ? choose : make("span", { class: "muted" }, this.key), make("span", { class: "push" }),
      isWhole ? make("span", { class: "muted hint" }, keys.length ? say("pictures.hint") : "")
        : make("button", { type: "button", on: { click: () => this.#setPart(WHOLE) } }, say("pictures.whole")),
      keys.length ? make("button", { type: "button", on: { click: () => this.#open(0) } }, say(this.rows.length > 1 ? "pictures.versus" : "pictures.zoom")) : null);
  }

  #drawStage() {
    this.stage.dataset.runs = Math.min(4, this.rows.length);
    if (!this.all.length) { fill(this.stage, make("p", { class: "none" }, say("pictures.none"))); return; }
    this.cards = this.rows.map((row, i) => this.#card(row, i));
    fill(this.stage, this.cards.map(({ element }) => element));
  }

  #card(row, i) {
    const label = make("span", { class: "at figure" });
    const button = make("button", { type: "button", class: "picture", on: { click: (event) => { if (!event.currentTarget.dataset.dragged) this.#open(i); } } });
    this.#letDrag(button);
    const element = make("figure", { class: "card", style: { "--swatch": row.colour } },
      make("figcaption", {}, make("span", { class: "swatch" }), make("span", { class: "name", title: row.run.name }, row.run.name), label), button);
    return { row, element, button, label, shown: null };
  }

  /** Dragging over a picture chooses the part of it that all pictures show. */
  #letDrag(button) {
    let from = null;
    let box = null;
    const at = (event) => {
      const edge = button.querySelector(".window").getBoundingClientRect();
      const within = (value) => Math.max(0, Math.min(1, value));
      return [within((event.clientX - edge.left) / edge.width), within((event.clientY - edge.top) / edge.height)];
    };
    button.addEventListener("pointerdown", (event) => {
      delete button.dataset.dragged;
      if (!button.querySelector(".window") || event.button) return;
      from = at(event);
      button.setPointerCapture(event.pointerId);
    });
    button.addEventListener("pointermove", (event) => {
      if (!from) return;
      const [[x0, y0], [x1, y1]] = [from, at(event)];
      box ??= button.querySelector(".window").appendChild(make("span", { class: "marquee" }));
      Object.assign(box.style, { left: `${Math.min(x0, x1) * 100}%`, top: `${Math.min(y0, y1) * 100}%`, width: `${Math.abs(x1 - x0) * 100}%`, height: `${Math.abs(y1 - y0) * 100}%` });
    });
    button.addEventListener("pointerup", (event) => {
      if (!from) return;
      const [[x0, y0], [x1, y1]] = [from, at(event)];
      box?.remove();
      [from, box] = [null, null];
      const [w, h] = [Math.abs(x1 - x0), Math.abs(y1 - y0)];
      if (w < 0.02 || h < 0.02) return;
      button.dataset.dragged = "yes";
      const [px, py, pw, ph] = this.part;
      this.#setPart([px + Math.min(x0, x1) * pw, py + Math.min(y0, y1) * ph, w * pw, h * ph]);
    });
  }

  #setPart(part) {
    this.part = part;
    view.write({ part: part.join() === WHOLE.join() ? null : part.map((n) => n.toFixed(4)).join(",") });
    this.draw();
  }

  #drawMatrix() {
    const stops = this.#columns();
    this.matrix.hidden = stops.length < 2;
    if (this.matrix.hidden) { this.cells = []; return; }
    const head = make("tr", {}, make("td", {}), stops.map((x) => make("th", { scope: "col" }, shortWords(this.cursor.axis, x))));
    const rows = this.rows.map((row) => make("tr", { style: { "--swatch": row.colour } },
      make("th", { scope: "row" }, make("span", { class: "swatch" }), make("span", { class: "name", title: row.run.name }, row.run.name)), stops.map((x) => this.#cell(row, x))));
    fill(this.matrix, make("table", { class: "matrix" }, make("thead", {}, head), make("tbody", {}, rows)));
    this.columns = stops;
    this.#sizeThumbs();
  }

  /** As large as lets all columns be seen, within reason. */
  #sizeThumbs() {
    const names = this.matrix.querySelector("tbody th").offsetWidth;
    const each = (this.matrix.clientWidth - names - 4) / this.columns.length - 6;
    this.matrix.style.setProperty("--thumb", `${Math.max(56, Math.min(150, Math.floor(each)))}px`);
  }

  /** Every stop, thinned out evenly when there are too many to look at. */
  #columns() {
    const { stops } = this.cursor;
    const each = Math.ceil(stops.length / MOST_COLUMNS);
    return stops.filter((x, i) => i % each === 0 || i === stops.length - 1);
  }

  #cell({ run, items }, x) {
    const item = this.cursor.axis === "images" ? items.find((candidate) => candidate.x === x) : items[nearest(items, x, (candidate) => candidate.x)];
    if (!item) return make("td", { class: "gap", "aria-label": say("pictures.gap") });
    return make("td", {}, make("button", { type: "button", "aria-label": `${run.name}, ${words(this.cursor.axis, item.x)}`, on: { click: () => this.cursor.moveTo(x) } },
      windowed(item.address, this.part, { loading: "lazy" })));
  }

  /** Follows the cursor: the large pictures and the marked column. */
  #move() {
    const { x, axis } = this.cursor;
    for (const card of this.cards ?? []) {
      const item = card.row.items[nearest(card.row.items, x, (candidate) => candidate.x)];
      if (item !== card.shown) swap(card, item, this.part);
      card.label.textContent = item ? words(axis, item.x) : "";
      const off = item && Math.abs(item.x - x) > 1e-9;
      card.label.classList.toggle("off", Boolean(off));
      card.label.title = off ? say("pictures.nearest", { x: words(axis, x) }) : "";
    }
    this.#markColumn(x);
  }

  #markColumn(x) {
    const table = this.matrix.querySelector("table");
    if (!table) return;
    const at = nearest(this.columns, x) + 1;
    table.querySelectorAll(".here").forEach((cell) => cell.classList.remove("here"));
    for (const row of table.rows) row.cells[at]?.classList.add("here");
    const cell = table.rows[0].cells[at];
    const [left, right] = [cell.offsetLeft - 150, cell.offsetLeft + cell.offsetWidth + 60];
    if (left < this.matrix.scrollLeft) this.matrix.scrollLeft = left;
    else if (right > this.matrix.scrollLeft + this.matrix.clientWidth) this.matrix.scrollLeft = right - this.matrix.clientWidth;
  }

  #open(i) {
    if (this.rows?.some(({ items }) => items.length)) openLoupe(this.rows.filter(({ items }) => items.length), i, this.cursor, this.part);
  }
}

/** Puts a picture on a card once it has loaded, so that nothing flashes while the cursor moves. */
function swap(card, item, part) {
  card.shown = item;
  if (!item) { fill(card.button, make("span", { class: "none" }, say("pictures.none_of_run"))); return; }
  const next = windowed(item.address, part, { alt: say("pictures.alt", { run: card.row.run.name, n: item.step }) });
  const show = () => { if (card.shown === item) fill(card.button, next); };
  if (!card.button.firstChild) show();
  next.firstChild.decode().then(show, show);
}

function shortWords(axis, x) {
  if (axis === "images") return x >= 10_000 ? `${Number((x / 1000).toPrecision(4))}k` : String(x);
  return axis === "relative" ? `${x.toFixed(1)} min` : new Date(x).toLocaleTimeString([], { hour: "2-digit", minute: "2-digit" });
}
