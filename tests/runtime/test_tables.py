"""Tables and columns of pandas: by their values; labels are compared and never aligned."""

import numpy as np
import pytest

import einderiv as ed

pd = pytest.importorskip("pandas")

X, w = ed.tensor("X", "nd"), ed.tensor("w", ("d",))
M, V = np.arange(6.0).reshape(2, 3), np.array([1.0, 2, 4])
T = pd.DataFrame(M, columns=["a", "b", "c"], index=["r", "s"])
S = pd.Series(V, index=["a", "b", "c"], name="weight")
y = X @ w


@pytest.mark.parametrize(
    ("e", "want"),
    [
        (lambda: X + T,                               2 * M),
        (lambda: T + X,                               2 * M),
        (lambda: T - 2 * X,                           -M),
        (lambda: X / (1 + T),                         M / (1 + M)),
        (lambda: T * w,                               M * V),
        (lambda: S * w,                               V * V),
        (lambda: X @ S,                               M @ V),
        (lambda: w @ T.T,                             M @ V),
        (lambda: T.to_numpy() @ w,                    M @ V),
        (lambda: np.add(T, X),                        2 * M),
        (lambda: ed.maximum(T, 2 * X),                2 * M),
        (lambda: ed.einsum("nd,d->n", T, w),          M @ V),
        (lambda: ed.einsum("nd,d->n", T, S),          M @ V),
        (lambda: y,                                   M @ V),
    ],
)  # fmt: skip
def test_values(e, want):
    found = ed.evaluate(e(), {"X": T, "w": S})
    assert type(found) is np.ndarray
    np.testing.assert_allclose(found, want, rtol=1e-15)
    np.testing.assert_allclose(ed.compile(e())({"X": M, "w": V}), want, rtol=1e-15)


@pytest.mark.parametrize(
    "dtype", ["float32", "int8", "int64", "uint8", "complex64", "Int64", "Float32", "UInt8"]
)
@pytest.mark.parametrize("rows", [0, 1, 2])
def test_dtypes_and_sizes(dtype, rows):
    table, column = T.iloc[:rows].astype(dtype), S.astype(dtype)
    found = ed.evaluate(y, X=table, w=column)
    assert found.dtype == dtype.lower()
    assert (found == M[:rows].astype(dtype.lower()) @ V.astype(dtype.lower())).all()


def test_odd_tables():
    assert ed.evaluate(y, X=T.iloc[:, :0], w=S[:0]).tolist() == [0, 0]
    flags = ed.evaluate(ed.where(pd.DataFrame({"a": [True, False]}), 1.0, X), X=[[5.0], [6.0]])
    assert flags.tolist() == [[1], [6]]
    mixed = T.astype({"b": int}).assign(c=np.float32([1, 2]))
    assert ed.evaluate(y, X=mixed, w=S).tolist() == [0 + 2 + 4, 3 + 8 + 8]
    assert np.isnan(ed.evaluate(y, X=T.where(T > 0), w=S)[0])  # a float that is missing is nan
    assert ed.evaluate(2 * w, w=pd.Index([1, 2])).tolist() == [2, 4]
    assert ed.check(ed.sum(y * y), "w", X=T, w=S).ok


WIDE = 2**60 + 1


@pytest.mark.parametrize(
    ("column", "error", "message"),
    [
        (["p", "q"],                             TypeError, "X, column 'b' has dtype str.*select_dtypes"),
        ([object(), 1],                          TypeError, "X, column 'b' has dtype object"),
        (pd.to_datetime(["2020", "2021"]),       TypeError, "X, column 'b' has dtype datetime64"),
        (pd.Categorical([1, 2]),                 TypeError, "X, column 'b' has dtype category"),
        ([True, False],                          TypeError, "X, column 'b' has dtype bool, but column 'a' has float64"),
        (pd.arrays.SparseArray([0.0, 2]),        TypeError, r"X, column 'b' is sparse.*to_dense"),
        (pd.array([1, None]),                    ed.EinderivError, "X, column 'b' has a missing value at row 1, dtype Int64"),
        (pd.array([None, 1.5], dtype="Float64"), ed.EinderivError, "X, column 'b' has a missing value at row 0, dtype Float64"),
        (pd.array([True, None]),                 ed.EinderivError, "X, column 'b' has a missing value at row 1, dtype boolean"),
        ([WIDE, 2],                              ed.EinderivError, f"X, column 'b' holds {WIDE}, which float64"),
        ([2**63 - 1, 2],                         ed.EinderivError, f"X, column 'b' holds {2**63 - 1}, which float64"),
    ],
)  # fmt: skip
def test_columns_that_are_no_numbers(column, error, message):
    with pytest.raises(error, match=message):
        ed.evaluate(y, X=T.assign(b=column), w=S)


def test_a_column_is_named():
    with pytest.raises(TypeError, match=r"w \('weight'\) has dtype str"):
        ed.evaluate(y, X=T, w=pd.Series(["a", "b", "c"], name="weight"))
    with pytest.raises(TypeError, match="operand 0, column 'a' has dtype str"):
        ed.einsum("nd,d->n", pd.DataFrame({"a": ["p"]}), w)


ORDER = S[::-1]


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: ed.evaluate(y, X=T, w=ORDER),                           r"along d, X has the labels \[a, b, c\] and w has \[c, b, a\].*never aligned"),
        (lambda: ed.compile(ed.grad(ed.sum(y * y), w))(X=T, w=ORDER),    r"X has the labels|w has the labels"),
        (lambda: ed.evaluate(ed.einsum("nd,d->n", T, w), w=ORDER),       r"an array of the expression has the labels \[a, b, c\] and w has \[c, b, a\]"),
        (lambda: ed.evaluate(ed.einsum("nd,d->n", T, ORDER)),            r"labels \[a, b, c\].*\[c, b, a\]"),
        (lambda: ed.evaluate(X + T, X=T[::-1]),                          r"along axis 0, .*labels \[s, r\].*\[r, s\]"),
        (lambda: ed.evaluate(X + T, X=T[["b", "a", "c"]]),               r"along axis 1, .*labels \[b, a, c\].*\[a, b, c\]"),
        (lambda: ed.evaluate(y, X=T.set_axis([0, 2, 5], axis=1), w=S.reset_index(drop=True)), r"labels \[0, 2, 5\].*\[0, 1, 2\]"),
        (lambda: ed.evaluate(2 * w + 3 * ed.tensor("v", ("d",)), w=pd.Series(range(9)), v=pd.Series(range(9), index=[*range(8), 9])), r"\(at 8: 8 and 9\)"),
    ],
)  # fmt: skip
def test_other_labels_are_refused(call, message):
    with pytest.raises(ed.ShapeError, match=message):
        call()


def test_rows_that_were_only_counted_go_with_any_names():
    assert ed.evaluate(y, X=T, w=S.reset_index(drop=True)).tolist() == (M @ V).tolist()
    assert ed.evaluate(y, X=T.reset_index(drop=True), w=S).tolist() == (M @ V).tolist()


def test_a_table_on_the_left_of_a_product_says_what_to_write():
    """pandas asks for an array before Python asks us."""
    with pytest.raises(TypeError, match=r"for table @ e of pandas table.to_numpy\(\) @ e"):
        T @ w
