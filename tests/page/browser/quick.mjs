// How long the server takes from a keystroke, for every example of the gallery, and how long the page.
import { browser, hash, open, type, visit } from "./common.mjs";

const rows = JSON.parse(process.env.EXAMPLES);
const chrome = await browser();
const { page, complaints } = await open(chrome);
const times = {};
for (const row of rows) {
  await visit(page, hash(row));
  const found = [];
  for (let k = 0; k < 3; k++) {
    await type(page, row.text + " ".repeat(k + 1));
    found.push(Number(await page.getAttribute("body", "data-ms")));
  }
  times[row.title + ": " + row.text] = found;
}
console.log(JSON.stringify({ times, complaints }));
await chrome.close();
