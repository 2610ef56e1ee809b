// Pictures of the page: six examples, two widths, two schemes. Nothing may stick out of the window.
import { assert, browser, hash, open, OUT, visit } from "./common.mjs";

const rows = JSON.parse(process.env.EXAMPLES);
const chrome = await browser();
const made = [];
for (const width of [1280, 320]) {
  for (const colorScheme of ["light", "dark"]) {
    const { page, complaints } = await open(chrome, { viewport: { width, height: 900 }, colorScheme });
    for (const [k, row] of rows.entries()) {
      await visit(page, hash(row));
      assert.equal(await page.evaluate(() => document.documentElement.scrollWidth), width, `${row.title} at ${width}`);
      const file = `${OUT}/${k + 1}-${width}-${colorScheme}.png`;
      await page.screenshot({ path: file, fullPage: true });
      made.push(file);
    }
    assert.deepEqual(complaints, []);
  }
}
console.log(JSON.stringify(made));
await chrome.close();
