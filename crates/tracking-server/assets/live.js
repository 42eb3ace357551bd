// Keeps a page in step with the server while runs train, and says in the top line whether it is.
import { byId } from "./elements.js";
import { say } from "./shell.js";
import { listen } from "./server.js";

/** Calls `on` with each change of these runs (all runs when none are named). */
export function follow(runIds, on) {
  const place = byId("link-state");
  let lost = false;
  const stop = listen(runIds, on, (state) => {
    place.dataset.state = state;
    place.textContent = say(`link.${state}`);
    if (state === "live" && lost) on({ run: null, kind: "returned" });
    lost = state === "lost";
  });
  addEventListener("pagehide", stop);
}
