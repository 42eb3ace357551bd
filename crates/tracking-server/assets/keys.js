// The keyboard: pages add their keys with what they do, and `?` lists them.
import { make } from "./elements.js";

const keys = [];

/** Adds keys as `[key, words key, action]`; `key` may be several, as "ArrowLeft|,". */
export function addKeys(additions) {
  keys.push(...additions.map(([names, words, action]) => ({ names: names.split("|"), words, action })));
}

const typing = (target) =>
  target instanceof HTMLElement && target.matches("input:not([type=checkbox]):not([type=range]), select, textarea");

function onKey(event) {
  if (event.ctrlKey || event.metaKey || event.altKey || typing(event.target)) return;
  if (document.querySelector("dialog[open]:not([data-keys])")) return;
  if (
    event.target instanceof HTMLElement &&
    event.target.matches("button, a, input") &&
    [" ", "Enter"].includes(event.key)
  )
    return;
  const known = keys.find(({ names }) => names.includes(event.key));
  if (!known) return;
  event.preventDefault();
  known.action(event);
}

document.addEventListener("keydown", onKey);

const shown = { ArrowLeft: "←", ArrowRight: "→", " ": "space", Escape: "esc" };

/** Opens a dialog that is gone once closed; `head` may take the place of its title, `close` is the word on its button. */
export function openDialog({ title, close, head = make("h2", {}, title) }, ...content) {
  const dialog = make(
    "dialog",
    { "aria-label": title },
    make(
      "div",
      { class: "dialog-head" },
      head,
      make("button", { type: "button", class: "quiet", on: { click: () => dialog.close() } }, close),
    ),
    make("div", { class: "dialog-body" }, content),
  );
  dialog.addEventListener("close", () => dialog.remove());
  dialog.addEventListener("click", (event) => {
    if (event.target === dialog) dialog.close();
  });
  document.body.append(dialog);
  dialog.showModal();
  return dialog;
}

/** Lists the keys of this page. */
export function showKeys(say) {
  if (document.querySelector("dialog[open]")) return;
  const rows = keys.map(({ names, words }) => [
    make(
      "dt",
      {},
      (names.length > 3 ? [names[0], "…", names.at(-1)] : names).map((name, i) => [
        i ? " " : null,
        make("kbd", {}, shown[name] ?? name),
      ]),
    ),
    make("dd", {}, say(words)),
  ]);
  openDialog({ title: say("keys.title"), close: say("shell.close") }, make("dl", { class: "keys" }, rows));
}
