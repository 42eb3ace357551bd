// Numbers, counts, times and sizes as people read them.
import { say } from "./shell.js";

const language = document.documentElement.lang;
const grouped = new Intl.NumberFormat(language, { maximumFractionDigits: 0 });
const short = new Intl.NumberFormat("en", { notation: "compact", maximumFractionDigits: 2 });
const moment = new Intl.DateTimeFormat(language, { dateStyle: "medium", timeStyle: "short" });
const relative = new Intl.RelativeTimeFormat(language, { numeric: "auto", style: "short" });

/** A measured value with four significant digits. */
export function value(number) {
  if (number === null || number === undefined) return "";
  if (!Number.isFinite(number)) return Number.isNaN(number) ? "NaN" : number > 0 ? "∞" : "−∞";
  const size = Math.abs(number);
  if (size !== 0 && (size < 1e-3 || size >= 1e7))
    return number.toExponential(2).replace("-", "−").replace("e+", "e").replace("e−", "e−");
  const digits = Number.isInteger(number) ? 0 : Math.max(0, Math.min(6, 3 - Math.floor(Math.log10(size))));
  return number
    .toLocaleString(language, { minimumFractionDigits: digits, maximumFractionDigits: digits })
    .replace("-", "−");
}

/** A count, in full. */
export const count = (number) => grouped.format(number);

/** A count, short: 12.8K. */
export const compact = (number) => short.format(number);

/** A length of time. */
export function duration(milliseconds) {
  if (milliseconds === null || !Number.isFinite(milliseconds)) return "";
  const seconds = Math.max(0, Math.round(milliseconds / 1000));
  const [d, h, m, s] = [
    Math.floor(seconds / 86400),
    Math.floor(seconds / 3600) % 24,
    Math.floor(seconds / 60) % 60,
    seconds % 60,
  ];
  if (d) return say("time.days", { d, h });
  if (h) return say("time.hours", { h, m });
  return m ? say("time.minutes", { m, s }) : say("time.seconds", { s });
}

/** How long ago. */
export function ago(timestamp) {
  const seconds = (timestamp - Date.now()) / 1000;
  for (const [unit, length] of [
    ["day", 86400],
    ["hour", 3600],
    ["minute", 60],
  ]) {
    if (Math.abs(seconds) >= length) return relative.format(Math.round(seconds / length), unit);
  }
  return relative.format(Math.round(seconds), "second");
}

/** A date with its time. */
export const time = (timestamp) => (timestamp ? moment.format(timestamp) : "");

/** A size in bytes. */
export function bytes(size) {
  if (size < 1024) return `${size} B`;
  const power = Math.min(3, Math.floor(Math.log2(size) / 10));
  return `${(size / 1024 ** power).toFixed(1)} ${["B", "KB", "MB", "GB"][power]}`;
}
