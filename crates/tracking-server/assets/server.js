// The only file that talks to the server: MLflow's own REST, and the reading routes under `/api/idiom`.

const REST = "/ajax-api/2.0/mlflow";
/** The tag by which our client says how many items it logged, and where they are. */
const LEDGER_TAG = "idiom.ledger";

/** The tag by which it says when a run that was taken up again stood still. */
const PAUSES_TAG = "idiom.pauses";

/** What the server said was wrong: its code and its words. */
export class ServerError extends Error {
  constructor(code, message) {
    super(message);
    this.code = code;
  }
}

async function ask(address, options) {
  const answer = await fetch(address, options);
  const body = await answer.json().catch(() => ({}));
  if (!answer.ok) throw new ServerError(body.error_code ?? String(answer.status), body.message ?? answer.statusText);
  return body;
}

function get(path, query = {}) {
  const pairs = Object.entries(query).filter(([, value]) => value !== undefined && value !== "");
  return ask(`${path}?${new URLSearchParams(pairs)}`);
}

function post(path, body) {
  return ask(path, { method: "POST", headers: { "content-type": "application/json" }, body: JSON.stringify(body) });
}

/** JSON has no NaN and no infinities: they come as words. */
function number(value) {
  if (value === null || value === undefined) return NaN;
  return Number(value);
}

const pairs = (list) => Object.fromEntries((list ?? []).map(({ key, value }) => [key, value]));

/** A run as the pages use it. */
function runOf({ info, data = {} }) {
  const metrics = (data.metrics ?? []).map((m) => [
    m.key,
    { value: number(m.value), step: Number(m.step ?? 0), timestamp: Number(m.timestamp) },
  ]);
  const { [LEDGER_TAG]: ledger, [PAUSES_TAG]: pauses, "mlflow.loggedImages": _, ...tags } = pairs(data.tags);
  return {
    id: info.run_id ?? info.run_uuid,
    name: info.run_name || tags["mlflow.runName"] || info.run_id,
    experimentId: info.experiment_id,
    status: info.status,
    deleted: info.lifecycle_stage === "deleted",
    start: Number(info.start_time ?? 0),
    end: info.end_time ? Number(info.end_time) : null,
    params: pairs(data.params),
    metrics: Object.fromEntries(metrics),
    tags,
    ledger,
    pauses: pausesOf(pauses),
  };
}

/** `[[from, to], ...]`; none where the tag is absent or somebody else's. */
function pausesOf(tag) {
  try {
    const pauses = JSON.parse(tag ?? "[]");
    return pauses.every((pause) => pause.length === 2 && pause.every(Number.isFinite)) ? pauses : [];
  } catch {
    return [];
  }
}

/** The answers the page of runs brought along for its first questions; null on other pages, and once read. */
export function broughtAlong() {
  const place = document.getElementById("first");
  if (!place) return null;
  place.remove();
  const { experiments, runs } = JSON.parse(place.textContent);
  return {
    experiments: experimentsOf(experiments),
    found: { runs: (runs.runs ?? []).map(runOf), next: runs.next_page_token },
  };
}

/** The runs that the page of a comparison brought along, by id; none on other pages, and once read. */
export function runsBroughtAlong() {
  const place = document.getElementById("first");
  place?.remove();
  const { runs = [] } = JSON.parse(place?.textContent || "{}");
  return new Map(runs.map(runOf).map((run) => [run.id, run]));
}

const experimentsOf = (body) => (body.experiments ?? []).map(({ experiment_id, name }) => ({ id: experiment_id, name }));

/** All experiments that are not deleted, as `{ id, name }`. */
export async function experiments() {
  return experimentsOf(await post(`${REST}/experiments/search`, { max_results: 1000 }));
}

/** Runs that a filter (MLflow's grammar with OR and parentheses) lets through, a page of at most 1000, and the token of the next page. */
export async function searchRuns({ experimentIds, filter, orderBy, pageToken, deleted = false }) {
  const body = await post("/api/idiom/runs/search", {
    experiment_ids: experimentIds,
    filter,
    order_by: orderBy,
    page_token: pageToken,
    max_results: 1000,
    run_view_type: deleted ? "DELETED_ONLY" : "ACTIVE_ONLY",
  });
  return { runs: (body.runs ?? []).map(runOf), next: body.next_page_token };
}

/** One run. */
export async function getRun(id) {
  return runOf((await get(`${REST}/runs/get`, { run_id: id })).run);
}

/** Gives a run another name. */
export const renameRun = (id, name) => post(`${REST}/runs/update`, { run_id: id, run_name: name });

/** Sets a tag of a run. */
export const setTag = (id, key, value) => post(`${REST}/runs/set-tag`, { run_id: id, key, value });

/** Takes a tag off a run. */
export const deleteTag = (id, key) => post(`${REST}/runs/delete-tag`, { run_id: id, key });

/** Deletes a run; it can be restored. */
export const deleteRun = (id) => post(`${REST}/runs/delete`, { run_id: id });

/** Restores a deleted run. */
export const restoreRun = (id) => post(`${REST}/runs/restore`, { run_id: id });

/** What is in a folder of a run's artifacts, as `{ path, is_dir, file_size }`. */
export async function listArtifacts(id, path) {
  return (await get(`${REST}/artifacts/list`, { run_id: id, path })).files ?? [];
}

/** Where an artifact's bytes are. */
export function artifactAddress(id, path) {
  return `/get-artifact?${new URLSearchParams({ run_id: id, path })}`;
}

/** Curves of some runs, as `{ run, key, total, points: [[step, timestamp, value], ...] }`. */
export async function curves(runIds, keys = [], maxPoints = 800) {
  const query = new URLSearchParams({ run_ids: runIds.join(","), max_points: maxPoints });
  if (keys.length) query.set("keys", keys.join(","));
  const body = await ask(`/api/idiom/metrics?${query}`);
  return body.curves.map(({ run_id, key, n_points, points }) => ({
    run: run_id,
    key,
    total: n_points,
    points: points.map(([step, timestamp, value]) => [Number(step), Number(timestamp), number(value)]),
  }));
}

/** The least and greatest point of each curve of some runs, as `{ run, key, min, max }` with `{ value, step }`. */
export async function summaries(runIds) {
  const body = await get("/api/idiom/summaries", { run_ids: runIds.join(",") });
  const point = (at) => at && { value: number(at.value), step: Number(at.step) };
  return body.summaries.map(({ run_id, key, least, greatest }) => ({
    run: run_id,
    key,
    min: point(least),
    max: point(greatest),
  }));
}

/** How many points of each curve of a run came, and came again, as `{ key, received, repeated }`. */
export async function received(id) {
  return (await get("/api/idiom/ledger", { run_id: id })).curves;
}

/** Pictures of some runs in order of step, as `{ run, key, step, timestamp, address }`. */
export async function pictures(runIds) {
  const body = await get("/api/idiom/images", { run_ids: runIds.join(",") });
  const all = body.images.map(({ run_id, key, step, timestamp, path }) => ({
    run: run_id,
    key,
    step: Number(step),
    timestamp: Number(timestamp),
    address: artifactAddress(run_id, path),
  }));
  return all.sort((a, b) => a.step - b.step || a.timestamp - b.timestamp);
}

const AGAIN_AFTER_MILLISECONDS = 5000;

/**
 * Server-sent events; `on` gets `{ run, kind }`, `state` gets "live" or "lost". Returns a function that stops.
 * A browser takes up a broken stream by itself, but gives up on one that was refused: that is asked for again here.
 */
export function listen(runIds, on, state) {
  const query = runIds.length ? `?${new URLSearchParams({ run_ids: runIds.join(",") })}` : "";
  const source = new EventSource(`/api/idiom/events${query}`);
  let stop = () => source.close();
  source.addEventListener("open", () => state("live"));
  source.addEventListener("error", () => {
    state("lost");
    if (source.readyState !== EventSource.CLOSED) return;
    const timer = setTimeout(() => (stop = listen(runIds, on, state)), AGAIN_AFTER_MILLISECONDS);
    stop = () => clearTimeout(timer);
  });
  source.addEventListener("run", (event) => {
    const { run_id, kind } = JSON.parse(event.data);
    on({ run: run_id, kind });
  });
  source.addEventListener("missed", () => on({ run: null, kind: "missed" }));
  return () => stop();
}
