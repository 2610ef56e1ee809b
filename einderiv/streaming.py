"""Results larger than the memory: written to a Zarr array block by block, and taken up again after a kill.

What is in memory are the factors of the cores, and one block. Blocks that the deltas leave zero are neither computed
nor written: Zarr gives zeros for what it does not hold. A journal beside the array says which blocks are done; it has
the digest of all that decides the result, so that nothing is continued with other numbers.
"""

from __future__ import annotations

import hashlib
import json
import os
from collections.abc import Iterator, Mapping, Sequence
from itertools import product
from math import ceil, prod
from pathlib import Path
from typing import Any

import numpy as np

from .compilation import compile
from .construction import whole
from .errors import EinderivError, LimitError
from .evaluation import Compiled
from .execution import Array, spoken_bytes
from .expression import Expr
from .structured import Structured
from .terms import Term

SHARE = (
    4  # of the memory that is left beside the factors, the part that a block gets: it, what is added, a copy on disk
)
UNITS = {"kib": 2**10, "mib": 2**20, "gib": 2**30, "tib": 2**40, "kb": 10**3, "mb": 10**6, "gb": 10**9, "tb": 10**12}

Place = tuple[int, ...]
Ranges = tuple[tuple[int, int], ...]


def stream(e: Any, arrays: Mapping[str, Any] | None = None, /, *, to: str | os.PathLike[str],
           memory_limit: int | str, sizes: Mapping[str, int] | None = None, progress: bool = True,
           **named: Any) -> Any:  # fmt: skip
    """Write the value of `e` to the Zarr array `to`; ``stream(e, X=x, to=…)[...]`` is ``evaluate(e, X=x)``.

    At most `memory_limit` bytes (a number, or text such as ``"2GiB"``) are in use at once besides the arrays that are
    given: the factors of the cores, and a block. The array has chunks of one block each. A call that was killed is
    continued by the same call; with other arrays it is refused. The array comes back opened for reading.

    >>> import einderiv as ed, numpy as np, tempfile
    >>> J = ed.derive("ij,j->i", 0)
    >>> x = {"A": np.ones((50, 40)), "B": np.arange(40.0)}
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     z = ed.stream(J, x, to=folder + "/J.zarr", memory_limit="64kB")
    ...     z.shape, bool((z[:] == ed.evaluate(J, x)).all())
    ((50, 50, 40), True)

    Raises ImportError without zarr (``pip install 'einderiv[dask]'``), LimitError if the cores alone are over
    `memory_limit`, EinderivError where `to` holds something else.
    """
    if not isinstance(e, Expr):
        raise TypeError(f"stream writes the value of one expression, not of {type(e).__name__}")
    limit = parsed_bytes(memory_limit)
    zarr = _zarr()
    given = {**(arrays or {}), **named}
    structured = _structured(e, given, sizes, limit)
    chunks = block_shape(structured.shape, structured.dtype.itemsize, limit - structured.nbytes)
    path = Path(to)
    digest = _digest(structured, chunks)
    target = _opened(zarr, path, structured, chunks, digest)
    if not target.attrs["einderiv"]["complete"]:
        _write(target, structured, chunks, path, progress=progress)
        target.attrs["einderiv"] = {"digest": digest, "complete": True}
        _journal(path).unlink()
    return zarr.open_array(str(path), mode="r")


def _write(target: Any, structured: Structured, chunks: Sequence[int], path: Path, *, progress: bool) -> None:
    """The blocks that the journal does not have."""
    done = _noted(_journal(path))
    with _journal(path).open("a", encoding="utf-8") as log:
        for place in _bar(_places(structured.shape, chunks), done, progress):
            ranges = tuple(
                (k * c, min((k + 1) * c, n)) for k, c, n in zip(place, chunks, structured.shape, strict=True)
            )
            if (found := block(structured, ranges)) is None:
                continue
            target[tuple(slice(a, b) for a, b in ranges)] = found
            log.write(json.dumps(place) + "\n")
            log.flush()
            os.fsync(log.fileno())


def _journal(path: Path) -> Path:
    return path.with_name(path.name + ".journal")


def parsed_bytes(limit: int | str) -> int:
    """A number of bytes, or text with a unit: ``"2GiB"``, ``"500 MB"``."""
    if not isinstance(limit, str):
        return whole(limit, "memory_limit")
    text = limit.strip().lower()
    unit = next((u for u in UNITS if text.endswith(u)), "")
    number = text.removesuffix(unit).strip()
    if not number.replace(".", "", 1).isdigit() or not number.isascii() or len(number) > 20:
        raise EinderivError(f"memory_limit is a number of bytes or text such as '2GiB', not {limit[:40]!r}; "
                            f"the units are {', '.join(UNITS)}")  # fmt: skip
    return int(float(number) * UNITS.get(unit, 1))


def _zarr() -> Any:
    try:
        import zarr
    except ImportError:
        raise ImportError("streaming to a Zarr array needs zarr: pip install 'einderiv[dask]'") from None
    return zarr


def _structured(e: Expr, given: Mapping[str, Any], sizes: Mapping[str, int] | None, limit: int) -> Structured:
    """The cores, which have to fit."""
    f: Compiled = compile(e, dense=False, memory_limit=limit)
    found: Structured = f(given, sizes=sizes)
    if found.nbytes > limit // 2:
        raise LimitError(f"the cores alone take {spoken_bytes(found.nbytes)}, more than half of the memory_limit of "
                         f"{spoken_bytes(limit)}: only what deltas and outer products blow up is streamed")  # fmt: skip
    return found


def block_shape(shape: Sequence[int], itemsize: int, free: int) -> tuple[int, ...]:
    """The shape of a block that leaves room for what is made with it: the leading axes are cut first.

    >>> block_shape((1000, 1000, 8), 8, 2**20)
    (4, 1000, 8)
    """
    most, chunks = max(free // (SHARE * itemsize), 1), [max(n, 1) for n in shape]
    for p in range(len(chunks)):
        rest = prod(chunks[p + 1 :])
        chunks[p] = min(chunks[p], max(1, most // rest))
        if rest <= most:
            break
    return tuple(chunks)


def _places(shape: Sequence[int], chunks: Sequence[int]) -> Iterator[Place]:
    return product(*(range(ceil(n / c)) for n, c in zip(shape, chunks, strict=True)))


def block(tensor: Structured, ranges: Ranges) -> Array | None:
    """The part of a structured tensor within `ranges`, one for each axis; None where all of it is zero for sure."""
    found = None
    for term in tensor._terms:
        inside: dict[int, tuple[int, int]] = {}
        for label, (start, stop) in zip(term.output, ranges, strict=True):
            low, high = inside.get(label, (start, stop))
            inside[label] = max(low, start), min(high, stop)
        if all(low < high for low, high in inside.values()):
            found = np.zeros([b - a for a, b in ranges], tensor.dtype) if found is None else found
            _add(found, term, ranges, inside)
    return found


def _add(found: Array, term: Term, ranges: Ranges, inside: Mapping[int, tuple[int, int]]) -> None:
    """Add a term into a block, on the part of its diagonals that crosses it."""
    part = found[tuple(slice(inside[x][0] - start, inside[x][1] - start)
                       for x, (start, _) in zip(term.output, ranges, strict=True))]  # fmt: skip
    distinct = list(dict.fromkeys(term.output))
    names = {x: k for k, x in enumerate(distinct)}
    place = np.einsum(part, [names[x] for x in term.output], list(range(len(distinct)))) if distinct else found
    value: Any = 1
    for array, labels in term.factors:
        cut = array[tuple(slice(*inside[x]) for x in labels)]
        order = [x for x in distinct if x in labels]
        cut = cut.transpose([labels.index(x) for x in order])
        value = value * cut[tuple(slice(None) if x in labels else None for x in distinct)]
    place += value


def _digest(tensor: Structured, chunks: Sequence[int]) -> str:
    """All that decides the result."""
    found = hashlib.sha256(repr((tensor.shape, str(tensor.dtype), tuple(chunks))).encode())
    for term in tensor._terms:
        found.update(repr((term.output, [labels for _, labels in term.factors])).encode())
        for array, _ in term.factors:
            found.update(np.ascontiguousarray(array).tobytes())
    return found.hexdigest()


def _opened(zarr: Any, path: Path, tensor: Structured, chunks: Sequence[int], digest: str) -> Any:
    """The array at `path`: a new one, or that of a call which was killed."""
    if not path.exists():
        notes = {"einderiv": {"digest": digest, "complete": False}}
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
            _journal(path).unlink(missing_ok=True)
            return zarr.create_array(str(path), shape=tensor.shape, chunks=tuple(chunks), dtype=tensor.dtype,
                                     fill_value=0, attributes=notes)  # fmt: skip
        except OSError as e:
            raise EinderivError(f"{path} cannot be written: {e.strerror}") from None
    target = _existing(zarr, path)
    known = target.attrs.get("einderiv")
    if not isinstance(known, Mapping):
        raise EinderivError(f"{path} holds an array that stream did not write: give another place")
    if known.get("digest") != digest:
        raise EinderivError(f"{path} holds another result, or one of other arrays or another memory_limit: "
                            "remove it, or give another place")  # fmt: skip
    return target


def _existing(zarr: Any, path: Path) -> Any:
    try:
        return zarr.open_array(str(path), mode="r+")
    except (OSError, ValueError, KeyError, TypeError) as e:
        raise EinderivError(f"{path} is there, and is no Zarr array: give another place") from e


def _noted(journal: Path) -> set[Place]:
    """The blocks of a journal; a last line that a kill cut off counts for nothing."""
    if not journal.exists():
        return set()
    lines = journal.read_text(encoding="utf-8").split("\n")[:-1]
    return {tuple(json.loads(line)) for line in lines if line.endswith("]")}


def _bar(places: Iterator[Place], done: set[Place], progress: bool) -> Iterator[Place]:
    """The blocks that are left, with a bar where one is wanted and tqdm is there."""
    left = (place for place in places if place not in done)
    if not progress:
        return left
    try:
        from tqdm.auto import tqdm
    except ImportError:  # a bar is no part of the result
        return left
    return iter(tqdm(left, desc="stream", unit=" blocks", delay=2, leave=False))
