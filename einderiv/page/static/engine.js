// The engine behind the page: here the server that served it. The page without a server has another file in this place.

export const ready = async () => {};

/** The answer to a request. Rejects with an AbortError if `signal` says so. */
export async function ask(request, signal) {
  let reply;
  try {
    reply = await fetch("answer", {
      method: "POST", headers: { "Content-Type": "application/json" }, body: JSON.stringify(request), signal,
    });
    return await reply.json();
  } catch (error) {
    if (error.name === "AbortError") throw error;
    const why = reply ? `the server answered ${reply.status}` : "the server does not answer: is einderiv serve still running?";
    return { ok: false, error: { message: why, field: "server", position: null } };
  }
}
