// Dictation where the browser can: nothing listens before it is clicked, and what is heard becomes a line of wishes.
//
// Many browsers send the voice to their maker to be understood, so the page says so beside the button. Cantonese is asked for where the reader's
// own languages name it.

import { say } from "./shell.js";

const recogniser = () => window.SpeechRecognition ?? window.webkitSpeechRecognition;

/** The language to listen for: the page's, in the reader's own kind of it. */
function language() {
  const page = document.documentElement.lang.slice(0, 2);
  const own = navigator.languages.find((tag) => tag.startsWith(page) || (page === "zh" && tag.startsWith("yue")));
  return own ?? (page === "zh" ? "zh-CN" : "en-GB");
}

/** Shows the button where the browser can listen; each click hears one wish, a second click ends it. */
export function offerDictation(button, note, heard) {
  if (!recogniser()) return;
  let listening = null;
  const show = (key) => {
    button.textContent = say(key);
    button.setAttribute("aria-pressed", String(listening !== null));
  };
  const end = () => {
    listening = null;
    show("playground.dictate");
  };
  button.hidden = note.hidden = false;
  button.addEventListener("click", () => {
    if (listening) {
      listening.stop();
      return;
    }
    listening = new (recogniser())();
    listening.lang = language();
    listening.onresult = (event) => heard(event.results[0][0].transcript.trim());
    listening.onerror = (event) => {
      note.textContent = say("playground.not_heard", { reason: event.error });
    };
    listening.onend = end;
    note.textContent = say("playground.dictation_note");
    show("playground.listening");
    listening.start();
  });
}
