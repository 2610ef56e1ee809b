"""Sparse arrays of SciPy where arrays are given: the values of dense ones, and their patterns."""

import numpy as np
import pytest

import einderiv as ed
from einderiv.errors import BackendError, EinderivError, LimitError, ShapeError

sp = pytest.importorskip("scipy.sparse")

A, B = ed.tensor("A", "ij"), ed.tensor("B", "ij")
U, V, x = ed.tensor("U", "ik"), ed.tensor("V", "jk"), ed.tensor("x", "j")
FORMATS = ("csr", "csc", "coo", "bsr", "dia", "lil", "dok")


def whole(*shape, share=1.0, seed=0, dtype=np.int64):
    rng = np.random.default_rng(seed)
    values = rng.integers(1, 5, shape) * (rng.random(shape) < share)
    return values.astype(dtype)


DENSE = {
    "A": whole(40, 30, share=0.05),
    "B": whole(40, 30, share=0.05, seed=1),
    "U": whole(40, 3),
    "V": whole(30, 3),
    "x": whole(30),
}

# expression, and whether its value is sparse
CASES = {
    "scaled": (2 * A, True),
    "transposed": (A.T, True),
    "function": (3 * ed.abs(A), True),
    "function of a product": (ed.abs(-2 * A), True),
    "sampled": (A * (U @ V.T), True),
    "by columns": (A * x, True),
    "sum": (A + 2 * B, True),
    "its own square": (A * A, True),
    "the Jacobian of a product": (ed.derive(A @ x, x), True),
    "the gradient by it": (ed.grad(ed.sum(A * A), A), True),
    "vector": (A @ x, False),
    "matrix": (A @ V, False),
    "sampled, times a vector": ((A * (U @ V.T)) @ x, False),
    "sum times a vector": ((A + B) @ x, False),
    "with a dense one, times a vector": ((A + U @ V.T) @ x, False),
    "with a dense one": (A + U @ V.T, False),
    "Gram, times a vector": (A.T @ (A @ x), False),
    "function times a vector": (ed.abs(A) @ x, False),
    "part of a product": (A[1:5] @ x, False),
    "rows of a sampled product": (ed.einsum("ij,ij->i", A, U @ V.T), False),
    "powers": (A**3, True),
    "rows": (ed.sum(A, 1), False),
    "entries": (ed.sum(A * A), False),
    "gradient": (ed.grad(ed.sum((A @ x) * (A @ x)), x), False),
}


@pytest.mark.parametrize("name", CASES)
def test_values_are_those_of_the_dense_array(name):
    e, is_sparse = CASES[name]
    given = DENSE | {"A": sp.csr_array(DENSE["A"]), "B": sp.csc_array(DENSE["B"])}
    found = ed.evaluate(e, given)
    assert sp.issparse(found) == is_sparse
    want = ed.evaluate(e, DENSE)
    assert np.array_equal(found.toarray() if is_sparse else found, want)
    assert found.dtype == want.dtype


@pytest.mark.parametrize("form", FORMATS)
@pytest.mark.parametrize("dtype", [np.int8, np.int64, np.float32, np.float64, np.complex128])
def test_formats_and_dtypes(form, dtype):
    array = sp.csr_array(DENSE["A"].astype(dtype)).asformat(form)
    scale = DENSE["x"].astype(np.float32)
    found = ed.evaluate(A @ x, A=array, x=scale)
    assert found.dtype == ed.evaluate(A @ x, A=DENSE["A"].astype(dtype), x=scale).dtype
    f = ed.compile(A @ x)
    for _ in range(3):  # planned, repeated, and dense between
        assert np.array_equal(f(A=array, x=DENSE["x"]), DENSE["A"] @ DENSE["x"])
        assert np.array_equal(f(A=DENSE["A"], x=DENSE["x"]), DENSE["A"] @ DENSE["x"])


@pytest.mark.parametrize("shape", [(0, 3), (3, 0), (0, 0), (1, 1), (2, 3)])
@pytest.mark.parametrize("form", ["csr", "coo", "csc"])
def test_empty_ones(shape, form):
    empty = sp.csr_array(shape, dtype=np.int64).asformat(form)
    given = {"A": empty, "x": np.ones(shape[1], np.int64)}
    assert np.array_equal(ed.evaluate(A @ x, given), np.zeros(shape[0]))
    assert ed.evaluate(2 * A, given).shape == shape


def test_duplicates_are_summed_and_stored_zeros_stay():
    places = (np.array([0, 0, 1]), np.array([1, 1, 0]))
    array = sp.coo_array((np.array([100, 100, 0], np.int8), places), shape=(2, 3))
    assert ed.evaluate(A @ x, A=array, x=[1, 1, 1]).tolist() == [200, 0]  # beyond int8
    found = ed.evaluate(A * A, A=array)
    assert found.toarray().tolist() == [[0, 40000, 0], [0, 0, 0]] and found.nnz == 2
    assert array.nnz == 3  # the array of the caller is as it was


def test_one_axis_and_stacked_ones():
    v = ed.tensor("v", "i")
    vector = sp.coo_array(np.array([0, 3, 0, 4]))
    assert ed.evaluate(ed.sum(v * v), v=vector) == 25
    stacked = sp.vstack([sp.csr_array(DENSE["A"]), sp.csr_array(DENSE["B"])])
    want = np.vstack([DENSE["A"], DENSE["B"]]) @ DENSE["x"]
    assert np.array_equal(ed.evaluate(A @ x, A=stacked, x=DENSE["x"]), want)


def test_zeros_that_are_not_stored_meet_no_nan():
    array = sp.csr_array(np.array([[1.0, 0.0], [0.0, 2.0]]))
    found = ed.evaluate(A @ x, A=array, x=[1.0, np.nan])
    assert found[0] == 1 and np.isnan(found[1])


def test_what_is_large_is_never_formed():
    n = 10**7  # 10^14 entries, were it dense
    places = np.arange(0, n, 1000)
    array = sp.coo_array((np.ones(len(places)), (places, places[::-1])), shape=(n, n))
    y = np.arange(n, dtype=float)
    assert np.array_equal(ed.evaluate(A @ x, A=array, x=y), array @ y)
    assert ed.evaluate(ed.sin(A), A=array).nnz == len(places)


SPARSE = {"A": sp.csr_array(DENSE["A"])}
REFUSED = {
    "a function that is 1 at 0": (ed.exp(A) @ x, EinderivError, r"f\(0\) = 0.*toarray"),
    "a product of two": (A @ A.T, EinderivError, r"multiply and slice sparse arrays.*toarray"),
    "a slice": (A[1:5], EinderivError, r"multiply and slice sparse arrays.*toarray"),
    "a shift": (A + 1, EinderivError, r"a number added to all entries.*toarray"),
    "a reduction": (ed.max(A, 1), EinderivError, r"would be formed dense.*toarray"),
    "other sizes": (A @ ed.tensor("x", (31,)), ShapeError, "3[01]"),
}


@pytest.mark.parametrize("name", REFUSED)
def test_what_would_be_dense_is_refused(name):
    e, kind, words = REFUSED[name]
    with pytest.raises(kind, match=words):
        ed.evaluate(e, {**DENSE, **SPARSE})


def test_other_patterns_libraries_and_places_are_refused():
    given = {**DENSE, **SPARSE, "B": sp.csr_array(DENSE["B"])}
    f = ed.compile(A * B)
    for _ in range(2):
        with pytest.raises(LimitError, match=r"different patterns.*toarray"):
            f({name: given[name] for name in "AB"})
    symmetric = ed.tensor("S", "ij", symmetric=True)
    with pytest.raises(EinderivError, match="declared symmetric"):
        ed.evaluate(2 * symmetric, S=sp.csr_array(np.eye(2)))
    with pytest.raises(EinderivError, match="out is for dense results"):
        ed.evaluate(A @ x, SPARSE, x=DENSE["x"], out=np.empty(40, np.int64))
    with pytest.raises(EinderivError, match="no array for x; the expression needs A, x"):
        ed.evaluate(A @ x, SPARSE)
    torch = pytest.importorskip("torch")
    with pytest.raises(BackendError, match=r"A is sparse.*toarray"):
        ed.evaluate(A @ x, SPARSE, x=torch.ones(30))


@pytest.mark.parametrize("shape", [(6,), (2, 3)])
@pytest.mark.parametrize("form", ["coo", "csr"])
def test_results_share_no_memory_with_what_is_given(shape, form):
    given = sp.coo_array(np.arange(6.0).reshape(shape)).asformat(form)
    before = given.toarray()
    t = ed.tensor("t", (*shape,))
    found = ed.evaluate(t, t=given)
    assert np.array_equal(found.toarray(), before)
    found.data[:] = 7
    for places in found.tocoo(copy=False).coords:
        places[:] = 0
    assert np.array_equal(given.toarray(), before)
