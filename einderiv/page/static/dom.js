// Elements made of data. Text is always text: nothing here reads markup.

/** An element: `h("p", { class: "note" }, "text", child)`. Functions are listeners, true is an empty attribute. */
export function h(tag, properties = {}, ...children) {
  const element = document.createElement(tag);
  for (const [name, value] of Object.entries(properties)) {
    if (typeof value === "function") element.addEventListener(name.slice(2), value);
    else if (value !== undefined && value !== null && value !== false) element.setAttribute(name, value === true ? "" : value);
  }
  element.append(...children.flat(Infinity).filter((child) => child !== null && child !== undefined));
  return element;
}

export const find = (id) => document.getElementById(id);

/** Fill a section, which shows if it has anything in it. */
export function fill(section, ...children) {
  section.replaceChildren(...children.flat(Infinity).filter(Boolean));
  section.hidden = section.childNodes.length === 0;
}

/** Copy to the clipboard, and say so for a moment. */
export async function copy(text, told) {
  try {
    await navigator.clipboard.writeText(text);
    told.textContent = "copied";
  } catch {
    told.textContent = "the browser does not let this page copy";
  }
  setTimeout(() => { told.textContent = ""; }, 2000);
}

export function copyButton(text, name) {
  const told = h("span", { role: "status", class: "told" });
  return [h("button", { type: "button", class: "copy", "aria-label": `Copy ${name}`, onclick: () => copy(text, told) }, "copy"), told];
}

export function download(text, file) {
  const url = URL.createObjectURL(new Blob([text], { type: "text/plain" }));
  h("a", { href: url, download: file }).click();
  setTimeout(() => URL.revokeObjectURL(url), 1000);
}
