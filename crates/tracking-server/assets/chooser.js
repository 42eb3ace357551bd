// The dialog in which columns are chosen.
import { TAKES } from "./columns.js";
import { make } from "./elements.js";
import { openDialog } from "./keys.js";
import { say } from "./shell.js";

/** Lets the reader choose among what is `available`; `change` gets the names of the chosen columns each time. */
export function chooseColumns(available, chosen, change) {
  let now = [...chosen];
  const set = (id, on) => {
    now = on ? [...now.filter((other) => other !== id), id] : now.filter((other) => other !== id);
    change(now);
  };
  const groups = ["attribute", "param", "metric", "tag"]
    .filter((kind) => available[kind].length)
    .map((kind) =>
      make(
        "fieldset",
        {},
        make("legend", {}, say(`kind.${kind}`)),
        available[kind].map((key) =>
          kind === "metric" ? metricChoice(key, now, set) : plainChoice(kind, key, now, set),
        ),
      ),
    );
  const find = make("input", {
    type: "search",
    autofocus: true,
    placeholder: say("columns.find"),
    "aria-label": say("columns.find"),
  });
  find.addEventListener("input", () => narrow(groups, find.value.toLowerCase()));
  openDialog(
    { title: say("runs.columns"), close: say("shell.close") },
    find,
    make("div", { class: "choices" }, groups),
  );
}

function narrow(groups, words) {
  for (const choice of groups.flatMap((group) => [...group.querySelectorAll(".choice")])) {
    choice.hidden = !choice.dataset.key.toLowerCase().includes(words);
  }
}

function plainChoice(kind, key, now, set) {
  const id = `${kind}:${key}`;
  const box = make("input", {
    type: "checkbox",
    checked: now.includes(id),
    on: { change: (event) => set(id, event.target.checked) },
  });
  return make(
    "div",
    { class: "choice", data: { key } },
    make("label", {}, box, kind === "attribute" ? say(`column.${key}`) : key),
  );
}

function metricChoice(key, now, set) {
  const buttons = TAKES.map((take) => {
    const id = `metric:${take}:${key}`;
    const button = make(
      "button",
      { type: "button", "aria-pressed": String(now.includes(id)), "aria-label": `${key}: ${say(`take.${take}`)}` },
      say(`take.${take}`),
    );
    button.addEventListener("click", () => {
      const on = button.getAttribute("aria-pressed") !== "true";
      button.setAttribute("aria-pressed", String(on));
      set(id, on);
    });
    return button;
  });
  return make(
    "div",
    { class: "choice", data: { key } },
    make("label", {}, key),
    make("span", { class: "segments" }, buttons),
  );
}
