"""JAX as an outside judge: everything that one test asks of one function is one compiled program.

Op by op, XLA compiles every primitive of a derivative by itself: that was half of the time of all tests.
Who imports this without JAX is skipped.
"""

import numpy as np
import pytest

jax = pytest.importorskip("jax")
jax.config.update("jax_enable_x64", True)


def together(questions, *arguments):
    """The answers of several functions to the same arguments, as arrays of NumPy."""
    answers = jax.jit(lambda *given: [question(*given) for question in questions])(*arguments)
    return [np.asarray(answer) for answer in answers]


def derivatives(f, order):
    """`f` and its derivatives up to `order`: the first run backwards, those after it forwards."""
    found = [f]
    for k in range(order):
        found.append(jax.jacfwd(found[-1]) if k else jax.jacrev(f))
    return found


def orders(f, at, order):
    """The value of ``f(at)`` and its derivatives up to `order`."""
    return together(derivatives(f, order), at)


def partials(f, arrays, names, order):
    """The value of ``f(**arrays)``, and for each name the derivatives by that array alone, up to `order`."""

    def slot(name):
        return lambda given: [
            one(given[name]) for one in derivatives(lambda a: f(**{**given, name: a}), order)[1:]
        ]

    value, *found = jax.jit(lambda given: [f(**given), *(slot(name)(given) for name in names)])(
        arrays
    )
    return np.asarray(value), {
        name: [np.asarray(one) for one in row] for name, row in zip(names, found)
    }
