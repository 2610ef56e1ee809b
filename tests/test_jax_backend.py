"""Every row and every kind of step in JAX: NumPy's numbers, and `jit`, `vmap`, `grad` through a compiled expression."""

import numpy as np
import pytest
from backend_checks import assert_as_numpy, run_source
from samples import ELEMENTWISE, HELD, SAMPLES, arrays, domain

import einderiv as ed
from einderiv.functions import ADDED, FUNCTIONS
from einderiv.jax_backend import COLUMN, REAL

jax = pytest.importorskip("jax")
jax.config.update("jax_enable_x64", True)
import jax.numpy as jnp  # noqa: E402

t, es = ed.tensor, ed.einsum
FEW = ["exp", "where", "softmax, two", "logsumexp, 1", "max", "prod", "inv", "det, stacks", "adj", "pinv", "expm",
       "solve", "solve, flipped", "cholesky", "unvec", "embedded twice", "overlapping", "broadcast",
       "held"]  # fmt: skip


def test_every_row_has_a_spelling():
    assert set(COLUMN) == set(FUNCTIONS) - set(ADDED)


@pytest.mark.parametrize("name", FEW)
def test_as_numpy(name):
    assert_as_numpy(name, jnp.asarray)


@pytest.mark.slow
@pytest.mark.parametrize("name", [name for name in SAMPLES if name not in FEW])
def test_the_rest_as_numpy(name):
    assert_as_numpy(name, jnp.asarray)


@pytest.mark.parametrize("name", SAMPLES)
def test_values_as_numpy_under_jit(name):
    e = SAMPLES[name]()
    given = arrays(e, domain=domain(name))
    got = jax.jit(lambda given: ed.evaluate(e, given))({n: jnp.asarray(a) for n, a in given.items()})
    want = ed.evaluate(e, given)
    assert (got.shape, got.dtype) == (want.shape, want.dtype)
    np.testing.assert_allclose(got, want, rtol=0, atol=1e-9 * max(1, np.abs(want).max()))


@pytest.mark.parametrize("name", FEW)
def test_sources_run_alone(name):
    e = SAMPLES[name]()
    given = arrays(e, domain=domain(name))
    got = run_source(e, "jax", {n: jnp.asarray(a) for n, a in (given | HELD.get(name, {})).items()})
    np.testing.assert_allclose(got, ed.evaluate(e, given), rtol=1e-12, atol=1e-12)


@pytest.mark.parametrize("name", ["exp", "tanh", "sqrt", "power", "softplus", "arctan", "log2", "cosh"])
def test_complex(name):
    e = SAMPLES[name]()
    given = {n: a * (1 + 0.1j) for n, a in arrays(e, domain=domain(name)).items()}
    got = ed.evaluate(e, {n: jnp.asarray(a) for n, a in given.items()})
    assert got.dtype == np.complex128
    np.testing.assert_allclose(got, ed.evaluate(e, given), rtol=1e-9)


@pytest.mark.parametrize("name", sorted(REAL))
def test_real_functions_say_so(name):
    with pytest.raises(ed.BackendError, match=f"jax computes {name} of real numbers only"):
        ed.evaluate(getattr(ed, name)(t("x", "i")), x=jnp.ones(2, jnp.complex64))


@pytest.mark.parametrize("name", [n for n in ELEMENTWISE if not FUNCTIONS[n].kink])
def test_grad_is_the_generated_derivative(name):
    e = ed.sum(SAMPLES[name]())
    f = ed.compile(e, backend="jax")
    given = {n: jnp.asarray(a) for n, a in arrays(e, domain=domain(name)).items()}
    theirs = jax.jit(jax.grad(lambda given: f(given)))(given)
    for n in given:
        np.testing.assert_allclose(theirs[n], ed.evaluate(ed.grad(e, n), given), rtol=1e-9, atol=1e-12)


def test_vmap_is_a_loop():
    X, W = t("X", "ij"), t("W", "jk")
    f = ed.compile(ed.value_and_grad(ed.sum(ed.tanh(X @ W) ** 2), W), backend="jax")
    rng = np.random.default_rng(0)
    x, w = rng.normal(size=(5, 2, 3)), rng.normal(size=(3, 4))
    got = jax.vmap(lambda X: f(X=X, W=w))(x)
    want = [f(X=one, W=w) for one in x]
    for k in range(2):
        np.testing.assert_allclose(got[k], np.stack([row[k] for row in want]), rtol=1e-12)
