// What the planner says: cost, code, and the numeric check. All of it needs NumPy behind the page.
import { copyButton, download, fill, h } from "./dom.js";

const UNITS = ["", "k", "M", "G", "T", "P", "E"];

/** 12345 as "12.3 k": a unit may follow. */
export function short(n) {
  const k = n < 1000 ? 0 : Math.min(UNITS.length - 1, Math.floor(Math.log10(n) / 3));
  return `${Number((n / 1000 ** k).toPrecision(3))} ${UNITS[k]}`;
}

export function showCost(section, found) {
  const bars = [["bytes held", found.core_bytes, found.dense_bytes, "B"]];
  if (found.delta_flops) bars.push(["flops", found.flops, found.delta_flops, ""], ["largest array", found.largest_bytes, found.delta_bytes, "B"]);
  const rows = found.steps.map((row) => h("tr", {}, h("td", {}, row.what), h("td", { class: "string" }, row.einsum), h("td", {}, row.kernel), h("td", { class: "number" }, short(row.flops)), h("td", { class: "number" }, `${short(row.entries * 8)}B`)));
  fill(section, h("h2", {}, "Plan and cost"),
    h("p", { class: "note" }, found.assumed ? "Without sizes every label counts as 32." : `The result has shape ${found.shape.join(" × ") || "of a number"}.`),
    h("table", { class: "bars" }, bars.map(([name, ours, dense, unit]) => bar(name, ours, dense, unit))),
    rows.length ? h("div", { class: "scroll", tabindex: "0", role: "group", "aria-label": "plan" }, h("table", { class: "plan" }, h("thead", {}, h("tr", {}, ["step", "einsum", "kernel", "flops", "bytes"].map((name) => h("th", { scope: "col" }, name)))), h("tbody", {}, rows))) : h("p", { class: "note" }, "Nothing is computed: it is written down."),
    found.notes.map((note) => h("p", { class: "note" }, note)));
}

function bar(name, ours, dense, unit) {
  const full = h("span", { class: "bar" });
  const part = h("span", { class: "bar ours" });
  part.style.setProperty("--part", Math.max(0.004, Math.min(1, ours / Math.max(dense, 1))));
  full.style.setProperty("--part", Math.min(1, dense / Math.max(ours, 1)));
  const times = ours ? dense / ours : 1;
  return h("tr", {}, h("th", { scope: "row" }, name), h("td", {}, h("div", {}, part, ` ${short(ours)}${unit} here`), h("div", {}, full, ` ${short(dense)}${unit} dense`)), h("td", { class: "number" }, times >= 1.05 ? `${short(times)}× less` : ""));
}

let chosen = "numpy"; // stays while one types

export function showCode(section, found) {
  const tabs = h("div", { role: "tablist", "aria-label": "backends", onkeydown: move });
  const panel = h("div", { role: "tabpanel", id: "code-panel" });

  function show(name) {
    const row = found.backends.find((one) => one.name === name) ?? found.backends[0];
    chosen = row.name;
    for (const tab of tabs.children) {
      tab.setAttribute("aria-selected", tab.dataset.name === row.name);
      tab.tabIndex = tab.dataset.name === row.name ? 0 : -1;
    }
    panel.setAttribute("aria-label", row.label);
    if (row.code === null) return panel.replaceChildren(h("p", { class: "note" }, row.why));
    panel.replaceChildren(h("p", { class: "row" }, copyButton(row.code, `the ${row.label} code`), h("button", { type: "button", class: "copy", onclick: () => download(row.code, row.file) }, `download ${row.file}`)), h("pre", { tabindex: "0" }, h("code", {}, row.code)));
  }

  function move(event) {
    const by = { ArrowLeft: -1, ArrowRight: 1 }[event.key];
    if (by === undefined) return;
    const all = [...tabs.children];
    const next = all[(all.indexOf(document.activeElement) + by + all.length) % all.length];
    show(next.dataset.name);
    next.focus();
  }

  tabs.append(...found.backends.map((row) => h("button", { type: "button", role: "tab", "aria-controls": "code-panel", "data-name": row.name, onclick: () => show(row.name) }, row.label)));
  fill(section, h("h2", {}, "Code"), tabs, panel);
  show(chosen);
}

/** A button; `check` asks for the verdict. */
export function showCheck(section, check) {
  const verdict = h("p", { role: "status", class: "verdict" });
  const button = h("button", { type: "button", onclick: async () => {
    button.disabled = true;
    verdict.textContent = "checking …";
    verdict.className = "verdict";
    const found = await check();
    verdict.textContent = found.ok ? `${{ true: "✓", false: "✗" }[found.right] ?? "?"} ${found.text}` : found.error.message;
    verdict.className = `verdict ${found.right ? "right" : "wrong"}`;
    button.disabled = false;
  } }, "Compare with numbers");
  fill(section, h("h2", {}, "Is it right?"), h("p", { class: "note" }, "The derivative is evaluated on random numbers and compared with differences of the expression itself, computed by other code."), button, verdict);
}
