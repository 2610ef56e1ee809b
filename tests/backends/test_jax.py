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


ROW = ed.tensor("x", "i")
#: what is joined, by NumPy, and how many concatenations there are
JOINED = {
    "reflected": (ed.pad(X, 1, mode="reflect"), lambda x: np.pad(x, 1, mode="reflect"), 2),
    "wrapped": (ed.pad(X, (1, 2), mode="wrap"), lambda x: np.pad(x, (1, 2), mode="wrap"), 2),
    "the edge, repeated": (ed.pad(X, 2, mode="edge"), lambda x: np.pad(x, 2, mode="edge"), 2),
    "rolled": (ed.roll(X, (1, -1), (0, 1)), lambda x: np.roll(x, (1, -1), (0, 1)), 2),
    "with numbers": (ed.concatenate([-3 * ROW, ROW]), lambda x: np.concatenate([-3 * x, x]), 1),
    "zeros at the end": (ed.concatenate([ROW, ed.zeros(2)]), lambda x: np.append(x, [0, 0]), 0),
    "every other": (ed.pad(ed.einsum("i->(2i)", ROW), (0, 1)) + ed.einsum("i->(2i+1)", -ROW), lambda x: np.stack([x, -x], 1).ravel(), 0),
    "a block": (
        ed.block([[X, X * X], [X * 3, X]]),
        lambda x: np.block([[x, x * x], [x * 3, x]]),
        3,
    ),
}  # fmt: skip


@pytest.mark.parametrize("case", JOINED)
@pytest.mark.parametrize("n", [1, 2, 5])
def test_what_lies_one_behind_the_other_is_joined(case, n):
    e, want, count = JOINED[case]
    tensor = ROW if "x" in ed.expression.needed([e]) else X
    if n == 1 and case in ("reflected", "wrapped", "rolled"):
        n = 3
    x = np.arange(1.0, 1 + n**tensor.ndim).reshape((n,) * tensor.ndim)
    for whole in (x, x.astype(np.int32), -0.0 * x, np.where(x > 1, np.nan, x)):
        f = ed.compile(e, backend="jax")
        got = np.asarray(f({tensor.name: whole}))
        np.testing.assert_array_equal(got, want(whole))
        if count and not np.isnan(whole).any():
            np.testing.assert_array_equal(np.signbit(got), np.signbit(want(whole)))
    source = f._last.emitted.source.split("def compute")[1]
    if n > 2:
        assert source.count("jnp.concatenate") == count
        assert ("concatenations" in f._last.program.passes) == bool(count)
    loss = ed.grad(ed.sum(e * e), tensor)
    theirs = jax.grad(lambda a: (f({tensor.name: a}) ** 2).sum())(jnp.asarray(x))
    np.testing.assert_allclose(ed.evaluate(loss, {tensor.name: x}), theirs, rtol=1e-13)


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
