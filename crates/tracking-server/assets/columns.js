// Which columns the table of runs has, what a run's value in one is, and which value is the best.
//
// A column is named `attribute:started`, `param:KEY`, `tag:KEY` or `metric:TAKE:KEY`, where TAKE says which
// of a curve's values is meant: `last`, `min`, `max`, `best` (whichever of both is better, with its step), or
// `curve` for the curve itself in small.

import { paused } from "./history.js";

export const TAKES = ["last", "best", "min", "max", "curve"];
const ATTRIBUTES = ["status", "started", "duration", "experiment"];

/** A column from its name, or null when it is none. */
export function columnOf(id) {
  const [kind, ...rest] = id.split(":");
  if (kind === "metric") {
    const [take, ...key] = rest;
    return TAKES.includes(take) && key.length ? { id, kind, take, key: key.join(":") } : null;
  }
  const key = rest.join(":");
  const known = kind === "attribute" ? ATTRIBUTES.includes(key) : ["param", "tag"].includes(kind) && key;
  return known ? { id, kind, key } : null;
}

function keysOf(runs, part) {
  const keys = new Set();
  for (const run of runs) for (const key in run[part]) keys.add(key);
  return [...keys].sort();
}

/** All that can be shown of these runs, by kind. */
export function available(runs) {
  return {
    attribute: ATTRIBUTES,
    param: keysOf(runs, "params"),
    metric: keysOf(runs, "metrics"),
    tag: keysOf(runs, "tags").filter((key) => key !== "mlflow.runName"),
  };
}

/** Whether a metric is about the machine rather than what is trained on it. */
export const isMachine = (key) => /^(system|memory|rate)\//.test(key);

const PREFIXES = ["loss/", "score/", ""];
const rank = (key) =>
  better(key) && !/^(loss|rate|memory|system)/.test(key) ? -1 : PREFIXES.findIndex((prefix) => key.startsWith(prefix));

/** Orders metrics by what they say: scores with a better direction, then losses, then the rest. */
export const byMeaning = (a, b) => rank(a) - rank(b) || byName(a, b);

const byName = (a, b) => (a < b ? -1 : 1);

/** Orders keys of `bag` by how many runs have them, most first: a column that is empty for most tells nothing. */
function byPresence(runs, bag) {
  const count = new Map(keysOf(runs, bag).map((key) => [key, runs.filter((run) => run[bag][key] !== undefined).length]));
  return (a, b) => count.get(b) - count.get(a);
}

/** How many runs have another value of a param than most have: what one run alone is odd in tells the others from nothing. */
function apart(runs, key) {
  const counts = new Map();
  for (const run of runs) {
    const value = run.params[key];
    if (value !== undefined) counts.set(value, (counts.get(value) ?? 0) + 1);
  }
  const all = [...counts.values()];
  return all.reduce((sum, count) => sum + count, 0) - Math.max(...all);
}

/** Whether the runs' names begin with the param's values as words, so that a column of it would say them twice. */
export const isInName = (runs, key) =>
  runs.every(({ name = "", params: { [key]: value = name } }) => value === name || name.startsWith(`${value}-`));

/** Whether a param's values can be taken in at a glance: a list of words takes the room of five columns and tells little. */
const isShort = (runs, key) => runs.every(({ params: { [key]: value = "" } }) => `${value}`.length <= 24);

/** What people look for first among the scores of pictures that were made, in this order. */
const LEADING = ["kid", "fid", "look_accuracy", "r_precision", "retrieval_at_1", "precision", "recall"];

const leaf = (key) => key.slice(key.lastIndexOf("/") + 1);

/** The place of a score among those that people look for first. */
const lead = (key) => (LEADING.includes(leaf(key)) ? LEADING.indexOf(leaf(key)) : LEADING.length);

/** Whether `key` says a part of what `whole` says: its value in one language, say, or beyond what the whole is taken of. */
const isPartOf = (key, whole) =>
  leaf(key).startsWith(`${leaf(whole)}_`) && key.split("/", 1)[0] === whole.split("/", 1)[0];

/**
 * What to show of runs nobody has chosen columns for: the params that tell most of them apart, the scores, the losses; each
 * where most runs have it. What is a part of another metric is left to those who ask for it.
 */
export function defaults(runs) {
  const spread = new Map(keysOf(runs, "params").map((key) => [key, apart(runs, key)]));
  const [paramPresence, metricPresence] = [byPresence(runs, "params"), byPresence(runs, "metrics")];
  const telling = [...spread.keys()]
    .filter((key) => spread.get(key) > 0 && isShort(runs, key) && !isInName(runs, key))
    .sort((a, b) => paramPresence(a, b) || spread.get(b) - spread.get(a) || byName(a, b));
  const measured = keysOf(runs, "metrics");
  const metrics = measured
    .filter((key) => !measured.some((whole) => isPartOf(key, whole)))
    .sort((a, b) => rank(a) - rank(b) || lead(a) - lead(b) || metricPresence(a, b) || byName(a, b));
  const curve = metrics.find((key) => /loss.*gen/i.test(key)) ?? metrics.find((key) => key.startsWith("loss/")) ?? metrics[0];
  return [
    "attribute:status",
    "attribute:started",
    "attribute:duration",
    ...telling.slice(0, 3).map((key) => `param:${key}`),
    ...(curve ? [`metric:curve:${curve}`] : []),
    ...metrics.slice(0, 6).map((key) => `metric:last:${key}`),
  ];
}

/** What names a score; where a name says two things, an error is an error of the other (`agreement_ece`, `accuracy_error`). */
const LOW = /error|(^|[_/])(ece|mse|rmse|mae|nll|lpips)(_|$)/;
const HIGH =
  /per_second|throughput|accuracy|precision|recall|coverage|density|agreement|auc(_|$)|psnr|ssim|inception|clip_score|(^|[_/])(f1|iou|map|bleu)(_|$)/;
const LOW_WORDS = /loss|(^|[_/])(fid|kid)|distance|wait|lag|rss|memory|seconds|duration|perplexity/;

/** Whose loss in a game says who is ahead, not how good the pictures are. */
const PLAYER = /(^|[_/.])(generator|discriminator|critic|adversarial|gan|gen|disc|g|d)([_/.]|$)/;

/** Whether a metric is better "low" or "high", or "" where neither is known (a critic's scores, the losses of two players). */
export function better(key) {
  const name = key.toLowerCase();
  if (/loss/.test(name) && PLAYER.test(name)) return "";
  if (/_(gap|ratio|beside)(_|$)/.test(name)) return "";
  if (LOW.test(name) || (!HIGH.test(name) && LOW_WORDS.test(name))) return "low";
  return HIGH.test(name) ? "high" : "";
}

/** Where the best point of a curve is looked for; the last one where neither direction is known to be better. */
export const takeOf = ({ key, take }) => (take === "best" ? ({ low: "min", high: "max" }[better(key)] ?? "last") : take);

/** A run's value in a column: a number, a text, or undefined. `extremes` is `byCurve` of `server.summaries`. */
export function valueOf(column, run, extremes) {
  const { kind, key } = column;
  const take = takeOf(column);
  if (kind === "metric") return take === "last" ? run.metrics[key]?.value : extremes?.get(run.id)?.[key]?.[take]?.value;
  if (kind === "param") return run.params[key];
  if (kind === "tag") return run.tags[key];
  return { status: run.status, started: run.start, duration: lasted(run), experiment: run.experiment }[key];
}

/** How long a run has taken so far, without the times it stood still between its processes. */
export function lasted(run) {
  const until = run.end ?? (run.status === "RUNNING" ? Date.now() : NaN);
  return run.start ? until - run.start - paused(run, until) : NaN;
}

/** Things that each belong to a curve, as a map from run to key to thing. */
export function byCurve(things) {
  const all = new Map();
  for (const thing of things) {
    if (!all.has(thing.run)) all.set(thing.run, {});
    all.get(thing.run)[thing.key] = thing;
  }
  return all;
}

/** Whether values of this column are set to the right and compared as numbers. */
export function isNumber(column, runs) {
  if (column.kind === "metric") return column.take !== "curve";
  if (column.kind === "attribute") return column.key === "duration";
  const known = runs.map((run) => valueOf(column, run)).filter((value) => value !== undefined);
  return known.length > 0 && known.every((value) => value !== "" && Number.isFinite(Number(value)));
}

/** Orders two values of a column; what is missing or not a number goes last either way. */
export function order(a, b, descending) {
  const missing = (value) => value === undefined || value === "" || Number.isNaN(value);
  if (missing(a) || missing(b)) return missing(a) - missing(b);
  const [x, y] = [Number(a), Number(b)];
  const sign =
    Number.isNaN(x) || Number.isNaN(y) ? String(a).localeCompare(String(b), undefined, { numeric: true }) : x - y;
  return descending ? -sign : sign;
}

/** The best value of a metric's column among runs, or undefined when there is nothing to compare. */
export function best(column, runs, extremes) {
  const wish = column.kind === "metric" && column.take !== "curve" ? better(column.key) : "";
  const values = runs.map((run) => valueOf(column, run, extremes)).filter(Number.isFinite);
  if (!wish || values.length < 2 || new Set(values).size < 2) return undefined;
  return wish === "low" ? Math.min(...values) : Math.max(...values);
}
