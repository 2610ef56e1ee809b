// Every formula of a list, through the KaTeX that the page brings along; what it refuses, with its reason.
import { createRequire } from "node:module";
import { readFileSync } from "node:fs";

const katex = createRequire(import.meta.url)(process.env.KATEX);
const refused = [];
for (const tex of JSON.parse(readFileSync(0, "utf8"))) {
  try {
    katex.renderToString(tex, { displayMode: true, throwOnError: true, strict: "error", trust: false });
  } catch (error) {
    refused.push([tex, error.message]);
  }
}
console.log(JSON.stringify(refused));
