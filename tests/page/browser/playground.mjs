// The playground beside the documentation: the front page links to it, and it derives what the link says.
import { assert, browser, BASE, open } from "./common.mjs";

const chrome = await browser();
const { page, complaints } = await open(chrome);
await page.goto(`${BASE}/index.html`);
const links = page.locator('a[href^="playground/index.html#"]');
const count = await links.count();
const shown = [];
for (let k = 0; k < count; k += 1) {
  await page.goto(`${BASE}/index.html`);
  await links.nth(k).click();
  await page.waitForSelector("body[data-ready]", { timeout: 120_000 });
  await page.waitForSelector("#derivative .strings .string", { timeout: 60_000 });
  assert.ok(await page.locator("#trouble").isHidden());
  shown.push(await page.locator("#derivative .strings .string").first().innerText());
}
assert.deepEqual(complaints, []);
console.log(JSON.stringify({ shown }));
await chrome.close();
