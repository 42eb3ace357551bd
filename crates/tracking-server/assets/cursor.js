// The one cursor of a page: a place on the axis that slider, curves, pictures and keys all share.
import { fill, make, segments } from "./elements.js";
import { AXES, axisWords, countFor, nearest, words } from "./history.js";
import { addKeys } from "./keys.js";
import { say } from "./shell.js";
import * as view from "./view.js";

const FRAME_MILLISECONDS = 350;

/** Sends `move` when the place changes, `axis` when the axis does, and `unit` when its steps are told in another unit. */
export class Cursor extends EventTarget {
  axis = AXES.includes(view.read("x")) ? view.read("x") : "images";
  x = Number(view.read("at") || NaN);
  follows = view.read("follow") !== "no";
  stops = [];
  #timer = 0;

  /** Of which runs it tells places. */
  setRuns(runs) {
    if (countFor(runs)) this.#tell("unit");
  }

  /** Sets where pictures are; the cursor starts at the last one. */
  setStops(stops) {
    const atEnd = !Number.isFinite(this.x) || this.x === this.stops.at(-1);
    this.stops = stops;
    if (stops.length && (atEnd || this.x > stops.at(-1))) this.x = stops.at(-1);
    this.#tell("move");
  }

  moveTo(x) {
    if (!Number.isFinite(x) || x === this.x) return;
    this.x = x;
    view.write({ at: this.x === this.stops.at(-1) ? null : String(Number(x.toPrecision(12))) });
    this.#tell("move");
  }

  /** The index of the picture stop nearest to the cursor. */
  get stop() {
    return nearest(this.stops, this.x);
  }

  step(by) {
    const to = Math.max(0, Math.min(this.stops.length - 1, this.stop + by));
    this.moveTo(this.stops[to]);
  }

  setAxis(axis) {
    this.axis = axis;
    this.x = NaN;
    view.write({ x: axis === "images" ? null : axis, at: null });
    this.#tell("axis");
  }

  setFollows(follows) {
    this.follows = follows;
    view.write({ follow: follows ? null : "no" });
  }

  get playing() {
    return this.#timer !== 0;
  }

  togglePlay() {
    if (this.playing) this.#stop();
    else {
      if (this.stop >= this.stops.length - 1) this.moveTo(this.stops[0]);
      this.#timer = setInterval(
        () => (this.stop < this.stops.length - 1 ? this.step(1) : this.#stop()),
        FRAME_MILLISECONDS,
      );
    }
    this.#tell("play");
  }

  #stop() {
    clearInterval(this.#timer);
    this.#timer = 0;
    this.#tell("play");
  }

  #tell(kind) {
    this.dispatchEvent(new Event(kind));
  }
}

/** Slider and buttons for a cursor, put into `place`; adds its keys. */
export function cursorControls(place, cursor) {
  const act = (by) => () => cursor.step(by);
  const slider = make("input", {
    type: "range",
    id: "slider",
    min: 0,
    max: 0,
    step: 1,
    "aria-label": say("cursor.slider"),
  });
  const at = make("output", { class: "at", for: "slider" });
  const play = make("button", { type: "button", class: "icon", on: { click: () => cursor.togglePlay() } }, "▶");
  const follow = make(
    "button",
    { type: "button", "aria-pressed": String(cursor.follows), title: say("cursor.follow_hint") },
    say("cursor.follow"),
  );
  const toggleFollow = () => {
    cursor.setFollows(!cursor.follows);
    follow.setAttribute("aria-pressed", String(cursor.follows));
  };
  follow.addEventListener("click", toggleFollow);
  slider.addEventListener("input", () => cursor.moveTo(cursor.stops[Number(slider.value)]));
  const show = () => {
    slider.max = Math.max(0, cursor.stops.length - 1);
    slider.value = Math.max(0, cursor.stop);
    slider.disabled = cursor.stops.length < 2;
    at.textContent = words(cursor.axis, cursor.x);
    slider.setAttribute("aria-valuetext", at.textContent);
    play.textContent = cursor.playing ? "❚❚" : "▶";
    play.setAttribute("aria-label", say(cursor.playing ? "cursor.pause" : "cursor.play"));
  };
  const axes = segments(
    say("cursor.axis"),
    AXES.map((axis) => [axis, axisWords(axis)]),
    cursor.axis,
    (axis) => cursor.setAxis(axis),
  );
  for (const kind of ["move", "axis", "play", "unit"]) cursor.addEventListener(kind, show);
  cursor.addEventListener("unit", () => AXES.forEach((axis, i) => (axes.children[i].textContent = axisWords(axis))));
  fill(
    place,
    make("button", { type: "button", class: "icon", "aria-label": say("cursor.earlier"), on: { click: act(-1) } }, "‹"),
    play,
    make("button", { type: "button", class: "icon", "aria-label": say("cursor.later"), on: { click: act(1) } }, "›"),
    slider,
    at,
    axes,
    follow,
  );
  addKeys([
    ["ArrowLeft|,", "keys.earlier", act(-1)],
    ["ArrowRight|.", "keys.later", act(1)],
    [" ", "keys.play", () => cursor.togglePlay()],
    ["f", "keys.follow", toggleFollow],
  ]);
  show();
}
