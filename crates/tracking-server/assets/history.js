// Where a point of a run's history lies on the axis that is chosen, and which point is nearest to a place.
import * as format from "./format.js";
import { say } from "./shell.js";

/** The axes: what the run counts its steps in, minutes of its own since it began, the time of day. */
export const AXES = ["images", "relative", "wall"];

/** Runs of Idiom count the images they have seen, those of other programs whatever they call a step. */
let unit = "images";

/** Says of which runs places are told from now on; whether they are told in another unit than before. */
export function countFor(runs) {
  const before = unit;
  unit = unitOf(runs);
  return unit !== before;
}

/** What runs count their steps in: "images" or "steps". */
export function unitOf(runs) {
  return runs.every(({ tags }) => tags["idiom.uid"]) ? "images" : "steps";
}

/** The name of an axis. */
export const axisWords = (axis) => say(axis === "images" ? `axis.${unit}` : `axis.${axis}`);

/** Where in its own course a run was, in words. */
export const stepWords = (run, step) => say(`runs.at_${unitOf([run])}`, { n: format.count(step) });

/** The place of a moment of a run on an axis; what a run that was taken up again stood still is not its own time. */
export function place(axis, run, step, timestamp) {
  if (axis === "relative") return (timestamp - run.start - paused(run, timestamp)) / 60_000;
  return axis === "wall" ? timestamp : step;
}

/** How long a run had stood still by some time, in milliseconds. */
export function paused(run, until = Infinity) {
  return (run.pauses ?? []).reduce((sum, [from, to]) => sum + Math.max(0, Math.min(to, until) - from), 0);
}

/** A place in words. */
export function words(axis, x) {
  if (!Number.isFinite(x)) return "";
  if (axis === "relative") return format.duration(x * 60_000);
  return axis === "wall" ? format.time(x) : say(`cursor.${unit}`, { n: format.count(Math.round(x)) });
}

/** The index of the item nearest to `x` in a list sorted by `at(item)`; -1 when it is empty. */
export function nearest(list, x, at = (item) => item) {
  if (!list.length) return -1;
  let [low, high] = [0, list.length - 1];
  while (low < high) {
    const middle = (low + high) >> 1;
    if (at(list[middle]) < x) low = middle + 1;
    else high = middle;
  }
  return low > 0 && x - at(list[low - 1]) <= at(list[low]) - x ? low - 1 : low;
}

/** Sorted places without repeats. */
export const union = (places) => [...new Set(places)].sort((a, b) => a - b);
