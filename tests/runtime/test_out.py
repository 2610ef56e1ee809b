"""``out=``: the values are those of a call without it, whatever the array holds and wherever it lies."""

import tracemalloc

import numpy as np
import pytest

import einderiv as ed
from einderiv.expression import leaves, mapped
from einderiv.planning import tuning
from einderiv.runtime.out import apart, near

rng = np.random.default_rng(0)
X, Y, S = ed.tensor("X", "ij"), ed.tensor("Y", "ij"), ed.tensor("S", "ii")
GIVEN = {
    "X": rng.integers(-3, 4, (3, 4)),
    "Y": rng.integers(1, 5, (3, 4)),
    "S": rng.integers(-3, 4, (3, 3)),
    "v": rng.integers(-3, 4, 4),
    "B": rng.integers(-3, 4, (4, 5)),
}
FORMS = {
    "matrix product":    ed.einsum("ij,jk->ik", X, "B"),
    "transposed":        ed.einsum("ij,jk->ki", X, "B"),
    "matrix and vector": ed.einsum("ij,j->i", X, "v"),
    "in a batch":        ed.einsum("ij,jk->ijk", X, "B"),
    "row by row":        ed.einsum("ij,ij->i", X, Y),
    "outer":             ed.einsum("i,j->ji", "v", "w"),
    "scalar":            ed.sum(X),
    "the tensor itself": ed.einsum("ij->ij", X),
    "transpose":         X.T,
    "diagonal":          ed.einsum("ii->i", S),
    "scaled":            3 * X,
    "sum":               X + Y + X * Y,
    "difference":        X - 2 * Y - X * Y,
    "function":          ed.exp(X),
    "chain":             ed.exp(ed.tanh(X * Y) + X),
    "softmax":           ed.softmax(X, 1),
    "inverse":           ed.inv(S @ S.T + ed.einsum("->ii", sizes={"i": 3})),
    "zero":              ed.derive(ed.einsum("ij,jk->ik", X, "B"), Y),
    "diag(v)":           ed.einsum("i->ii", "v"),
    "one delta":         ed.derive(ed.einsum("ij,jk->ik", X, "B"), X),
    "two terms":         ed.derive(ed.einsum("ij,kj->ik", X, X), X),
    "other places":      ed.einsum("i->iii", "v") + ed.einsum("i,j->iij", "v", "v") + ed.einsum("i,j->iji", "v", "v"),
    "one fills all":     ed.einsum("i->ii", "v") + ed.einsum("i,j->ij", "v", "v"),
    "Hessian":           ed.hessian(ed.sum(ed.exp(X) * X * Y), X),
    "function of deltas": ed.exp(ed.einsum("i->ii", "v")),
    "scaled deltas":     (ed.einsum("i->ii", "v") + ed.einsum("ij->ij", "M")) * 2,
    "tree":              {"a": [X @ ed.tensor("v", "j"), X], "b": (ed.sum(X), X)},
}  # fmt: skip


def given(f, dtype):
    more = {**GIVEN, "w": GIVEN["X"][0], "M": np.outer(GIVEN["v"], GIVEN["v"])}
    return {name: more[name].astype(dtype) for name in f.tensors}


def like(values, fill):
    return mapped(lambda a: np.full_like(a, fill), values)


def agree(got, want):
    for a, b in zip(leaves(got), leaves(want), strict=True):
        assert a.dtype == b.dtype
        np.testing.assert_allclose(a, b, rtol=1e-12 if a.dtype == float else 1e-5)


@pytest.mark.parametrize("large", [1, tuning.reused_entries], ids=["in place", "small"])
@pytest.mark.parametrize("dtype", [np.float64, np.float32, np.int64, np.int16, np.complex128])
@pytest.mark.parametrize("name", FORMS)
def test_values_are_right_whatever_the_array_holds(name, dtype, large, monkeypatch):
    if name == "softmax" and dtype is np.complex128:
        pytest.skip("of real numbers only")
    monkeypatch.setattr(tuning, "reused_entries", large)
    f = ed.compile(FORMS[name])
    arrays = given(f, dtype)
    want = f(arrays)
    for fill in (77, 0):
        out = like(want, fill)
        got = f(arrays, out=out)
        assert all(a is b for a, b in zip(leaves(got), leaves(out), strict=True))
        agree(got, want)
        again = f(arrays, out=out, zeroed=True)
        agree(again, want)
    assert type(got) is type(want)
    agree(f(arrays, out=like(want, 0), zeroed=True), want)


@pytest.mark.parametrize("name", FORMS)
def test_arrays_with_any_strides(name):
    f = ed.compile(FORMS[name])
    arrays = given(f, float)
    want = f(arrays)
    out = mapped(lambda a: np.full((*a.shape, 2), 77.0)[..., 0], want)
    agree(f(arrays, out=out), want)
    agree(f(arrays, out=mapped(lambda a: np.full(a.shape, 77.0, order="F"), want)), want)


def test_only_the_cores_are_written_into_zeros():
    J = ed.compile(FORMS["one delta"])
    arrays = given(J, float)
    out = np.full((3, 5, 3, 4), 77.0)
    J(arrays, out=out, zeroed=True)  # not the truth: so one sees what is written
    mask = np.einsum("ijik->ijk", np.ones((3, 5, 3, 4))) > 0
    assert (np.einsum("ijik->ijk", out)[mask] != 77).all()
    off = np.ones((3, 5, 3, 4), bool)
    np.einsum("ijik->ijk", off)[...] = False
    assert (out[off] == 77).all()


@pytest.mark.parametrize("name", ["function of deltas", "zero"])
def test_a_promise_about_values_on_the_way_is_not_used(name):
    f = ed.compile(FORMS[name])
    arrays = given(f, float)
    out = f(arrays)
    agree(f(arrays, out=out.copy(), zeroed=True), out)


def test_a_chain_is_written_into_the_array():
    """Nothing of the size of the result is made."""
    n = 1000
    f = ed.compile(ed.exp(ed.einsum("ia,ja->ij", "U", "V")) * X)
    arrays = {
        "U": rng.normal(size=(n, 3)),
        "V": rng.normal(size=(n, 3)),
        "X": rng.normal(size=(n, n)),
    }
    want = f(arrays)
    out = np.empty_like(want)
    tracemalloc.start()
    f(arrays, out=out)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert peak < want.nbytes / 10
    agree(out, want)


def test_an_input_may_be_written_over():
    f = ed.compile(ed.einsum("ij,jk->ik", "A", "B"))
    A, B = rng.normal(size=(2, 4, 4))
    want = A @ B
    for _ in range(3):
        a = A.copy()
        assert f(A=a, B=B, out=a) is a
        np.testing.assert_allclose(a, want)
    whole = np.zeros((5, 4))
    whole[1:] = A
    np.testing.assert_allclose(f(A=whole[1:], B=B, out=whole[:4]), want)
    held = A.copy()
    g = ed.compile(ed.einsum("ij,jk->ik", held, "B"))
    np.testing.assert_allclose(g(B=B, out=held), want)
    J = ed.compile(ed.einsum("i->ii", "v"))
    space = np.zeros((4, 4))
    space[0] = 1, 2, 3, 4
    assert J(v=space[0], out=space, zeroed=True).tolist() == np.diag([1.0, 2, 3, 4]).tolist()


def test_columns_of_one_array_hold_two_results():
    f = ed.compile([ed.einsum("ij,j->i", "A", "x"), ed.einsum("ij,j->i", "A", "y")])
    A, x, y = rng.normal(size=(3, 3)), rng.normal(size=3), rng.normal(size=3)
    out = np.empty((3, 2))
    f(A=A, x=x, y=y, out=[out[:, 0], out[:, 1]])
    np.testing.assert_allclose(out, A @ np.stack([x, y], 1))


def test_none_asks_for_a_fresh_array():
    f = ed.compile(ed.value_and_grad(ed.sum(X * X * Y), X))
    arrays = given(f, float)
    want, g = f(arrays), np.empty((3, 4))
    value, grad = f(arrays, out=(None, g))
    assert grad is g
    agree((value, grad), want)
    assert isinstance(value, np.ndarray)


def test_a_memory_map(tmp_path):
    J = ed.compile(FORMS["one delta"])
    arrays = given(J, float)
    out = np.memmap(tmp_path / "J", float, "w+", shape=(3, 5, 3, 4))
    assert J(arrays, out=out, zeroed=True) is out
    agree(np.asarray(out), J(arrays))


def test_evaluate_and_constants_take_it_too():
    e, out = ed.einsum("ij,jk->ik", "A", "B"), np.empty((2, 2))
    A, B = np.eye(2), np.ones((2, 2))
    assert ed.evaluate(e, A=A, B=B, out=out) is out
    assert ed.evaluate([e], A=A, B=B, out=[out], memory_limit=10**6)[0] is out
    f = ed.compile(e, constants=["A"])
    assert f(A=A, B=2 * B, out=out) is out
    assert f(B=2 * B, out=out, zeroed=True).tolist() == [[2, 2], [2, 2]]


def test_quick_calls_go_on_beside_it():
    f, A, B = ed.compile(ed.einsum("ij,jk->ik", "A", "B")), np.eye(2), np.ones((2, 2))
    for _ in range(3):
        f(A=A, B=B)
    out = np.empty((2, 2))
    for _ in range(3):
        assert f(A=A, B=B, out=out) is out
        assert f(A=A, B=B).tolist() == f.raw(A, B).tolist() == out.tolist()
    g = ed.compile(ed.einsum("ij,jk->ik", "A", "B"))
    for _ in range(3):
        assert g(A=A, B=B, out=out) is out
    assert g.raw(A, B) is not out


o, z = np.empty((2, 2)), np.ones((2, 2))
REFUSED = [
    (dict(out=[[1.0, 2.0]]),               TypeError,       "out must be a NumPy array, not list"),
    (dict(out=np.ma.zeros((2, 2))),        TypeError,       "out must be a NumPy array, not MaskedArray"),
    (dict(out=np.empty((2, 3))),           ed.ShapeError,   r"out has shape \(2, 3\), but the result has shape \(2, 2"),
    (dict(out=np.empty((2, 2), "f4")),     ed.EinderivError, "out has dtype float32, but the result has dtype float64"),
    (dict(out=np.empty((2, 2), ">f8")),    ed.EinderivError, "out has dtype >f8"),
    (dict(out=np.broadcast_to(z, (2, 2))), ed.EinderivError, "out is read-only"),
    (dict(out=np.lib.stride_tricks.as_strided(z.copy(), (2, 2), (0, 8))), ed.EinderivError, "one number in several"),
    (dict(zeroed=True),                    ed.EinderivError, "zeroed=True says something of out="),
    (dict(out=o, zeroed=1),                TypeError,       "zeroed says of out .* not int"),
]  # fmt: skip


@pytest.mark.parametrize(("options", "error", "message"), REFUSED)
@pytest.mark.parametrize("before", [0, 3])
def test_what_is_refused(options, error, message, before):
    f = ed.compile(ed.einsum("ij,jk->ik", "A", "B"))
    for _ in range(before):
        f(A=z, B=z)
    with pytest.raises(error, match=message):
        f(A=z, B=z, **options)
    assert f(A=z, B=z).tolist() == [[2, 2], [2, 2]]


@pytest.mark.parametrize(
    ("out", "message"),
    [
        ([o], "out must be a dict with the keys of the expressions, 'a', 'b'"),
        ({"a": o}, "out must be a dict with the keys"),
        ({"a": o, "b": o}, r"out\['b'\] must be a list or tuple of 2"),
        ({"a": o, "b": [o]}, r"out\['b'\] must be a list or tuple of 2"),
        ({"a": o, "b": [o, None]}, r"out\['a'\] and out\['b'\]\[0\] share memory"),
        ({"a": None, "b": [None, np.empty(3)]}, r"out\['b'\]\[1\] has shape \(3,\)"),
    ],
)
def test_trees_that_do_not_fit(out, message):
    e = ed.einsum("ij,jk->ik", "A", "B")
    with pytest.raises(ed.EinderivError, match=message):
        ed.evaluate({"a": e, "b": [e.T, 2 * e]}, A=z, B=z, out=out)


def test_where_there_is_no_array_to_write_into():
    with pytest.raises(ed.EinderivError, match="out= needs dense=True"):
        ed.evaluate(X, X=z, dense=False, out=o)
    torch = pytest.importorskip("torch")
    f = ed.compile(X)
    for _ in range(3):
        with pytest.raises(ed.BackendError, match="not for those of torch"):
            f(X=torch.ones(2, 2), out=o)
        f(X=torch.ones(2, 2))


@pytest.mark.parametrize("name", ["out", "zeroed", "sizes"])
def test_tensors_with_the_names_of_options(name):
    """By keyword it is not clear what is meant; in a mapping it is."""
    f = ed.compile(2 * ed.tensor(name, "i"))
    x, place = np.ones(3), np.empty(3)
    with pytest.raises((ed.EinderivError, TypeError), match="mapping"):
        f(**{name: x})
    for _ in range(3):
        assert f({name: x}).tolist() == [2, 2, 2]
        assert f({name: x}, out=place, zeroed=True) is place
        assert f.raw(x).tolist() == place.tolist() == [2, 2, 2]
    with pytest.raises((ed.EinderivError, TypeError), match="mapping"):
        f(**{name: x})
    assert x.tolist() == [1, 1, 1]


def test_a_tensor_that_is_not_needed_is_never_written_over():
    f = ed.compile(ed.derive(ed.einsum("i->i", ed.tensor("out", "i")), "out"))
    x = np.ones(3)
    with pytest.raises(ed.EinderivError, match="option of this call, and also one of the tensors"):
        f(out=x)
    assert x.tolist() == [1, 1, 1]


def test_an_error_is_the_same_with_it():
    f = ed.compile(ed.inv(ed.tensor("M", "ij")))
    with pytest.raises(ed.EinderivError, match="cannot be inverted"):
        f(M=np.ones((2, 2)), out=o)
    with pytest.raises(ed.EinderivError, match=r"beyond int64"):
        ed.evaluate(ed.einsum("i,i->i", "a", "a"), a=np.full(2, 2**40), out=np.empty(2, int))
    with pytest.raises(ed.EinderivError, match=r"int16 does not hold"):
        ed.evaluate(ed.einsum("i,i->i", "a", "a"), a=np.full(2, 300, "i2"), out=np.empty(2, "i2"))


@pytest.mark.parametrize("count", [3, 40])
def test_what_may_share_memory(count):
    whole = np.zeros((2, count, 5))
    arrays = [
        *(whole[0, k] for k in range(count)),
        whole[0, 1:3, ::2],
        np.zeros((0, 5)),
        None,
        whole[1, ::-1],
    ]
    assert near(arrays) == [(1, count), (2, count)]
    assert apart(arrays[:count], arrays[count:]) == [k not in (1, 2) for k in range(count)]
    assert apart([None, whole], [whole[1, 2:]]) == [True, False]
    assert near([whole, whole, whole[1]]) == [(0, 1), (0, 2), (1, 2)]
    assert near([whole[1], *(np.zeros(3) for _ in range(count)), whole]) == [(0, count + 1)]


@pytest.mark.parametrize("shape", [(2, 0), (0, 2), (0, 0)])
def test_an_array_without_entries(shape):
    f = ed.compile(ed.einsum("i,j->ij", "x", "y"))
    out = np.empty(shape)
    assert f(x=np.ones(shape[0]), y=np.ones(shape[1]), out=out) is out
