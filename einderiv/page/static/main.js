// The page: what is typed goes to the engine at once, and what comes back is shown unless something newer was typed.
import { copy, fill, find, h } from "./dom.js";
import { ask, ready } from "./engine.js";
import { showCheck, showCode, showCost } from "./figures.js";
import { showGallery, showHistory } from "./gallery.js";
import { listen, setLabels } from "./labels.js";
import { showPictures } from "./pictures.js";
import { showDerivative, showShapes } from "./results.js";
import { EMPTY, fromHash, remember, toHash } from "./state.js";
import { showSteps } from "./steps.js";
import { showTrouble } from "./trouble.js";

const TYPING = 80; // milliseconds without a key before the engine is asked
const SETTLED = 1500; // before a state goes into the history
let state = { ...EMPTY };
let asked = 0;
let running = new AbortController();
let timer = 0;
let settling = 0;

const request = (kind) => ({ kind, text: state.text, wrt: state.wrt, order: state.order, sizes: state.sizes, language: state.language });

/** Ask for everything about the present state; answers to older states are dropped. */
async function update() {
  const mine = ++asked;
  running.abort();
  running = new AbortController();
  const { signal } = running;
  const stale = () => mine !== asked;
  find("answer").setAttribute("aria-busy", "true");
  try {
    const found = await ask(request("derivative"), signal);
    if (stale()) return;
    show(found);
    if (!found.ok) return;
    await figures(found, signal, stale);
  } catch (error) {
    if (error.name !== "AbortError") throw error;
  } finally {
    if (!stale()) {
      find("answer").removeAttribute("aria-busy");
      document.body.dataset.asked = mine;
    }
  }
}

function show(found) {
  showTrouble(find("trouble"), find("text"), found.ok ? null : found.error);
  if (found.server_ms ?? found.ms) find("status").textContent = `answered in ${Math.max(1, Math.round(found.server_ms ?? found.ms))} ms`;
  document.body.dataset.ms = found.server_ms ?? found.ms ?? "";
  document.body.classList.toggle("stale", !found.ok); // what is shown belongs to the last text that could be read
  showTrouble(find("sizes-trouble"), find("sizes"), found.problem ?? null);
  if (!found.ok) return;
  state.wrt = found.wrt;
  setLabels(found.labels);
  showWrt(found.tensors);
  showDerivative(find("derivative"), found);
  showSteps(find("steps"), found.steps);
  showShapes(find("shapes"), found.shapes);
  showCheck(find("check"), () => ask(request("check")));
  history.replaceState(null, "", toHash(state));
  clearTimeout(settling);
  settling = setTimeout(() => { remember(state); showHistory(pick); }, SETTLED);
}

/** What takes longer, or needs more than symbols, after the derivative itself. */
async function figures(found, signal, stale) {
  const parts = [
    ["pictures", "Picture", (given) => showPictures(found, given)],
    ["cost", "Plan and cost", (given) => showCost(find("cost"), given)],
    ["code", "Code", (given) => showCode(find("code"), given)],
  ];
  for (const [kind, name, shown] of parts.filter(([kind]) => found.kinds.includes(kind))) {
    const given = await ask(request(kind), signal);
    if (stale()) return;
    if (given.ok) shown(given);
    else fill(find(kind === "pictures" ? "picture" : kind), h("h2", {}, name), h("p", { class: "note" }, given.error.message));
  }
}

function choices(place, name, options, chosen, pickOne) {
  const focused = place.contains(document.activeElement) ? document.activeElement.value : null;
  place.replaceChildren(...options.map(([value, text]) => h("label", {}, h("input", { type: "radio", name, value, checked: value === chosen, onchange: () => pickOne(value) }), h("span", {}, text))));
  if (focused !== null) place.querySelector(`input[value="${CSS.escape(focused)}"]`)?.focus();
}

function showWrt(tensors) {
  choices(find("wrt").querySelector(".choices"), "wrt", Object.keys(tensors).map((name) => [name, name]), state.wrt, (name) => { state.wrt = name; update(); });
}

function showOrder() {
  choices(find("order").querySelector(".choices"), "order", [["1", "once"], ["2", "twice"], ["3", "three times"]], String(state.order), (n) => { state.order = Number(n); update(); });
}

/** Show another state: an example, one of the history, one of a link. */
function put(next) {
  state = { text: next.text, wrt: next.wrt, order: next.order, sizes: next.sizes, language: next.language };
  find("text").value = state.text;
  find("sizes").value = state.sizes;
  find("language").value = state.language;
  grow();
  showOrder();
  return update();
}

function pick(next) {
  history.pushState(null, "", toHash(next));
  put(next);
  find("text").scrollIntoView({ block: "nearest" });
}

/** The field is as high as its text. */
function grow() {
  const field = find("text");
  field.rows = Math.min(12, Math.max(3, field.value.split("\n").length));
}

function typed() {
  state.text = find("text").value;
  state.sizes = find("sizes").value;
  state.language = find("language").value;
  grow();
  clearTimeout(timer);
  timer = setTimeout(update, TYPING);
}

for (const id of ["text", "sizes"]) find(id).addEventListener("input", typed);
find("language").addEventListener("change", typed);
find("ask").addEventListener("submit", (event) => event.preventDefault());
find("share").addEventListener("click", () => copy(location.href, find("shared")));
window.addEventListener("popstate", () => put(fromHash(location.hash) ?? EMPTY));
listen();
if (matchMedia("(max-width: 60rem)").matches) find("gallery").open = false;
showHistory(pick);
const rows = await showGallery(pick);
const start = fromHash(location.hash) ?? { ...EMPTY, ...rows[0] };
find("text").value = start.text;
await ready(find("progress"), find("status"));
await put(start);
document.body.dataset.ready = "true";
