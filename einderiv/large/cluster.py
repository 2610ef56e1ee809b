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
from ..runtime import Structured, is_related
from .blocks import (
    Inside,
    Place,
    Ranges,
    add,
    add_related,
    inside,
    narrowed,
    slices,
    wanted_of,
    with_arrays,
)

AHEAD = 4  # tasks for each thread of the cluster that wait there


class Part(NamedTuple):
    """A term as a task gets it: its labels, what the block has of them, and pieces of its
    factors with their places; with relations also the term itself, narrowed, without its factors.
    """

    output: Labels
    known: Inside
    # labels, sizes of the axes, pieces' places
    factors: tuple[tuple[Labels, tuple[int, ...], tuple[Ranges, ...]], ...]
    related: Term[Array] | None


class Cluster:
    """The cores of a result on a cluster. `digest` tells the same cores from others."""

    def __init__(self, tensor: Structured, client: Any) -> None:
        self.distributed: Any = import_module("distributed")
        self.client = client
        self.dtype = np.dtype(tensor.dtype)
        # Computed where they are wanted: on the workers, where they stay. Index arrays say which
        # blocks a term crosses, so they come here.
        factors = {id(a): a for term in tensor._terms for a, _ in term.factors}
        persisted = client.persist(list(factors.values()))
        arrays = dict(zip(factors, persisted, strict=True))
        for term in tensor._terms:
            for array, _ in term.hots:
                if id(array) not in arrays:
                    arrays[id(array)] = np.asarray(client.compute(array, sync=True))
        self.terms = with_arrays(tensor._terms, arrays)
        self.futures = {}  # of the pieces, by their keys
        for array in persisted:
            for future in self.distributed.futures_of(array):
                self.futures[future.key] = future

    def digest(self) -> list[str]:
        """One digest for each piece of the cores."""
        pieces = []
        for term in self.terms:
            for array, _ in term.factors:
                pieces += [self.futures[key] for key in _keys(array)]
        digests: list[str] = self.client.gather(self.client.map(hashed, pieces, pure=False))
        return digests + [hashed(array) for term in self.terms for array, _ in term.hots]

    def write(self, path: str, blocks: Iterator[tuple[Place, Ranges]]) -> Iterator[Place]:
        """Write blocks; the place of each, once it is on disk."""
        ahead = AHEAD * max(1, sum(self.client.nthreads().values()))
        tasks = self._tasks(path, blocks)
        # A few tasks a thread are in flight; each that ends makes room for one more.
        waiting = dict(islice(tasks, ahead))
        running = self.distributed.as_completed(waiting)
        for future in running:
            future.result()  # what went wrong there is raised here
            yield waiting.pop(future)
            for more, place in islice(tasks, 1):
                waiting[more] = place
                running.add(more)

    def _tasks(
        self, path: str, blocks: Iterator[tuple[Place, Ranges]]
    ) -> Iterator[tuple[Any, Place]]:
        """The blocks that are being made; those that are zero for sure are not."""
        for place, ranges in blocks:
            future = self._submitted(path, ranges)
            if future is not None:
                yield future, place

    def _submitted(self, path: str, ranges: Ranges) -> Any:
        """The future of a block; None where it is zero for sure."""
        parts: list[Part] = []
        pieces: list[Any] = []
        for term in self.terms:
            known = inside(term.output, ranges)
            related = None
            if known is not None and is_related(term):
                known, related = _narrowed(term, known)
            if known is None:
                continue
            factors = []
            for array, labels in term.factors:
                lazy: Any = array
                wanted = wanted_of(lazy, labels, known)
                sizes = tuple([stop - start for start, stop in wanted])
                places = []
                for numbers, place in _pieces(lazy, wanted):
                    pieces.append(self.futures[(lazy.name, *numbers)])
                    places.append(place)
                factors.append((labels, sizes, tuple(places)))
            parts.append(Part(term.output, known, tuple(factors), related))
        if not parts:
            return None
        return self.client.submit(write_block, path, ranges, self.dtype, parts, pieces, pure=False)


def _narrowed(term: Term[Array], known: Inside) -> tuple[Inside | None, Term[Array] | None]:
    """What a block needs of each label of a term with relations, and the term without its factors,
    which it reads there with a halo; two times None where it is zero for sure.
    """
    nothing = np.zeros((), np.int8)
    shapes = tuple([(np.broadcast_to(nothing, array.shape), own) for array, own in term.factors])
    found = narrowed(term._replace(factors=shapes), known)
    return (None, None) if found is None else (found[1], found[0]._replace(factors=()))


def _keys(array: Any) -> list[tuple[Any, ...]]:
    """Dask's names of the pieces of an array."""
    return [(array.name, *at) for at in np.ndindex(*array.numblocks)]


def _pieces(
    array: Any, wanted: Sequence[tuple[int, int]]
) -> Iterator[tuple[tuple[int, ...], Ranges]]:
    """The numbers of the pieces of an array that meet `wanted`, and their places counted from where
    `wanted` begins.
    """
    axes = []
    for sizes, (start, stop) in zip(array.chunks, wanted, strict=True):
        ends = np.cumsum((0, *sizes)).tolist()
        met = []
        for k, (low, high) in enumerate(pairwise(ends)):
            if low < stop and high > start:
                met.append((k, (low - start, high - start)))
        axes.append(met)
    for along in product(*axes):  # one of each axis
        numbers = tuple([k for k, _ in along])
        place = tuple([part for _, part in along])
        yield numbers, place


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
    path: str, ranges: Ranges, dtype: Any, parts: Sequence[Part], pieces: Sequence[Array]
) -> None:
    """Make a block of pieces, and write it."""
    import zarr

    entries = np.zeros([stop - start for start, stop in ranges], dtype)
    left = iter(pieces)
    for output, known, factors, related in parts:
        cuts = [(_joined(sizes, places, left), labels) for labels, sizes, places in factors]
        if related is None:
            add(entries, output, ranges, known, cuts)
        else:
            add_related(entries, related._replace(factors=tuple(cuts)), ranges, known)
    zarr.open_array(path, mode="r+")[slices(ranges)] = entries


def _joined(sizes: Sequence[int], places: Sequence[Ranges], pieces: Iterator[Array]) -> Array:
    """The part of a factor that a block needs, of the pieces that have it. Their places are counted
    from where the part begins, so a piece may begin below 0.
    """
    if len(places) == 1:  # it has all of the part: nothing is copied
        (place,) = places
        whole = [slice(-start, n - start) for n, (start, _) in zip(sizes, place, strict=True)]
        return next(pieces)[tuple(whole)]
    joined = None
    for place in places:
        piece = next(pieces)
        if joined is None:
            joined = np.empty(sizes, piece.dtype)
        there, here = [], []  # the common entries in the part, and in the piece
        for n, (start, stop) in zip(sizes, place, strict=True):
            low, high = max(start, 0), min(stop, n)
            there.append(slice(low, high))
            here.append(slice(low - start, high - start))
        joined[tuple(there)] = piece[tuple(here)]
    assert joined is not None
    return joined
