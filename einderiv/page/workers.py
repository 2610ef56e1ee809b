"""A few processes that answer requests, each killed and replaced when it takes too long or dies."""

from __future__ import annotations

import asyncio
import json
import os
import sys
import time
from contextlib import suppress
from pathlib import Path
from typing import Any

SECONDS = {"derivative": 4.0, "cost": 6.0, "code": 6.0, "check": 8.0}
WAIT = 10.0  # for a free worker
START = 60.0  # for a new one to be ready
LINE = 2**25  # bytes of an answer
ROOT = Path(__file__).parents[2]


class Worker:
    """One process and its pipes."""

    def __init__(self, process: asyncio.subprocess.Process) -> None:
        self.process = process

    @classmethod
    async def started(cls) -> Worker:
        """A worker that is ready: everything imported, something answered."""
        path = os.pathsep.join(filter(None, [str(ROOT), os.environ.get("PYTHONPATH")]))
        threads = {
            name: "1" for name in ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS")
        }
        process = await asyncio.create_subprocess_exec(
            sys.executable,
            "-P",
            "-m",
            "einderiv.page.worker",
            stdin=asyncio.subprocess.PIPE,
            stdout=asyncio.subprocess.PIPE,
            env={**os.environ, **threads, "PYTHONPATH": path},
            limit=LINE,
        )
        worker = cls(process)
        try:
            await asyncio.wait_for(worker._line(), START)
        except BaseException:
            await worker.end()
            raise
        return worker

    async def answer(self, request: Any, seconds: float) -> Any:
        """The answer. Raises TimeoutError, or ConnectionError if the process has died."""
        stdin = self.process.stdin
        assert stdin is not None
        stdin.write(json.dumps(request).encode() + b"\n")
        await stdin.drain()
        return json.loads(await asyncio.wait_for(self._line(), seconds))

    async def _line(self) -> bytes:
        stdout = self.process.stdout
        assert stdout is not None
        line = await stdout.readline()
        if not line:
            raise ConnectionError("the worker has died")
        return line

    async def end(self) -> None:
        """Kill the process, and wait until it is gone."""
        if self.process.returncode is None:
            with suppress(ProcessLookupError):  # it may have gone by itself just now
                self.process.kill()
        await self.process.wait()


class Workers:
    """`count` workers, started by :meth:`start`; :meth:`answer` gives a request to one that is
    free.
    """

    def __init__(self, count: int = 2) -> None:
        self.count = count
        self.free: asyncio.Queue[Worker] = asyncio.Queue()
        self.all: set[Worker] = set()
        self.replacements: set[asyncio.Task[None]] = set()

    async def start(self) -> None:
        """Start them all."""
        await asyncio.gather(*(self._add() for _ in range(self.count)))

    async def end(self) -> None:
        """Kill them all."""
        for task in self.replacements:
            task.cancel()
        await asyncio.gather(*(worker.end() for worker in list(self.all)), return_exceptions=True)

    async def answer(self, request: Any) -> tuple[dict[str, Any], float]:
        """The answer, and the milliseconds until it was there."""
        start = time.perf_counter()
        kind = request.get("kind") if isinstance(request, dict) else None
        seconds = SECONDS.get(kind, 1.0) if isinstance(kind, str) else 1.0
        try:
            worker = await asyncio.wait_for(self.free.get(), WAIT)
        except TimeoutError:
            return _failed(kind, "the page is busy: try again in a moment"), 1000 * WAIT
        try:
            found = await worker.answer(request, seconds)
        except TimeoutError:
            found = _failed(
                kind,
                f"this takes longer than the {seconds:g} seconds that one answer may take: "
                "try fewer or smaller operands, or the library itself",
            )
            self._replace(worker)
        except (OSError, ValueError):  # the pipe is broken, or half a line came out of it
            found = _failed(
                kind,
                "this was more than one answer may take of memory or time: try something smaller",
            )
            self._replace(worker)
        except asyncio.CancelledError:
            # The reader is gone: the answer to come must not go to somebody else.
            self._replace(worker)
            raise
        else:
            self.free.put_nowait(worker)
        return found, 1000 * (time.perf_counter() - start)

    def _replace(self, worker: Worker) -> None:
        task = asyncio.create_task(self._replaced(worker))
        self.replacements.add(task)
        task.add_done_callback(self.replacements.discard)

    async def _replaced(self, worker: Worker) -> None:
        self.all.discard(worker)
        await worker.end()
        await self._add()

    async def _add(self) -> None:
        worker = await Worker.started()
        self.all.add(worker)
        self.free.put_nowait(worker)


def _failed(kind: Any, message: str) -> dict[str, Any]:
    return {
        "kind": kind if isinstance(kind, str) and kind in SECONDS else None,
        "ok": False,
        "error": {"message": message, "field": "server", "position": None},
    }
