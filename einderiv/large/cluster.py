"""Blocks of a result made by a Dask cluster: its cores stay where they were computed, and workers
write the blocks.

A task gets the pieces of the cores that its block needs, puts it together and writes it; it may run
again without harm, so a worker that dies loses nothing. Its number comes back here when the block
is on disk.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Sequence
from importlib import import_module
from itertools import islice, pairwise, product
from typing import Any, NamedTuple

import numpy as np

from ..backends import Array
from ..expression import Labels
from ..planning import Term
from ..runtime import Structured
from .blocks import Inside, Place, Ranges, add, inside

AHEAD = 4  # tasks for each thread of the cluster that wait there


class Part(NamedTuple):
    """A term as a task gets it: its labels, what the block has of them, and pieces of its
    factors with their places.
    """

    output: Labels
    known: Inside
    # labels, sizes of the axes, pieces' places
    factors: tuple[tuple[Labels, tuple[int, ...], tuple[Ranges, ...]], ...]


class Cluster:
    """The cores of a result on a cluster. `digest` tells the same cores from others."""

    def __init__(self, tensor: Structured, client: Any) -> None:
        self.distributed: Any = import_module("distributed")
        self.client, self.dtype = client, np.dtype(tensor.dtype)
        arrays = {id(a): a for term in tensor._terms for a, _ in term.factors}
        kept = dict(zip(arrays, client.persist(list(arrays.values())), strict=True))
        self.terms = [
            Term(tuple((kept[id(a)], labels) for a, labels in t.factors), t.output)
            for t in tensor._terms
        ]
        self.futures = {
            future.key: future
            for array in kept.values()
            for future in self.distributed.futures_of(array)
        }

    def digest(self) -> list[str]:
        """One digest for each piece of the cores."""
        keys = [key for term in self.terms for array, _ in term.factors for key in _keys(array)]
        found: list[str] = self.client.gather(
            self.client.map(hashed, [self.futures[key] for key in keys], pure=False)
        )
        return found

    def write(self, path: str, blocks: Iterator[tuple[Place, Ranges]]) -> Iterator[Place]:
        """Write blocks; the place of each, once it is on disk."""
        ahead = AHEAD * max(1, sum(self.client.nthreads().values()))
        tasks = (
            task for task in (self._task(path, place, ranges) for place, ranges in blocks) if task
        )
        waiting = dict(islice(tasks, ahead))
        running = self.distributed.as_completed(waiting)
        for future in running:
            future.result()  # what went wrong there is raised here
            yield waiting.pop(future)
            for more, place in islice(tasks, 1):
                waiting[more] = place
                running.add(more)

    def _task(self, path: str, place: Place, ranges: Ranges) -> tuple[Any, Place] | None:
        """A block that is being made; None where it is zero for sure."""
        parts, needed = [], []
        for term in self.terms:
            known = inside(term.output, ranges)
            if known is None:
                continue
            factors = []
            for array, labels in term.factors:
                lazy: Any = array
                wanted = [known[x] for x in labels]
                found = list(_pieces(lazy, wanted))
                needed += [self.futures[(lazy.name, *at)] for at, _ in found]
                factors.append(
                    (labels, tuple(b - a for a, b in wanted), tuple(where for _, where in found))
                )
            parts.append(Part(term.output, known, tuple(factors)))
        if not parts:
            return None
        return self.client.submit(
            write_block, path, ranges, self.dtype, parts, needed, pure=False
        ), place


def _keys(array: Any) -> list[tuple[Any, ...]]:
    return [(array.name, *at) for at in np.ndindex(*array.numblocks)]


def _pieces(
    array: Any, wanted: Sequence[tuple[int, int]]
) -> Iterator[tuple[tuple[int, ...], Ranges]]:
    """The pieces of an array that meet `wanted`, with their places in it counted from where
    `wanted` begins.
    """
    axes = []
    for sizes, (start, stop) in zip(array.chunks, wanted, strict=True):
        ends = np.cumsum((0, *sizes)).tolist()
        axes.append(
            [
                (k, (a - start, b - start))
                for k, (a, b) in enumerate(pairwise(ends))
                if a < stop and b > start
            ]
        )
    for met in product(*axes):
        yield tuple(k for k, _ in met), tuple(where for _, where in met)


# ---- on the workers
def hashed(piece: Array) -> str:
    """The digest of one piece, which is not copied: it may be most of the memory."""
    digest = hashlib.sha256(repr((piece.shape, str(piece.dtype))).encode())
    for row in _rows(piece):
        digest.update(row)
    return digest.hexdigest()


def _rows(piece: Array) -> Iterator[Any]:
    """The bytes of an array in the order of its axes."""
    if piece.flags.c_contiguous or piece.ndim < 2:
        yield np.ascontiguousarray(piece).reshape(-1).view(np.uint8)
    else:
        for part in piece:
            yield from _rows(part)


def write_block(
    path: str, ranges: Ranges, dtype: Any, parts: Sequence[Part], needed: Sequence[Array]
) -> None:
    """Make a block of pieces, and write it."""
    import zarr

    found, pieces = np.zeros([b - a for a, b in ranges], dtype), iter(needed)
    for output, known, factors in parts:
        cuts = [(_joined(sizes, places, pieces), labels) for labels, sizes, places in factors]
        add(found, output, ranges, known, cuts)
    zarr.open_array(path, mode="r+")[tuple(slice(a, b) for a, b in ranges)] = found


def _joined(sizes: Sequence[int], places: Sequence[Ranges], pieces: Iterator[Array]) -> Array:
    """The part of a factor that a block needs, of the pieces that have it."""
    if len(places) == 1:
        (place,) = places
        return next(pieces)[tuple(slice(-a, n - a) for n, (a, _) in zip(sizes, place, strict=True))]
    found = None
    for place in places:
        piece = next(pieces)
        found = np.empty(sizes, piece.dtype) if found is None else found
        at = [(max(a, 0), min(b, n), a) for n, (a, b) in zip(sizes, place, strict=True)]
        found[tuple(slice(low, high) for low, high, _ in at)] = piece[
            tuple(slice(lo - a, hi - a) for lo, hi, a in at)
        ]
    assert found is not None
    return found
