// The ledger of a run: what it logged and where that is; which points came, came again, or are still on their way.
import { fill, make, tell } from "./elements.js";
import * as format from "./format.js";
import * as server from "./server.js";
import { say } from "./shell.js";

/** What the client last said of itself, as rows `{ word, count, kind }`; the first is the sum of the others. Pure. */
export function sums(said) {
  if (!said) return [];
  const { produced, delivered, dead, dropped } = said;
  const pending = Math.max(0, produced - delivered - dead - dropped);
  return [
    { word: "produced", count: produced, kind: "" },
    { word: "delivered", count: delivered, kind: "" },
    { word: "pending", count: pending, kind: pending ? "waits" : "" },
    { word: "dead", count: dead, kind: dead ? "lost" : "" },
    { word: "dropped", count: dropped, kind: dropped ? "lost" : "" },
  ];
}

/** The tag of a run, read; null where its client says nothing, or something else. */
export function saidOf(run) {
  try {
    const said = JSON.parse(run.ledger ?? "null");
    const counts = ["produced", "delivered", "dead", "dropped"].map((name) => said?.[name]);
    return counts.every(Number.isSafeInteger) ? said : null;
  } catch {
    return null;
  }
}

/** The pane. */
export class Ledger {
  constructor() {
    this.message = make("p", { class: "notice", role: "alert", hidden: true });
    this.body = make("div", { class: "column" });
    this.element = make("section", { class: "ledger" }, this.message, this.body);
  }

  /** Asks what came, and draws. */
  async show(run) {
    try {
      const curves = await server.received(run.id);
      tell(this.message, null);
      fill(this.body, this.#client(run), this.#curves(curves));
    } catch (error) {
      tell(this.message, say("shell.failed", { message: error.message }));
    }
  }

  #client(run) {
    const said = saidOf(run);
    const rows = sums(said).map(({ word, count, kind }) =>
      make(
        "tr",
        { class: kind },
        make("th", { scope: "row" }, say(`ledger.${word}`)),
        make("td", {}, format.count(count)),
        make("td", { class: "muted" }, say(`ledger.${word}_hint`)),
      ),
    );
    const about = said ? say("ledger.said", { ago: format.ago(said.at ?? run.start) }) : "";
    return pane("ledger.client", about, rows, say("ledger.silent"));
  }

  #curves(curves) {
    const total = (name) => curves.reduce((sum, curve) => sum + curve[name], 0);
    const cells = (curve) => [format.count(curve.received), format.count(curve.repeated)];
    const row = (name, curve) => make("tr", {}, make("th", { scope: "row", title: name }, name), cells(curve).map((text) => make("td", {}, text)));
    const all = { received: total("received"), repeated: total("repeated") };
    const heads = ["ledger.curve", "ledger.received", "ledger.repeated"].map((key) => make("th", { scope: "col" }, say(key)));
    const rows = curves.length ? [row(say("ledger.all"), all), ...curves.map((curve) => row(curve.key, curve))] : [];
    return pane("ledger.points", say("ledger.points_about"), rows, say("curves.none"), make("thead", {}, make("tr", {}, heads)));
  }
}

function pane(title, about, rows, none, head = null) {
  const table = () => make("table", { class: "versus-table facts" }, head, make("tbody", {}, rows));
  return make(
    "section",
    { class: "pane" },
    make("div", { class: "pane-head" }, make("h2", {}, say(title)), make("span", { class: "muted" }, about)),
    rows.length ? make("div", { class: "versus-frame" }, table()) : make("p", { class: "none" }, none),
  );
}
