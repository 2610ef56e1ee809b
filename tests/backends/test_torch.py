"""Every row and every kind of step in torch: NumPy's numbers, torch's dtypes, devices, autograd and compiler."""

import numpy as np
import pytest
from backend_checks import FUSED, KEPT, XY, X, assert_as_numpy, fused, run_source
from lengths import length
from samples import ELEMENTWISE, HELD, SAMPLES, arrays, domain

import einderiv as ed
from einderiv.functions.table import FUNCTIONS

torch = pytest.importorskip("torch")
t, es = ed.tensor, ed.einsum
x = t("x", "i")


@pytest.mark.parametrize("name", SAMPLES)
def test_as_numpy(name):
    assert_as_numpy(name, torch.tensor)


@pytest.mark.parametrize("name", SAMPLES)
def test_sources_run_alone(name):
    e = SAMPLES[name]()
    given = arrays(e, domain=domain(name))
    got = run_source(
        e, "torch", {n: torch.tensor(a) for n, a in (given | HELD.get(name, {})).items()}
    )
    np.testing.assert_allclose(got, ed.evaluate(e, given), rtol=1e-12, atol=1e-12)


@pytest.mark.parametrize(
    "name",
    [n for n in ELEMENTWISE if FUNCTIONS[n].analytic and "torch" not in FUNCTIONS[n].real_in],
)
def test_complex(name):
    if FUNCTIONS[name].needs:
        pytest.skip("NumPy has it of real numbers only")
    e = SAMPLES[name]()
    given = {n: a * (1 + 0.1j) for n, a in arrays(e, domain=domain(name)).items()}
    if name == "conj":
        with pytest.raises(ed.EinderivError, match="not declared so"):
            ed.evaluate(e, {n: torch.tensor(a) for n, a in given.items()})
        return
    got = ed.evaluate(e, {n: torch.tensor(a) for n, a in given.items()})
    assert got.dtype == torch.complex128
    np.testing.assert_allclose(got, ed.evaluate(e, given), rtol=1e-9)


@pytest.mark.parametrize(
    "f", [ed.softmax, ed.log_softmax, ed.logsumexp, lambda x: ed.softmax(x, (0, 1))]
)
def test_complex_reductions(f):
    X, x = t("X", "ij"), np.random.default_rng(1).normal(size=(2, 3)) * (1 + 2j)
    np.testing.assert_allclose(
        ed.evaluate(f(X), X=torch.tensor(x)), ed.evaluate(f(X), X=x), rtol=1e-12
    )


@pytest.mark.parametrize(
    "name", sorted(n for n, row in FUNCTIONS.items() if "torch" in row.real_in)
)
def test_real_functions_say_so(name):
    with pytest.raises(ed.BackendError, match=f"torch computes {name} of real numbers only"):
        ed.evaluate(getattr(ed, name)(t("x", "i")), x=torch.ones(2, dtype=torch.complex64))


@pytest.mark.parametrize(
    "e",
    [
        ed.softmax(t("x", "i")),
        ed.log_softmax(t("x", "i")),
        ed.softplus(t("x", "i")),
        ed.logsumexp(t("x", "i")),
        ed.sigmoid(t("x", "i")),
        ed.log_sigmoid(t("x", "i")),
    ],
    ids=str,
)
def test_large_inputs_do_not_overflow(e):
    x = torch.tensor([1e4, -1e4, 3.0])
    for what in (e, ed.grad(ed.sum(e), "x")):
        got = ed.evaluate(what, x=x)
        assert got.dtype == torch.float32
        np.testing.assert_allclose(
            got, ed.evaluate(what, x=x.double().numpy()), rtol=1e-6, atol=1e-30
        )


@pytest.mark.slow
@pytest.mark.timeout(1800)
@pytest.mark.parametrize("name", length(list(SAMPLES)[::3], SAMPLES))
def test_compiled_whole(name):
    e = SAMPLES[name]()
    given = {n: torch.tensor(a) for n, a in arrays(e, domain=domain(name)).items()}
    f = ed.compile(e)
    want = f(given)
    torch._dynamo.reset()
    got = torch.compile(f.raw, fullgraph=True, backend="aot_eager")(*(given[n] for n in f.inputs))
    torch.testing.assert_close(got, want)


# ---- arrays keep their library, device and dtype; what is refused says so
@pytest.mark.parametrize("make", KEPT.values(), ids=KEPT)
@pytest.mark.parametrize("name", ["float32", "float64", "bfloat16", "float16", "complex64"])
def test_keeps_dtype_and_device(make, name):
    dtype = getattr(torch, name)
    a, b = torch.ones(2, 3).to(dtype), torch.ones(3, 4).to(dtype)
    got = ed.evaluate(make(), X=a, Y=b)
    assert (got.dtype, got.device) == (dtype, a.device)
    want = ed.evaluate(make(), X=a.to(torch.complex128).numpy(), Y=b.to(torch.complex128).numpy())
    np.testing.assert_allclose(got.to(torch.complex128).numpy(), want, rtol=2e-2)


@pytest.mark.parametrize("make", KEPT.values(), ids=KEPT)
def test_keeps_another_device(make):
    """`meta` tensors have a shape and no values: whatever is made besides them must be made there."""
    got = ed.evaluate(make(), X=torch.ones(2, 3, device="meta"), Y=torch.ones(3, 4, device="meta"))
    assert got.device.type == "meta"
    assert got.dtype == torch.float32


def test_held_arrays_are_moved():
    held = np.arange(3.0, dtype=np.float32)[::-1]
    f = ed.compile(es("ij,j->i", X, held))
    assert f(X=torch.ones(2, 3, device="meta")).device.type == "meta"
    assert f(X=torch.ones(2, 3)).tolist() == [3, 3]
    assert f(X=np.ones((2, 3), np.float32)).tolist() == [3, 3]
    assert f.raw(np.ones((2, 3), np.float32)).tolist() == [3, 3]
    f(X=torch.ones(2, 3))
    assert f.raw(torch.ones(2, 3)).tolist() == [3, 3]


PROMOTED = [
    ("float32", "int64", "float32"),
    ("float32", "float64", "float64"),
    ("float16", "float32", "float32"),
    ("bfloat16", "int64", "bfloat16"),
    ("float32", "bool", "float32"),
    ("complex64", "float64", "complex128"),
    ("int32", "int64", "int64"),
    ("int8", "uint8", "int16"),
]


@pytest.mark.parametrize(("a", "b", "want"), PROMOTED)
def test_promotes_as_torch(a, b, want):
    a, b = torch.ones(2, 2).to(getattr(torch, a)), torch.ones(2, 2).to(getattr(torch, b))
    f = ed.compile(es("ij,jk->ik", "A", "B"))
    for _ in range(3):
        assert f(A=a, B=b).dtype == getattr(torch, want) == torch.promote_types(a.dtype, b.dtype)
        assert f(A=a, B=b).tolist() == [[2, 2], [2, 2]]
    assert f.raw(a, b).tolist() == [[2, 2], [2, 2]]


def test_whole_numbers_under_a_smooth_function_get_the_default_float():
    assert (
        ed.evaluate(ed.exp(x), x=torch.ones(2, dtype=torch.int64)).dtype
        == torch.get_default_dtype()
    )
    assert (
        ed.evaluate(0.5 * x, x=torch.ones(2, dtype=torch.int8)).dtype == torch.get_default_dtype()
    )


def test_whole_numbers_are_exact_or_refused():
    product = es("ij,jk->ik", "A", "B")
    big = torch.full((2, 2), 2**40)
    with pytest.raises(ed.EinderivError, match="beyond int64"):
        ed.evaluate(product, A=big, B=big)
    with pytest.raises(ed.EinderivError, match=r"30000.*int8 does not hold"):
        ed.evaluate(
            product,
            A=torch.full((1, 3), 100, dtype=torch.int8),
            B=torch.full((3, 1), 100, dtype=torch.int8),
        )
    got = ed.evaluate(es("i,i->", "x", "x"), x=torch.tensor([2**30, 3]))
    assert got.item() == 2**60 + 9
    J = ed.derive(es("ij,jk->ik", "A", "B"), "A")
    a, b = torch.arange(6).reshape(2, 3), torch.arange(12).reshape(3, 4)
    assert (ed.evaluate(J, A=a, B=b).numpy() == ed.evaluate(J, A=a.numpy(), B=b.numpy())).all()


def test_autograd_passes_through():
    w = torch.rand(3, requires_grad=True)
    f = ed.compile(
        {
            "loss": ed.sum(ed.sin(t("w", "i")) ** 2),
            "grad": ed.grad(ed.sum(ed.sin(t("w", "i")) ** 2), "w"),
        }
    )
    for _ in range(3):
        found = f(w=w)
        (theirs,) = torch.autograd.grad(found["loss"], w)
        torch.testing.assert_close(theirs, found["grad"])


def test_results_alias_nothing():
    a = torch.rand(2, 2)
    for e in (X, X.T, ed.diag(X), ed.vec(X), es("ij->ijk", X, sizes={"k": 2})):
        got = ed.evaluate(e, X=a)
        got += 1
        assert a.max() <= 1


@pytest.mark.filterwarnings("ignore:`torch.jit.script` is deprecated")  # torch.func.jvp calls it
@pytest.mark.parametrize("function", ["vmap", "grad", "jvp", "jacrev"])
def test_transformations(function):
    f = ed.compile(ed.sum(ed.exp(X) * X))
    a, transform = torch.rand(2, 3), getattr(torch.func, function)
    if function == "vmap":
        got, want = (
            transform(lambda a: f(X=a))(torch.stack([a, 2 * a])),
            torch.stack([f(X=a), f(X=2 * a)]),
        )
    elif function == "jvp":
        got, want = transform(lambda a: f(X=a), (a,), (a,))[1], ((a.exp() * a + a.exp()) * a).sum()
    else:
        got, want = transform(lambda a: f(X=a))(a), a.exp() * a + a.exp()
    torch.testing.assert_close(got, want)


@pytest.mark.parametrize("make", FUSED.values(), ids=FUSED)
def test_transformations_go_through_its_own_kernels(make):
    f, a = fused(make, torch.tensor)
    for _ in range(3):
        want = f(a)
    torch.testing.assert_close(
        torch.func.vmap(f)(torch.stack([a, 2 * a])), torch.stack([want, f(2 * a)])
    )
    forward, backward = torch.func.jacfwd(f)(a), torch.func.jacrev(f)(a)
    torch.testing.assert_close(forward, backward)
    torch.testing.assert_close(torch.func.vmap(torch.func.jacrev(f))(a[None])[0], backward)


@pytest.mark.slow
@pytest.mark.timeout(600)
@pytest.mark.filterwarnings("ignore::DeprecationWarning")  # the compiler's own
@pytest.mark.parametrize("make", FUSED.values(), ids=FUSED)
def test_one_graph_of_its_own_kernels(make):
    torch._dynamo.reset()
    f, a = fused(make, torch.tensor)
    for _ in range(3):
        want = f(a)
    torch.testing.assert_close(torch.compile(f, fullgraph=True, backend="aot_eager")(a), want)


@pytest.mark.slow
@pytest.mark.timeout(600)
@pytest.mark.filterwarnings("ignore::DeprecationWarning")  # the compiler's own
@pytest.mark.parametrize("how", ["call", "raw", "gradient"])
def test_one_graph_for_the_compiler(how):
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


def test_declared_structures_are_checked():
    f = ed.compile(t("S", "nn", symmetric=True) * 2.0)
    assert f(S=torch.eye(2)).tolist() == [[2, 0], [0, 2]]
    with pytest.raises(ed.EinderivError, match="declared symmetric"):
        f(S=torch.tensor([[1.0, 2], [0, 1]]))
    assert torch.func.vmap(lambda S: f(S=S))(torch.eye(2)[None]).shape == (1, 2, 2), (
        "no values to look at"
    )


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
def test_refuses(call, kind, message):
    with pytest.raises(kind, match=message):
        call(torch)
