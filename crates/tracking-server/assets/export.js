// Takes what is on screen away as a file.
import { make } from "./elements.js";
import { parquet } from "./parquet.js";
import { say } from "./shell.js";

/** One field: quoted where CSV needs it, and never a formula to a spreadsheet. */
function field(value) {
  if (value === null || value === undefined) return "";
  if (typeof value === "number") return String(value);
  const text = /^[=+\-@\t\r]/.test(value) && !Number.isFinite(Number(value)) ? `'${value}` : String(value);
  return /[",\n\r]/.test(text) ? `"${text.replaceAll('"', '""')}"` : text;
}

/** Rows of fields as CSV (RFC 4180). */
export const csv = (rows) => rows.map((row) => `${row.map(field).join(",")}\r\n`).join("");

/** Hands what is at an address to the browser as a file. */
export function saveAddress(name, address) {
  Object.assign(document.createElement("a"), { href: address, download: name }).click();
}

/** Hands a text or bytes to the browser as a file. */
export function save(name, contents, type = "text/csv;charset=utf-8") {
  const address = URL.createObjectURL(new Blob([contents], { type }));
  saveAddress(name, address);
  setTimeout(() => URL.revokeObjectURL(address), 10_000);
}

/** Ways to take a table away: `kinds[KIND](table)` hands `{ name, columns: [{ name, kind }], rows }` to the browser. */
export const kinds = {
  csv: ({ name, columns, rows }) => save(`${name}.csv`, csv([columns.map((column) => column.name), ...rows])),
  parquet: ({ name, columns, rows }) => save(`${name}.parquet`, parquet(columns, rows), "application/vnd.apache.parquet"),
};

/** A button for each way; `table` is asked when one is pressed. */
export function exportButtons(table) {
  const buttons = Object.keys(kinds).map((kind) => {
    const click = () => kinds[kind](table());
    return make("button", { type: "button", class: "quiet", data: { export: kind }, on: { click } }, say(`export.${kind}`));
  });
  return make("span", { class: "exports" }, buttons);
}
