// What is asked: kept in the URL, so that a link shows the same, and in a history on this device.

const KEY = "einderiv.history";
const KEPT = 30;
export const EMPTY = { text: "", wrt: "", order: 1, sizes: "", language: "auto" };

/** The part of a URL behind #. */
export function toHash(state) {
  const parts = new URLSearchParams({ e: state.text });
  if (state.wrt) parts.set("wrt", state.wrt);
  if (state.order !== 1) parts.set("order", state.order);
  if (state.sizes) parts.set("sizes", state.sizes);
  if (state.language !== "auto") parts.set("as", state.language);
  return "#" + parts;
}

/** A state from the part behind #, or null. Whatever stands there is text and no more. */
export function fromHash(hash) {
  const parts = new URLSearchParams(hash.replace(/^#/, ""));
  if (!parts.has("e")) return null;
  const order = Number(parts.get("order") ?? 1);
  return {
    text: parts.get("e").slice(0, 4000), wrt: (parts.get("wrt") ?? "").slice(0, 100),
    order: [1, 2, 3, 4].includes(order) ? order : 1, sizes: (parts.get("sizes") ?? "").slice(0, 500),
    language: ["string", "einderiv", "einsum", "matlab"].includes(parts.get("as")) ? parts.get("as") : "auto",
  };
}

/** The states that were looked at, the latest first. */
export function past() {
  try {
    const found = JSON.parse(localStorage.getItem(KEY) ?? "[]");
    return Array.isArray(found) ? found.filter((hash) => typeof hash === "string" && fromHash(hash)) : [];
  } catch { // storage is switched off, or holds something else
    return [];
  }
}

export function remember(state) {
  const hash = toHash(state);
  try {
    localStorage.setItem(KEY, JSON.stringify([hash, ...past().filter((other) => other !== hash)].slice(0, KEPT)));
  } catch { /* without storage there is no history */ }
}

export function forget() {
  try {
    localStorage.removeItem(KEY);
  } catch { /* there was none */ }
}
