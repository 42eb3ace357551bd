// Links that MLflow's own UI and client hand out (`/#/experiments/E/runs/R`) lead to our pages.
//
// The part after `#` never reaches a server, so this is done in the browser, before the page of runs loads anything.
import * as server from "./server.js";

/** Where a link of MLflow's leads, as `{ experiment, run }`; null for anything else. */
export function linkOf(hash) {
  const [, experiment, run] = /^#\/experiments\/([^/?]+)(?:\/runs\/([^/?]+))?/.exec(hash) ?? [];
  return experiment ? { experiment: decodeURIComponent(experiment), run: run && decodeURIComponent(run) } : null;
}

/** A run's id from its id or its name; the newest where several have the name. */
async function runId({ experiment, run }) {
  const text = `'${run.replaceAll("'", "''")}'`;
  const filter = `attributes.run_id = ${text} OR attributes.run_name = ${text}`;
  const { runs } = await server.searchRuns({ experimentIds: [experiment], filter });
  return runs[0]?.id ?? run;
}

/** The address on this server that a link of MLflow's means, or null when the page should go on as it is. */
export async function addressOf(hash) {
  const link = linkOf(hash);
  if (!link) return null;
  const compared = /[?&]runs=([^&]+)/.exec(hash);
  if (link.experiment === "compare-runs" || compared) {
    const runs = JSON.parse(decodeURIComponent(compared?.[1] ?? "[]"));
    return `/compare?runs=${runs.map(encodeURIComponent).join(",")}`;
  }
  if (!link.run) return `/?experiment=${encodeURIComponent(link.experiment)}`;
  return `/runs/${encodeURIComponent(await runId(link).catch(() => link.run))}`;
}
