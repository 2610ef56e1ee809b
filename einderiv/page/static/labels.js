// Labels: each has a hue, and when one is pointed at or focused, it lights up wherever it stands.
import { h } from "./dom.js";

const hues = new Map();

/** Give the labels of an answer their hues, by the golden angle so that neighbours differ. */
export function setLabels(labels) {
  hues.clear();
  labels.forEach((label, k) => hues.set(label, Math.round((210 + k * 137.508) % 360)));
}

/** Make an element one place of a label. */
export function mark(element, label) {
  if (!hues.has(label)) return element;
  element.dataset.label = label;
  element.style.setProperty("--hue", hues.get(label));
  element.classList.add("label");
  return element;
}

/** A label in a line. */
export const spot = (label, text = label) => mark(h("span", {}, text), label);

/** A line of segments [text, label or null]. */
export const line = (segments) => segments.map(([text, label]) => (label === null ? text : spot(label, text)));

/** The labels as buttons: the way to them by keyboard and touch. */
export const chips = (labels) => h("p", { class: "chips", "aria-label": "labels" },
  labels.filter((label) => hues.has(label)).map((label) => mark(h("button", { type: "button", "aria-label": `light up ${label}` }, label), label)));

let lit = null;

function light(label) {
  if (label === lit) return;
  lit = label;
  for (const element of document.querySelectorAll(".lit")) element.classList.remove("lit");
  if (label === null) return;
  for (const element of document.querySelectorAll(`[data-label="${CSS.escape(label)}"]`)) element.classList.add("lit");
}

const labelAt = (target) => target.closest?.("[data-label]")?.dataset.label ?? null;

export function listen() {
  document.addEventListener("pointerover", (event) => light(labelAt(event.target)));
  document.addEventListener("focusin", (event) => light(labelAt(event.target)));
  document.addEventListener("focusout", () => light(null));
}
