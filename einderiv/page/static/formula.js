// Formulas by KaTeX, whose labels are found again by their colours.
import { h } from "./dom.js";
import { mark } from "./labels.js";

const OPTIONS = { trust: false, strict: "error", throwOnError: true, maxExpand: 100, maxSize: 10, displayMode: true };

/** A formula {text, latex, marked, colours} as an element; as text where it has no LaTeX. */
export function formula(data) {
  const place = h("div", { class: "formula", tabindex: "0", role: "group", "aria-label": "formula" });
  if (data.marked === null) return h("div", { class: "formula plain" }, data.text);
  try {
    window.katex.render(data.marked, place, OPTIONS); // makes elements, not markup: style-src stays 'self'
  } catch {
    return h("div", { class: "formula plain" }, data.text);
  }
  for (const span of place.querySelectorAll(".katex-html span")) {
    const label = data.colours[hex(span.style.color)];
    if (label !== undefined) {
      span.style.removeProperty("color");
      mark(span, label);
    }
  }
  return place;
}

function hex(colour) {
  const parts = colour.match(/\d+/g);
  return parts === null ? "" : "#" + parts.slice(0, 3).map((n) => Number(n).toString(16).padStart(2, "0")).join("");
}
