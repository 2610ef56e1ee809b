// The engine behind the page that has no server: Python in a worker of the browser, symbols only.

const SECONDS = 15; // for one answer; then the worker is replaced
let worker = null;
let started = null;
let waiting = new Map();
let count = 0;

function start(progress, status) {
  const from = performance.now();
  worker = new Worker(new URL("./worker.js", import.meta.url), { type: "module" });
  started = new Promise((resolve, reject) => {
    worker.onerror = (event) => reject(new Error(event.message || "the worker cannot be loaded"));
    worker.onmessage = ({ data }) => {
      if (data.answer !== undefined) return answered(data);
      if (data.failed !== undefined) return reject(new Error(data.failed));
      if (progress) {
        progress.hidden = data.ready;
        progress.value = data.part;
      }
      const seconds = ((performance.now() - from) / 1000).toFixed(1);
      if (status) status.textContent = data.ready ? `Python started in ${seconds} s` : `starting Python: ${data.what} (${seconds} s)`;
      if (data.ready) {
        document.body.dataset.cold = seconds;
        resolve();
      }
    };
  });
}

function answered({ id, answer }) {
  waiting.get(id)?.(JSON.parse(answer));
  waiting.delete(id);
}

/** Resolves when Python has started; shows how far it is until then. */
export async function ready(progress, status) {
  progress.hidden = false;
  start(progress, status);
  try {
    await started;
  } catch (error) {
    progress.hidden = true;
    status.textContent = `Python does not start here: ${error.message}`;
    throw error;
  }
}

const failed = (message) => ({ ok: false, error: { message, field: "server", position: null } });

/** The answer to a request. Rejects with an AbortError if `signal` says so. */
export async function ask(request, signal) {
  await started;
  const id = ++count;
  return new Promise((resolve, reject) => {
    const timer = setTimeout(() => {
      worker.terminate();
      for (const other of waiting.values()) other(failed(`this takes longer than ${SECONDS} seconds here: try something smaller`));
      waiting = new Map();
      start();
    }, 1000 * SECONDS);
    waiting.set(id, (found) => { clearTimeout(timer); resolve(found); });
    signal?.addEventListener("abort", () => reject(new DOMException("a newer text was typed", "AbortError")));
    worker.postMessage({ id, request: JSON.stringify(request) });
  });
}
