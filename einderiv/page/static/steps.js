// The derivation, to walk through with buttons, arrow keys, or by its list of steps.
import { fill, h } from "./dom.js";
import { line } from "./labels.js";
import { picture } from "./picture.js";

let kept = 0; // the step one was at, while the answer changes under it

export function showSteps(section, steps, svgs = []) {
  let at = Math.min(kept, steps.length - 1);
  const body = h("div", { class: "step", "aria-live": "polite" });
  const count = h("span", { class: "count" });
  const back = h("button", { type: "button", onclick: () => go(at - 1) }, "← previous");
  const next = h("button", { type: "button", onclick: () => go(at + 1) }, "next →");
  const list = h("ol", { class: "list" }, steps.map((step, k) => h("li", {}, h("button", { type: "button", onclick: () => go(k) }, step.title))));

  function go(k) {
    at = kept = Math.max(0, Math.min(k, steps.length - 1));
    const step = steps[at];
    body.replaceChildren(h("h3", {}, step.title), ...(svgs[at] ? [picture(svgs[at])] : []),
      ...step.lines.map((segments) => h("p", { class: "line" }, line(segments))));
    count.textContent = `step ${at + 1} of ${steps.length}`;
    back.disabled = at === 0;
    next.disabled = at === steps.length - 1;
    [...list.children].forEach((item, j) => item.firstChild.toggleAttribute("aria-current", j === at));
  }

  const walk = h("div", { class: "walk", tabindex: "0", role: "group", "aria-label": "steps: arrow keys go back and forth",
    onkeydown: (event) => {
      const by = { ArrowLeft: -1, ArrowRight: 1 }[event.key];
      if (by === undefined) return;
      event.preventDefault();
      go(at + by);
    } }, h("div", { class: "row" }, back, next, count), body);
  fill(section, h("h2", {}, "Derivation"), walk, list);
  go(at);
}
