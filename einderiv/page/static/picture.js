// Pictures that the engine drew, as elements: only shapes and text get in, no script, no link, no markup.
import { h } from "./dom.js";
import { mark } from "./labels.js";

const ELEMENTS = new Set(["svg", "g", "path", "line", "polyline", "polygon", "rect", "circle", "ellipse", "text", "tspan", "title", "desc", "defs", "clipPath", "marker", "pattern", "style", "linearGradient", "stop"]);
const REFUSED = /^on|href$|^style$|^xmlns/i;
const sheets = new Set();

/** A picture from its SVG source. */
export function picture(source) {
  const root = new DOMParser().parseFromString(source, "image/svg+xml").documentElement;
  if (root.localName !== "svg") return h("p", { class: "note" }, "this picture cannot be shown");
  for (const element of [...root.querySelectorAll("*")]) {
    if (!ELEMENTS.has(element.localName)) element.remove();
    else if (element.localName === "style") adopt(element);
  }
  for (const element of [root, ...root.querySelectorAll("*")]) {
    for (const attribute of [...element.attributes]) if (REFUSED.test(attribute.name)) element.removeAttribute(attribute.name);
    if (element.dataset.label) mark(element, element.dataset.label);
  }
  return h("div", { class: "picture", tabindex: "0", role: "group", "aria-label": "picture" }, document.importNode(root, true));
}

/** The rules of a picture as a style sheet of the page: one made by script needs no exception in style-src. */
function adopt(element) {
  const rules = element.textContent;
  element.remove();
  if (sheets.has(rules)) return;
  sheets.add(rules);
  const sheet = new CSSStyleSheet();
  sheet.replaceSync(rules);
  document.adoptedStyleSheets = [...document.adoptedStyleSheets, sheet];
}
