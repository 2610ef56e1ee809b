"""Arrays of torch and JAX keep their library, device and dtype; what is refused says so."""

import os
import subprocess
import sys

import numpy as np
import pytest

import einderiv as ed

t, es = ed.tensor, ed.einsum
X, x = t("X", "ij"), t("x", "i")
XY = X @ t("Y", "jk")
E = {
    "product":    lambda: es("ij,jk->ik", "X", "Y"),
    "derivative": lambda: ed.derive(es("ij,jk->ik", "X", "Y"), "X"),
    "vanished":   lambda: ed.derive(es("ij,jk->", "X", "Y"), "X"),
    "numbers":    lambda: 0.5 * es("ij,jk->ik", "X", "Y") + 1.5,
    "exp":        lambda: ed.exp(es("ij,jk->ik", "X", "Y")),
    "embedded":   lambda: ed.diag(ed.sum(es("ij,jk->ik", "X", "Y"), 1)),
}  # fmt: skip


# ---- torch
@pytest.fixture
def torch():
    return pytest.importorskip("torch")


@pytest.mark.parametrize("make", E.values(), ids=E)
@pytest.mark.parametrize("name", ["float32", "float64", "bfloat16", "float16", "complex64"])
def test_torch_keeps_dtype_and_device(torch, make, name):
    dtype = getattr(torch, name)
    a, b = torch.ones(2, 3).to(dtype), torch.ones(3, 4).to(dtype)
    got = ed.evaluate(make(), X=a, Y=b)
    assert (got.dtype, got.device) == (dtype, a.device)
    want = ed.evaluate(make(), X=a.to(torch.complex128).numpy(), Y=b.to(torch.complex128).numpy())
    np.testing.assert_allclose(got.to(torch.complex128).numpy(), want, rtol=2e-2)


@pytest.mark.parametrize("make", E.values(), ids=E)
def test_torch_keeps_another_device(torch, make):
    """`meta` tensors have a shape and no values: whatever is made besides them must be made there."""
    got = ed.evaluate(make(), X=torch.ones(2, 3, device="meta"), Y=torch.ones(3, 4, device="meta"))
    assert got.device.type == "meta"
    assert got.dtype == torch.float32


def test_held_arrays_are_moved(torch):
    held = np.arange(3.0, dtype=np.float32)[::-1]
    f = ed.compile(es("ij,j->i", X, held))
    assert f(X=torch.ones(2, 3, device="meta")).device.type == "meta"
    assert f(X=torch.ones(2, 3)).tolist() == [3, 3]
    assert f(X=np.ones((2, 3), np.float32)).tolist() == [3, 3]
    assert f.raw(np.ones((2, 3), np.float32)).tolist() == [3, 3]
    f(X=torch.ones(2, 3))
    assert f.raw(torch.ones(2, 3)).tolist() == [3, 3]


PROMOTED = [("float32", "int64", "float32"), ("float32", "float64", "float64"), ("float16", "float32", "float32"),
            ("bfloat16", "int64", "bfloat16"), ("float32", "bool", "float32"), ("complex64", "float64", "complex128"),
            ("int32", "int64", "int64"), ("int8", "uint8", "int16")]  # fmt: skip


@pytest.mark.parametrize(("a", "b", "want"), PROMOTED)
def test_torch_promotes_as_torch(torch, a, b, want):
    a, b = torch.ones(2, 2).to(getattr(torch, a)), torch.ones(2, 2).to(getattr(torch, b))
    f = ed.compile(es("ij,jk->ik", "A", "B"))
    for _ in range(3):
        assert f(A=a, B=b).dtype == getattr(torch, want) == torch.promote_types(a.dtype, b.dtype)
        assert f(A=a, B=b).tolist() == [[2, 2], [2, 2]]
    assert f.raw(a, b).tolist() == [[2, 2], [2, 2]]


def test_whole_numbers_under_a_smooth_function_get_the_default_float(torch):
    assert ed.evaluate(ed.exp(x), x=torch.ones(2, dtype=torch.int64)).dtype == torch.get_default_dtype()
    assert ed.evaluate(0.5 * x, x=torch.ones(2, dtype=torch.int8)).dtype == torch.get_default_dtype()


def test_whole_numbers_are_exact_or_refused(torch):
    product = es("ij,jk->ik", "A", "B")
    big = torch.full((2, 2), 2**40)
    with pytest.raises(ed.EinderivError, match="beyond int64"):
        ed.evaluate(product, A=big, B=big)
    with pytest.raises(ed.EinderivError, match=r"30000.*int8 does not hold"):
        ed.evaluate(product, A=torch.full((1, 3), 100, dtype=torch.int8),
                    B=torch.full((3, 1), 100, dtype=torch.int8))  # fmt: skip
    got = ed.evaluate(es("i,i->", "x", "x"), x=torch.tensor([2**30, 3]))
    assert got.item() == 2**60 + 9
    J = ed.derive(es("ij,jk->ik", "A", "B"), "A")
    a, b = torch.arange(6).reshape(2, 3), torch.arange(12).reshape(3, 4)
    assert (ed.evaluate(J, A=a, B=b).numpy() == ed.evaluate(J, A=a.numpy(), B=b.numpy())).all()


def test_autograd_passes_through(torch):
    w = torch.rand(3, requires_grad=True)
    f = ed.compile({"loss": ed.sum(ed.sin(t("w", "i")) ** 2), "grad": ed.grad(ed.sum(ed.sin(t("w", "i")) ** 2), "w")})
    for _ in range(3):
        found = f(w=w)
        (theirs,) = torch.autograd.grad(found["loss"], w)
        torch.testing.assert_close(theirs, found["grad"])


def test_results_of_torch_alias_nothing(torch):
    a = torch.rand(2, 2)
    for e in (X, X.T, ed.diag(X), ed.vec(X), es("ij->ijk", X, sizes={"k": 2})):
        got = ed.evaluate(e, X=a)
        got += 1
        assert a.max() <= 1


@pytest.mark.filterwarnings("ignore:`torch.jit.script` is deprecated")  # torch.func.jvp calls it
@pytest.mark.parametrize("function", ["vmap", "grad", "jvp", "jacrev"])
def test_transformations_of_torch(torch, function):
    f = ed.compile(ed.sum(ed.exp(X) * X))
    a, transform = torch.rand(2, 3), getattr(torch.func, function)
    if function == "vmap":
        got, want = transform(lambda a: f(X=a))(torch.stack([a, 2 * a])), torch.stack([f(X=a), f(X=2 * a)])
    elif function == "jvp":
        got, want = transform(lambda a: f(X=a), (a,), (a,))[1], ((a.exp() * a + a.exp()) * a).sum()
    else:
        got, want = transform(lambda a: f(X=a))(a), a.exp() * a + a.exp()
    torch.testing.assert_close(got, want)


FUSED = {
    "added":      lambda: t("C", "ik") - 2 * XY,
    "embedded":   lambda: ed.derive(XY, X),
    "weighted":   lambda: es("ij,jk->ij", X, "Y") * X,
    "a Hessian":  lambda: ed.hessian(ed.sum((t("C", "ik") - XY) ** 2), X),
}  # fmt: skip
GIVEN = {"X": (2, 3), "Y": (3, 4), "C": (2, 4)}


def fused(make, one):
    """A compiled expression as a function of X alone, and X."""
    f = ed.compile(make())
    given = {n: one(np.random.default_rng(k).normal(size=GIVEN[n])) for k, n in enumerate(f.tensors)}
    return (lambda x: f({**given, "X": x})), given["X"]


@pytest.mark.parametrize("make", FUSED.values(), ids=FUSED)
def test_transformations_of_torch_go_through_its_own_kernels(torch, make):
    f, a = fused(make, torch.tensor)
    for _ in range(3):
        want = f(a)
    torch.testing.assert_close(torch.func.vmap(f)(torch.stack([a, 2 * a])), torch.stack([want, f(2 * a)]))
    forward, backward = torch.func.jacfwd(f)(a), torch.func.jacrev(f)(a)
    torch.testing.assert_close(forward, backward)
    torch.testing.assert_close(torch.func.vmap(torch.func.jacrev(f))(a[None])[0], backward)


@pytest.mark.slow
@pytest.mark.timeout(600)
@pytest.mark.filterwarnings("ignore::DeprecationWarning")  # the compiler's own
@pytest.mark.parametrize("make", FUSED.values(), ids=FUSED)
def test_one_graph_of_its_own_kernels(torch, make):
    torch._dynamo.reset()
    f, a = fused(make, torch.tensor)
    for _ in range(3):
        want = f(a)
    torch.testing.assert_close(torch.compile(f, fullgraph=True, backend="aot_eager")(a), want)


@pytest.mark.slow
@pytest.mark.timeout(600)
@pytest.mark.filterwarnings("ignore::DeprecationWarning")  # the compiler's own
@pytest.mark.parametrize("how", ["call", "raw", "gradient"])
def test_one_graph_for_the_compiler(torch, how):
    torch._dynamo.reset()
    W = t("W", "jk")
    loss = ed.mean(ed.softmax(X @ W) ** 2)
    a, w = torch.rand(4, 3), torch.rand(3, 2, requires_grad=True)
    f, g = ed.compile(loss), ed.to_torch(loss)
    for _ in range(3):
        want = f(X=a, W=w)
    calls = {"call": lambda a, w: f(X=a, W=w), "raw": f.raw, "gradient": lambda a, w: g(a, w)}
    got = torch.compile(calls[how], fullgraph=True)(a, w)
    torch.testing.assert_close(got, want)
    torch.testing.assert_close(torch.autograd.grad(got, w), torch.autograd.grad(want, w))


def test_declared_structures_are_checked(torch):
    f = ed.compile(t("S", "nn", symmetric=True) * 2.0)
    assert f(S=torch.eye(2)).tolist() == [[2, 0], [0, 2]]
    with pytest.raises(ed.EinderivError, match="declared symmetric"):
        f(S=torch.tensor([[1.0, 2], [0, 1]]))
    assert torch.func.vmap(lambda S: f(S=S))(torch.eye(2)[None]).shape == (1, 2, 2), "no values to look at"


REFUSED = [
    (lambda T: ed.compile(X, backend="cupy", dense=False),                      ed.BackendError, "not of cupy"),
    (lambda T: ed.compile(X, backend="numpy")(X=T.ones(2, 2)),                  ed.BackendError, "backend is numpy"),
    (lambda T: ed.compile(X, backend="jax")(X=T.ones(2, 2)),                    ed.BackendError, "backend is jax"),
    (lambda T: ed.evaluate(XY, X=T.ones(2, 2), Y=np.ones((2, 2))),              ed.BackendError, "torch and Y one"),
    (lambda T: ed.evaluate(XY, X=T.ones(2, 2), Y=T.ones(2, 2, device="meta")),  ed.BackendError, "X is on cpu"),
    (lambda T: ed.evaluate(X, X=T.ones(2, 2).to_sparse()),                      TypeError,       "sparse tensor"),
    (lambda T: ed.evaluate(2 * X, X=T.ones(2, 2, dtype=T.bool)),                TypeError,       "all arrays are bool"),
    (lambda T: ed.evaluate(ed.inv(X), X=T.ones(2, 2)),                          ed.EinderivError, "not be inverted"),
    (lambda T: ed.evaluate(ed.cholesky(X), X=-T.eye(2)),                        ed.EinderivError, "not be inverted"),
    (lambda T: ed.evaluate(ed.max(X), X=T.ones(0, 2)),                          ed.EinderivError, "that has none"),
    (lambda T: ed.evaluate(X + 10**40, X=T.ones(2, 2)),                         ed.EinderivError, "large for float32"),
    (lambda T: ed.evaluate(ed.relu(X), X=T.ones(2, 2) * 1j),                    ed.EinderivError, "not holomorphic"),
    (lambda T: ed.evaluate(X, X=T.ones(2)),                                     ed.ShapeError,   "X has 2 axes"),
    (lambda T: ed.compile(X @ X, memory_limit=8)(X=T.ones(9, 9)),               ed.LimitError,   "324 bytes"),
]  # fmt: skip


@pytest.mark.parametrize(("call", "kind", "message"), REFUSED, ids=[row[2] for row in REFUSED])
def test_torch_refuses(torch, call, kind, message):
    with pytest.raises(kind, match=message):
        call(torch)


# ---- JAX
@pytest.fixture
def jnp():
    return pytest.importorskip("jax").numpy


@pytest.mark.parametrize("make", E.values(), ids=E)
@pytest.mark.parametrize("name", ["float32", "bfloat16", "float16", "complex64"])
def test_jax_keeps_dtype(jnp, make, name):
    got = ed.evaluate(make(), X=jnp.ones((2, 3), name), Y=jnp.ones((3, 4), name))
    assert got.dtype == jnp.dtype(name)


@pytest.mark.parametrize("make", FUSED.values(), ids=FUSED)
def test_transformations_of_jax(jnp, make):
    import jax

    jax.config.update("jax_enable_x64", True)
    f, a = fused(make, jnp.asarray)
    want = f(a)
    np.testing.assert_allclose(jax.jit(f)(a), want, rtol=1e-12)
    np.testing.assert_allclose(jax.vmap(f)(jnp.stack([a, 2 * a]))[1], f(2 * a), rtol=1e-12)
    np.testing.assert_allclose(jax.jvp(f, (a,), (a,))[0], want, rtol=1e-12)
    forward = jax.jacfwd(f)(a)
    np.testing.assert_allclose(jax.jit(jax.jacrev(f))(a), forward, rtol=1e-12, atol=1e-14)
    second = jax.hessian(lambda x: f(x).sum())(a)
    np.testing.assert_allclose(jax.vmap(jax.jacrev(jax.grad(lambda x: f(x).sum())))(a[None])[0], second, atol=1e-12)


def test_jax_keeps_another_device(jnp):
    """Two devices on one processor must be asked for before the library is imported."""
    code = ("import jax, jax.numpy as jnp, einderiv as ed, numpy as np; d = jax.devices()[1]; "
            "x = jax.device_put(jnp.ones((2, 3), 'bfloat16'), d); "
            "g = ed.compile(ed.tensor('X', 'ij') @ np.ones((3, 3), int) + 1.5); found = [g(X=x) for _ in range(3)]; "
            "print({str(a.dtype) for a in found}, {a.devices() == {d} for a in found})")  # fmt: skip
    env = {**os.environ, "XLA_FLAGS": "--xla_force_host_platform_device_count=2", "JAX_PLATFORMS": "cpu"}
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, env=env, check=False)
    assert done.stdout.strip() == "{'bfloat16'} {True}", done.stderr


def test_a_plan_made_while_tracing_leaks_nothing(jnp):
    import jax

    f = ed.compile(es("ij,j->i", X, np.arange(3.0)))
    assert jax.jit(lambda a: f(X=a))(jnp.ones((2, 3))).tolist() == [3, 3]
    assert f(X=jnp.ones((2, 3))).tolist() == [3, 3]
    assert jax.vmap(lambda a: f(X=a))(jnp.ones((4, 2, 3))).shape == (4, 2)


def test_numpy_arrays_are_converted_for_a_backend_by_name(jnp):
    f = ed.compile(X @ t("Y", "jk"), backend="jax")
    got = f(X=np.ones((2, 3), np.float32), Y=jnp.ones((3, 2), jnp.float32))
    assert isinstance(got, jnp.ndarray)
    assert isinstance(ed.compile(X * 2, backend="jax")(X=[[1.0, 2.0]]), jnp.ndarray)


def test_traced_whole_numbers_are_refused(jnp):
    import jax

    f = ed.compile(2 * X)
    assert f(X=jnp.ones((2, 2), int)).tolist() == [[2, 2], [2, 2]]
    with pytest.raises(ed.BackendError, match=r"while they are traced.*or call raw"):
        jax.jit(lambda a: f(X=a))(jnp.ones((2, 2), int))
    assert jax.jit(f.raw)(jnp.ones((2, 2), int)).tolist() == [[2, 2], [2, 2]]
    with pytest.raises(ed.EinderivError, match="beyond int"):
        ed.evaluate(X * X * X, X=jnp.full((1, 1), 2**30))


def test_jax_refuses(jnp):
    import jax

    with pytest.raises(TypeError, match="key<fry>"):
        ed.evaluate(x, x=jax.random.split(jax.random.key(0), 2))
    with pytest.raises(ed.EinderivError, match="axis that has none"):
        ed.evaluate(ed.max(X), X=jnp.ones((0, 2)))


def test_a_library_that_is_missing(monkeypatch):
    for backend in ("torch", "jax", "cupy"):
        for name in [n for n in sys.modules if n.partition(".")[0] == backend]:
            monkeypatch.delitem(sys.modules, name)
        monkeypatch.setitem(sys.modules, backend, None)
        with pytest.raises(ed.BackendError, match=rf"needs {backend}: pip install 'einderiv\[{backend}\]'"):
            ed.compile(X, backend=backend)(X=[[1.0]])
        if backend != "cupy":
            with pytest.raises(ed.BackendError, match=f"needs {backend}"):
                getattr(ed, f"to_{backend}")(X)
