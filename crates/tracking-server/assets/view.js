// The state of a view stands in its address, so that a link shows what its sender saw.

/** Reads one setting. */
export function read(name, fallback = "") {
  return new URLSearchParams(location.search).get(name) ?? fallback;
}

/** Reads a list; empty when there is none. */
export function readList(name) {
  return read(name).split(",").filter(Boolean).map(decodeURIComponent);
}

/** Writes settings; `null`, "" and empty lists leave the address. The history gets no new entry. */
export function write(settings) {
  const query = new URLSearchParams(location.search);
  for (const [name, value] of Object.entries(settings)) {
    const text = Array.isArray(value) ? value.map((part) => encodeURIComponent(part)).join(",") : value;
    if (text === null || text === undefined || text === "") query.delete(name);
    else query.set(name, text);
  }
  const search = query.toString().replaceAll("%2C", ",").replaceAll("%2F", "/").replaceAll("%3A", ":");
  history.replaceState(null, "", `${location.pathname}${search ? `?${search}` : ""}${location.hash}`);
}
