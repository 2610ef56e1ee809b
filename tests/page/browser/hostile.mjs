// Text that would like to be markup, in the field, the sizes and the URL: it is shown as text, or refused.
import { assert, browser, hash, open, type, visit } from "./common.mjs";

const HOSTILE = [
  "<img src=x onerror=alert(1)>", "\"><script>alert(1)</script>", "sum(\\htmlData{x=y}{X})", "${alert(1)}", "`${7*7}`",
  "'\"><svg onload=alert(1)>", "ij,j->i\u202e\u2066", "\u200fX: ij\nsum(X)", "javascript:alert(1)", "{{7*7}}", "\u0000", "𝔸 = (",
  "__proto__: i\nsum(__proto__)", "constructor: i\nsum(constructor * constructor)", "toString: i\nsum(toString * toString)",
  "X: onerror style\nsum(X @ X.T)", "hasOwnProperty, valueOf -> hasOwnProperty valueOf",
];
const chrome = await browser();
const { page, complaints } = await open(chrome);
await visit(page);
const clean = async (what) => {
  const found = await page.evaluate(() => ({
    elements: document.querySelectorAll("img, iframe, object, embed, a[href^=javascript], body script, [onerror], [onload]").length,
    polluted: ({}).polluted !== undefined, title: document.title,
  }));
  assert.deepEqual(found, { elements: 0, polluted: false, title: "einderiv: einsum in, derivative einsum out" }, what);
  const shown = await page.evaluate(() => document.body.innerText);
  assert.ok(!/Traceback|File "|\.py"/.test(shown), what);
};
for (const text of HOSTILE) {
  await type(page, "ij,j->i"); // so that the next text is a change
  await type(page, text);
  await clean(text);
  await type(page, text.replaceAll("\n", " "), "#sizes");
  await clean(`sizes ${text}`);
  await type(page, "", "#sizes");
  for (const field of ["text", "wrt", "sizes", "language", "order"]) {
    await visit(page, hash({ text: "ij,j->i", wrt: "A", order: 1, sizes: "", language: "auto", [field]: text }));
    await clean(`URL ${field} ${text}`);
  }
}
await visit(page, "#e=%E0%A4%A&wrt=%%%&order=1e9&__proto__=1");
await clean("a broken URL");
assert.deepEqual(complaints, []);
console.log(JSON.stringify(HOSTILE.length));
await chrome.close();
