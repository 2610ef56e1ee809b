"""Reading a jaxpr, the list of equations that JAX makes of a function, as expressions.

One variable is one value: an array where everything it is made of is known, else a node. So what
the function shares stays shared, and the work is linear in the number of equations.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from ..errors import BackendError, LimitError, our_bug
from ..expression import Expr
from .jax_known import DRAWN_OUTSIDE, computed
from .jax_table import BY_NAME, Made, Missing, Step, Value, is_known

#: equations of one function, its loops unrolled
MOST = 50_000


class Reading:
    """One function in the making."""

    def __init__(self) -> None:
        self.equations = 0
        self.in_single = False  # does the function compute in less than double precision?
        self.own_rules: list[Step] = []
        self._inside: list[Step] = []  # the calls whose jaxprs are being read
        # By identity: the values are held, so that no other gets the number of one that is gone.
        self._made: dict[int, tuple[Value, Made]] = {}

    def made(self, value: Value) -> Made | None:
        """How a value that is not known was made; None of an input."""
        found = self._made.get(id(value))
        return None if found is None else found[1]

    def of_closed(self, closed: Any, values: Sequence[Value]) -> list[Value]:
        """The results of a jaxpr with its constants."""
        return self.of(closed.jaxpr, closed.consts, values)

    def of(self, jaxpr: Any, constants: Sequence[Any], values: Sequence[Value]) -> list[Value]:
        """The results of a jaxpr for values of its inputs."""
        from jax.extend.core import Literal

        met: dict[Any, Value] = dict(zip(jaxpr.invars, values, strict=True))
        met |= dict(zip(jaxpr.constvars, [array_of(c) for c in constants], strict=True))

        def value_of(variable: Any) -> Value:
            return array_of(variable.val) if isinstance(variable, Literal) else met[variable]

        for equation in jaxpr.eqns:
            results = self._read(equation, [value_of(v) for v in equation.invars])
            met.update(zip(equation.outvars, results, strict=True))
        return [value_of(variable) for variable in jaxpr.outvars]

    def _read(self, equation: Any, values: list[Value]) -> list[Value]:
        """The values of the outputs of an equation."""
        self.equations += 1
        if self.equations > MOST:
            raise LimitError(
                f"the function has more than {MOST} equations once its loops are unrolled: read "
                "one step of the loop, and loop over that"
            )
        step = Step(equation, self, self._inside[-1] if self._inside else None)
        self._note_precision(step)
        row = BY_NAME.get(step.name)
        calls = row is not None and row.calls
        if not calls and all([is_known(value) for value in values]):
            return computed(step, values)
        depth = len(self._inside)
        missing = [value for value in values if isinstance(value, Missing)]
        try:
            if row is None:
                raise step.refused(_way_round(step.name))
            if missing and not calls and step.name not in MAY_MISS:
                raise missing[0].error
            self._inside.append(step)
            found = row.reader(step, *values)
        except BackendError as error:
            found = [Missing(error) for _ in step.outputs]
        finally:
            self._inside[depth:] = []
        results: list[Value] = found if isinstance(found, list) else [found]
        for result, aval in zip(results, step.outputs, strict=True):
            self._check(step, result, aval)
            self._note(step, values, result)
        return results

    def _check(self, step: Step, result: Value, aval: Any) -> None:
        """A reader answers what JAX has: each axis with its size."""
        shape = tuple([int(n) for n in aval.shape])
        found = result.axis_sizes if isinstance(result, Expr) else getattr(result, "shape", shape)
        if tuple(found) != shape:
            our_bug(f"the primitive {step.name} was read with shape {found} for {shape}")

    def _note(self, step: Step, values: Sequence[Value], result: Value) -> None:
        is_new = not any([result is value for value in values])
        if is_new and not is_known(result):
            before = step.shape_of(0) if step.inputs else ()
            made = Made(step.name, tuple(values), step.params, step.shape, before)
            self._made[id(result)] = (result, made)

    def _note_precision(self, step: Step) -> None:
        names = [str(getattr(aval, "dtype", "")) for aval in step.outputs]
        if any([name in SHORT for name in names]):
            self.in_single = True


def _way_round(name: str) -> str:
    """What to do about a primitive that has no row."""
    for word, way in WAYS_ROUND.items():
        if word in name:
            return way
    return "write this part with functions that have one, which the table in the docs lists"


CALLED_OUTSIDE = "what Python computes has no derivative: call it outside"
#: by a part of the name of a primitive
WAYS_ROUND = {
    "random": DRAWN_OUTSIDE,
    "threefry": DRAWN_OUTSIDE,
    "callback": CALLED_OUTSIDE,
    "lu": "take jnp.linalg.solve, det, slogdet or inv, whose factors are not needed",
    "bitcast": "the bits of a number have no derivative: compute with the number",
    "shift": "the bits of a number have no derivative: compute with the number",
}
#: dtypes in which a function that is given double precision loses digits
SHORT = ("float32", "float16", "bfloat16", "complex64")
#: primitives that end a pattern whose parts have no form each by itself
MAY_MISS = ("div", "sub", "add")


def array_of(value: Any) -> Any:
    """A constant of a jaxpr as a NumPy array; a random key, which is none, as it is."""
    import numpy as np

    try:
        return np.asarray(value)
    except TypeError:
        return value
