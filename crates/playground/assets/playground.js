// The playground's page: one picture, several wishes, each result with its own before-and-after.

import { byId, fill, make, tell } from "./elements.js";
import { say } from "./shell.js";
import { offerDictation } from "./dictation.js";

const here = location.pathname.replace(/\/$/, "");
let chosen = null;
/** Counts what was asked for: an answer to an older question is not shown any more. */
let asked = 0;

/** Asks the server, and throws what it refuses with. */
async function ask(path, body) {
  const answer = await fetch(`${here}/${path}`, { method: "POST", body });
  const said = await answer.json();
  if (!answer.ok) throw new Error([said.message, said.hint].filter(Boolean).join(" — "));
  return said;
}

async function choose(file) {
  if (!file) return;
  chosen = file;
  const source = byId("source");
  URL.revokeObjectURL(source.src);
  source.src = URL.createObjectURL(file);
  source.hidden = false;
  tell(byId("message"), "");
  fill(byId("seen"), make("p", {}, say("playground.looking")));
  try {
    const seen = await ask("describe", file);
    if (file !== chosen) return;
    fill(
      byId("seen"),
      described("playground.looks_like", seen.looks),
      seen.subjects.length ? described("playground.shows", seen.subjects) : null,
    );
  } catch (error) {
    if (file !== chosen) return;
    fill(byId("seen"));
    tell(byId("message"), error.message);
  }
}

/** The most probable answers, each in the page's language where it has one, with a bar for its probability. */
function described(title, answers) {
  const language = document.documentElement.lang.slice(0, 2);
  const words = ({ words }) => (words.find(([tag]) => tag.startsWith(language)) ?? words[0] ?? ["", "?"])[1];
  const percent = (answer) => `${Math.round(answer.probability * 100)} %`;
  const line = (answer) =>
    make(
      "li",
      { style: { "--share": percent(answer).replace(" ", "") } },
      make("span", {}, words(answer)),
      make("span", { class: "percent" }, percent(answer)),
    );
  return [make("h2", {}, say(title)), make("ol", {}, answers.slice(0, 3).map(line))];
}

function wishes() {
  return byId("words").value.split("\n").map((line) => line.trim()).filter(Boolean);
}

async function restyle(words, place, question) {
  const query = new URLSearchParams({
    words,
    strength: String(Number(byId("strength").value) / 100),
    keep_background: String(byId("keep").checked),
  });
  try {
    const said = await ask(`restyle?${query}`, chosen);
    if (question === asked) fill(place, ...result(words, said));
  } catch (error) {
    if (question === asked) fill(place, make("figcaption", {}, words), make("p", { role: "alert" }, error.message));
  }
}

function result(words, said) {
  const pair = make(
    "div",
    { class: "pair" },
    make("img", { class: "after", src: said.picture, alt: words }),
    make("img", { class: "before", src: byId("source").src, alt: "" }),
  );
  const swipe = (event) => pair.style.setProperty("--shown", `${event.target.value}%`);
  const slider = { type: "range", min: 0, max: 100, value: 0, "aria-label": say("playground.swipe"), on: { input: swipe } };
  return [
    make("figcaption", {}, words),
    pair,
    make("input", slider),
    make("p", {}, say("playground.agreement", { percent: Math.round(said.agreement * 100) })),
    said.is_unusual ? make("p", {}, say("playground.unusual", { names: said.nearest.join(", ") })) : null,
    make("a", { href: said.picture, download: `${words.slice(0, 40)}.png` }, say("playground.download")),
  ].filter(Boolean);
}

async function go() {
  const question = ++asked;
  const looks = wishes();
  const missing = !chosen ? "playground.no_picture" : looks.length === 0 ? "playground.no_words" : null;
  tell(byId("message"), missing && say(missing));
  if (missing) return;
  const places = looks.map((words) =>
    make("figure", { class: "result" }, make("figcaption", {}, words), make("p", {}, say("playground.working"))),
  );
  fill(byId("results"), ...places);
  for (const [idx, words] of looks.entries()) {
    if (question === asked) await restyle(words, places[idx], question);
  }
}

/** Once there are results, they follow the settings. */
function again() {
  if (byId("results").childElementCount > 0) go();
}

byId("file").addEventListener("change", (event) => choose(event.target.files[0]));
byId("wishes").addEventListener("submit", (event) => {
  event.preventDefault();
  go();
});
byId("strength").addEventListener("change", again);
byId("keep").addEventListener("change", again);
byId("strength").addEventListener("input", (event) => {
  byId("strength-value").textContent = `${event.target.value} %`;
});
offerDictation(byId("dictate"), byId("dictate-note"), (words) => {
  const box = byId("words");
  box.value = [box.value.trimEnd(), words].filter(Boolean).join("\n");
});
const drop = byId("drop");
for (const name of ["dragenter", "dragover"]) {
  drop.addEventListener(name, (event) => {
    event.preventDefault();
    drop.classList.add("over");
  });
}
drop.addEventListener("dragleave", () => drop.classList.remove("over"));
drop.addEventListener("drop", (event) => {
  event.preventDefault();
  drop.classList.remove("over");
  choose(event.dataTransfer.files[0]);
});
