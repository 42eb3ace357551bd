// Where a point of a run's history lies on the axis that is chosen, and which point is nearest to a place.
import * as format from "./format.js";
import { say } from "./shell.js";

/** The axes: images seen, minutes since the run began, the time of day. */
export const AXES = ["images", "relative", "wall"];

/** The place of a moment of a run on an axis. */
export function place(axis, run, step, timestamp) {
  if (axis === "relative") return (timestamp - run.start) / 60_000;
  return axis === "wall" ? timestamp : step;
}

/** A place in words. */
export function words(axis, x) {
  if (!Number.isFinite(x)) return "";
  if (axis === "relative") return format.duration(x * 60_000);
  return axis === "wall" ? format.time(x) : say("cursor.images", { n: format.count(Math.round(x)) });
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
