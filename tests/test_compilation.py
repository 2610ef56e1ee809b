"""Constants: the same values, and what depends on them alone computed once."""

import numpy as np
import pytest

import einderiv as ed
from einderiv.derivation import leaves

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
    body = f._inner._last.emitted.source.split("def compute")[1]
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
    (lambda: ed.compile(A @ b, constants=["A"], backend="torch"),   ed.BackendError,  "for NumPy arrays, not"),
    (lambda: ed.compile(A @ b, constants=["A"])(A=AT["A"]),         ed.EinderivError, "no array for b"),
    (lambda: ed.compile(A @ b, constants=["A"])(A=AT["b"], b=AT["b"]), ed.ShapeError, "constant A"),
])  # fmt: skip
def test_refused(call, kind, message):
    with pytest.raises(kind, match=message):
        call()
