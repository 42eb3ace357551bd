// What every page does: speaks the reader's language, keeps the theme, listens for keys.
import words from "./words.js";
import { byId } from "./elements.js";
import { flush } from "./view.js";
import { addKeys, showKeys } from "./keys.js";

const root = document.documentElement;
const at = root.lang === "zh" ? 1 : 0;

/** The words of a key, with `{name}` filled in. */
export function say(key, fillings = {}) {
  const text = words[key]?.[at] ?? key;
  return text.replace(/\{(\w+)\}/g, (whole, name) => fillings[name] ?? whole);
}

/** Events other parts may wait for: `theme` once colours have changed. */
export const shell = new EventTarget();

function remember(name, value) {
  document.cookie = `${name}=${value}; path=/; max-age=31536000; samesite=strict`;
}

function isDark() {
  return (
    root.dataset.theme === "dark" ||
    (root.dataset.theme === "auto" && matchMedia("(prefers-color-scheme: dark)").matches)
  );
}

function switchTheme() {
  root.dataset.theme = isDark() ? "light" : "dark";
  remember("idiom_theme", root.dataset.theme);
  shell.dispatchEvent(new Event("theme"));
}

function switchLanguage() {
  remember("idiom_language", byId("language").lang);
  flush();
  location.reload();
}

byId("theme").addEventListener("click", switchTheme);
byId("language").addEventListener("click", switchLanguage);
byId("help").addEventListener("click", () => showKeys(say));
matchMedia("(prefers-color-scheme: dark)").addEventListener("change", () => shell.dispatchEvent(new Event("theme")));
addKeys([
  ["?", "keys.help", () => showKeys(say)],
  ["t", "keys.theme", switchTheme],
]);
