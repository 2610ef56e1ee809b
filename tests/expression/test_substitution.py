"""Expressions, names, arrays and numbers in the place of tensors."""

import pickle

import numpy as np
import pytest

import einderiv as ed

A, x = ed.tensor("A", "ij"), ed.tensor("x", "j")
y = ed.einsum("ij,j->i", A, x)
a, b, v, w = (
    np.arange(6).reshape(2, 3),
    np.arange(12).reshape(3, 4) - 5,
    np.array([1, 2, -1]),
    np.array([2, 0, 1, 3]),
)


@pytest.mark.parametrize(
    ("e", "parts", "at", "want"),
    [
        (y, {"x": ed.einsum("jk,k->j", "B", "z")}, {"A": a, "B": b, "z": w}, a @ b @ w),
        (y, {"x": v}, {"A": a}, a @ v),
        (y, {"x": "z"}, {"A": a, "z": v}, a @ v),
        (y, {"A": a, "x": v}, {}, a @ v),
        (ed.exp(x) * x, {"x": 2 * x}, {"x": v}, np.exp(2 * v) * 2 * v),
        (y - 3 * ed.sum(x), {"x": x + x}, {"A": a, "x": v}, 2 * (a @ v) - 6 * v.sum()),
        (x * ed.tensor("s", ""), {"s": 4}, {"x": v}, 4 * v),
        (ed.diag(x), {"x": ed.einsum("jk->j", "B")}, {"B": b}, np.diag(b.sum(1))),
        (
            ed.derive(y, "A"),
            {"x": ed.einsum("jk,k->j", "B", "z")},
            {"A": a, "B": b, "z": w},
            np.einsum("ia,b->iab", np.eye(2), b @ w),
        ),
    ],
)
def test_substitute(e, parts, at, want):
    got = ed.evaluate(ed.substitute(e, parts), at)
    assert got.shape == want.shape
    np.testing.assert_allclose(got, want, rtol=1e-14)


def test_all_at_once():
    p, q = ed.tensor("p", "i"), ed.tensor("q", "i")
    swapped = ed.substitute(p - 2 * q, p=q, q=p)
    assert swapped == q - 2 * p


def test_the_derivative_of_what_is_put_in_follows():
    inner = ed.einsum("jk,k->j", "B", "z")
    direct = ed.tanh(ed.einsum("ij,j->i", A, inner))
    assert ed.derive(ed.substitute(ed.tanh(y), x=inner), "z") == ed.derive(direct, "z")


@pytest.mark.parametrize(
    ("parts", "kind", "message"),
    [
        ({"X": v}, ed.EinderivError, "did you mean 'x'"),
        ({"x": a}, ed.ShapeError, "what stands for x has 2 axes, but needs 1"),
        ({"x": "A"}, ed.ShapeError, "a tensor is its name"),
        ({"x": object()}, TypeError, "must be an array"),
    ],
)
def test_refused(parts, kind, message):
    with pytest.raises(kind, match=message):
        ed.substitute(y, parts)
    with pytest.raises(TypeError, match="only expressions"):
        ed.substitute("ij->i", A=a)


def test_sizes_must_fit():
    e = ed.substitute(y, x=ed.tensor("z", "k"))
    with pytest.raises(ed.ShapeError, match=r"3.*4|4.*3"):
        ed.evaluate(e, A=a, z=w)


def test_sizes_that_arrays_make_known_are_checked_at_once():
    e = ed.sum(ed.exp(ed.tensor("X", "ij") @ ed.tensor("v", "j")))
    with pytest.raises(ed.ShapeError, match="4"):
        ed.substitute(e, X=np.ones((2, 3)), v=np.zeros(4))


def test_what_is_brought_is_known():
    """x → 2 q in ∂(Σ x y)/∂x = y: its derivative by q is a zero, and q may be given."""
    x, y, q = (ed.tensor(name, "i") for name in "xyq")
    s = ed.substitute(ed.grad(ed.sum(x * y), x), x=2 * q)
    at = {"q": np.ones(2), "y": np.array([1.0, 2.0])}
    assert ed.evaluate(s, **at).tolist() == [1, 2]
    assert ed.evaluate(ed.derive(s, "q"), **at).tolist() == [[0, 0], [0, 0]]
    assert ed.substitute(x, {}) is x


def tied(x="x"):
    """v broadcast along n, which is the axis of x and of nothing else, times x."""
    return ed.einsum("i->in", "v", sizes={"n": "n"}) @ ed.tensor(x, "n")


M, q, ones = np.arange(6).reshape(2, 3), np.array([1, 2, 4]), np.array([1, 1])


@pytest.mark.parametrize(
    ("e", "parts", "at", "want"),
    [
        # another tensor, a value, an array
        (tied(), {"x": ed.tensor("q", "k")},                     {"q": q},          [7, 7]),
        (tied(), {"x": 2 * ed.tensor("q", "k")},                 {"q": q},          [14, 14]),
        (tied(), {"x": q},                                       {},                [7, 7]),
        # what stands in has an axis n, or the tensor itself, of another size
        (tied(), {"x": ed.tensor("M", "kn") @ ed.tensor("q", "n")}, {"M": M, "q": q}, [41, 41]),
        (tied(), {"x": ed.einsum("kn,n->k", "M", "x")},          {"M": M, "x": q},  [41, 41]),
        (tied(), {"x": ed.einsum("kn,n->k", "M", ed.tensor("x", "n"))}, {"M": M, "x": q}, [41, 41]),
        (ed.sum(tied()) * ed.sum(ed.tensor("x", "n")), {"x": ed.tensor("M", "kn") @ ed.tensor("x", "n")}, {"M": M, "x": q}, 82 * 41),
        # a number and an average count the new axis
        (ed.mean(ed.tensor("x", "n")), {"x": ed.tensor("M", "kn") @ ed.tensor("x", "n")}, {"M": M, "x": q}, 20.5),
        # axes that were merged
        (ed.sum(ed.vec(ed.tensor("X", "mn")) * 2), {"X": ed.tensor("X", "mk") @ ed.tensor("M", "kn")}, {"X": np.ones((1, 2)), "M": M}, 30),
    ],
)  # fmt: skip
def test_what_was_tied_to_a_name_is_tied_anew(e, parts, at, want):
    found = ed.substitute(e, parts)
    at = {"v": ones, **at}
    assert np.array_equal(ed.evaluate(found, at), want)
    again = pickle.loads(pickle.dumps(found))
    assert again == found
    assert np.array_equal(ed.evaluate(again, at), want)


def test_it_is_derived_as_if_it_was_written_so():
    """x → M x in (Σ_n v_i x_n)²: the Hessian by the new x."""
    y = ed.sum(tied() ** 2)
    found = ed.hessian(ed.substitute(y, x=ed.einsum("kn,n->k", "M", "x")), "x")
    column_sums = M.sum(0)
    want = 2 * len(ones) * np.outer(column_sums, column_sums)
    assert np.array_equal(ed.evaluate(found, v=ones, M=M, x=q), want)


def test_a_name_that_others_have_too_stays_tied():
    z = ed.tensor("z", "n")
    y = ed.sum(tied()) + ed.sum(z)
    found = ed.substitute(y, x=ed.tensor("M", "kn") @ ed.tensor("x", "n"))
    with pytest.raises(ed.ShapeError, match=r"3.*2|2.*3"):
        ed.evaluate(found, v=ones, M=M, x=q, z=q)


@pytest.mark.parametrize("length", [ed.norm, ed.norm_squared, ed.var, ed.std, ed.layer_norm])
@pytest.mark.parametrize(
    "brought", [ed.tensor("z", "n", complex=True), np.array([3j, 4]), ed.tensor("x", "n") * 1j]
)
def test_what_is_complex_is_refused_where_lengths_of_reals_are_taken(length, brought):
    with pytest.raises(ed.EinderivError, match="squared moduli of x are taken"):
        ed.substitute(length(ed.tensor("x", "n")), x=brought)


def test_what_is_complex_comes_into_what_is_holomorphic():
    x, z = ed.tensor("x", "n"), ed.tensor("z", "n", complex=True)
    assert ed.substitute(ed.sum(ed.exp(x) * x), x=z) == ed.sum(ed.exp(z) * z)
    assert ed.substitute(ed.conj(x) * x, x=z) == ed.conj(z) * z
