// The state of a view stands in its address, so that a link shows what its sender saw.
//
// Settings are kept here and written to the address a moment later: a pointer over a curve changes them with
// every frame, and browsers refuse pages that rewrite their address that often.
import { settled } from "./elements.js";

const WRITTEN_AFTER_MILLISECONDS = 200;
const settings = new URLSearchParams(location.search);

/** Reads one setting. */
export function read(name, fallback = "") {
  return settings.get(name) ?? fallback;
}

/** Reads a list; empty when there is none. */
export function readList(name) {
  return read(name).split(",").filter(Boolean).map(decodeURIComponent);
}

/** Changes settings; `null`, "" and empty lists leave the address. The history gets no new entry. */
export function write(changes) {
  for (const [name, value] of Object.entries(changes)) {
    const text = Array.isArray(value) ? value.map((part) => encodeURIComponent(part)).join(",") : value;
    if (text === null || text === undefined || text === "") settings.delete(name);
    else settings.set(name, text);
  }
  later();
}

/** Writes the address now, before the page goes. */
export function flush() {
  const query = settings.toString().replaceAll("%2C", ",").replaceAll("%2F", "/").replaceAll("%3A", ":");
  history.replaceState(null, "", `${location.pathname}${query ? `?${query}` : ""}${location.hash}`);
}

// A link that is followed must find the address up to date, or coming back would lose the last changes.
addEventListener("click", (event) => event.target.closest?.("a[href]") && flush(), true);

const later = settled(flush, WRITTEN_AFTER_MILLISECONDS);
