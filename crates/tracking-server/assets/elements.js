// Builds DOM nodes. Text is only ever set as text, so a caption or a tag can never become markup.

/** An element: `make("button", { class: "quiet", on: { click } }, "words", child)`. */
export function make(tag, attributes = {}, ...children) {
  return dress(document.createElement(tag), attributes, children);
}

/** The same for SVG. */
export function drawn(tag, attributes = {}, ...children) {
  return dress(document.createElementNS("http://www.w3.org/2000/svg", tag), attributes, children);
}

function dress(node, { on = {}, style = {}, data = {}, ...attributes }, children) {
  for (const [name, value] of Object.entries(attributes)) {
    if (value === true) node.setAttribute(name, "");
    else if (value !== false && value !== null && value !== undefined) node.setAttribute(name, value);
  }
  for (const [name, listener] of Object.entries(on)) node.addEventListener(name, listener);
  for (const [name, value] of Object.entries(style)) node.style.setProperty(name, value);
  Object.assign(node.dataset, data);
  node.append(...children.flat(Infinity).filter((child) => child !== null && child !== undefined && child !== false));
  return node;
}

/** The element with this id. */
export const byId = (id) => document.getElementById(id);

/** Puts new children in place of the old ones. */
export function fill(node, ...children) {
  node.replaceChildren(
    ...children.flat(Infinity).filter((child) => child !== null && child !== undefined && child !== false),
  );
  return node;
}

/** Shows a message in its place, or hides the place when there is none. */
export function tell(node, message) {
  node.hidden = !message;
  node.textContent = message ?? "";
}

/** Runs `action` once things have been quiet for `wait` milliseconds. */
export function settled(action, wait) {
  let timer = 0;
  return (...args) => {
    clearTimeout(timer);
    timer = setTimeout(() => action(...args), wait);
  };
}

/** Runs `action` soon after it is asked for, but never twice within `interval` milliseconds, nor twice at a time. */
export function paced(action, interval) {
  let [running, again] = [false, false];
  const run = async () => {
    await action();
    running = false;
    if (again) ask();
  };
  const ask = () => {
    again = running;
    if (running) return;
    running = true;
    setTimeout(run, interval);
  };
  return ask;
}

/** Runs `action` at most once a frame, with the latest arguments. */
export function eachFrame(action) {
  let waiting = null;
  return (...args) => {
    if (waiting === null)
      requestAnimationFrame(() => {
        const latest = waiting;
        waiting = null;
        action(...latest);
      });
    waiting = args;
  };
}

/** A row of buttons of which one is chosen. `choices` are `[value, words]`. */
export function segments(label, choices, chosen, choose) {
  const buttons = choices.map(([value, words]) =>
    make(
      "button",
      { type: "button", "aria-pressed": String(value === chosen), on: { click: () => pick(value) } },
      words,
    ),
  );
  const pick = (value) => {
    buttons.forEach((button, i) => button.setAttribute("aria-pressed", String(choices[i][0] === value)));
    choose(value);
  };
  return make("span", { class: "segments", role: "group", "aria-label": label }, buttons);
}
