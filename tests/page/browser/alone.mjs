// The page without a server: Python starts in a worker, the derivative is the same, what needs NumPy says so.
import { assert, browser, BASE, open, OUT, type } from "./common.mjs";

const chrome = await browser();
const { page, complaints } = await open(chrome);
await page.goto(`${BASE}/`);
await page.waitForSelector("#progress:not([hidden])");
await page.waitForFunction(() => /starting Python: .*MB/.test(document.querySelector("#status").innerText));
await page.screenshot({ path: `${OUT}/starting.png` });
await page.waitForSelector("body[data-ready]", { timeout: 120_000 });
const cold = Number(await page.getAttribute("body", "data-cold"));
assert.ok(await page.locator("#progress").isHidden());
await type(page, "is,st,tj->ij");
assert.deepEqual(await page.locator("#derivative .strings .string").allInnerTexts(), ["ia,bt,tj->ijab", "ia,sb,st,tj->ijab", "bt,tj->ijib"]);
await type(page, "is,st,tj->iq");
assert.ok(await page.locator("#trouble pre").isVisible());
const times = {};
for (const row of JSON.parse(process.env.EXAMPLES)) {
  await page.selectOption("#language", row.language);
  await type(page, row.text);
  assert.ok(await page.locator("#trouble").isHidden(), row.title);
  times[row.title] = Number(await page.getAttribute("body", "data-ms"));
}
await page.waitForFunction(() => document.querySelector("#code").innerText.includes("needs numpy"));
await page.screenshot({ path: `${OUT}/alone.png`, fullPage: true });
assert.deepEqual(complaints, []);
console.log(JSON.stringify({ cold, times }));
await chrome.close();
