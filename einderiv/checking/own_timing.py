"""One derivative timed against other libraries: ours, JAX's, torch's, and opt_einsum's with
identity matrices.

All answers are compared before anything is timed. Where the dense derivative is too large for the
memory they are compared at small sizes, and what is timed is ours with ``dense=False``.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import partial
from importlib.util import find_spec
from math import prod
from textwrap import wrap
from typing import Any

import numpy as np

from ..autodiff import stand_in
from ..errors import BackendError, EinderivError, LimitError, limits, spoken_bytes
from ..expression import (
    Einsum,
    Expr,
    Tensor,
    coefficient,
    fresh_names,
    placeholder,
    replaced,
    tensors_of,
    written_slots,
)
from ..printing import as_text, printed_operands, printed_subscripts, wrapped_prose
from ..runtime import OPTIONS, Structured, compile, evaluate
from .derivative_check import LENGTHS, random_arrays
from .rivals import Arrays, Model, Way, derivatives, einsum_model, hosted
from .rounds import TOLERANCE, Call, Rounds, WrongAnswer, interleaved, relative_error, summary
from .timed_contraction import NoContraction, with_identities
from .timing_tables import legend, ratio, shown, stored, table

#: whom a derivative is timed against, and the extra that installs each
LIBRARIES = {"jax": "jax", "torch": "torch", "opt_einsum": ""}
OURS, CORES, CONTRACTED = "einderiv", "einderiv, cores", "opt_einsum"
#: what each way is, by the beginning of its name
ABOUT = {
    OURS: "the dense derivative: f(**arrays) of f = ed.compile(J)",
    CORES: "the same with dense=False: what is zero or repeated by deltas is never formed",
    "einderiv.": "our derivative, computed by that library; of JAX under jit",
    "jax.": "the derivative by JAX of the expression, under jit",
    "torch.": "the derivative by torch of the expression",
    CONTRACTED: "identity matrices for the deltas, contracted along the path of opt_einsum",
}
HEAD = {
    "way": "",
    "first call": "all that a first call takes: derive or trace, plan, compile, compute",
    "call": "a call after that, median of the rounds",
    "/einderiv": "this time over ours",
    "off": "the largest difference from our answer, by the largest entry",
}
ITEM_BYTES = 8
#: of axes whose sizes nothing says, the first of which the result has at most ``ASSUMED_BYTES``;
#: the next ones of each where a window would be longer than its axis
ASSUMED = (
    ((32,), (33, 3), (24, 6, 2)),
    ((16,), (17, 3), (12, 6, 2)),
    ((8,), (9, 3), (12, 3, 2)),
    ((4,), *LENGTHS),
)
ASSUMED_BYTES = 2**24
DRAWS = 6  # of arrays, until the derivative is finite there; those after two are smaller

Derived = Callable[[], Sequence[Expr]]  # an expression, its derivative, the derivative of that, …


@dataclass
class Entry:
    """A way that takes part: its call, and the seconds until it had an answer."""

    call: Call
    first: float
    off: float | None = None
    median: float | None = None


@dataclass
class Timing:
    """What was found: ``str`` is the report."""

    title: str
    about: list[str]
    entries: dict[str, Entry]
    left_out: dict[str, str] = field(default_factory=dict)

    def lines(self, width: int = 80) -> list[str]:
        """The report, in lines of at most `width` columns."""
        own = self.entries.get(OURS)
        rows = []
        for name, entry in self.entries.items():
            over = None
            if own is not None and own.median and entry.median is not None:
                over = entry.median / own.median
            rows.append(
                (
                    name,
                    shown(entry.first),
                    shown(entry.median or 0),
                    ratio(over),
                    _spoken_error(entry.off),
                )
            )
        lines = [*wrapped_prose(self.title, width).splitlines()]
        for sentence in self.about:
            lines += wrap(sentence, width, initial_indent="    ", subsequent_indent="        ")
        lines += ["", *table(tuple(HEAD), rows, ("way",), width).splitlines(), ""]
        lines += legend(self._meanings(), width).splitlines()
        for name, why in self.left_out.items():
            lines += wrap(f"left out: {name}: {why}", width, subsequent_indent="    ")
        return lines

    def _meanings(self) -> dict[str, str]:
        """What stands in the columns, and what the ways are."""
        meanings = {name: meaning for name, meaning in HEAD.items() if meaning}
        for start, about in ABOUT.items():
            is_group = start.endswith(".")
            met = [name for name in self.entries if is_group and name.startswith(start)]
            if met or start in self.entries:
                meanings[f"{start}…" if is_group else start] = about
        return meanings

    def __str__(self) -> str:
        return "\n".join(self.lines())


def time_derivative(
    derived: Derived,
    *,
    sizes: Mapping[str, int] | None = None,
    against: Sequence[str] = (),
    rounds: Rounds | None = None,
) -> Timing:
    """Time the last of the expressions that `derived` makes: the first one, its derivative, and so
    on, each with respect to the same tensor.

    Arrays are random, in float64; axes that `sizes` and the expression leave open get the sizes of
    ``ASSUMED``, and the report says so. `against` names libraries of ``LIBRARIES``, by default all.

    Raises WrongAnswer where two answers differ, and what deriving and evaluating raise.
    """
    chain = list(derived())
    y, J = chain[0], chain[-1]
    for lengths in ASSUMED:
        arrays, result = _finite(y, J, sizes or {}, lengths)
        size = ITEM_BYTES * prod(result.shape)
        if size <= ASSUMED_BYTES:
            break
    title = _title(chain)
    about = [_spoken_arrays(y, J, arrays, sizes or {})]
    about.append(_spoken_result(result, size))
    ways, left_out = _ways(derived, chain, result.shape, against)
    if size <= limits.dense_bytes:
        entries = _compared(ways, arrays, left_out)
    else:
        small, few = _finite(y, J, {}, LENGTHS)
        ways_there, _ = _ways(derived, chain, few.shape, against)
        compared = _compared(ways_there, small, left_out)
        about.append(
            f"The dense result is above ed.limits.dense_bytes, {spoken_bytes(limits.dense_bytes)}, "
            f"so only the cores are timed. At small sizes, a result of shape {few.shape}, the "
            f"answers of {', '.join(compared)} agree"
        )
        entries = {CORES: _made(ways[CORES], arrays)}
    rounds = rounds or Rounds(rounds=7)
    times = interleaved({name: entry.call for name, entry in entries.items()}, rounds)
    for name, entry in entries.items():
        entry.median = summary(times[name], None)["median"]
    return Timing(title, about, entries, left_out)


def _title(chain: Sequence[Expr]) -> str:
    record = chain[-1].record
    assert record is not None
    order = len(chain) - 1
    what = "derivative" if order == 1 else f"derivative of order {order}"
    return f"The {what} of {as_text(chain[0])} with respect to {record.wrt}, timed"


def _spoken_error(off: float | None) -> str:
    if off is None:
        return "–"
    return f"{off:.0e}" if off else "0"


def _spoken_arrays(y: Expr, J: Expr, arrays: Arrays, sizes: Mapping[str, int]) -> str:
    known = {**tensors_of(y), **tensors_of(J)}
    shapes = ", ".join(f"{name} {_shape(arrays[name].shape)}" for name in known)
    given = ", ".join(f"{label} = {size}" for label, size in sizes.items())
    said = f"random arrays {shapes}"
    return (
        f"{said}; sizes {given}" if given else f"{said}; no sizes are given, so these are assumed"
    )


def _spoken_result(result: Structured, size: int) -> str:
    said = f"a result of shape {_shape(result.shape)}: {stored(size)}"
    return f"{said}, its cores {stored(result.nbytes)}" if result.nbytes < size else said


def _shape(shape: tuple[int, ...]) -> str:
    return "×".join(map(str, shape)) or "scalar"


def _finite(
    y: Expr, J: Expr, sizes: Mapping[str, int], lengths: Sequence[tuple[int, ...]]
) -> tuple[Arrays, Structured]:
    """Random arrays at which the derivative is finite, and what it is there.

    Matrices are divided by the length of their rows, so that products of them are no larger than
    what they are made of: elsewhere a tanh has the slope 0, and what is compared is rounding.
    """
    structured = {name for name, tensor in tensors_of(J).items() if tensor.structure is not None}
    for draw in range(DRAWS):
        arrays = random_arrays(y, J, sizes, lengths, seed=draw)
        scale = 10.0 ** -(draw // 2)
        for name in arrays.keys() - structured:
            rows = arrays[name].shape[-1:] if arrays[name].ndim > 1 else ()
            arrays[name] = scale * arrays[name] / max((1, *rows))
        with np.errstate(all="ignore"):
            result = evaluate(J, arrays, dense=False)
        if all(np.isfinite(core).all() for core, _ in result.terms):
            return arrays, result
    raise EinderivError(
        "the derivative is not finite at random arrays of these sizes: there is nothing to compare"
    )


# ---- the ways
def _ways(
    derived: Derived, chain: Sequence[Expr], shape: tuple[int, ...], against: Sequence[str]
) -> tuple[dict[str, Way], dict[str, str]]:
    """Everyone who may take part, and which libraries are missing."""
    J = chain[-1]
    ways: dict[str, Way] = {
        OURS: partial(_ours, derived, True),
        CORES: partial(_ours, derived, False),
    }
    left_out: dict[str, str] = {}
    base, name, slot = _as_function(chain[0], chain[1])
    names = tuple(tensors_of(base))
    order = len(chain) - 1
    kind = ("grad" if base.ndim == 0 else "jacobian") if order == 1 else f"order{order}"
    if order == 2:
        kind = "hessian"
    theirs = derivatives(kind, _model(base, names), names.index(name))
    for library, extra in LIBRARIES.items():
        if against and library not in against:
            continue
        if find_spec(library) is None:
            left_out[library] = f"not installed: pip install 'einderiv[{extra}]'"
            continue
        if library == CONTRACTED:
            ways[CONTRACTED] = with_identities(J, shape)
            continue
        ways[f"einderiv.{library}"] = hosted(library, lambda: derived()[-1])
        for way, prepare in theirs.items():
            if way.startswith(f"{library}."):
                ways[way] = partial(_of_base, prepare, names, name, slot)
    return ways, left_out


def _as_function(y: Expr, J: Expr) -> tuple[Expr, str, Expr | None]:
    """What others derive, and by which of its tensors; of a derivative by one slot the tensor
    stands for the operand that is there.
    """
    record = J.record
    assert record is not None
    if record.position is None:
        return y, record.wrt, None
    assert isinstance(y, Einsum)
    slot = written_slots(y)[record.position][0]
    if isinstance(slot, Tensor) and [*_occurrences(y, slot.name)] == [record.position]:
        return y, slot.name, None
    base, tensor = stand_in(y, record.position)
    (name,) = fresh_names(1, set(tensors_of(y)))
    return replaced(base, {tensor.name: placeholder(name, slot.axis_sizes)}), name, slot


def _occurrences(y: Einsum, name: str) -> list[int]:
    """The slots that have a tensor, themselves or inside."""
    return [k for k, (operand, _) in enumerate(written_slots(y)) if name in tensors_of(operand)]


def _of_base(
    prepare: Way, names: Sequence[str], name: str, slot: Expr | None, arrays: Arrays
) -> Call:
    """Another library's way, with the arrays of what it derives."""
    known = dict(arrays)
    if slot is not None:
        known[name] = evaluate(slot, arrays)
    return prepare({one: known[one] for one in names})


def _model(base: Expr, names: Sequence[str]) -> Model:
    """An expression as a function of the namespace and the arrays: an einsum is that einsum, all
    else is our source of the value for that library.
    """
    if isinstance(base, Einsum) and coefficient(base) == 1:
        operands = printed_operands(base)
        if all(isinstance(one, Tensor) for one in operands):
            text = printed_subscripts(base)
            places = [names.index(str(one)) for one in operands]
            plain = einsum_model(text)
            return lambda xp, *arrays: plain(xp, *[arrays[place] for place in places])
    compiled: dict[str, Any] = {}

    def model(xp: Any, *arrays: Any) -> Any:
        library = "torch" if xp.__name__ == "torch" else "jax"
        if library not in compiled:
            compiled[library] = compile(base, backend=library)
        return compiled[library](dict(zip(names, arrays, strict=True)))

    return model


def _ours(derived: Derived, dense: bool, arrays: Arrays) -> Call:
    f = compile(derived()[-1], dense=dense)
    if arrays.keys().isdisjoint(OPTIONS):
        return partial(f, **arrays)
    return partial(f, arrays)


# ---- their answers
def _made(way: Way, arrays: Arrays) -> Entry:
    """A way with its first call behind it."""
    start = time.perf_counter()
    call = way(arrays)
    call()
    return Entry(call, time.perf_counter() - start)


def _compared(
    ways: Mapping[str, Way], arrays: Arrays, left_out: dict[str, str]
) -> dict[str, Entry]:
    """All that can, after their answers are found to be ours; `left_out` learns of the others."""
    entries: dict[str, Entry] = {}
    reference = None
    for name, way in ways.items():
        try:
            entry = _made(way, arrays)
        except (NoContraction, BackendError, LimitError) as e:
            if name == OURS:
                raise
            left_out[name] = e.reason
            continue
        except EinderivError:
            raise
        except Exception as e:  # another library that cannot do it is a result, and is said
            if not name.startswith(("jax.", "torch.")):
                raise
            first_line = str(e).partition("\n")[0]
            left_out[name] = f"{type(e).__name__}: {first_line[:120]}"
            continue
        answer = entry.call()
        if isinstance(answer, Structured):
            if answer.nbytes >= ITEM_BYTES * prod(answer.shape):
                continue  # there is nothing but the dense result
            answer = answer.dense()
        if reference is None:
            reference = np.asarray(answer)
        else:
            entry.off = _off(name, answer, reference)
        entries[name] = entry
    return entries


def _off(name: str, answer: Any, reference: Any) -> float:
    """How far an answer is from ours. Raises WrongAnswer."""
    off = relative_error(np.asarray(answer), reference)
    tolerance = TOLERANCE["float64"]
    if not off <= tolerance:  # NaN is wrong, too
        raise WrongAnswer(
            f"the answers differ, and nothing is timed: {name} is {off:.1e} of the largest entry "
            f"off {OURS}, where {tolerance:.0e} would be rounding"
        )
    return off
