"""Structured tensors of torch and JAX say what NumPy's say, with arrays of the library."""

import numpy as np
import pytest

import einderiv as ed

U, V, T, x = ed.tensor("U", "nk"), ed.tensor("V", "mk"), ed.tensor("T", "nm"), ed.tensor("x", "i")
LOSS = ed.norm_squared(T - ed.einsum("nk,mk->nm", U, V))
CASES = {
    "a Hessian":        ed.hessian(LOSS, U),
    "a mixed Hessian":  ed.hessian(LOSS, U, V),
    "overlapping":      ed.derive(ed.softmax(U @ V.T, 1), U),
    "an outer product": ed.derive(ed.einsum("nk,mk,ij->nmij", U, V, "A"), "A"),
    "an identity":      ed.derive(x, x),
    "zero":             ed.derive(x * 0, x),
    "complex":          ed.derive(ed.einsum("ij,j->i", "C", x), x),
    "no derivative":    ed.einsum("i->ii", x),
}  # fmt: skip
rng = np.random.default_rng(0)
AT = {
    "U": rng.normal(size=(4, 2)),
    "V": rng.normal(size=(3, 2)),
    "T": rng.normal(size=(4, 3)),
    "A": np.ones((2, 5)),
    "x": rng.normal(size=3),
    "C": rng.normal(size=(3, 3)) + 1j,
}


@pytest.fixture(params=["torch", "jax"])
def make(request):
    module = pytest.importorskip(request.param)
    if request.param == "jax":
        module.config.update("jax_enable_x64", True)
        return module.numpy.asarray
    return module.tensor


def both(e, make):
    given = {n: AT[n] for n in ed.compile(e).tensors}
    return ed.evaluate(e, given, dense=False), ed.evaluate(
        e, {n: make(a) for n, a in given.items()}, dense=False
    )


def assert_same(got, want, make):
    assert type(got) is type(make(1.0))
    assert (tuple(got.shape), str(got.dtype).split(".")[-1]) == (want.shape, str(want.dtype))
    np.testing.assert_allclose(got, want, rtol=1e-12, atol=1e-14)


@pytest.mark.parametrize("e", CASES.values(), ids=CASES)
def test_terms_and_the_dense_tensor(e, make):
    want, got = both(e, make)
    assert (got.shape, got.ndim, got.axes, got.nbytes) == (
        want.shape,
        want.ndim,
        want.axes,
        want.nbytes,
    )
    assert_same(got.dense(), want.dense(), make)
    for ours, theirs in ((got.terms, want.terms), (got.factors, want.factors)):
        assert [text for _, text in ours] == [text for _, text in theirs]
    for (a, _), (b, _) in zip(got.terms, want.terms):
        assert_same(a, b, make)
    np.testing.assert_allclose(np.asarray(got), want.dense(), rtol=1e-12, atol=1e-14)


@pytest.mark.parametrize("e", [e for name, e in CASES.items() if name != "no derivative"])
def test_products(e, make):
    want, got = both(e, make)
    v, u = (
        rng.normal(size=s) * (1 + 1j * np.iscomplexobj(want.dense()))
        for s in (want.shape[want.split :], want.shape[: want.split])
    )
    for _ in range(2):
        assert_same(got.matvec(make(v)), want.matvec(v), make)
        assert_same(got.matvec(v), want.matvec(v), make)
        assert_same(got.rmatvec(make(u)), want.rmatvec(u), make)
    with pytest.raises(ed.ShapeError, match=r"v has shape \(7,\)"):
        got.matvec(make(np.ones(7)))


@pytest.mark.parametrize("name", ["a Hessian", "an identity", "complex", "zero"])
def test_diagonal_and_trace(name, make):
    want, got = both(CASES[name], make)
    assert_same(got.diagonal(), want.diagonal(), make)
    np.testing.assert_allclose(got.trace(), want.trace(), rtol=1e-12)


@pytest.mark.parametrize(
    "what", ["solve", "logdet", "eigvalsh", "method", "to_sparse", "as_linear_operator"]
)
def test_what_needs_numpy_says_so(what, make):
    _, got = both(CASES["a Hessian"], make)
    with pytest.raises(
        ed.BackendError, match=r"for NumPy arrays, not those of (torch|jax): .*numpy.asarray"
    ):
        getattr(got, what)(*[np.ones((4, 2))] * (what == "solve"))


def test_limits(make):
    _, got = both(CASES["a Hessian"], make)
    with pytest.raises(ed.LimitError, match="512 bytes"):
        got.dense(memory_limit=511)


def test_whole_numbers_are_exact_or_refused(make):
    s = ed.evaluate(
        ed.derive(ed.einsum("i,i->", "y", "y") * ed.tensor("y", "i"), "y"),
        y=make([2**20, 3]),
        dense=False,
    )
    assert int(s.matvec(make([1, 0]))[0]) == 3 * 2**40 + 9
    with pytest.raises(ed.EinderivError, match="beyond int64"):
        s.matvec(make([2**40, 0]))


def test_structured_calls_are_quick_in_torch():
    torch = pytest.importorskip("torch")
    f = ed.compile(CASES["a Hessian"], backend="torch", dense=False)
    given = {n: torch.tensor(AT[n]) for n in f.tensors}
    found = [f(given) for _ in range(2)] + [f(**given) for _ in range(2)]
    assert all(torch.equal(s.terms[0][0], found[0].terms[0][0]) for s in found)


def test_dtype_and_device_stay():
    torch = pytest.importorskip("torch")
    given = {n: torch.ones(AT[n].shape, dtype=torch.bfloat16, device="meta") for n in "UVT"}
    s = ed.evaluate(CASES["a Hessian"], given, dense=False)
    assert (s.dtype, s.terms[0][0].device.type, s.nbytes) == (torch.bfloat16, "meta", 8)
    assert s.dense().device.type == s.diagonal().device.type == "meta"
    assert s.matvec(given["U"]).dtype == torch.bfloat16


def test_autograd_goes_through_the_cores():
    torch = pytest.importorskip("torch")
    v = torch.tensor(AT["V"], requires_grad=True)
    s = ed.evaluate(
        CASES["a Hessian"], U=torch.tensor(AT["U"]), V=v, T=torch.tensor(AT["T"]), dense=False
    )
    s.trace().backward()
    np.testing.assert_allclose(v.grad, 4 * 4 * AT["V"], rtol=1e-12)


def test_under_transformations_of_jax():
    jax = pytest.importorskip("jax")
    jax.config.update("jax_enable_x64", True)
    e = CASES["overlapping"]
    f, want = ed.compile(e, backend="jax", dense=False), both(e, jax.numpy.asarray)[0]
    u, v = AT["U"], AT["V"]
    cores = jax.jit(lambda U: [core for core, _ in f(U=U, V=v).terms])(u)
    for got, theirs in zip(cores, want.terms, strict=True):
        np.testing.assert_allclose(got, theirs[0], rtol=1e-12)
    np.testing.assert_allclose(
        jax.jit(lambda U, x: f(U=U, V=v).matvec(x))(u, u), want.matvec(u), rtol=1e-12
    )
    np.testing.assert_allclose(
        jax.vmap(lambda U: f(U=U, V=v).dense())(u[None])[0], want.dense(), rtol=1e-12
    )
    with pytest.raises(ed.BackendError, match="traced tensor of jax is no NumPy array"):
        jax.jit(lambda U: np.asarray(f(U=U, V=v)))(u)


def test_under_transformations_of_torch():
    torch = pytest.importorskip("torch")
    e = CASES["overlapping"]
    want = both(e, torch.tensor)[0]
    u, v = torch.tensor(AT["U"]), torch.tensor(AT["V"])
    got = torch.func.vmap(lambda U: ed.evaluate(e, U=U, V=v, dense=False).matvec(U))(
        torch.stack([u, u])
    )
    np.testing.assert_allclose(got[1], want.matvec(AT["U"]), rtol=1e-12)
