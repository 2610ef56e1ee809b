"""Every row and every kind of step in JAX: NumPy's numbers, and `jit`, `vmap`, `grad` through a compiled expression."""

import os
import subprocess
import sys

import numpy as np
import pytest
from backend_checks import (
    FUSED,
    KEPT,
    X,
    assert_as_numpy,
    assert_as_numpy_together,
    fused,
    run_source,
)
from lengths import length
from samples import ELEMENTWISE, HELD, SAMPLES, arrays, domain

import einderiv as ed
from einderiv.functions.table import FUNCTIONS

jax = pytest.importorskip("jax")
jax.config.update("jax_enable_x64", True)
import jax.numpy as jnp  # noqa: E402
import judge  # noqa: E402

t, es = ed.tensor, ed.einsum
x = t("x", "i")
FEW = [
    "exp",
    "where",
    "softmax, two",
    "logsumexp, 1",
    "max",
    "prod",
    "inv",
    "det, stacks",
    "adj",
    "pinv",
    "expm",
    "solve",
    "solve, flipped",
    "cholesky",
    "unvec",
    "embedded twice",
    "overlapping",
    "broadcast",
    "held",
]
#: step by step JAX compiles each step, so only one of each kind of step is judged so in the gate
EAGER = [
    "exp",
    "where",
    "softmax, two",
    "max",
    "inv",
    "det, stacks",
    "solve",
    "unvec",
    "overlapping",
    "held",
]


@pytest.mark.parametrize("name", length(EAGER, SAMPLES))
def test_as_numpy(name):
    assert_as_numpy(name, jnp.asarray)


@pytest.mark.parametrize("name", SAMPLES)
def test_as_numpy_under_jit(name):
    assert_as_numpy_together(name, jax.jit)


@pytest.mark.parametrize("name", FEW)
def test_sources_run_alone(name):
    e = SAMPLES[name]()
    given = arrays(e, domain=domain(name))
    got = run_source(e, "jax", {n: jnp.asarray(a) for n, a in (given | HELD.get(name, {})).items()})
    np.testing.assert_allclose(got, ed.evaluate(e, given), rtol=1e-12, atol=1e-12)


@pytest.mark.parametrize(
    "name", ["exp", "tanh", "sqrt", "power", "softplus", "arctan", "log2", "cosh"]
)
def test_complex(name):
    e = SAMPLES[name]()
    given = {n: a * (1 + 0.1j) for n, a in arrays(e, domain=domain(name)).items()}
    got = ed.evaluate(e, {n: jnp.asarray(a) for n, a in given.items()})
    assert got.dtype == np.complex128
    np.testing.assert_allclose(got, ed.evaluate(e, given), rtol=1e-9)


@pytest.mark.parametrize("name", sorted(n for n, row in FUNCTIONS.items() if "jax" in row.real_in))
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
        np.testing.assert_allclose(
            theirs[n], ed.evaluate(ed.grad(e, n), given), rtol=1e-9, atol=1e-12
        )


def test_vmap_is_a_loop():
    X, W = t("X", "ij"), t("W", "jk")
    f = ed.compile(ed.value_and_grad(ed.sum(ed.tanh(X @ W) ** 2), W), backend="jax")
    rng = np.random.default_rng(0)
    x, w = rng.normal(size=(5, 2, 3)), rng.normal(size=(3, 4))
    got = jax.vmap(lambda X: f(X=X, W=w))(x)
    want = [f(X=one, W=w) for one in x]
    for k in range(2):
        np.testing.assert_allclose(got[k], np.stack([row[k] for row in want]), rtol=1e-12)


# ---- arrays keep their library, device and dtype; what is refused says so
@pytest.mark.parametrize("make", KEPT.values(), ids=KEPT)
@pytest.mark.parametrize("name", ["float32", "bfloat16", "float16", "complex64"])
def test_keeps_dtype(make, name):
    got = ed.evaluate(make(), X=jnp.ones((2, 3), name), Y=jnp.ones((3, 4), name))
    assert got.dtype == jnp.dtype(name)


@pytest.mark.parametrize("make", FUSED.values(), ids=FUSED)
def test_transformations(make):
    f, a = fused(make, jnp.asarray)
    want = f(a)
    np.testing.assert_allclose(jax.jit(f)(a), want, rtol=1e-12)
    np.testing.assert_allclose(jax.vmap(f)(jnp.stack([a, 2 * a]))[1], f(2 * a), rtol=1e-12)
    np.testing.assert_allclose(jax.jvp(f, (a,), (a,))[0], want, rtol=1e-12)
    backward, forward = judge.together([jax.jacrev(f), jax.jacfwd(f)], a)
    np.testing.assert_allclose(backward, forward, rtol=1e-12, atol=1e-14)

    def total(x):
        return f(x).sum()

    batched = jax.vmap(jax.jacrev(jax.grad(total)))
    one, other = judge.together([lambda x: batched(x[None])[0], jax.hessian(total)], a)
    np.testing.assert_allclose(one, other, atol=1e-12)


def test_keeps_another_device():
    """Two devices on one processor must be asked for before the library is imported."""
    code = (
        "import jax, jax.numpy as jnp, einderiv as ed, numpy as np; d = jax.devices()[1]; "
        "x = jax.device_put(jnp.ones((2, 3), 'bfloat16'), d); "
        "g = ed.compile(ed.tensor('X', 'ij') @ np.ones((3, 3), int) + 1.5); found = [g(X=x) for _ in range(3)]; "
        "print({str(a.dtype) for a in found}, {a.devices() == {d} for a in found})"
    )
    env = {
        **os.environ,
        "XLA_FLAGS": "--xla_force_host_platform_device_count=2",
        "JAX_PLATFORMS": "cpu",
    }
    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, env=env, check=False
    )
    assert done.stdout.strip() == "{'bfloat16'} {True}", done.stderr


def test_a_plan_made_while_tracing_leaks_nothing():
    f = ed.compile(es("ij,j->i", X, np.arange(3.0)))
    assert jax.jit(lambda a: f(X=a))(jnp.ones((2, 3))).tolist() == [3, 3]
    assert f(X=jnp.ones((2, 3))).tolist() == [3, 3]
    assert jax.vmap(lambda a: f(X=a))(jnp.ones((4, 2, 3))).shape == (4, 2)


def test_numpy_arrays_are_converted_for_a_backend_by_name():
    f = ed.compile(X @ t("Y", "jk"), backend="jax")
    got = f(X=np.ones((2, 3), np.float32), Y=jnp.ones((3, 2), jnp.float32))
    assert isinstance(got, jnp.ndarray)
    assert isinstance(ed.compile(X * 2, backend="jax")(X=[[1.0, 2.0]]), jnp.ndarray)


def test_traced_whole_numbers_are_refused():
    f = ed.compile(2 * X)
    assert f(X=jnp.ones((2, 2), int)).tolist() == [[2, 2], [2, 2]]
    with pytest.raises(ed.BackendError, match=r"while they are traced.*or call raw"):
        jax.jit(lambda a: f(X=a))(jnp.ones((2, 2), int))
    assert jax.jit(f.raw)(jnp.ones((2, 2), int)).tolist() == [[2, 2], [2, 2]]
    with pytest.raises(ed.EinderivError, match="beyond int"):
        ed.evaluate(X * X * X, X=jnp.full((1, 1), 2**30))


def test_refuses():
    with pytest.raises(TypeError, match="key<fry>"):
        ed.evaluate(x, x=jax.random.split(jax.random.key(0), 2))
    with pytest.raises(ed.EinderivError, match="axis that has none"):
        ed.evaluate(ed.max(X), X=jnp.ones((0, 2)))
