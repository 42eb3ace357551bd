// The playground's page: one picture, several wishes, each result with its own before-and-after.

import { byId, fill, make, tell } from "./elements.js";
import { say } from "./shell.js";

const here = location.pathname.replace(/\/$/, "");
let chosen = null;

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
  byId("seen").textContent = "";
  try {
    const looks = await ask("describe", file);
    const language = document.documentElement.lang.slice(0, 2);
    const words = (look) => (look.phrases.find(([tag]) => tag.startsWith(language)) ?? look.phrases[0] ?? ["", look.name])[1];
    const named = looks.slice(0, 2).map((look) => `${words(look)} (${Math.round(look.probability * 100)} %)`);
    byId("seen").textContent = say("playground.looks_like", { looks: named.join(", ") });
  } catch (error) {
    tell(byId("message"), error.message);
  }
}

function wishes() {
  return byId("words").value.split("\n").map((line) => line.trim()).filter(Boolean);
}

async function restyle(words, place) {
  const query = new URLSearchParams({
    words,
    strength: String(Number(byId("strength").value) / 100),
    keep_background: String(byId("keep").checked),
  });
  try {
    fill(place, ...result(words, await ask(`restyle?${query}`, chosen)));
  } catch (error) {
    fill(place, make("figcaption", {}, words), make("p", { role: "alert" }, error.message));
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

async function go(event) {
  event.preventDefault();
  const looks = wishes();
  const missing = !chosen ? "playground.no_picture" : looks.length === 0 ? "playground.no_words" : null;
  tell(byId("message"), missing && say(missing));
  if (missing) return;
  const places = looks.map((words) =>
    make("figure", { class: "result" }, make("figcaption", {}, words), make("p", {}, say("playground.working"))),
  );
  fill(byId("results"), ...places);
  for (const [idx, words] of looks.entries()) await restyle(words, places[idx]);
}

byId("file").addEventListener("change", (event) => choose(event.target.files[0]));
byId("wishes").addEventListener("submit", go);
byId("strength").addEventListener("input", (event) => {
  byId("strength-value").textContent = `${event.target.value} %`;
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
