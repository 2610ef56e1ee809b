// Pictures that the engine drew, as elements: only shapes and text get in, no script, no link, no markup.
import { h } from "./dom.js";
import { mark } from "./labels.js";

const ELEMENTS = new Set(["svg", "g", "path", "line", "polyline", "polygon", "rect", "circle", "ellipse", "text", "tspan", "title", "desc", "defs", "clipPath", "marker", "pattern", "linearGradient", "stop"]);
const REFUSED = /^on|href$|^style$|^xmlns/i;

/** A picture from its SVG source. */
export function picture(source) {
  const root = new DOMParser().parseFromString(source, "image/svg+xml").documentElement;
  if (root.localName !== "svg") return h("p", { class: "note" }, "this picture cannot be shown");
  for (const element of [...root.querySelectorAll("*")]) {
    if (!ELEMENTS.has(element.localName)) element.remove(); // rules of style too: the page brings its own
  }
  for (const element of [root, ...root.querySelectorAll("*")]) {
    for (const attribute of [...element.attributes]) if (REFUSED.test(attribute.name)) element.removeAttribute(attribute.name);
    if (element.dataset.label) mark(element, element.dataset.label);
  }
  return h("div", { class: "picture", tabindex: "0", role: "group", "aria-label": "picture" }, document.importNode(root, true));
}
