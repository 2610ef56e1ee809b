"""The page on this machine: ``einderiv serve``. It listens on 127.0.0.1 only, and asks no other
host for anything.
"""

from __future__ import annotations

import json
import webbrowser
from collections.abc import AsyncIterator, Awaitable, Callable, MutableMapping
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

from ..errors import EinderivError
from .workers import Workers

HOST, PORT = "127.0.0.1", 8765
BODY = 2**16  # bytes of a request
STATIC = Path(__file__).parent / "static"
HEADERS = {
    "Content-Security-Policy": "default-src 'none'; script-src 'self'; style-src 'self'; "
    "font-src 'self'; "
    "img-src 'self' data:; connect-src 'self'; base-uri 'none'; form-action 'none'; "
    "frame-ancestors 'none'",
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "no-referrer",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Cache-Control": "no-cache",
}
Scope = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[MutableMapping[str, Any]]]
Send = Callable[[MutableMapping[str, Any]], Awaitable[None]]


class Guard:
    """Refuses what does not come from the page itself, and sets the headers of everything that goes
    out.

    A name that some other site points at this machine (DNS rebinding) shows in ``Host``; a request
    that another site's page makes, in ``Origin`` and ``Sec-Fetch-Site``.
    """

    def __init__(self, app: Any, port: int) -> None:
        self.app = app
        self.hosts = {f"{name}:{port}" for name in (HOST, "localhost")}

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self.app(scope, receive, send)
            return
        found: dict[str, str] = {}
        for name, value in scope["headers"]:
            found[name.decode("latin-1")] = value.decode("latin-1")
        why = self.refusal(scope["method"], found)
        if why is None:
            await self.app(scope, receive, _with_headers(send))
        else:
            await _refused(403, why)(scope, receive, _with_headers(send))

    def refusal(self, method: str, headers: dict[str, str]) -> str | None:
        """Why a request is refused, or None."""
        host = headers.get("host", "")
        if host not in self.hosts:
            return f"this page is called {', '.join(sorted(self.hosts))}"
        if method in ("GET", "HEAD"):
            return None
        if headers.get("origin", f"http://{host}") != f"http://{host}":
            return "only the page itself asks here"
        if headers.get("sec-fetch-site", "same-origin") != "same-origin":
            return "only the page itself asks here"
        return None


def _with_headers(send: Send) -> Send:
    own = [(k.lower().encode(), v.encode()) for k, v in HEADERS.items()]

    async def sending(message: MutableMapping[str, Any]) -> None:
        if message["type"] == "http.response.start":
            message["headers"] = [*message.get("headers", []), *own]
        await send(message)

    return sending


def _refused(status: int, message: str) -> Any:
    from starlette.responses import JSONResponse

    error = {"message": message, "field": "server", "position": None}
    return JSONResponse(
        {"kind": None, "ok": False, "error": error}, status, {"Connection": "close"}
    )


async def _body(request: Any) -> bytes | None:
    """The body, or None where it is too long: then the rest is not read."""
    length = request.headers.get("content-length", "0")
    if not length.isdigit() or int(length) > BODY:
        return None
    found = bytearray()
    async for chunk in request.stream():
        found += chunk
        if len(found) > BODY:
            return None
    return bytes(found)


def application(port: int = PORT, workers: int = 2) -> Any:
    """The server as an ASGI application: ``/`` and its files, and ``POST /answer``."""
    from starlette.applications import Starlette
    from starlette.responses import JSONResponse
    from starlette.routing import Mount, Route
    from starlette.staticfiles import StaticFiles

    pool = Workers(workers)

    async def answer(request: Any) -> Any:
        kind = request.headers.get("content-type", "").partition(";")[0].strip().lower()
        if kind != "application/json":
            return _refused(415, "a request is application/json")
        body = await _body(request)
        if body is None:
            return _refused(413, f"a request is at most {BODY} bytes long")
        try:
            asked = json.loads(body)
        except (ValueError, RecursionError):
            return _refused(400, "this is no JSON")
        found, elapsed = await pool.answer(asked)
        return JSONResponse({**found, "server_ms": round(elapsed, 2)})

    @asynccontextmanager
    async def life(_: Any) -> AsyncIterator[None]:
        await pool.start()
        yield
        await pool.end()

    files = StaticFiles(directory=STATIC, html=True)
    app = Starlette(
        routes=[Route("/answer", answer, methods=["POST"]), Mount("/", files)], lifespan=life
    )
    app.state.workers = pool
    app.add_middleware(Guard, port=port)
    return app


def serve(port: int = PORT, *, browser: bool = False) -> None:
    """Serve the page on 127.0.0.1 until it is interrupted.

    Raises EinderivError where starlette or uvicorn is missing.
    """
    try:
        import uvicorn
    except ImportError as e:
        raise EinderivError(
            "the page needs starlette and uvicorn: pip install 'einderiv[web]'"
        ) from e
    address = f"http://{HOST}:{port}/"

    class Server(uvicorn.Server):
        async def startup(self, sockets: Any = None) -> None:
            await super().startup(sockets)
            if self.started:
                print(f"einderiv is at {address} (Ctrl+C ends it)", flush=True)
                if browser:
                    webbrowser.open(address)

    config = uvicorn.Config(
        application(port),
        host=HOST,
        port=port,
        log_level="warning",
        limit_concurrency=64,
        timeout_keep_alive=30,
        server_header=False,
    )
    Server(config).run()
