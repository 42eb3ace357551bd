// A run's name where room is short: cut in its middle, since names of one experiment begin alike and differ at the end.
import { make } from "./elements.js";

/** So much of a name's end always stays. */
const KEPT = 7;

/** The name as an element that cuts itself; the whole name is its title and its text. */
export function shortName(name, attributes = {}) {
  const at = name.length > 2 * KEPT ? name.length - KEPT : name.length;
  const { class: more = "", ...rest } = attributes;
  const end = at < name.length ? make("span", { class: "end" }, name.slice(at)) : null;
  return make("span", { class: `cut ${more}`.trim(), title: name, ...rest }, make("span", { class: "begin" }, name.slice(0, at)), end);
}
