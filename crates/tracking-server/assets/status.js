// How a run is doing, in a word with a colour.
import { make } from "./elements.js";
import * as format from "./format.js";
import { say } from "./shell.js";

const QUIET_AFTER = 3 * 60 * 1000;

/** When a run was last heard of. */
function lastHeard(run) {
  return Math.max(run.start, ...Object.values(run.metrics).map(({ timestamp }) => timestamp));
}

/** A running run that has said nothing for minutes is not called live: its process may be gone. */
export function state(run) {
  if (run.status !== "RUNNING") return run.status.toLowerCase();
  return Date.now() - lastHeard(run) < QUIET_AFTER ? "live" : "silent";
}

/** The badge of a run's state. */
export function badge(run) {
  const now = state(run);
  const title = now === "silent" ? say("status.heard", { ago: format.ago(lastHeard(run)) }) : null;
  return make("span", { class: `badge ${now}`, title }, say(`status.${now}`));
}
