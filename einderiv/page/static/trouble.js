// An error under its field: the line at fault, a caret under the character, and what is wrong.
import { h } from "./dom.js";

const WINDOW = 60; // characters of a long line that are shown

export function showTrouble(place, field, error) {
  place.hidden = error === null;
  field.setAttribute("aria-invalid", error !== null);
  if (error === null) return place.replaceChildren();
  const shown = error.position === null || field.value.trim() === "" ? [] : [h("pre", { "aria-hidden": "true" }, pointed(field.value, error.position))];
  place.replaceChildren(...shown, h("p", {}, error.message));
}

/** The line that holds a position, counted in code points, and a caret under that character. */
function pointed(text, position) {
  const all = Array.from(text);
  const at = Math.min(position, all.length);
  const start = at === 0 ? 0 : all.lastIndexOf("\n", at - 1) + 1; // -1 would mean from the end
  const stop = all.indexOf("\n", Math.max(at, start));
  const from = Math.max(start, at - WINDOW / 2);
  const to = Math.min(stop < 0 ? all.length : stop, from + WINDOW);
  // One column a character: what is wide, invisible or turns the direction of the line would move the caret.
  const row = all.slice(from, to).map((c) => (c >= " " && c <= "~" ? c : "\ufffd")).join("");
  const lead = from > start ? "…" : "";
  return `${lead}${row}\n${" ".repeat(lead.length + at - from)}^`;
}
