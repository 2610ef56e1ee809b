// Python in a worker: it answers as the server does, by the same function.
import { loadPyodide } from "./pyodide/pyodide.mjs";

const START = `
import json, sys
sys.path.insert(0, "/einderiv.zip")
from einderiv.page.engine import answer

def reply(text):
    return json.dumps(answer(json.loads(text)))

reply('{"kind": "derivative", "text": "ij,j->i"}')
reply
`;
const plain = self.fetch.bind(self);
let loaded = 0;
let total = 1;

/** fetch, counted: what Pyodide loads shows as progress. */
self.fetch = async (...what) => {
  const reply = await plain(...what);
  if (!reply.body) return reply;
  const counted = reply.body.pipeThrough(new TransformStream({
    transform(chunk, controller) {
      loaded += chunk.byteLength;
      postMessage({ ready: false, part: Math.min(0.7, (0.7 * loaded) / total), what: `${(loaded / 1e6).toFixed(1)} of ${(total / 1e6).toFixed(1)} MB` });
      controller.enqueue(chunk);
    },
  }));
  return new Response(counted, { status: reply.status, statusText: reply.statusText, headers: reply.headers });
};

async function started() {
  total = (await (await plain("site.json")).json()).bytes;
  const python = await loadPyodide({ indexURL: new URL("./pyodide/", import.meta.url).href });
  const files = await (await fetch("einderiv.zip")).arrayBuffer();
  postMessage({ ready: false, part: 0.8, what: "importing einderiv" });
  python.FS.writeFile("/einderiv.zip", new Uint8Array(files));
  const reply = python.runPython(START);
  postMessage({ ready: true, part: 1, what: "" });
  return reply;
}

const reply = started();
reply.catch((error) => postMessage({ failed: String(error.message).trim().split("\n").at(-1) }));
self.onmessage = async ({ data: { id, request } }) => {
  postMessage({ id, answer: (await reply)(request) });
};
