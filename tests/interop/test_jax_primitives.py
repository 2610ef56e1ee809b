"""Every row of the table of JAX's primitives: the example's value, and its derivative beside JAX's."""

import numpy as np
import pytest

import einderiv as ed
from einderiv.interop.jax_table import ROWS

jax = pytest.importorskip("jax")
jnp, lax = jax.numpy, jax.lax


@jax.custom_vjp
def own_rule(x):
    return jnp.sin(x)


own_rule.defvjp(lambda x: (jnp.sin(x), x), lambda x, g: (g * jnp.cos(x),))


def function_of(text):
    names = {"jax": jax, "jnp": jnp, "lax": lax, "np": np, "own_rule": own_rule}
    return eval(f"lambda x: {text}", names)


def primitives(jaxpr):
    """The names of all primitives of a jaxpr and of those inside it."""
    for equation in jaxpr.eqns:
        yield equation.primitive.name
        for inner in jax.tree_util.tree_leaves(
            list(equation.params.values()), is_leaf=lambda p: hasattr(p, "eqns")
        ):
            inner = getattr(inner, "jaxpr", inner)
            if hasattr(inner, "eqns"):
                yield from primitives(inner)


@pytest.fixture(autouse=True)
def _in_double():
    with jax.enable_x64(True):
        yield


@pytest.mark.parametrize("row", ROWS, ids=lambda row: row.name)
def test_a_row(row):
    f = function_of(row.example)
    x = jnp.asarray(np.random.default_rng(0).uniform(0.2, 0.9, row.shape))
    met = set(primitives(jax.make_jaxpr(f)(x).jaxpr))
    assert met & {row.name, *row.also}, met
    e = ed.from_jax(f, row.shape)
    close(ed.evaluate(e, x=np.asarray(x)), f(x))
    # of a sum with weights, so that each entry counts
    weights = np.random.default_rng(1).uniform(1, 2, e.axis_sizes)
    slope = ed.vjp(e, ed.tensor("x", row.shape), weights)
    if row.name == "while":  # which JAX derives forwards alone
        wanted = jnp.tensordot(weights, jax.jacfwd(f)(x), e.ndim)
    else:
        wanted = jax.vjp(f, x)[1](weights)[0]
    close(ed.evaluate(slope, x=np.asarray(x)), wanted)


def close(found, wanted):
    np.testing.assert_allclose(found, wanted, rtol=1e-9, atol=1e-9)
