"""Constants: the same values, and what depends on them alone computed once."""

import numpy as np
import pytest

import einderiv as ed
from einderiv.expression import leaves

A, B, x, b = ed.tensor("A", "ij"), ed.tensor("B", "jk"), ed.tensor("x", "k"), ed.tensor("b", "i")
rng = np.random.default_rng(0)
AT = {"A": rng.normal(size=(5, 5)), "B": rng.normal(size=(5, 4)), "x": rng.normal(size=4), "b": rng.normal(size=5)}
CASES = {  # an expression, its constants, the steps that are left for each call
    "a product":        (ed.exp(A @ B) @ x, ["A", "B"], 1),
    "a solve":          (ed.inv(A) @ b, ["A"], 1),
    "all of it":        (ed.sum(A @ B), ["A", "B"], 0),
    "nothing":          (ed.exp(x), ["A"], 1),
    "in two places":    (A @ b + ed.exp(A) @ b, ["A"], 3),
    "gradients":        (ed.grad(ed.sum((A @ (B @ x) - b) ** 2), ["x", "b"]), ["A", "B"], 9),
    "structured":       (ed.derive(ed.einsum("ij,jk->ik", A, "M"), "M"), ["A"], 9),
}  # fmt: skip


def arrays(e):
    at = {**AT, "M": np.ones((5, 3))}
    return {n: at[n] for n in {k for root in (e if isinstance(e, list) else [e]) for k in ed.compile(root).tensors}}


@pytest.mark.parametrize(("e", "names", "steps"), CASES.values(), ids=CASES)
def test_constants_give_the_same(e, names, steps):
    names = [n for n in names if n in arrays(e)] or ["x"]
    f, at = ed.compile(e, constants=names), arrays(e)
    first = f(at)
    rest = {n: a for n, a in at.items() if n not in names}
    plain = ed.compile(e)(at)
    for found in (first, f(rest), f(rest), f(at), f(**rest)):
        for a, c in zip(leaves(found), leaves(plain), strict=True):
            np.testing.assert_allclose(a, c, rtol=1e-12)
    assert not set(f.inputs) & set(names)
    body = f._held[1]._last.emitted.source.split("def compute")[1]
    assert body.count(" = ") <= steps


def test_a_factorisation_is_made_once(monkeypatch):
    from scipy.linalg import lapack

    made = []
    real = lapack.get_lapack_funcs
    monkeypatch.setattr(lapack, "get_lapack_funcs", lambda names, *a: made.append(names) or real(names, *a))
    f = ed.compile(ed.inv(A) @ b, constants=["A"])
    for k in range(4):
        got = f(b=AT["b"] * k, **({"A": AT["A"]} if k == 0 else {}))
        np.testing.assert_allclose(got, np.linalg.solve(AT["A"], AT["b"] * k))
    assert sum("getrf" in names for names in made) == 1


def test_another_array_plans_anew():
    f = ed.compile(A @ b, constants=["A"])
    f(A=AT["A"], b=AT["b"])
    other = AT["A"] + 1
    np.testing.assert_allclose(f(A=other, b=AT["b"]), other @ AT["b"])
    np.testing.assert_allclose(f(b=AT["b"]), other @ AT["b"])
    np.testing.assert_allclose(f.raw(AT["b"]), other @ AT["b"])


def test_a_failed_call_changes_no_constant(monkeypatch):
    """Also one that is interrupted: the array is not kept without what was made of it."""
    f, other = ed.compile(A @ b, constants=["A"]), AT["A"] + 1
    f(A=AT["A"], b=AT["b"])

    def interrupted(*_):
        raise KeyboardInterrupt

    with monkeypatch.context() as patch, pytest.raises(KeyboardInterrupt):
        patch.setattr("einderiv.runtime.compilation.bound", interrupted)
        f(A=other, b=AT["b"])
    np.testing.assert_allclose(f(b=AT["b"]), AT["A"] @ AT["b"])
    np.testing.assert_allclose(f(A=other, b=AT["b"]), other @ AT["b"])


def test_structured_results_stay_derivatives():
    e = CASES["structured"][0]
    f = ed.compile(e, constants=["A"], dense=False)
    found = f(A=AT["A"], M=np.ones((5, 3)))
    np.testing.assert_allclose(found.matvec(np.ones((5, 3))), AT["A"] @ np.ones((5, 3)))


def test_whole_numbers_stay_exact():
    f = ed.compile(A @ b, constants=["A"])
    assert f(A=[[1, 2], [3, 4]], b=[1, 1]).tolist() == [3, 7]
    with pytest.raises(ed.EinderivError, match="integers may reach"):
        f(A=[[2**62, 2], [3, 4]], b=[4, 1])


@pytest.mark.parametrize(("call", "kind", "message"), [
    (lambda: ed.compile(A @ b, constants="A"),                      TypeError,        "a list of names"),
    (lambda: ed.compile(A @ b, constants=["C"]),                    ed.EinderivError, "no tensor here is called 'C'"),
    (lambda: ed.compile(A @ b, constants=["A"])(b=AT["b"]),         ed.EinderivError, "no array for the constant A"),
    (lambda: ed.compile(A @ b, constants=["A"])(A=AT["A"]),         ed.EinderivError, "no array for b"),
    (lambda: ed.compile(A @ b, constants=["A"])(A=AT["b"], b=AT["b"]), ed.ShapeError, "constant A"),
])  # fmt: skip
def test_refused(call, kind, message):
    with pytest.raises(kind, match=message):
        call()


# ---- torch and JAX
HOSTED = [name for name in CASES if name != "structured"]


@pytest.fixture(params=["torch", "jax"])
def host(request):
    """The name of a library, and what makes arrays of it."""
    module = pytest.importorskip(request.param)
    if request.param == "jax":
        module.config.update("jax_enable_x64", True)
        return "jax", module.numpy.asarray
    return "torch", module.tensor


@pytest.mark.parametrize("name", HOSTED)
@pytest.mark.parametrize("given", ["theirs", "constants of NumPy", "all of NumPy"])
def test_constants_of_a_library(host, name, given):
    e, names, steps = CASES[name]
    names = [n for n in names if n in arrays(e)] or ["x"]
    at, want = arrays(e), leaves(ed.compile(e)(arrays(e)))
    backend, make = host
    at = {n: a if given == "all of NumPy" or (given != "theirs" and n in names) else make(a) for n, a in at.items()}
    f = ed.compile(e, constants=names, backend=None if given == "theirs" else backend)
    rest = {n: a for n, a in at.items() if n not in names}
    for found in (f(at), f(rest), f(**rest), f(rest), f.raw(*(make(arrays(e)[n]) for n in f.inputs))):
        for a, c in zip(leaves(found), want, strict=True):
            assert type(a) is type(make(1.0))
            np.testing.assert_allclose(a, c, rtol=1e-12)
    assert f._held[1]._last.emitted.source.split("def compute")[1].count(" = ") <= steps


def test_a_factorisation_of_torch_is_made_once(monkeypatch):
    torch = pytest.importorskip("torch")
    made, real = [], torch.linalg.lu_factor
    monkeypatch.setattr(torch.linalg, "lu_factor", lambda a: made.append(1) or real(a))
    f = ed.compile(ed.inv(A) @ b, constants=["A"])
    for k in range(4):
        got = f(b=torch.tensor(AT["b"] * k), **({"A": torch.tensor(AT["A"])} if k == 0 else {}))
        np.testing.assert_allclose(got, np.linalg.solve(AT["A"], AT["b"] * k))
    assert len(made) == 1


def test_constants_under_jit():
    jax = pytest.importorskip("jax")
    jax.config.update("jax_enable_x64", True)
    f, want = ed.compile(ed.inv(A) @ b, constants=["A"], backend="jax"), np.linalg.solve(AT["A"], AT["b"])
    np.testing.assert_allclose(jax.jit(lambda b: f(A=AT["A"], b=b))(AT["b"]), want)  # planned while it is traced
    np.testing.assert_allclose(f(b=AT["b"]), want)
    np.testing.assert_allclose(jax.jit(f.raw)(AT["b"]), want)
    np.testing.assert_allclose(jax.vmap(lambda b: f(b=b))(np.stack([AT["b"], 2 * AT["b"]]))[1], 2 * want)
    with pytest.raises(ed.BackendError, match=r"constant A is kept.*neither be traced nor get a gradient"):
        jax.jit(lambda A: f(A=A, b=AT["b"]))(AT["A"])


def test_constants_of_torch_get_no_gradient():
    torch = pytest.importorskip("torch")
    f = ed.compile(A @ b, constants=["A"])
    a, v = (torch.tensor(AT[n], requires_grad=True) for n in "Ab")
    with pytest.raises(ed.BackendError, match=r"constant A is kept.*nor get a gradient"):
        f(A=a, b=v)
    f(A=a.detach(), b=v).sum().backward()
    np.testing.assert_allclose(v.grad, AT["A"].sum(0))
