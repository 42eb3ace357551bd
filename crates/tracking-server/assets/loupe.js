// Two pictures under the loupe: side by side with one zoom, swiped, flickering, or their difference.
import { eachFrame, fill, make, segments } from "./elements.js";
import { nearest, words } from "./history.js";
import { openDialog } from "./keys.js";
import { windowed } from "./part.js";
import { say } from "./shell.js";

const MODES = ["side", "swipe", "flicker", "difference"];
const ZOOMS = [0.25, 0.5, 0.75, 1, 2, 3, 4, 6, 8, 12, 16];
const FLICKER_MILLISECONDS = 450;

/** Late in training neighbours differ by little: so much brighter their difference can be made. */
const GAIN = 4;

/** Opens the loupe on the `i`-th of `rows` (`{ run, colour, items }`) and the one after it; `cursor` still moves it. */
export function openLoupe(rows, i, cursor, part) {
  const loupe = new Loupe(rows, i, cursor, part);
  const dialog = openDialog(
    { title: say("loupe.title"), close: say("shell.close"), head: loupe.controls },
    loupe.place,
  );
  dialog.classList.add("loupe");
  dialog.dataset.keys = "yes";
  const move = () => loupe.show();
  cursor.addEventListener("move", move);
  dialog.addEventListener("close", () => {
    cursor.removeEventListener("move", move);
    loupe.stop();
  });
  loupe.show();
  loupe.fit();
}

class Loupe {
  mode = "side";
  zoom = 1;
  fits = true;
  swipe = 0.5;
  #timer = 0;

  constructor(rows, i, cursor, part) {
    Object.assign(this, { rows, cursor, part });
    this.chosen = [i, rows.length > 1 ? (i + 1) % rows.length : i];
    if (this.chosen[0] > this.chosen[1]) this.chosen.reverse();
    this.place = make("div", { class: "loupe-place", tabindex: "0" });
    this.at = make("output", { class: "at figure" });
    this.factor = make("output", { class: "figure" });
    this.controls = this.#drawControls();
    this.place.addEventListener(
      "pointermove",
      eachFrame((event) => this.#swipeTo(event)),
    );
    this.place.addEventListener(
      "wheel",
      (event) => {
        if (event.ctrlKey || event.metaKey) {
          event.preventDefault();
          this.#zoomBy(event.deltaY < 0 ? 1 : -1);
        }
      },
      { passive: false },
    );
  }

  #drawControls() {
    const pick = (side) =>
      make(
        "select",
        {
          "aria-label": say(`loupe.${side ? "second" : "first"}`),
          on: {
            change: (event) => {
              this.chosen[side] = Number(event.target.value);
              this.show();
            },
          },
        },
        this.rows.map(({ run }, i) => make("option", { value: i, selected: i === this.chosen[side] }, run.name)),
      );
    const modes = segments(
      say("loupe.mode"),
      MODES.map((mode) => [mode, say(`loupe.${mode}`)]),
      this.mode,
      (mode) => {
        this.mode = mode;
        this.show();
      },
    );
    const button = (words, label, action) =>
      make("button", { type: "button", class: "icon", "aria-label": label, on: { click: action } }, words);
    const two = this.rows.length > 1;
    this.gain = this.#drawGain();
    return make(
      "div",
      { class: "loupe-controls cursor" },
      pick(0),
      two ? pick(1) : null,
      two ? modes : null,
      two ? this.gain : null,
      make("span", { class: "push" }),
      button("‹", say("cursor.earlier"), () => this.cursor.step(-1)),
      this.at,
      button("›", say("cursor.later"), () => this.cursor.step(1)),
      button("−", say("loupe.out"), () => this.#zoomBy(-1)),
      this.factor,
      button("+", say("loupe.in"), () => this.#zoomBy(1)),
    );
  }

  #drawGain() {
    const switchGain = (event) => {
      const on = this.place.classList.toggle("brighter");
      event.currentTarget.setAttribute("aria-pressed", String(on));
    };
    const about = { type: "button", id: "gain", "aria-pressed": "false", hidden: true, title: say("loupe.gain"), "aria-label": say("loupe.gain") };
    return make("button", { ...about, on: { click: switchGain } }, `×${GAIN}`);
  }

  get #sides() {
    const sides = this.rows.length > 1 ? this.chosen : [this.chosen[0]];
    return sides.map((i) => {
      const { run, colour, items } = this.rows[i];
      return { run, colour, item: items[nearest(items, this.cursor.x, ({ x }) => x)] };
    });
  }

  /** Draws the two pictures at the cursor in the chosen mode. */
  show() {
    this.stop();
    const sides = this.#sides;
    this.at.textContent = words(this.cursor.axis, this.cursor.x);
    const panels = sides.map(({ run, colour, item }) =>
      make(
        "figure",
        {},
        make(
          "figcaption",
          {},
          make("span", { class: "swatch", style: { "--swatch": colour } }),
          `${run.name} · ${words(this.cursor.axis, item.x)}`,
        ),
        windowed(item.address, this.part, { alt: run.name }),
      ),
    );
    const together = sides.length > 1 && this.mode !== "side";
    fill(this.place, together ? this.#overlay(sides, panels) : panels.map((panel) => this.#scroller(panel)));
    this.place.dataset.mode = together ? this.mode : "side";
    this.gain.hidden = !together || this.mode !== "difference";
    this.place.dataset.n = together ? 1 : panels.length;
    this.fit();
    this.place.querySelectorAll("img").forEach((image) => image.addEventListener("load", () => this.fit()));
    if (together && this.mode === "flicker") this.#flicker();
  }

  #overlay(sides, panels) {
    const captions = panels.map((panel) => panel.querySelector("figcaption"));
    const stack = make(
      "div",
      { class: "stack" },
      panels.map((panel) => panel.querySelector(".window")),
    );
    stack.lastChild.classList.add("over");
    if (this.mode === "swipe") stack.append(make("span", { class: "swipe-line" }));
    return make("div", { class: "scroller" }, make("div", { class: "captions" }, captions), stack);
  }

  #scroller(panel) {
    const scroller = make("div", { class: "scroller" }, panel);
    scroller.addEventListener("scroll", () => {
      for (const other of this.place.querySelectorAll(".scroller")) {
        if (other !== scroller)
          Object.assign(other, { scrollLeft: scroller.scrollLeft, scrollTop: scroller.scrollTop });
      }
    });
    return scroller;
  }

  #swipeTo(event) {
    const stack = this.place.querySelector(".stack");
    if (!stack || this.mode !== "swipe") return;
    const edge = stack.getBoundingClientRect();
    this.swipe = Math.max(0, Math.min(1, (event.clientX - edge.left) / edge.width));
    this.place.style.setProperty("--swipe", `${this.swipe * 100}%`);
  }

  #flicker() {
    const over = this.place.querySelector(".over");
    const captions = this.place.querySelectorAll("figcaption");
    const turn = () => {
      const second = over.classList.toggle("away");
      captions.forEach((caption, i) => caption.classList.toggle("faint", i === (second ? 1 : 0)));
    };
    turn();
    this.#timer = setInterval(turn, FLICKER_MILLISECONDS);
  }

  stop() {
    clearInterval(this.#timer);
  }

  /** The largest zoom at which a picture fits, until the reader chooses another. */
  fit() {
    const image = this.place.querySelector("img");
    if (!this.fits || !image?.naturalWidth) return this.#applyZoom();
    const [width, height] = [image.naturalWidth * this.part[2], image.naturalHeight * this.part[3]];
    const n = Number(this.place.dataset.n);
    const room = Math.min((this.place.clientWidth / n - 24) / width, (this.place.clientHeight - 46) / height);
    this.zoom = ZOOMS.findLast((zoom) => zoom <= room) ?? 1;
    return this.#applyZoom();
  }

  #zoomBy(by) {
    this.fits = false;
    const at = ZOOMS.indexOf(this.zoom);
    this.zoom = ZOOMS[Math.max(0, Math.min(ZOOMS.length - 1, at + by))];
    this.#applyZoom();
  }

  #applyZoom() {
    this.factor.textContent = `${this.zoom}×`;
    for (const frame of this.place.querySelectorAll(".window")) {
      const image = frame.querySelector("img");
      if (image.naturalWidth) frame.style.width = `${image.naturalWidth * this.part[2] * this.zoom}px`;
    }
  }
}
