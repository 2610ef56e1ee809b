// A visit: type, hover, walk the steps, copy the code, open the shared link, by mouse and by keyboard.
import { assert, browser, hash, open, type, visit } from "./common.mjs";

const chrome = await browser();
const { page, complaints } = await open(chrome);
await visit(page);
const text = (selector) => page.locator(selector).innerText();

// The seed's question is there at once; another text updates it while one types.
assert.match(await text("#derivative .strings"), /ia,b->iab/);
await type(page, "is,st,tj->ij");
assert.deepEqual(await page.locator("#derivative .string").allInnerTexts(), ["ia,bt,tj->ijab", "ia,sb,st,tj->ijab", "bt,tj->ijib", 'Delta("ia"), B, C']);
assert.deepEqual(await page.locator("#wrt input").evaluateAll((all) => all.map((one) => one.value)), ["A", "B", "C"]);
assert.equal(await text("#derivative .matrix code"), "∂vec(y)/∂vec(A) = (Cᵀ Bᵀ) ⊗ I");

// A label lights up everywhere: in the formula, in the strings, in the steps and shapes.
await page.locator("#derivative .strings .label", { hasText: "b" }).first().hover();
for (const place of ["#derivative .katex-html", "#derivative .strings", "#shapes", "#derivative .chips"]) {
  assert.ok(await page.locator(`${place} .lit`).count() > 0, `nothing lights up in ${place}`);
}
assert.deepEqual([...new Set(await page.locator(".lit").evaluateAll((all) => all.map((one) => one.dataset.label)))], ["b"]);
await page.locator("h1").hover();
assert.equal(await page.locator(".lit").count(), 0);
await page.locator("#derivative .chips button").first().focus();
assert.ok(await page.locator(".lit").count() > 3);

// Steps forwards and backwards, by buttons and by arrow keys.
await page.click("#steps button:has-text('next')");
assert.match(await text("#steps .step"), /is,st,tj->ij\s+becomes\s+ab,st,tj->ijab/);
await page.focus("#steps .walk");
await page.keyboard.press("ArrowRight");
assert.match(await text("#steps .step"), /δ\[i,a\]: the entry at a varies only where i = a/);
await page.keyboard.press("ArrowRight");
await page.keyboard.press("ArrowLeft");
assert.match(await text("#steps .count"), /step 3 of 6/);

// Another tensor, another order, sizes.
await page.check("#wrt input[value='C']", { force: true });
await page.waitForFunction(() => document.querySelector("#derivative .strings").innerText.includes("jb"));
await page.check("#wrt input[value='A']", { force: true });
await type(page, "i=4, s=5, t=3, j=2", "#sizes");
await page.waitForFunction(() => document.querySelector("#shapes").innerText.includes("8 × 20"));
await page.waitForFunction(() => document.querySelector("#cost").innerText.includes("4 × 2 × 4 × 5"));

// The code as it is copied; the test in Python runs it. The check says yes.
await page.waitForSelector("#code pre");
await page.click("#code .copy:has-text('copy')");
const code = await page.evaluate(() => navigator.clipboard.readText());
const [file] = await Promise.all([page.waitForEvent("download"), page.click("#code .copy:has-text('download')")]);
await page.click("#check button");
await page.waitForSelector("#check .verdict.right");

// Errors: a caret under the character, and the last answer stays, dimmed.
await type(page, "is,st,tj->iq");
const trouble = (await page.locator("#trouble pre").textContent()).split("\n");
assert.equal(trouble[0][trouble[1].indexOf("^")], "q");
assert.ok(await page.evaluate(() => document.body.classList.contains("stale")));
await type(page, "sum((T - einsum('ik,jk->ij', U, V))**2)");
assert.ok(await page.locator("#trouble").isHidden());

// The link shows the same to somebody else; going back shows what was there before.
await page.check("#wrt input[value='V']", { force: true });
await page.waitForFunction(() => location.hash.includes("wrt=V"));
await page.click("#share");
const link = await page.evaluate(() => navigator.clipboard.readText());
const formula = await page.locator("#derivative .katex annotation").first().textContent();
const other = await open(chrome);
await other.page.goto(link);
await other.page.waitForSelector("body[data-ready]");
assert.equal(await other.page.locator("#derivative .katex annotation").first().textContent(), formula);
await other.page.click("#gallery button >> nth=1");
await other.page.waitForFunction(() => document.querySelector("#text").value === "is,st,tj->ij");
await other.page.goBack();
await other.page.waitForFunction(() => document.querySelector("#text").value.startsWith("sum((T"));

// By keyboard alone, from the top to the second example.
await visit(page, hash({ text: "ij,j->i", wrt: "A", order: 1, sizes: "", language: "auto" }));
await page.evaluate(() => document.activeElement.blur());
for (let k = 0; k < 40; k++) {
  await page.keyboard.press("Tab");
  if (await page.evaluate(() => document.activeElement.innerText?.includes("A product of three"))) break;
}
await page.keyboard.press("Enter");
await page.waitForFunction(() => document.querySelector("#text").value === "is,st,tj->ij");

// What was looked at is kept.
await page.waitForTimeout(1700);
assert.match(await page.locator("#history").textContent(), /is,st,tj->ij by A/);

assert.deepEqual([...complaints, ...other.complaints], []);
console.log(JSON.stringify({ code, download: file.suggestedFilename() }));
await chrome.close();
