// The examples, and what one looked at before.
import { find, h } from "./dom.js";
import { EMPTY, forget, fromHash, past } from "./state.js";

export async function showGallery(pick) {
  const rows = await (await fetch("gallery.json")).json();
  const groups = Map.groupBy ? Map.groupBy(rows, (row) => row.group) : grouped(rows);
  for (const [name, examples] of groups) {
    find("gallery").append(h("details", { open: name === rows[0].group }, h("summary", {}, name), h("ul", {}, examples.map((row) => h("li", {}, h("button", { type: "button", onclick: () => pick({ ...EMPTY, ...row }) }, h("span", {}, row.title), h("code", {}, row.text)))))));
  }
  return rows;
}

function grouped(rows) {
  const groups = new Map();
  for (const row of rows) groups.set(row.group, [...(groups.get(row.group) ?? []), row]);
  return groups;
}

export function showHistory(pick) {
  const states = past().map(fromHash);
  const list = find("history").querySelector("ol");
  list.replaceChildren(...states.map((state) => h("li", {}, h("button", { type: "button", onclick: () => pick(state) }, h("code", {}, state.text), h("span", {}, ` by ${state.wrt}`)))));
  if (states.length) list.append(h("li", {}, h("button", { type: "button", class: "copy", onclick: () => { forget(); showHistory(pick); } }, "forget these")));
  find("history").hidden = states.length === 0;
}
