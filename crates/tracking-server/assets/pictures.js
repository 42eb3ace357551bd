// Pictures of some runs: large ones at the cursor, and a matrix of run by step beneath.
//
// Runs need not have pictures at the same steps: each shows the one nearest to the cursor and says which
// that is. A part of the picture can be singled out by dragging over it (one tile of a sample sheet, say);
// all pictures then show the same part, so that one latent can be followed over steps and runs.
import { colour } from "./colours.js";
import { fill, make } from "./elements.js";
import { nearest, place, stepWords, union, words } from "./history.js";
import { addKeys } from "./keys.js";
import { openLoupe } from "./loupe.js";
import { Matrix, brokenBy } from "./matrix.js";
import { shortName } from "./names.js";
import { WHOLE, letChoosePart, windowed } from "./part.js";
import { say } from "./shell.js";
import * as view from "./view.js";

/** Draws into `element`, moved by `cursor`. */
export class Pictures {
  runs = [];
  all = [];
  key = view.read("pictures");
  part = view.read("part") ? view.read("part").split(",").map(Number) : WHOLE;

  constructor(element, cursor) {
    this.cursor = cursor;
    this.stage = make("div", { class: "stage" });
    this.matrix = new Matrix(cursor);
    this.head = make("div", { class: "pane-head" });
    fill(element, this.head, this.stage, this.matrix.element);
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
    const drawn = JSON.stringify([
      runs.filter(shown).map(({ id, name, broken }) => [id, name, broken]),
      all.map(({ address }) => address),
    ]);
    if (drawn === this.drawn) return;
    this.drawn = drawn;
    this.draw();
  }

  draw() {
    const keys = [...new Set(this.all.map(({ key }) => key))].sort();
    if (!keys.includes(this.key)) this.key = keys[0] ?? "";
    this.rows = this.runs
      .filter(this.shown)
      .map((run) => ({ run, colour: colour(run.colour ?? this.runs.indexOf(run)), items: this.#itemsOf(run) }));
    this.#drawHead(keys);
    this.cursor.setStops(union(this.rows.flatMap(({ items }) => items.map(({ x }) => x))));
    this.#drawStage();
    this.matrix.draw(this.rows, this.part);
    this.#move();
  }

  #itemsOf(run) {
    const own = this.all.filter((picture) => picture.run === run.id && picture.key === this.key);
    const placed = own.map((picture) => ({
      ...picture,
      x: place(this.cursor.axis, run, picture.step, picture.timestamp),
    }));
    return placed.filter((item, i) => item.x !== placed[i + 1]?.x);
  }

  #drawHead(keys) {
    const choose = make(
      "select",
      {
        "aria-label": say("pictures.key"),
        on: {
          change: (event) => {
            this.key = event.target.value;
            view.write({ pictures: this.key });
            this.draw();
          },
        },
      },
      keys.map((key) => make("option", { value: key, selected: key === this.key }, key)),
    );
    const isWhole = this.part.join() === WHOLE.join();
    fill(
      this.head,
      make("h2", {}, say("pictures.title")),
      keys.length > 1 ? choose : make("span", { class: "muted" }, this.key),
      make("span", { class: "push" }),
      isWhole
        ? make("span", { class: "muted hint" }, keys.length ? say("pictures.hint") : "")
        : make("button", { type: "button", on: { click: () => this.#setPart(WHOLE) } }, say("pictures.whole")),
      keys.length
        ? make(
            "button",
            { type: "button", on: { click: () => this.#open(0) } },
            say(this.rows.length > 1 ? "pictures.versus" : "pictures.zoom"),
          )
        : null,
    );
  }

  #drawStage() {
    this.stage.dataset.runs = Math.min(4, this.rows.length);
    if (!this.all.length) {
      fill(this.stage, make("p", { class: "none" }, say("pictures.none")));
      return;
    }
    this.cards = this.rows.map((row, i) => this.#card(row, i));
    fill(
      this.stage,
      this.cards.map(({ element }) => element),
    );
  }

  #card(row, i) {
    const label = make("span", { class: "at figure" });
    const button = make("button", {
      type: "button",
      class: "picture",
      on: {
        click: (event) => {
          if (!event.currentTarget.dataset.dragged) this.#open(i);
        },
      },
    });
    letChoosePart(button, ([x, y, w, h]) => {
      const [px, py, pw, ph] = this.part;
      this.#setPart([px + x * pw, py + y * ph, w * pw, h * ph]);
    });
    const element = make(
      "figure",
      { class: "card", style: { "--swatch": row.colour } },
      make(
        "figcaption",
        {},
        make("span", { class: "swatch" }),
        shortName(row.run.name, { class: "name" }),
        label,
      ),
      button,
    );
    return { row, element, button, label, shown: null };
  }

  #setPart(part) {
    this.part = part;
    view.write({ part: part.join() === WHOLE.join() ? null : part.map((n) => n.toFixed(4)).join(",") });
    this.draw();
  }

  /** Follows the cursor: the large pictures and the marked column. */
  #move() {
    const { x, axis } = this.cursor;
    for (const card of this.cards ?? []) {
      const item = card.row.items[nearest(card.row.items, x, (candidate) => candidate.x)];
      if (item !== card.shown) swap(card, item, this.part);
      const broken = item && brokenBy(card.row.run, item);
      card.label.textContent = item ? `${words(axis, item.x)}${broken ? " · NaN" : ""}` : "";
      card.label.classList.toggle("broken", Boolean(broken));
      const off = item && Math.abs(item.x - x) > 1e-9;
      card.label.classList.toggle("off", Boolean(off));
      card.label.title = off ? say("pictures.nearest", { x: words(axis, x) }) : "";
    }
    this.matrix.mark(x);
  }

  #open(i) {
    const rows = (this.rows ?? []).filter(({ items }) => items.length);
    if (rows.length) openLoupe(rows, Math.max(0, rows.indexOf(this.rows[i])), this.cursor, this.part);
  }
}

/** Puts a picture on a card once it has loaded, so that nothing flashes while the cursor moves. */
function swap(card, item, part) {
  card.shown = item;
  if (!item) {
    fill(card.button, make("span", { class: "none" }, say("pictures.none_of_run")));
    return;
  }
  const next = windowed(item.address, part, { alt: say("pictures.alt", { run: card.row.run.name, at: stepWords(card.row.run, item.step) }) });
  const show = () => {
    if (card.shown === item) fill(card.button, next);
  };
  if (!card.button.firstChild) show();
  next.firstChild.decode().then(show, show);
}
