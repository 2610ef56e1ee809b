// The derivative itself: formula, labels, the einsum strings; and its shapes.
import { copyButton, fill, h } from "./dom.js";
import { formula } from "./formula.js";
import { chips, line, spot } from "./labels.js";

const FORMS = [
  ["einsum", "subscripts", "with its deltas as identity matrices"],
  ["as inserted", "inserted", "one delta for each axis, none eliminated"],
  ["compact", "compact", "no deltas: a repeated output label says where the core sits"],
];
const ORDERS = ["", "", "second ", "third ", "fourth "];

export function showDerivative(section, found) {
  const kind = found.scalar && found.order === 1 ? "Gradient" : found.scalar && found.order === 2 ? "Hessian" : "Derivative";
  fill(section,
    h("h2", {}, kind),
    formula(found.result),
    found.result.why && h("p", { class: "note" }, found.result.why),
    h("p", { class: "row" }, copyButton(found.result.text, "the formula as text"), found.result.latex && latexButton(found.result.latex)),
    found.result.matrix && h("p", { class: "matrix" }, h("span", { class: "note" }, "in matrices "), h("code", {}, found.result.matrix), " ", copyButton(found.result.matrix, "the formula of matrices")),
    found.zero && h("p", { class: "note" }, `It does not vary with ${found.wrt}: all entries are 0.`),
    h("details", { class: "of" }, h("summary", {}, "of what"), formula(found.expression)),
    chips(found.labels),
    found.terms.map((term, k) => terms(term, k, found.count)),
    found.count > found.terms.length && h("p", { class: "note" }, `… and ${found.count - found.terms.length} more terms`));
  section.setAttribute("aria-label", `${ORDERS[found.order]}derivative by ${found.wrt}`);
}

function latexButton(latex) {
  const [button, told] = copyButton(latex, "the formula in LaTeX");
  button.textContent = "copy LaTeX";
  return [button, told];
}

function terms(term, k, count) {
  const rows = FORMS.filter(([, form]) => term[form]).map(([name, form, note]) => {
    const plain = term[form].map(([text]) => text).join("");
    const front = term.coefficient === null ? [] : [h("span", { class: "front" }, `${term.coefficient} · `)];
    return h("tr", { title: note }, h("th", { scope: "row" }, name), h("td", { class: "string" }, front, line(term[form])), h("td", {}, copyButton(plain, `the ${name} string`)));
  });
  return h("div", { class: "term" }, count > 1 ? h("h3", {}, `Term ${k + 1} of ${count}`) : null, h("div", { class: "scroll", tabindex: "0", role: "group", "aria-label": "einsum strings" }, h("table", { class: "strings" }, rows)),
    term.operands.length ? h("p", { class: "operands" }, "of ", h("span", { class: "string" }, term.operands.join(", "))) : null);
}

export function showShapes(section, shapes) {
  const rows = shapes.map((row) => h("tr", {}, h("th", { scope: "row" }, row.name), h("td", { class: "string" }, row.flat ? flat(row) : tensor(row)), h("td", { class: "note" }, row.note)));
  fill(section, h("h2", {}, "Shape"), h("div", { class: "scroll", tabindex: "0", role: "group", "aria-label": "shapes" }, h("table", {}, rows)));
}

const named = (labels, between) => labels.flatMap((label, k) => [k ? between : "", spot(label)]);
const known = (numbers) => numbers.every((n) => n !== null);
const figure = (n) => n.toLocaleString("en");

function tensor({ shape: [above, below], numbers }) {
  const sizes = known(numbers) && numbers.length ? ` = ${numbers.map(figure).join(" × ")}` : "";
  return ["[", named(above, ", "), "] + [", named(below, ", "), "]", sizes];
}

function flat({ shape, numbers }) {
  const side = (labels) => (labels.length ? named(labels, "·") : ["1"]);
  return [side(shape[0]), " × ", side(shape[1]), known(numbers) ? ` = ${numbers.map(figure).join(" × ")}` : ""];
}
