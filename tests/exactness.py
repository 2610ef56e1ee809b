"""Random einsums and their derivatives, judged with `==`; seeded, taken up again after a kill.

    python -m tests.exactness --seed 1 --count 100000 --resume FILE [--backend torch|jax|dask]

The judge knows one law only: an einsum is linear in each slot, so its derivative by a slot is the einsum with the unit
tensors in that slot. It is computed by `np.einsum` in Python integers, and shares nothing with the package.
"""

from __future__ import annotations

import argparse
import json
import os
import random
import sys
import tempfile
import time
from dataclasses import asdict, dataclass, replace
from itertools import permutations
from math import prod
from pathlib import Path

import numpy as np

import einderiv as ed
from einderiv.expression import solved
from einderiv.large.blocks import block
from einderiv.large.partial import Data, Portion, Portions
from einderiv.runtime import Compiled

P = 127  # a prime so small that the products of six entries below it fit into int64
POINTS, NUMBERS = 3000, 20000  # at most, of the index space, and of a result


@dataclass(frozen=True)
class Case:
    """An einsum, its sizes, the derivatives to take one after the other, and the seed of its entries."""

    terms: tuple[str, ...]
    names: tuple[str, ...]
    output: str
    sizes: dict[str, int]
    wrt: tuple[str, ...]
    seed: int
    wide: bool = False  # entries so large that int64 may overflow: exact or refused

    @property
    def subscripts(self):
        return ",".join(self.terms) + "->" + self.output

    def shape(self, labels):
        return tuple(self.sizes[x] for x in labels)

    def values(self):
        rng = random.Random(self.seed)
        bound = 2 ** rng.choice((8, 16, 30)) if self.wide else 4
        shapes = {n: self.shape(t) for n, t in zip(self.names, self.terms)}
        return {
            n: np.array([rng.randint(-bound, bound) for _ in range(prod(s))], np.int64).reshape(s)
            for n, s in shapes.items()
        }


def drawn(seed):
    """A case that is small enough; the same for the same seed."""
    rng = random.Random(seed)
    while not fits(case := _drawn(rng)):
        pass
    return case


def _drawn(rng):
    letters = "ijklmnuv"[: rng.randint(1, 6)]
    sizes = {x: rng.choice((0, 5) if rng.random() < 0.15 else (1, 2, 3, 4)) for x in letters}
    terms, names = [], []
    for _ in range(rng.choice((0, 1, 1, 2, 2, 2, 3, 3, 4, 5, 6))):
        term = "".join(rng.choice(letters) for _ in range(rng.randint(0, 3)))
        shape = [sizes[x] for x in term]
        same = [n for n, t in zip(names, terms) if [sizes[x] for x in t] == shape]
        names.append(rng.choice(same) if same and rng.random() < 0.6 else "ABCDEF"[len(set(names))])
        terms.append(term)
    output = "".join(rng.choice(letters) for _ in range(rng.randint(0, 3)))
    used = {x for t in (*terms, output) for x in t}
    wrt = tuple(rng.choice(names) for _ in range(rng.choice((0, 1, 1, 2, 2)))) if names else ()
    return Case(
        tuple(terms),
        tuple(names),
        output,
        {x: n for x, n in sizes.items() if x in used},
        wrt,
        rng.randrange(2**32),
        rng.random() < 0.25,
    )


def fits(case):
    at = [case.terms[case.names.index(n)] for n in case.wrt]
    sizes = {x: max(n, 1) for x, n in case.sizes.items()}
    wide = prod(sizes[x] for x in case.output + "".join(at))
    return prod(sizes.values()) <= POINTS and wide <= NUMBERS


# ------------------------------------------------------------------------------------------------- the judge


def judged(case, values):
    """What the einsum or its derivative is, in Python integers."""
    orders = permutations([k for k in range(len(case.names))], len(case.wrt))
    slots = [ks for ks in orders if tuple(case.names[k] for k in ks) == case.wrt]
    shape = case.shape(case.output) + tuple(n for w in case.wrt for n in values[w].shape)
    found = np.zeros(shape, object)
    for ks in slots:
        found = np.asarray(found + _with_units(case, values, ks), object)
    return found


def _with_units(case, values, ks):
    """The einsum with unit tensors in the slots `ks`, their axes appended to the output."""
    numbers = {x: k for k, x in enumerate(case.sizes)}
    inputs = [[numbers[x] for x in t] for t in case.terms]
    arrays = [np.array(values[n], object) for n in case.names]
    output, distinct = [numbers[x] for x in case.output], len(numbers)
    for k in ks:
        size, shape = np.size(arrays[k]), np.shape(arrays[k])
        arrays[k] = np.eye(size, dtype=np.int64).astype(object).reshape(shape + shape)
        new = list(range(distinct, distinct + len(shape)))
        inputs[k], output, distinct = inputs[k] + new, output + new, distinct + len(shape)
    return _embedded(inputs, arrays, output, list(case.sizes.values()))


def _embedded(inputs, arrays, output, sizes):
    """np.einsum where the output may repeat labels, or have labels that no operand has."""
    known = {x for labels in inputs for x in labels}
    kept = [x for x in dict.fromkeys(output) if x in known]
    flat = [part for pair in zip(arrays, inputs) for part in pair]
    core = np.asarray(np.einsum(*flat, kept) if flat else 1, dtype=object)
    size = dict(enumerate(sizes))
    for labels, array in zip(inputs, arrays):
        size.update(zip(labels, np.shape(array)))
    found = np.zeros([size[x] for x in output], object)
    for place in np.ndindex(*(size[x] for x in dict.fromkeys(output))):
        at = dict(zip(dict.fromkeys(output), place))
        found[tuple(at[x] for x in output)] = core[tuple(at[x] for x in kept)]
    return found


# ---------------------------------------------------------------------------------------------- the judged


def expression(case):
    operands = case.names or (1,)  # a string without an operand is one with a scalar
    e = ed.einsum(
        case.subscripts, *operands, sizes={x: n for x, n in case.sizes.items() if x in case.output}
    )
    for name in case.wrt:
        e = ed.derive(e, name)
    return e


def hosted(values, backend):
    if backend == "numpy":
        return values
    if backend == "torch":
        import torch

        return {n: torch.from_numpy(a) for n, a in values.items()}
    if backend == "jax":
        import jax

        jax.config.update("jax_enable_x64", True)
        return {n: jax.numpy.asarray(a) for n, a in values.items()}
    import dask.array as da

    # Dask's whole numbers are refused, for nothing bounds what is not computed yet; small ones are exact as floats.
    return {n: da.from_array(a.astype(float), chunks=2) for n, a in values.items()}


def same(got, want, what):
    got = np.asarray(got)
    if got.shape != want.shape or got.dtype.kind not in "iu" or got.tolist() != want.tolist():
        raise AssertionError(
            f"{what}: {got.dtype} {got.shape} {got.tolist()} is not {want.shape} {want.tolist()}"
        )


def run(case, backend="numpy", streamed=True):
    """Compare one case in all its forms; "equal" or "refused". Raises AssertionError where a number is wrong."""
    case = replace(case, wide=case.wide and backend != "dask")
    values = case.values()
    want, e = judged(case, values), expression(case)
    given = hosted(values, backend)
    f = ed.compile(e, backend=None if backend == "numpy" else backend)
    needed = {n: given[n] for n in given if n in f.tensors}
    try:
        if case.wide:  # too large for int64 or not: modulo a prime nothing is refused
            rest = f(hosted({n: np.asarray(values[n] % P) for n in needed}, backend))
            same(np.asarray(rest) % P, np.asarray(want % P, object), f"modulo {P}")
        got = f(needed)
        same(_whole(got.compute()) if backend == "dask" else got, want, "dense")
        if backend == "numpy":
            _forms(case, e, needed, want, streamed)
    except ed.EinderivError as error:
        if (case.wide and "int64" in str(error)) or (
            not case.names and "not computed yet" in str(error)
        ):
            return "refused"
        raise
    return "equal"


def _whole(floats):
    """The same numbers as integers; AssertionError where one is none."""
    found = np.asarray(floats).astype(np.int64)
    assert (found == floats).all(), "not whole"
    return found


def in_portions(e, arrays, limit=2**20):
    """The terms of `e`, not one factor computed yet; and what knows its sizes and dtypes."""
    call = Compiled(e, dense=False).checked(arrays, {}, {})
    known = solved([e], call.shapes, dict(call.sizes))
    p = Portions(e, known, call.dtypes, limit)
    data = Data(p, arrays)
    terms = []
    for term in p.cores:
        factors = tuple((Portion(data, part), labels) for part, labels in term.factors)
        hots = tuple((data.array(array), labels) for array, labels in term.hots)
        terms.append(term._replace(factors=factors, hots=hots))
    return terms, p


def _forms(case, e, given, want, streamed):
    structured = ed.evaluate(e, given, dense=False)
    same(structured.dense(), want, "structured")
    rng = random.Random(case.seed)
    ranges = tuple(tuple(sorted((rng.randint(0, n), rng.randint(0, n)))) for n in want.shape)
    cut = np.asarray(want[tuple(slice(a, b) for a, b in ranges)], object)
    for terms in (structured._terms, in_portions(e, given)[0]):
        part = block(terms, structured.dtype, ranges)
        same(np.zeros(cut.shape, np.int64) if part is None else part, cut, f"block {ranges}")
    if case.wrt and not case.wide:
        given_shape = case.values()[case.wrt[-1]].shape
        k = want.ndim - len(given_shape)
        v = np.array([rng.randint(-3, 3) for _ in range(prod(given_shape))], np.int64).reshape(
            given_shape
        )
        axes = list(range(want.ndim))
        product = np.einsum(want, axes, np.array(v, object), axes[k:], axes[:k])
        same(structured.matvec(v), np.asarray(product, object), "matvec")
    if streamed:
        with tempfile.TemporaryDirectory(
            dir="/dev/shm" if os.path.isdir("/dev/shm") else None
        ) as folder:
            # several blocks, where the result has more than 2 000 numbers
            limit = max(5 * structured.nbytes, 2**16)
            same(
                ed.stream(e, given, to=folder + "/r.zarr", memory_limit=limit, progress=False)[...],
                want,
                "streamed",
            )


# ------------------------------------------------------------------------------------------------ a long run


def trouble(case, backend="numpy", streamed=True):
    """What is wrong with a case, in words; None where all is right."""
    try:
        run(case, backend, streamed)
    except Exception as e:  # whatever it is, it is to be shrunk and shown
        return f"{type(e).__name__}: {str(e)[:500]}"
    return None


def smaller(case):
    """Cases with an operand, a label, a derivative or a size less."""
    for k in range(len(case.terms)):
        names = case.names[:k] + case.names[k + 1 :]
        if set(case.wrt) <= set(names):
            yield replace(case, terms=case.terms[:k] + case.terms[k + 1 :], names=names)
    for k in range(len(case.wrt)):
        yield replace(case, wrt=case.wrt[:k] + case.wrt[k + 1 :])
    for x, n in case.sizes.items():
        rest = {y: m for y, m in case.sizes.items() if y != x}
        yield replace(
            case,
            sizes=rest,
            terms=tuple(t.replace(x, "") for t in case.terms),
            output=case.output.replace(x, ""),
        )
        if n > 0:
            yield replace(case, sizes={**case.sizes, x: n - 1})


def consistent(case):
    """Whether a tensor has the same shape wherever it stands."""
    return len({(n, case.shape(t)) for n, t in zip(case.names, case.terms)}) == len(set(case.names))


def shrunk(case, wrong):
    """The smallest case that can be reached and is still `wrong`."""
    for other in smaller(case):
        if consistent(other) and wrong(other):
            return shrunk(other, wrong)
    return case


def read_case(text):
    found = json.loads(text)
    return Case(**{k: tuple(v) if isinstance(v, list) else v for k, v in found.items()})


def save(path, state):
    """Written beside, then moved: a kill leaves the old state or the new one."""
    beside = path.with_name(path.name + ".new")
    beside.write_text(json.dumps(state), encoding="utf-8")
    beside.replace(path)


def long_run(seed, count, path, backend, streamed_every):
    fresh = {
        "seed": seed,
        "backend": backend,
        "done": 0,
        "equal": 0,
        "refused": 0,
        "seconds": 0.0,
        "failed": [],
    }
    state = json.loads(path.read_text(encoding="utf-8")) if path.exists() else fresh
    if (state["seed"], state["backend"]) != (seed, backend):
        raise SystemExit(f"{path} is of seed {state['seed']} and {state['backend']}")
    while state["done"] < count:
        start = time.perf_counter()
        for k in range(state["done"], min(state["done"] + 200, count)):
            one(drawn(seed * 10**9 + k), state, backend, k % streamed_every == 0)
            state["done"] = k + 1
        state["seconds"] += time.perf_counter() - start
        save(path, state)
    return state


def one(case, state, backend, streamed):
    def wrong(c):
        return trouble(c, backend, streamed)

    try:
        state[run(case, backend, streamed)] += 1
    except Exception:  # shown below, and the run goes on
        least = shrunk(case, wrong)
        line = f"python -m tests.exactness --backend {backend} --case '{json.dumps(asdict(least))}'"
        state["failed"].append(line)
        print(wrong(least), line, sep="\n", flush=True)


def main():
    parser = argparse.ArgumentParser(description="random einsums against the multilinear law")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--count", type=int, default=1000)
    parser.add_argument("--resume", type=Path, default=Path("exactness.json"))
    parser.add_argument("--backend", default="numpy", choices=("numpy", "torch", "jax", "dask"))
    parser.add_argument(
        "--streamed-every", type=int, default=1, help="write every n-th case to Zarr"
    )
    parser.add_argument("--case", type=read_case, help="one case, as a failure prints it")
    given = parser.parse_args()
    if given.case:
        print(found := trouble(given.case, given.backend) or "equal")
        return int(found != "equal")
    state = long_run(given.seed, given.count, given.resume, given.backend, given.streamed_every)
    print({**state, "failed": len(state["failed"])})
    return int(bool(state["failed"]))


if __name__ == "__main__":
    sys.exit(main())
