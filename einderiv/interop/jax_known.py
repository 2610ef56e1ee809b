"""What is known while a jaxpr is read is computed there: counters of loops, masks, index arrays.

The common primitives are NumPy's; JAX computes the others, which costs it a compilation each. Whole
numbers that do not fit their dtype are refused, for JAX would wrap them around.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

from .jax_table import Step

Array = Any
DRAWN_OUTSIDE = (
    "random numbers are drawn outside: give what was drawn as an argument, so that the function is "
    "one of its arguments alone"
)


def computed(step: Step, arrays: Sequence[Array]) -> list[Array]:
    """The outputs of a primitive of arrays. Raises BackendError where whole numbers overflow, or
    random numbers are drawn.
    """
    import numpy as np

    if step.name.startswith("random_") or step.name == "threefry2x32":
        raise step.refused(DRAWN_OUTSIDE)
    own = NUMPY.get(step.name)
    if own is not None and len(step.outputs) == 1:
        dtype = np.dtype(step.outputs[0].dtype)
        if dtype.kind == "i" and step.name in MAY_OVERFLOW:
            return [_in_range(step, own(step, *[_wide(a) for a in arrays]), dtype)]
        with np.errstate(all="ignore"):
            return [np.asarray(own(step, *arrays)).astype(dtype, copy=False)]
    found = _bound(step, arrays)
    return [np.asarray(value) for value in found]


def _wide(array: Array) -> Array:
    """Whole numbers of any length, while there are not too many of them."""
    import numpy as np

    found = np.asarray(array)
    if found.dtype.kind in "iu" and found.size <= 4096:
        return found.astype(object)
    return found.astype(np.int64) if found.dtype.kind in "iu" else found


def _in_range(step: Step, array: Array, dtype: Any) -> Array:
    import numpy as np

    found = np.asarray(array)
    if found.size:
        limits = np.iinfo(dtype)
        lowest, highest = int(found.min()), int(found.max())
        if lowest < limits.min or highest > limits.max:
            worst = lowest if lowest < limits.min else highest
            raise step.refused(
                f"{worst} is no {dtype}, and JAX would wrap it around: compute with floats"
            )
    return found.astype(dtype)


def _bound(step: Step, arrays: Sequence[Array]) -> list[Any]:
    """By JAX itself."""
    import jax

    with jax.ensure_compile_time_eval():
        found = step.primitive.bind(*arrays, **step.params)
    return list(found) if step.primitive.multiple_results else [found]


# ---- the common ones
def _iota(step: Step) -> Array:
    import numpy as np

    shape, axis = step.params["shape"], step.params["dimension"]
    line = np.arange(shape[axis]).reshape([-1 if p == axis else 1 for p in range(len(shape))])
    return np.broadcast_to(line, shape)


def _broadcast(step: Step, array: Array) -> Array:
    import numpy as np

    places = [int(p) for p in step.params["broadcast_dimensions"]]
    own = np.asarray(array).shape
    shape = [1] * len(step.shape)
    for place, size in zip(places, own, strict=True):
        shape[place] = size
    return np.broadcast_to(np.asarray(array).reshape(shape), step.shape)


def _select(_: Step, which: Array, *cases: Array) -> Array:
    import numpy as np

    chosen = np.asarray(which).astype(np.int64)
    result = np.asarray(cases[0])
    for k, case in enumerate(cases[1:], 1):
        result = np.where(chosen == k, case, result)
    return result


def _slice(step: Step, array: Array) -> Array:
    steps = step.params["strides"] or (1,) * len(step.shape)
    cuts = zip(step.params["start_indices"], step.params["limit_indices"], steps, strict=True)
    return array[tuple([slice(*cut) for cut in cuts])]


def _converted(step: Step, array: Array) -> Array:
    import numpy as np

    return np.asarray(array).astype(step.outputs[0].dtype)


def _not(_: Step, array: Array) -> Array:
    import numpy as np

    return ~np.asarray(array)


def _two(name: str) -> Callable[..., Array]:
    def call(_: Step, x: Array, y: Array) -> Array:
        import numpy as np

        return getattr(np, name)(x, y)

    return call


def _reduced(name: str) -> Callable[..., Array]:
    def call(step: Step, x: Array) -> Array:
        import numpy as np

        return getattr(np, name)(x, axis=tuple([int(p) for p in step.params["axes"]]))

    return call


def _concatenated(step: Step, *arrays: Array) -> Array:
    import numpy as np

    return np.concatenate(arrays, axis=step.params["dimension"])


NUMPY: dict[str, Callable[..., Array]] = {
    "iota": _iota,
    "broadcast_in_dim": _broadcast,
    "select_n": _select,
    "slice": _slice,
    "convert_element_type": _converted,
    "not": _not,
    "reshape": lambda step, x: x.reshape(step.shape),
    "squeeze": lambda step, x: x.reshape(step.shape),
    "expand_dims": lambda step, x: x.reshape(step.shape),
    "transpose": lambda step, x: x.transpose(step.params["permutation"]),
    "concatenate": _concatenated,
    "neg": lambda _, x: -x,
    "copy": lambda _, x: x,
    "copy_p": lambda _, x: x,
    "stop_gradient": lambda _, x: x,
    "integer_pow": lambda step, x: x ** step.params["y"],
    "reduce_sum": _reduced("sum"),
    "reduce_max": _reduced("max"),
    "reduce_min": _reduced("min"),
    "reduce_and": _reduced("all"),
    "reduce_or": _reduced("any"),
    "add": _two("add"),
    "add_any": _two("add"),
    "sub": _two("subtract"),
    "mul": _two("multiply"),
    "max": _two("maximum"),
    "min": _two("minimum"),
    "eq": _two("equal"),
    "ne": _two("not_equal"),
    "lt": _two("less"),
    "le": _two("less_equal"),
    "gt": _two("greater"),
    "ge": _two("greater_equal"),
    "and": _two("bitwise_and"),
    "or": _two("bitwise_or"),
    "xor": _two("bitwise_xor"),
}
MAY_OVERFLOW = frozenset(["neg", "integer_pow", "reduce_sum", "add", "add_any", "sub", "mul"])
