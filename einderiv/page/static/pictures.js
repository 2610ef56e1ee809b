// The pictures of an answer: the network of the derivative, its pattern of zeros, and one for each step.
import { fill, find, h } from "./dom.js";
import { picture } from "./picture.js";
import { showSteps } from "./steps.js";

export function showPictures(found, given) {
  const { expression, result } = given.diagrams;
  fill(find("picture"), h("h2", {}, "Picture"),
    expression && h("figure", {}, picture(expression), h("figcaption", {}, "the expression")),
    result && h("figure", {}, picture(result), h("figcaption", {}, `its derivative by ${found.wrt}`)),
    given.why && h("p", { class: "note" }, given.why));
  fill(find("sparsity"), given.sparsity && [h("h2", {}, "Where it is not zero"), picture(given.sparsity), h("p", { class: "note" }, "An axis whose size is not given is drawn with 4.")]);
  if (given.steps.some(Boolean)) showSteps(find("steps"), found.steps, given.steps);
}
