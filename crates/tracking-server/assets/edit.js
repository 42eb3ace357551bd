// What a reader may change about a run: its name, a note, tags, and whether it is there at all.
import { fill, make } from "./elements.js";
import * as format from "./format.js";
import { say } from "./shell.js";
import * as server from "./server.js";

const NOTE = "mlflow.note.content";

/** Tags that programs set, not people. */
const isOurs = (key) => /^(mlflow|idiom)\./.test(key);

/** The run's name as a heading that can be changed; `changed` is called once the server has it. */
export function nameOf(run, changed) {
  const name = make("h1", {}, run.name);
  const label = say("run.rename");
  const begin = make("button", { type: "button", class: "quiet icon", "aria-label": label, title: label }, "✎");
  const place = make("span", { class: "editable" }, name, begin);
  begin.addEventListener("click", () => {
    const input = make("input", { type: "text", value: run.name, "aria-label": label, maxlength: 250 });
    const form = make("form", { class: "editable" }, input, make("button", { type: "submit" }, say("run.save")));
    form.addEventListener("submit", async (event) => {
      event.preventDefault();
      // The page is not drawn anew while somebody writes on it.
      input.blur();
      if (input.value.trim()) await server.renameRun(run.id, input.value.trim());
      await changed();
    });
    fill(place, form);
    input.focus();
  });
  return place;
}

/** The note of a run, written as plain text and kept where MLflow's own pages keep it. */
export function noteOf(run, changed) {
  const text = make("textarea", { rows: 3, "aria-label": say("run.note"), placeholder: say("run.note_hint") });
  text.value = run.tags[NOTE] ?? "";
  const save = make("button", { type: "button", disabled: true }, say("run.save"));
  text.addEventListener("input", () => {
    save.disabled = text.value === (run.tags[NOTE] ?? "");
  });
  save.addEventListener("click", async () => {
    await server.setTag(run.id, NOTE, text.value);
    save.disabled = true;
    await changed();
  });
  const head = make("div", { class: "pane-head" }, make("h2", {}, say("run.note")), make("span", { class: "push" }), save);
  return make("section", { class: "pane note" }, head, text);
}

/** A button that deletes the run, or brings a deleted one back. */
export function binButton(run, changed) {
  const move = run.deleted ? server.restoreRun : server.deleteRun;
  const button = make("button", { type: "button", class: "quiet", id: "bin" }, say(run.deleted ? "runs.restore" : "runs.delete"));
  button.addEventListener("click", async () => {
    await move(run.id);
    await changed();
  });
  return button;
}

/** A form that adds a tag, and buttons that take off those that people have set. */
export function tagsOf(run, changed) {
  const key = make("input", { type: "text", required: true, "aria-label": say("run.tag_key"), placeholder: say("run.tag_key"), maxlength: 250 });
  const value = make("input", { type: "text", "aria-label": say("run.tag_value"), placeholder: say("run.tag_value") });
  const form = make("form", { class: "tag-form" }, key, value, make("button", { type: "submit" }, say("run.add_tag")));
  form.addEventListener("submit", async (event) => {
    event.preventDefault();
    document.activeElement.blur();
    await server.setTag(run.id, key.value.trim(), value.value);
    await changed();
  });
  const chips = Object.keys(run.tags)
    .filter((tag) => !isOurs(tag))
    .sort()
    .map((tag) => {
      const drop = make("button", { type: "button", "aria-label": say("run.drop_tag", { key: tag }) }, "×");
      drop.addEventListener("click", async () => {
        await server.deleteTag(run.id, tag);
        await changed();
      });
      return make("li", { class: "chip" }, make("span", { class: "label" }, `${tag}: ${run.tags[tag]}`), drop);
    });
  const head = make(
    "div",
    { class: "pane-head" },
    make("h2", {}, say("run.own_tags")),
    make("span", { class: "muted" }, format.count(chips.length)),
  );
  return make("section", { class: "pane" }, head, make("ul", { class: "chips" }, chips), form);
}
