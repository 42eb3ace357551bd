// Runs that differ in nothing but their seed are one experiment, told several times: their mean and how sure it is.
import { nearest } from "./history.js";
import { halfWidth, summary } from "./stats.js";

const isSeed = (key) => /(^|[._/-])seed$/i.test(key);

/** Groups `{ name, runs }` of runs whose params agree but for seeds, in the order of their first runs. */
export function groupsOf(runs) {
  const groups = new Map();
  for (const run of runs) {
    const same = Object.entries(run.params).filter(([key]) => !isSeed(key));
    // A run without params is like no other.
    const key = same.length ? JSON.stringify(same.sort(([a], [b]) => (a < b ? -1 : 1))) : run.id;
    if (!groups.has(key)) groups.set(key, { name: run.name, runs: [] });
    groups.get(key).runs.push(run);
  }
  return [...groups.values()];
}

/** Whether any group has more than one run. */
export const hasSeeds = (runs) => groupsOf(runs).some((group) => group.runs.length > 1);

/**
 * Lines `{ x, y }` of one group as one: at the places of the longest, the mean of those that reach there, the 95 %
 * confidence interval of that mean, and how many there are.
 */
export function band(lines) {
  const longest = lines.reduce((best, line) => (line.x.length > best.x.length ? line : best), lines[0]);
  const all = { x: longest.x, y: [], low: [], high: [], n: [] };
  for (const x of longest.x) {
    const about = summary(lines.map((line) => at(line, x)));
    const half = halfWidth(about);
    all.y.push(about.mean);
    all.low.push(Number.isFinite(half) ? about.mean - half : about.mean);
    all.high.push(Number.isFinite(half) ? about.mean + half : about.mean);
    all.n.push(about.n);
  }
  return all;
}

/** What a line says at `x`, straight between its points; NaN outside of them. */
function at({ x: places, y }, x) {
  const near = nearest(places, x);
  if (near < 0 || x < places[0] || x > places[places.length - 1]) return NaN;
  if (places[near] === x) return y[near];
  const [from, to] = places[near] < x ? [near, near + 1] : [near - 1, near];
  return y[from] + ((y[to] - y[from]) * (x - places[from])) / (places[to] - places[from]);
}
