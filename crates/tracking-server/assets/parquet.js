// Rows as a Parquet file: one row group, plain values, no compression, missing values as nulls. Pure.
//
// Written after apache/parquet-format (its thrift file and Encodings.md); footer and page headers are thrift's compact
// protocol. Text is UTF-8, `int` a 64-bit integer, `number` a double, NaN and infinities included.

const TYPES = { text: 6, int: 2, number: 5 };
const [PLAIN, RLE, OPTIONAL, UTF8, UNCOMPRESSED] = [0, 3, 1, 0, 0];
const [I32, I64, BINARY, LIST, STRUCT] = [5, 6, 8, 9, 12];
const MAGIC = [0x50, 0x41, 0x52, 0x31];
const utf8 = new TextEncoder();

/** A file of `rows` (lists of fields); `columns` are `{ name, kind }` with a kind of `TYPES`. */
export function parquet(columns, rows) {
  const out = new Bytes();
  out.add(MAGIC);
  const chunks = columns.map(({ name, kind }, i) => writeColumn(out, name, kind, rows.map((row) => row[i])));
  const footer = metadata(columns, chunks, rows.length);
  out.add(footer);
  out.number(4, (view) => view.setUint32(0, footer.length, true));
  out.add(MAGIC);
  return out.whole();
}

/** Bytes that grow. */
class Bytes {
  #parts = [];
  length = 0;

  add(part) {
    const bytes = part instanceof Uint8Array ? part : Uint8Array.from(part);
    this.#parts.push(bytes);
    this.length += bytes.length;
  }

  number(size, set) {
    const bytes = new Uint8Array(size);
    set(new DataView(bytes.buffer));
    this.add(bytes);
  }

  whole() {
    const all = new Uint8Array(this.length);
    let at = 0;
    for (const part of this.#parts) {
      all.set(part, at);
      at += part.length;
    }
    return all;
  }
}

const isMissing = (value) => value === undefined || value === null || value === "";

/** Writes one page, and says where it is. */
function writeColumn(out, name, kind, values) {
  const page = new Bytes();
  const levels = runsOf(values.map((value) => (isMissing(value) ? 0 : 1)));
  page.number(4, (view) => view.setUint32(0, levels.length, true));
  page.add(levels);
  page.add(plain(kind, values.filter((value) => !isMissing(value))));
  const body = page.whole();
  const header = struct([
    [1, I32, 0],
    [2, I32, body.length],
    [3, I32, body.length],
    [5, STRUCT, [[1, I32, values.length], [2, I32, PLAIN], [3, I32, RLE], [4, I32, RLE]]],
  ]);
  const [offset, size] = [out.length, header.length + body.length];
  out.add(header);
  out.add(body);
  return { name, kind, offset, size, count: values.length };
}

/** Levels of one bit, each run of equal ones as its length and the level. */
function runsOf(levels) {
  const bytes = [];
  for (let from = 0, to = 0; from < levels.length; from = to) {
    while (to < levels.length && levels[to] === levels[from]) to += 1;
    bytes.push(...varint((to - from) * 2), levels[from]);
  }
  return Uint8Array.from(bytes);
}

function plain(kind, values) {
  if (kind === "text") {
    const out = new Bytes();
    for (const text of values.map((value) => utf8.encode(String(value)))) {
      out.number(4, (view) => view.setUint32(0, text.length, true));
      out.add(text);
    }
    return out.whole();
  }
  const bytes = new Uint8Array(values.length * 8);
  const view = new DataView(bytes.buffer);
  values.forEach((value, i) =>
    kind === "int" ? view.setBigInt64(i * 8, BigInt(Math.round(Number(value))), true) : view.setFloat64(i * 8, Number(value), true),
  );
  return bytes;
}

function metadata(columns, chunks, count) {
  const schema = [
    [[4, BINARY, "rows"], [5, I32, columns.length]],
    ...columns.map(({ name, kind }) => [
      [1, I32, TYPES[kind]],
      [3, I32, OPTIONAL],
      [4, BINARY, name],
      ...(kind === "text" ? [[6, I32, UTF8]] : []),
    ]),
  ];
  const about = chunks.map(({ name, kind, offset, size, count: n }) => [
    [2, I64, offset],
    [3, STRUCT, [
      [1, I32, TYPES[kind]],
      [2, LIST, [I32, [PLAIN, RLE]]],
      [3, LIST, [BINARY, [name]]],
      [4, I32, UNCOMPRESSED],
      [5, I64, n],
      [6, I64, size],
      [7, I64, size],
      [9, I64, offset],
    ]],
  ]);
  const size = chunks.reduce((sum, chunk) => sum + chunk.size, 0);
  const group = [[1, LIST, [STRUCT, about]], [2, I64, size], [3, I64, count]];
  return struct([
    [1, I32, 1],
    [2, LIST, [STRUCT, schema]],
    [3, I64, count],
    [4, LIST, [STRUCT, [group]]],
    [6, BINARY, "idiom"],
  ]);
}

/** Fields `[id, type, value]` in the order of their ids, in thrift's compact protocol. */
function struct(fields) {
  const out = new Bytes();
  let last = 0;
  for (const [id, type, value] of fields) {
    out.add([((id - last) << 4) | type]);
    out.add(encoded(type, value));
    last = id;
  }
  out.add([0]);
  return out.whole();
}

function encoded(type, value) {
  if (type === STRUCT) return struct(value);
  if (type === BINARY) {
    const text = utf8.encode(value);
    return Uint8Array.from([...varint(text.length), ...text]);
  }
  if (type !== LIST) return Uint8Array.from(varint(value * 2));
  const [of, items] = value;
  const out = new Bytes();
  out.add(items.length < 15 ? [(items.length << 4) | of] : [0xf0 | of, ...varint(items.length)]);
  items.forEach((item) => out.add(encoded(of, item)));
  return out.whole();
}

/** A number that is not negative, seven bits a byte; no shifts, which would end at 32 bits. */
function varint(number) {
  const bytes = [];
  let rest = number;
  for (; rest >= 128; rest = Math.floor(rest / 128)) bytes.push((rest % 128) | 128);
  return [...bytes, rest];
}
