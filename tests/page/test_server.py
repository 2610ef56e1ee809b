"""The server: what it refuses, what it survives, and that it is the same page afterwards."""

import asyncio
import http.client
import json
import os
import signal
import socket
from concurrent.futures import ThreadPoolExecutor
from string import ascii_lowercase
from urllib.parse import urlsplit

import pytest

pytest.importorskip("starlette")
pytest.importorskip("uvicorn")

from einderiv.page import serve
from einderiv.page import workers as module
from einderiv.page.server import BODY, HEADERS, Guard
from einderiv.page.workers import Workers

JSON = {"Content-Type": "application/json"}


def post(address, body, headers=JSON, method="POST", path="/answer"):
    """Status, headers and text of the reply."""
    parts = urlsplit(address)
    connection = http.client.HTTPConnection(parts.hostname, parts.port, timeout=40)
    try:
        connection.request(method, path, body, headers)
        reply = connection.getresponse()
        return reply.status, dict(reply.getheaders()), reply.read().decode()
    finally:
        connection.close()


def ask(address, **request):
    status, _, text = post(
        address, json.dumps({"kind": "derivative", "text": "is,st,tj->ij", **request})
    )
    assert status == 200
    return json.loads(text)


def still_serving(address):
    found = ask(address)
    assert found["ok"]
    assert found["result"]["text"] == "∂y[i,j]/∂A[a,b] = δ[i,a] Σ_t B[b,t] C[t,j]"


def test_the_page_and_its_headers(address):
    for path in ("/", "/main.js", "/page.css", "/katex/katex.min.js", "/gallery.json"):
        status, headers, text = post(address, None, {}, "GET", path)
        assert (status, bool(text)) == (200, True)
        assert {name: headers[name.lower()] for name in HEADERS} == HEADERS
    assert "unsafe" not in HEADERS["Content-Security-Policy"]
    assert "Access-Control-Allow-Origin" not in {name.title() for name in headers}


REFUSED = [
    # headers,                                                          status, why
    ({"Host": "evil.example"},                                             403, "this page is called"),
    ({"Host": "127.0.0.1.evil.example:80"},                                403, "this page is called"),
    ({"Origin": "https://evil.example"},                                   403, "only the page itself"),
    ({"Origin": "null"},                                                   403, "only the page itself"),
    ({"Sec-Fetch-Site": "cross-site"},                                     403, "only the page itself"),
    ({"Sec-Fetch-Site": "same-site"},                                      403, "only the page itself"),
    ({"Content-Type": "text/plain"},                                       415, "application/json"),
    ({"Content-Type": "application/x-www-form-urlencoded"},                415, "application/json"),
]  # fmt: skip


@pytest.mark.parametrize(
    ("headers", "status", "why"), REFUSED, ids=[str(row[0]) for row in REFUSED]
)
def test_only_the_page_itself_may_ask(address, headers, status, why):
    got, _, text = post(address, '{"kind": "derivative", "text": "i->"}', {**JSON, **headers})
    assert (got, why in text) == (status, True)


def test_other_names_are_refused_for_files_too(address):
    assert post(address, None, {"Host": "evil.example"}, "GET", "/")[0] == 403


@pytest.mark.parametrize(
    "path", ["/../server.py", "/%2e%2e/server.py", "//etc/passwd", "/..%2fserver.py", "/nothing"]
)
def test_only_files_of_the_page_are_served(address, path):
    status, _, text = post(address, None, {}, "GET", path)
    assert status in (404, 405)
    assert "import" not in text


@pytest.mark.parametrize("body", [b"", b"{", b"\xff\xfe", b"[" * 60000, b"nan", b'{"a":' * 9000])
def test_what_is_no_json_is_refused(address, body):
    status, _, text = post(address, body)
    found = json.loads(text)
    assert status in (200, 400)
    assert not found["ok"]
    assert "Traceback" not in text


@pytest.mark.parametrize(
    "body",
    [
        "[]",
        "null",
        "3",
        '"x"',
        "{}",
        '{"kind": ["derivative"]}',
        '{"kind": "__class__"}',
        '{"kind": "derivative", "text": 3}',
        '{"kind": "derivative", "text": ["i"]}',
        '{"kind": "derivative", "text": "i->", "order": 1e9}',
        '{"kind": "derivative", "text": "i->", "order": true}',
        '{"kind": "derivative", "text": "i->", "wrt": {"a": 1}}',
        '{"kind": "derivative", "text": "\\ud800"}',
    ],
)
def test_other_data_is_refused_in_a_line(address, body):
    status, _, text = post(address, body)
    found = json.loads(text)
    assert (status, found["ok"]) == (200, False)
    assert len(found["error"]["message"]) < 300
    still_serving(address)


def test_ten_megabytes_are_refused_before_they_are_read(address):
    parts = urlsplit(address)
    with socket.create_connection((parts.hostname, parts.port), timeout=10) as s:
        s.sendall(
            f"POST /answer HTTP/1.1\r\nHost: {parts.netloc}\r\nContent-Type: application/json\r\n"
            f"Content-Length: {10**7}\r\n\r\n".encode()
        )
        # nothing of the body was sent: whoever waits for it gives no answer
        assert b" 413 " in s.recv(1000)
    still_serving(address)


def test_chunks_without_a_length_are_counted(address):
    parts = urlsplit(address)
    with socket.create_connection((parts.hostname, parts.port), timeout=10) as s:
        s.sendall(
            f"POST /answer HTTP/1.1\r\nHost: {parts.netloc}\r\nContent-Type: application/json\r\n"
            f"Transfer-Encoding: chunked\r\n\r\n{BODY + 1:x}\r\n{'x' * (BODY + 1)}\r\n".encode()
        )
        assert b" 413 " in s.recv(1000)  # though there is more to come
    still_serving(address)


BOMBS = {
    "a text of 60,000 characters": {"text": "X" * 60000},
    "deep parentheses": {"text": "(" * 1900 + "x" + ")" * 1900},
    "a chain of minuses": {"text": "-" * 3900 + "x"},
    "a power of a power": {"text": "x: i\nsum(x**9**9**9**9)"},
    "many operands": {"text": ",".join(["ab"] * 1300) + "->"},
    "a product of sums": {
        "text": "x: i\n" + "sum(" + "*".join(["(x+x*x)"] * 200) + ")",
        "order": 4,
    },
    "functions in functions": {
        "text": "x: i\nsum(" + "softmax(" * 60 + "x" + ", axis=0)" * 60 + ")",
        "order": 4,
    },
    "a path search": {
        "kind": "cost",
        "text": ",".join(
            f"{a}{b}" for k, a in enumerate(ascii_lowercase) for b in ascii_lowercase[k + 1 : k + 8]
        )
        + "->",
    },
    "a check of large arrays": {
        "kind": "check",
        "text": "ij,jk,kl->il",
        "sizes": "i=900, j=900, k=900, l=900",
    },
    "a check of huge arrays": {
        "kind": "check",
        "text": "ij,jk->ik",
        "sizes": "i=999999999, j=999999999",
    },
    "shapes beyond all memory": {
        "kind": "check",
        "text": "ij,jk->ik",
        "sizes": "A=999999999x999999999",
    },
    "many thousand sizes": {"sizes": ",".join(f"a{k}=1" for k in range(400))},
}


@pytest.mark.slow
@pytest.mark.parametrize("name", BOMBS)
def test_bombs_leave_the_page_serving(address, name):
    # a worker that takes longer than it may is ended, and that is an answer
    found = ask(address, **BOMBS[name])
    if not found["ok"]:
        assert 0 < len(found["error"]["message"]) < 400
        assert "a bug in" not in found["error"]["message"]
    still_serving(address)


@pytest.mark.slow
def test_ten_thousand_requests(address):
    parts = urlsplit(address)

    def many(n):
        connection = http.client.HTTPConnection(parts.hostname, parts.port, timeout=60)
        right = 0
        for k in range(n):
            text = "ij,j->i" if k % 2 else "ij->k"
            connection.request(
                "POST", "/answer", json.dumps({"kind": "derivative", "text": text}), JSON
            )
            right += json.loads(connection.getresponse().read())["ok"] == (k % 2 == 1)
        connection.close()
        return right

    with ThreadPoolExecutor(8) as pool:
        assert sum(pool.map(many, [1250] * 8)) == 10_000
    still_serving(address)


def test_a_worker_that_dies_or_hangs_is_replaced(monkeypatch):
    async def story():
        pool = Workers(1)
        await pool.start()
        try:
            first = next(iter(pool.all)).process.pid
            os.kill(first, signal.SIGKILL)
            died, _ = await pool.answer({"kind": "derivative", "text": "i->"})
            well, _ = await pool.answer({"kind": "derivative", "text": "i->"})
            second = next(iter(pool.all)).process.pid
            monkeypatch.setitem(module.SECONDS, "derivative", 0.3)
            os.kill(second, signal.SIGSTOP)
            late, elapsed = await pool.answer({"kind": "derivative", "text": "i->"})
            monkeypatch.setitem(module.SECONDS, "derivative", 4.0)
            again, _ = await pool.answer({"kind": "derivative", "text": "i->"})
            return (
                died,
                well,
                late,
                again,
                elapsed,
                len({first, second, next(iter(pool.all)).process.pid}),
            )
        finally:
            await pool.end()

    died, well, late, again, elapsed, processes = asyncio.run(story())
    assert (died["ok"], well["ok"], late["ok"], again["ok"], processes) == (
        False,
        True,
        False,
        True,
        3,
    )
    assert "more than one answer may take" in died["error"]["message"]
    assert "longer than the 0.3 seconds" in late["error"]["message"]
    assert elapsed >= 300


def test_other_methods(address):
    assert post(address, "{}", JSON, "PUT")[0] == 405
    assert post(address, None, {}, "GET")[0] in (404, 405)


def test_the_guard_knows_its_names():
    guard = Guard(None, 8765)
    assert guard.refusal("GET", {"host": "localhost:8765"}) is None
    assert (
        guard.refusal("POST", {"host": "127.0.0.1:8765", "origin": "http://127.0.0.1:8765"}) is None
    )
    assert (
        guard.refusal("POST", {"host": "127.0.0.1:8765", "origin": "http://localhost:8765"})
        is not None
    )
    assert guard.refusal("GET", {}) is not None


def test_what_is_missing_is_named(monkeypatch):
    monkeypatch.setitem(__import__("sys").modules, "uvicorn", None)
    with pytest.raises(ValueError, match=r"pip install 'einderiv\[web\]'"):
        serve()
