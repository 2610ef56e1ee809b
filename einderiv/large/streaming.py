"""Results larger than the memory: written to a Zarr array block by block, and taken up again after
a kill.

What is in memory are the factors of the cores, and one block; of cores that do not fit, the part
that the block needs. Blocks that the deltas leave zero are neither computed nor written: Zarr gives
zeros for what it does not hold. A journal beside the array says which blocks are done; it has the
digest of all that decides the result, so that nothing is continued with other numbers.
"""

from __future__ import annotations

import hashlib
import json
import os
from collections.abc import Iterator, Mapping, Sequence
from importlib import import_module
from math import prod
from pathlib import Path
from typing import Any

import numpy as np

from ..backends import BACKENDS, Array, client_of_cluster
from ..errors import EinderivError, LimitError, spoken_bytes
from ..expression import (
    Expr,
    Labels,
    by_dims,
    declared,
    given_by_name,
    library,
    parsed_bytes,
    tensors_of,
    truth,
)
from ..planning import Term
from ..runtime import Structured, is_related
from .blocks import Place, Ranges, arrays_of, block, places, ranges_of, slices, with_arrays
from .cluster import Cluster, hashed
from .partial import Portion, portioned

# The memory that is left beside the factors is that of a block, of what is added to it, and of a
# copy on the way out.
SHARE = 4


def stream(
    e: Any,
    arrays: Mapping[str, Any] | None = None,
    /,
    *,
    to: str | os.PathLike[str],
    memory_limit: int | str,
    sizes: Mapping[str, int] | None = None,
    progress: bool = True,
    **named: Any,
) -> Any:
    """Write the value of `e` to the Zarr array `to`; ``stream(e, X=x, to=…)[...]`` is ``evaluate(e,
    X=x)``.

    At most `memory_limit` bytes (a number, or text such as ``"2GiB"``) are in use at once besides
    the arrays that are given: the factors of the cores, or parts of them where they do not fit, and
    a block. The array has chunks of one block each. A call that was killed is continued by the same
    call; with other arrays it is refused. The array comes back opened for reading.

    >>> import einderiv as ed, numpy as np, tempfile
    >>> J = ed.derive("ij,j->i", 0)
    >>> x = {"A": np.ones((50, 40)), "B": np.arange(40.0)}
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     z = ed.stream(J, x, to=folder + "/J.zarr", memory_limit="64kB")
    ...     z.shape, bool((z[:] == ed.evaluate(J, x)).all())
    ((50, 50, 40), True)

    Raises ImportError without zarr (``pip install 'einderiv[dask]'``), LimitError where not even
    the smallest part of a core is computed within `memory_limit`, EinderivError where `to` holds
    something else.

    Arrays of Dask are computed where Dask computes. On a cluster of `distributed` the cores stay on
    its workers, which write the blocks, each within `memory_limit`; `to` is a place that all of
    them reach.
    """
    if not isinstance(e, Expr):
        raise TypeError(f"stream writes the value of one expression, not of {type(e).__name__}")
    limit = parsed_bytes(memory_limit)
    progress = truth(progress, "progress")
    zarr = _zarr()
    given = by_dims(given_by_name(tensors_of(e), arrays, named), lambda: declared([e]))
    structured, source, free = _cores(e, given, sizes, limit)
    chunks = block_shape(structured.shape, source.dtype.itemsize, free)
    path = Path(to)
    digest = _digest(structured, source.digest(), chunks)
    target = _opened(zarr, path, structured.shape, source.dtype, chunks, digest)
    if not target.attrs["einderiv"]["complete"]:
        _write(source, target, chunks, path, progress=progress)
        target.attrs["einderiv"] = {"digest": digest, "complete": True}
        _journal(path).unlink()
    return zarr.open_array(str(path), mode="r")


def _write(
    source: _Here | Cluster, target: Any, chunks: Sequence[int], path: Path, *, progress: bool
) -> None:
    """The blocks that the journal does not have."""
    done = _noted(_journal(path))

    def left() -> Iterator[tuple[Place, Ranges]]:
        for place in places(target.shape, chunks):
            if place not in done:
                yield place, ranges_of(place, target.shape, chunks)

    with _journal(path).open("a", encoding="utf-8") as log:
        for place in _bar(source.write(str(path), left()), progress):
            log.write(json.dumps(place) + "\n")
            # On disk before the next block: a kill may come at any moment.
            log.flush()
            os.fsync(log.fileno())


class _Here:
    """The cores of a result in this process."""

    def __init__(self, terms: Sequence[Term[Array]], dtype: Any) -> None:
        self.terms = terms
        self.dtype = np.dtype(dtype)

    def digest(self) -> list[str]:
        """One digest for each factor."""
        digests = []
        for term in self.terms:
            for array, _ in (*term.factors, *term.hots):
                digest = array.digest() if isinstance(array, Portion) else hashed(array)
                digests.append(digest)
        return digests

    def write(self, path: str, blocks: Iterator[tuple[Place, Ranges]]) -> Iterator[Place]:
        """Write blocks; the place of each, once it is on disk."""
        target = _zarr().open_array(path, mode="r+")
        for place, ranges in blocks:
            entries = block(self.terms, self.dtype, ranges)
            if entries is None:
                continue
            target[slices(ranges)] = entries
            yield place


def _journal(path: Path) -> Path:
    return path.with_name(path.name + ".journal")


def _zarr() -> Any:
    try:
        import zarr
    except ImportError:
        raise ImportError(
            "streaming to a Zarr array needs zarr: pip install 'einderiv[dask]'"
        ) from None
    return zarr


def _cores(
    e: Expr, given: Mapping[str, Any], sizes: Mapping[str, int] | None, limit: int
) -> tuple[Structured, _Here | Cluster, int]:
    """The cores, here or on a cluster, and what is left of the memory for a block.

    Here they fit, or are computed in portions; those that Dask computes for us have to fit.
    """
    structured = portioned(e, given, limit, sizes)
    libraries = {name for array in given.values() if (name := library(array))}
    lazy = any(BACKENDS[name].library.lazy for name in libraries)
    client = client_of_cluster() if lazy else None
    if client is not None:
        return structured, Cluster(structured, client), limit
    cores = structured.nbytes
    terms = structured._terms
    if lazy:
        if cores > limit // 2:
            raise LimitError(
                f"the cores alone take {spoken_bytes(cores)}, more than half of the memory_limit "
                f"of {spoken_bytes(limit)}: start a distributed.Client, and they stay on its "
                "workers, or give arrays of NumPy, of which parts are computed block by block"
            )
        terms = _fetched(terms)
    return structured, _Here(terms, structured.dtype), limit - cores


def _fetched(terms: Sequence[Term[Array]]) -> list[Term[Array]]:
    """Terms whose factors Dask has computed in this process, each once."""
    dask: Any = import_module("dask")
    arrays = arrays_of(terms)
    computed = dask.compute(*arrays.values())
    return with_arrays(terms, dict(zip(arrays, computed, strict=True)))


def block_shape(shape: Sequence[int], itemsize: int, free: int) -> tuple[int, ...]:
    """The shape of a block that leaves room for what is made with it: the leading axes are cut
    first.

    >>> block_shape((1000, 1000, 8), 8, 2**20)
    (4, 1000, 8)
    """
    most = max(free // (SHARE * itemsize), 1)  # entries of a block
    chunks = [max(n, 1) for n in shape]
    for p in range(len(chunks)):
        rest = prod(chunks[p + 1 :])
        chunks[p] = min(chunks[p], max(1, most // rest))
        if rest <= most:
            break
    return tuple(chunks)


def _digest(tensor: Structured, pieces: Sequence[str], chunks: Sequence[int]) -> str:
    """All that decides the result: its terms by their first labels, and the digests of their
    factors.
    """
    numbers: dict[Any, int] = {}

    def numbered(labels: Labels) -> list[int]:
        return [numbers.setdefault(label, len(numbers)) for label in labels]

    terms: list[Any] = []
    for term in tensor._terms:
        output = numbered(term.output)
        factors = [numbered(labels) for _, labels in term.factors]
        if not is_related(term):
            terms.append((output, factors))
            continue
        hots = [numbered(labels) for _, labels in term.hots]
        relations = []
        for one in term.relations:
            between = zip(numbered(tuple([x for x, _ in one.terms])), one.terms, strict=True)
            relations.append((one.constant, sorted([(n, times) for n, (_, times) in between])))
        given = [(numbers[label], size) for label, size in term.given]
        terms.append((output, factors, hots, relations, given))
    text = repr((tuple(tensor.shape), str(tensor.dtype), tuple(chunks), terms, list(pieces)))
    return hashlib.sha256(text.encode()).hexdigest()


def _opened(
    zarr: Any, path: Path, shape: Sequence[int], dtype: Any, chunks: Sequence[int], digest: str
) -> Any:
    """The array at `path`: a new one, or that of a call which was killed."""
    if not path.exists():
        notes = {"einderiv": {"digest": digest, "complete": False}}
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
            _journal(path).unlink(missing_ok=True)
            return zarr.create_array(
                str(path),
                shape=tuple(shape),
                chunks=tuple(chunks),
                dtype=dtype,
                fill_value=0,
                attributes=notes,
            )
        except OSError as error:
            raise EinderivError(f"{path} cannot be written: {error.strerror}") from None
    target = _existing(zarr, path)
    known = target.attrs.get("einderiv")
    if not isinstance(known, Mapping):
        raise EinderivError(f"{path} holds an array that stream did not write: give another place")
    if known.get("digest") != digest:
        raise EinderivError(
            f"{path} holds another result, or one of other arrays or another memory_limit: "
            "remove it, or give another place"
        )
    return target


def _existing(zarr: Any, path: Path) -> Any:
    try:
        return zarr.open_array(str(path), mode="r+")
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise EinderivError(f"{path} is there, and is no Zarr array: give another place") from error


def _noted(journal: Path) -> set[Place]:
    """The blocks of a journal; a last line that a kill cut off counts for nothing."""
    if not journal.exists():
        return set()
    lines = journal.read_text(encoding="utf-8").split("\n")[:-1]
    return {tuple(json.loads(line)) for line in lines if line.endswith("]")}


def _bar(done: Iterator[Place], progress: bool) -> Iterator[Place]:
    """The blocks as they are finished, with a bar where one is wanted and tqdm is there."""
    if not progress:
        return done
    try:
        from tqdm.auto import tqdm
    except ImportError:  # a bar is no part of the result
        return done
    return iter(tqdm(done, desc="stream", unit=" blocks", delay=2, leave=False))
