// What the tests of the page share: a browser, and a page that remembers every complaint and every foreign request.
import { createRequire } from "node:module";
import assert from "node:assert/strict";

const require = createRequire(`${process.env.NODE_MODULES}/`);
const { chromium } = require("playwright-core");
export const BASE = process.env.BASE;
export const OUT = process.env.OUT;
const FLAGS = ["--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-background-networking", "--disable-component-update", "--disable-sync"];

export async function browser() {
  return chromium.launch({ executablePath: process.env.CHROMIUM, args: FLAGS });
}

/** A page; `complaints` holds console errors, uncaught errors, failed and foreign requests. */
export async function open(chrome, options = {}) {
  const context = await chrome.newContext({ viewport: { width: 1280, height: 900 }, ...options });
  await context.grantPermissions(["clipboard-read", "clipboard-write"], { origin: new URL(BASE).origin });
  const page = await context.newPage();
  const complaints = [];
  page.on("console", (message) => { if (["error", "warning"].includes(message.type())) complaints.push(message.text()); });
  page.on("pageerror", (error) => complaints.push(`uncaught: ${error.message}`));
  page.on("dialog", (dialog) => { complaints.push(`dialog: ${dialog.message()}`); dialog.dismiss(); });
  page.on("request", (request) => { if (!/^(blob|data):/.test(request.url()) && new URL(request.url()).origin !== new URL(BASE).origin) complaints.push(`foreign: ${request.url()}`); });
  page.on("response", (response) => { if (response.status() >= 400) complaints.push(`${response.status()}: ${response.url()}`); });
  return { page, complaints };
}

export async function visit(page, hash = "") {
  await page.goto("about:blank");
  await page.goto(`${BASE}/${hash}`);
  await page.waitForSelector("body[data-ready]", { timeout: 60_000 });
}

/** Type into the field, and wait until the answer to that is there. */
export async function type(page, text, selector = "#text") {
  const before = Number(await page.getAttribute("body", "data-asked"));
  await page.fill(selector, text);
  await page.waitForFunction((n) => Number(document.body.dataset.asked) > n, before);
}

export const hash = (row) => `#${new URLSearchParams({ e: row.text, wrt: row.wrt, order: row.order, sizes: row.sizes, as: row.language })}`;

export { assert };
