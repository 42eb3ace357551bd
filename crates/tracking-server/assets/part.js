// A part of a picture, as `[x, y, width, height]` in fractions of the whole.
import { make } from "./elements.js";

export const WHOLE = [0, 0, 1, 1];

/** A picture, or the chosen part of it, in a box that keeps the part's shape. */
export function windowed(address, part, attributes = {}) {
  const [x, y, w, h] = part;
  const image = make("img", { src: address, alt: "", draggable: "false", decoding: "async", ...attributes, style: { width: `${100 / w}%`, left: `${(-100 * x) / w}%`, top: `${(-100 * y) / h}%` } });
  const frame = make("span", { class: "window" }, image);
  const shape = () => { if (image.naturalWidth) frame.style.aspectRatio = String((w * image.naturalWidth) / (h * image.naturalHeight)); };
  image.addEventListener("load", shape);
  shape();
  return frame;
}
