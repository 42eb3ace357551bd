// Which colour and dash a run has: its place among the compared runs decides, so that a link shows the same.
const N_COLOURS = 10;
const DASHES = ["solid", "dash", "dot", "dashdot"];

/** The colour of the i-th run for style sheets. */
export const colour = (i) => `var(--run-${i % N_COLOURS})`;

/** The dash of its lines: another one each time the colours are used up. */
export const dash = (i) => DASHES[Math.floor(i / N_COLOURS) % DASHES.length];

const probe = document.createElement("i");

/** A style sheet colour as plotly wants it, in the theme that is on. */
export function resolved(css) {
  probe.style.color = css;
  document.body.append(probe);
  const answer = getComputedStyle(probe).color;
  probe.remove();
  return answer;
}

/** The same colour, partly see-through. */
export function faded(rgb, opacity) {
  return rgb.replace("rgb(", "rgba(").replace(")", `, ${opacity})`);
}
