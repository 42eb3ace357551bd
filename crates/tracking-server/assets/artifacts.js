// A run's files: a tree, and a look at pictures and text. Nothing a run logged is ever run or shown as HTML.
import { fill, make } from "./elements.js";
import * as format from "./format.js";
import { artifactAddress, listArtifacts } from "./server.js";
import { say } from "./shell.js";
import * as view from "./view.js";

const PICTURES = /\.(png|jpe?g|webp|gif)$/i;
const TEXTS = /\.(txt|md|json|jsonl|ya?ml|toml|csv|tsv|log|diff|patch|py|rs|svg|html?)$/i;
const MOST_TEXT_BYTES = 300_000;

/** The files of a run; `element` is to be placed, `open` reads the top folder. */
export class Artifacts {
  #opened = false;

  constructor(run) {
    this.run = run;
    this.tree = make("nav", { class: "pane tree", "aria-label": say("run.artifacts") });
    this.preview = make(
      "section",
      { class: "pane preview", "aria-live": "polite" },
      make("p", { class: "muted" }, say("artifacts.choose")),
    );
    this.element = make("div", { class: "files" }, this.tree, this.preview);
  }

  async open() {
    if (this.#opened) return;
    this.#opened = true;
    const top = await this.#folder("");
    fill(this.tree, top);
    if (view.read("file")) this.#look({ path: view.read("file") });
  }

  /** The YAML files at the top, which say how the run was made, beside `params`. */
  config(params) {
    const place = make("section", { class: "pane preview" });
    listArtifacts(this.run)
      .catch(() => [])
      .then(async (files) => {
        const found = files.filter(({ path }) => /\.ya?ml$/.test(path) && path !== "MLmodel");
        if (!found.length) place.remove();
        for (const { path, file_size: size } of found)
          place.append(
            make("div", { class: "pane-head" }, make("h2", { class: "mono" }, path)),
            await this.#contents(path, Number(size), artifactAddress(this.run, path)),
          );
      });
    return make("div", { class: "halves" }, params, place);
  }

  async #folder(path) {
    const files = await listArtifacts(this.run, path).catch(() => []);
    if (!files.length) return make("p", { class: "muted" }, say("artifacts.none"));
    const sorted = files.sort((a, b) => Number(b.is_dir) - Number(a.is_dir) || (a.path < b.path ? -1 : 1));
    return make(
      "ul",
      {},
      sorted.map((file) => (file.is_dir ? this.#branch(file) : this.#leaf(file))),
    );
  }

  #branch(file) {
    const item = make("li");
    const button = make(
      "button",
      { type: "button", "aria-expanded": "false" },
      make("span", { "aria-hidden": "true" }, "▸"),
      make("span", { class: "label" }, `${lastPart(file.path)}/`),
    );
    button.addEventListener("click", async () => {
      const open = button.getAttribute("aria-expanded") === "true";
      button.setAttribute("aria-expanded", String(!open));
      button.firstChild.textContent = open ? "▸" : "▾";
      if (open) item.lastChild.remove();
      else item.append(await this.#folder(file.path));
    });
    item.append(button);
    return item;
  }

  #leaf(file) {
    const button = make(
      "button",
      { type: "button", data: { path: file.path }, on: { click: () => this.#look(file) } },
      make("span", { class: "label" }, lastPart(file.path)),
      make("span", { class: "size" }, file.file_size === undefined ? "" : format.bytes(Number(file.file_size))),
    );
    return make("li", {}, button);
  }

  async #look({ path, file_size: size = 0 }) {
    view.write({ file: path });
    this.tree
      .querySelectorAll("button[data-path]")
      .forEach((button) => button.setAttribute("aria-current", String(button.dataset.path === path)));
    const address = artifactAddress(this.run, path);
    const head = make(
      "div",
      { class: "pane-head" },
      make("h2", { class: "mono" }, path),
      make("span", { class: "push" }),
      make("a", { class: "button", href: address, download: lastPart(path) }, say("artifacts.download")),
    );
    fill(this.preview, head, await this.#contents(path, Number(size), address));
  }

  async #contents(path, size, address) {
    if (PICTURES.test(path)) return make("img", { src: address, alt: path });
    if (!TEXTS.test(path)) return make("p", { class: "muted" }, say("artifacts.no_preview"));
    if (size > MOST_TEXT_BYTES)
      return make("p", { class: "muted" }, say("artifacts.too_large", { size: format.bytes(size) }));
    const answer = await fetch(address);
    return answer.ok
      ? make("pre", { tabindex: "0" }, tidy(path, await answer.text()))
      : make("p", { class: "muted" }, say("shell.failed", { message: answer.statusText }));
  }
}

const lastPart = (path) => path.split("/").at(-1);

/** JSON on lines of its own; anything else as it is. */
function tidy(path, text) {
  if (!path.endsWith(".json")) return text;
  try {
    return JSON.stringify(JSON.parse(text), null, 2);
  } catch {
    return text;
  }
}
