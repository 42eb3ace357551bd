// A part of a picture, as `[x, y, width, height]` in fractions of the whole.
import { make } from "./elements.js";

export const WHOLE = [0, 0, 1, 1];

/** A smaller drag is a click with an unsteady hand. */
const LEAST_PART = 0.02;

/** Pixels stay pixels when a picture is enlarged; made smaller it is smoothed, or captions could not be read. */
const sizes = new ResizeObserver((entries) => {
  for (const { target } of entries) target.classList.toggle("crisp", target.clientWidth >= target.naturalWidth);
});

/** A picture, or the chosen part of it, in a box that keeps the part's shape. */
export function windowed(address, part, attributes = {}) {
  const [x, y, w, h] = part;
  const image = make("img", {
    src: address,
    alt: "",
    draggable: "false",
    decoding: "async",
    ...attributes,
    style: { width: `${100 / w}%`, left: `${(-100 * x) / w}%`, top: `${(-100 * y) / h}%` },
  });
  const frame = make("span", { class: "window" }, image);
  const shape = () => {
    if (image.naturalWidth) frame.style.aspectRatio = String((w * image.naturalWidth) / (h * image.naturalHeight));
  };
  image.addEventListener("load", shape);
  sizes.observe(image);
  shape();
  return frame;
}

/** Lets the reader drag over the picture on `button`; `choose` gets the part, in fractions of what is shown. */
export function letChoosePart(button, choose) {
  let from = null;
  let box = null;
  const place = (event) => {
    const edge = button.querySelector(".window").getBoundingClientRect();
    const within = (value) => Math.max(0, Math.min(1, value));
    return [within((event.clientX - edge.left) / edge.width), within((event.clientY - edge.top) / edge.height)];
  };
  const boxTo = ([x, y]) => {
    const [left, top] = [Math.min(from[0], x), Math.min(from[1], y)];
    return [left, top, Math.abs(x - from[0]), Math.abs(y - from[1])];
  };
  button.addEventListener("pointerdown", (event) => {
    delete button.dataset.dragged;
    if (!button.querySelector(".window") || event.button) return;
    from = place(event);
    button.setPointerCapture(event.pointerId);
  });
  button.addEventListener("pointermove", (event) => {
    if (!from) return;
    box ??= button.querySelector(".window").appendChild(make("span", { class: "marquee" }));
    const [left, top, width, height] = boxTo(place(event)).map((fraction) => `${fraction * 100}%`);
    Object.assign(box.style, { left, top, width, height });
  });
  button.addEventListener("pointerup", (event) => {
    if (!from) return;
    const part = boxTo(place(event));
    box?.remove();
    [from, box] = [null, null];
    if (part[2] < LEAST_PART || part[3] < LEAST_PART) return;
    button.dataset.dragged = "yes";
    choose(part);
  });
}
