// Takes what is on screen away as a file.

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

/** Hands a text to the browser as a file. */
export function save(name, text, type = "text/csv;charset=utf-8") {
  const address = URL.createObjectURL(new Blob([text], { type }));
  saveAddress(name, address);
  setTimeout(() => URL.revokeObjectURL(address), 10_000);
}
