"""Numbers: NaN stays where it belongs, halves add up in float32, odd layouts and dtypes, integers exact or refused."""

import numpy as np
import pytest

import einderiv as ed

A, B, S, v, w = (
    ed.tensor(*row) for row in [("A", "ij"), ("B", "jk"), ("S", "ii"), ("v", "i"), ("w", "i")]
)
SIZES = {"A": (3, 4), "B": (4, 3), "S": (3, 3), "v": (3,), "w": (3,), "x": (4,)}
PRODUCT = A @ B
FORMS = {
    "one delta":       ed.derive(PRODUCT, "A"),
    "two terms":       ed.derive(ed.einsum("ij,kj->ik", A, A), "A"),
    "two deltas":      ed.derive(ed.einsum("i,j->ij", v, "x"), "x"),
    "embedded twice":  ed.einsum("i->iii", v) + ed.einsum("i,j->iij", v, w),
    "diagonals":       ed.einsum("i->ii", v) + ed.einsum("i->ii", w),
    "Hessian":         ed.hessian(ed.sum(ed.exp(A) * A), "A"),
    "function":        ed.derive(ed.tanh(v) * w, "v"),
    "softmax by rows": ed.derive(ed.softmax(A, 1), "A"),
    "inverse":         ed.derive(ed.einsum("ij,k->ijk", ed.einsum("i->ii", v) * 2, w), "w"),
    "matrix product":  PRODUCT,
    "chain":           ed.einsum("ij,jk,k->i", A, B, w),
}  # fmt: skip


def given(e, dtype=float):
    """Numbers without a zero among them."""
    r = np.random.default_rng(0)
    return {name: r.uniform(0.5, 1.5, SIZES[name]).astype(dtype) for name in ed.compile(e).tensors}


def dense(e, at):
    return ed.evaluate(e, at)


def structured(e, at):
    return ed.evaluate(e, at, dense=False).dense()


def twice(e, at):
    """By the quick way of a second call, into the zeros of the first."""
    f = ed.compile(e)
    return f(at, out=f(at), zeroed=True)


# ---- NaN and Inf
@pytest.mark.parametrize("value", [np.nan, np.inf, -np.inf])
@pytest.mark.parametrize("way", [dense, structured, twice])
@pytest.mark.parametrize("name", FORMS)
@pytest.mark.filterwarnings("ignore:invalid value:RuntimeWarning", "ignore:overflow:RuntimeWarning")
def test_what_does_not_depend_on_a_number_stays_as_it_was(name, way, value):
    e = FORMS[name]
    at = given(e)
    want, spoiled = way(e, at), 0
    for tensor in at:
        other = {**at, tensor: at[tensor].copy()}
        other[tensor].flat[1] *= 1.25
        same = way(e, other) == want  # found by moving the number, not by the labels
        other[tensor].flat[1] = value
        found = way(e, other)
        np.testing.assert_allclose(found[same], want[same], rtol=1e-12)
        assert (found[want == 0] == 0).all()
        spoiled += (~np.isfinite(found)).sum()
    assert (
        spoiled > 0
        or name == "function"
        or (name == "Hessian" and value == -np.inf)
        or "softmax" in name
    )


# ---- halves
def count(n, make):
    return {
        "sum": (ed.einsum("i->", "v"), {"v": make(n)}),
        "inner product": (ed.einsum("i,i->", "v", "w"), {"v": make(n), "w": make(n)}),
        "matrix product": (
            ed.einsum("ij,jk->ik", "A", "B"),
            {"A": make((2, n)), "B": make((n, 2))},
        ),
        "trace": (ed.einsum("ii->", "S"), {"S": make((n // 8, n // 8))}),
        "of three": (ed.einsum("i,i,i->", "u", "v", "w"), dict.fromkeys("uvw", make(n))),
    }


def check_counts(make, n, name):
    """A sum of n ones is n, where adding in the halves themselves would stop at 2048 (float16) or 256 (bfloat16)."""
    for what, (e, at) in count(n, make).items():
        found = ed.evaluate(e, at)
        assert name in str(found.dtype)
        assert {float(number) for number in found.reshape(-1)} == {
            n / 8 if what == "trace" else n
        }, what


def test_float16_adds_up_in_float32():
    check_counts(lambda shape: np.ones(shape, np.float16), 4096, "float16")
    tall = ed.evaluate(
        ed.einsum("i,i,i->", "u", "v", "w"),
        u=np.full(3, 300, "f2"),
        v=np.full(3, 300, "f2"),
        w=np.full(3, 2.0**-10, "f2"),
    )
    assert float(tall) == pytest.approx(3 * 300 * 300 / 1024, rel=1e-3), (
        "90000 is no float16 on the way"
    )


@pytest.mark.parametrize("name", ["float16", "bfloat16"])
def test_halves_of_torch(name):
    torch = pytest.importorskip("torch")
    check_counts(lambda shape: torch.ones(shape, dtype=getattr(torch, name)), 4096, name)


@pytest.mark.parametrize("name", ["float16", "bfloat16"])
def test_halves_of_jax(name):
    jnp = pytest.importorskip("jax.numpy")
    check_counts(lambda shape: jnp.ones(shape, name), 4096, name)


# ---- too large, too small
LARGE = [
    # expression                        dtype            number
    (v * w,                             np.float16,      300),
    (v * w,                             np.float32,      1e20),
    (v * w,                             np.float64,      1e160),
    (v * w,                             np.complex64,    1e20),
    (ed.einsum("i,i->", v, w),          np.float16,      300),
    (ed.einsum("ij,jk->ik", "A", "B"),  np.float16,      300),
    (ed.exp(v) * w,                     np.float32,      100),
    (ed.exp(v) * w,                     np.float64,      1000),
    (v ** 5 * w,                        np.float64,      1e100),
    (ed.sum(v + w),                     np.float16,      30000),
]  # fmt: skip


@pytest.mark.parametrize(
    ("e", "dtype", "number"), LARGE, ids=[f"{row[0]} {row[1].__name__}" for row in LARGE]
)
def test_overflow_is_warned_of(e, dtype, number):
    at = {name: np.full_like(a, number) for name, a in given(e, dtype).items()}
    for _ in range(3):  # the quick way too
        f = ed.compile(e)
        with pytest.warns(RuntimeWarning, match="overflow"):
            found = f(at)
        assert not np.isfinite(found).any()


@pytest.mark.parametrize("dtype", ["f2", "f4", "f8", "g", "F", "D"])
def test_denormals_are_kept_and_underflow_is_silent(dtype):
    tiny = np.finfo(dtype).smallest_subnormal
    for e in (v * w, ed.einsum("ij,jk->ik", "A", "B")):
        at = {name: np.full(SIZES[name], 1, dtype) for name in ed.compile(e).tensors}
        first = next(iter(at))
        at[first] = np.full(SIZES[first], tiny).astype(dtype)
        assert (ed.evaluate(e, at) == tiny * (4 if at[first].ndim == 2 else 1)).all()
        assert (
            ed.evaluate(
                e, dict.fromkeys(at, np.full((3, 3) if "A" in at else 3, tiny).astype(dtype))
            )
            == 0
        ).all()


# ---- layouts
BASE = np.arange(1.0, 13).reshape(3, 4)


def unaligned(a):
    space = np.zeros(a.nbytes + 1, np.uint8)[1:].view(a.dtype).reshape(a.shape)
    space[...] = a
    assert not space.flags.aligned
    return space


def field(a):
    rows = np.zeros(a.shape, [("before", "i1"), ("number", a.dtype)])
    rows["number"] = a
    return rows["number"]


def mapped_file(a, path):
    found = np.memmap(path / "numbers", a.dtype, "w+", shape=a.shape)
    found[...] = a
    return found


class Sub(np.ndarray):
    """A subclass whose operators are not to be used."""

    def __array_ufunc__(self, *_, **__):
        raise AssertionError("the subclass was computed with")


LAYOUTS = {
    "Fortran":         lambda a, _: np.asfortranarray(a),
    "backwards":       lambda a, _: a[::-1, ::-1].copy()[::-1, ::-1],
    "every other":     lambda a, _: np.repeat(np.repeat(a, 2, 0), 3, 1)[::2, ::3],
    "unaligned":       lambda a, _: unaligned(a),
    "field":           lambda a, _: field(a),
    "file":            lambda a, path: mapped_file(a, path),
    "subclass":        lambda a, _: a.copy().view(Sub),
    "big-endian":      lambda a, _: a.astype(a.dtype.newbyteorder(">")),
    "windows":         lambda a, _: np.lib.stride_tricks.sliding_window_view(np.arange(6.0), 4),
    "strides of 0":    lambda a, _: np.broadcast_to(a[:1], a.shape),
    "one number":      lambda a, _: np.broadcast_to(2.5, a.shape),
}  # fmt: skip
USES = {
    "matrix product": (PRODUCT, dense),
    "one delta": (FORMS["two terms"], dense),
    "structured": (FORMS["two terms"], structured),
    "elementwise": (ed.exp(A) * A, dense),
    "itself": (ed.einsum("ij->ij", A), dense),
    "transposed": (A.T, dense),
    "again": (PRODUCT, twice),
    "Gram": (A @ A.T, dense),
}


@pytest.mark.parametrize("layout", LAYOUTS)
@pytest.mark.parametrize("use", USES)
def test_layouts(use, layout, tmp_path):
    e, way = USES[use]
    a = LAYOUTS[layout](BASE, tmp_path)
    plain = np.array(a, float, order="C", subok=False)
    others = {"B": given(PRODUCT)["B"]} if "B" in ed.compile(e).tensors else {}
    found = way(e, {"A": a, **others})
    np.testing.assert_allclose(found, way(e, {"A": plain, **others}), rtol=1e-13)
    assert type(found) is np.ndarray
    assert found.dtype == float
    assert found.dtype.isnative
    assert not np.shares_memory(found, a)
    assert found.flags.writeable
    found[...] = 0
    assert np.array_equal(np.array(a, float, subok=False), plain)


@pytest.mark.parametrize(
    "layout", ["Fortran", "backwards", "every other", "unaligned", "field", "file"]
)
@pytest.mark.parametrize("use", ["elementwise", "itself", "Gram", "matrix product"])
def test_results_into_any_layout(use, layout, tmp_path):
    e, _ = USES[use]
    at = {"A": BASE, **({"B": given(PRODUCT)["B"]} if use == "matrix product" else {})}
    want = ed.evaluate(e, at)
    out = LAYOUTS[layout](np.full(want.shape, 77.0), tmp_path)
    assert ed.evaluate(e, at, out=out) is out
    np.testing.assert_allclose(out, want, rtol=1e-13)


OVERLAPS = {
    "the same":   (np.s_[:, :3], np.s_[:, :3]), "one down": (np.s_[:3, :3], np.s_[1:4, :3]),
    "one up":     (np.s_[1:4, :3], np.s_[:3, :3]), "backwards": (np.s_[:3, :3], np.s_[2::-1, :3]),
    "transposed": (np.s_[:3, :3], None), "interleaved": (np.s_[:, :3], np.s_[:, 1:4]),
}  # fmt: skip
SQUARE = {
    "elementwise": ed.exp(S) * 2 + S,
    "transposed": S.T,
    "product": S @ S,
    "sum": S + S.T,
    "itself": ed.einsum("ij->ij", S),
    "diagonal": ed.einsum("i->ii", ed.diag(S)) + S,
    "softmax": ed.softmax(S, 0),
}


@pytest.mark.parametrize("overlap", OVERLAPS)
@pytest.mark.parametrize("name", SQUARE)
def test_results_over_their_inputs(name, overlap):
    read, written = OVERLAPS[overlap]
    space = np.random.default_rng(1).normal(size=(4, 4))
    space = space[:3] if overlap in ("the same", "interleaved") else space
    given_ = space[read]
    out = given_.T if written is None else space[written]
    f = ed.compile(SQUARE[name])
    want = f(S=given_.copy())
    f(S=given_, out=out)
    np.testing.assert_allclose(out, want, rtol=1e-13)


@pytest.mark.parametrize(
    ("out", "kind", "message"),
    [
        (np.ma.zeros((3, 3)), TypeError, "must be a NumPy array, not MaskedArray"),
        (np.broadcast_to(0.0, (3, 3)), ed.EinderivError, "read-only"),
        (np.zeros((3, 3), ">f8"), ed.EinderivError, "dtype >f8, but the result has dtype float64"),
        (np.zeros((3, 3), "g"), ed.EinderivError, "but the result has dtype float64"),
        (
            np.lib.stride_tricks.as_strided(np.zeros(3), (3, 3), (0, 8)),
            ed.EinderivError,
            "one number in several places",
        ),
        (np.zeros((3, 3, 1)), ed.ShapeError, r"out has shape \(3, 3, 1\)"),
    ],
)
def test_arrays_that_cannot_be_written(out, kind, message):
    with pytest.raises(kind, match=message):
        ed.evaluate(PRODUCT, A=BASE, B=given(PRODUCT)["B"], out=out)


# ---- dtypes
DTYPES = [
    # one   other   result
    ("f2",  "f2",   "f2"), ("f2",  "i1", "f2"), ("f2", "i2", "f4"), ("f2",  "i8", "f8"), ("f2", "F",  "F"),
    ("f4",  "i2",   "f4"), ("f4",  "i4", "f8"), ("f4", "?",  "f4"), ("f4",  "g",  "g"),
    ("F",   "f4",   "F"),  ("F",   "f8", "D"),  ("F",  "i2", "F"),  ("F",   "i8", "D"),  ("D",  "g",  "G"),
    ("g",   "f8",   "g"),  ("G",   "F",  "G"),  ("u8", "i8", "f8"), ("u4",  "i4", "i8"), ("u1", "i1", "i2"),
    (">f4", "f4",   "f4"), (">i4", ">i4", "i4"), (">F", ">f8", "D"),
]  # fmt: skip


@pytest.mark.parametrize(("one", "other", "result"), DTYPES)
def test_dtypes(one, other, result):
    assert np.result_type(one, other) == np.dtype(result)
    a, b = np.ones((3, 4), one), np.ones((4, 3), other)
    for e in (PRODUCT, FORMS["one delta"], ed.derive(ed.einsum("ij,ij,jk->ik", A, A, B), "A")):
        found = ed.evaluate(e, A=a, B=b)
        assert found.dtype == np.dtype(result)
        assert found.dtype.isnative
        terms = ed.evaluate(e, A=a, B=b, dense=False)
        assert terms.dtype == found.dtype
        assert {core.dtype for core, _ in terms.terms} <= {found.dtype}
        assert np.array_equal(terms.dense(), found)


def test_long_doubles_keep_their_digits():
    eps = np.finfo("g").eps
    found = ed.evaluate(ed.einsum("i,i->", v, w), v=np.array([1, eps], "g"), w=np.ones(2, "g"))
    assert found - 1 == eps
    assert ed.evaluate(PRODUCT, A=np.array([[1, eps]], "g"), B=np.ones((2, 1)))[0, 0] - 1 == eps


# ---- integers
WHOLE = [
    # expression                    arrays                                        value, or what is refused
    (v * w,                         ([2**31], [2**31]),                           [2**62]),
    (v * w,                         ([-(2**31)], [2**31]),                        [-(2**62)]),
    (v * w,                         ([3037000499], [3037000499]),                 [3037000499**2]),
    (v * w,                         ([2**32], [2**31]),                           "int64"),
    (ed.einsum("i,i->", v, w),      ([2**31, 5], [2**30, -7]),                    2**61 - 35),
    (ed.einsum("i,i->", v, w),      ([2**62, 2**62, 2**62], [1, 1, 1]),           "int64"),
    (v ** 3 * w,                    ([2**20], [3]),                               [3 * 2**60]),
    (v ** 3 * w,                    ([2**21], [1]),                               "int64"),
    (v + w,                         ([2**61], [2**61]),                           [2**62]),
    (v + w,                         ([2**63 - 1], [1]),                           "int64"),
    (2**40 * v + w,                 ([2**40], [1]),                               "int64"),
    (v * w,                         ([-(2**63)], [-1]),                           "int64"),
    (v - w,                         ([-(2**62)], [2**62 + 1]),                    "int64"),
]  # fmt: skip


@pytest.mark.parametrize(
    ("e", "at", "want"), WHOLE, ids=[f"{row[0]} {str(row[1])[:40]}" for row in WHOLE]
)
def test_integers_are_exact_or_refused(e, at, want):
    f, arrays = ed.compile(e), dict(zip("vw", map(np.array, at), strict=True))
    for _ in range(3):
        if isinstance(want, str):
            with pytest.raises(ed.EinderivError, match=f"integers may reach .*, beyond {want}"):
                f(arrays)
        else:
            assert f(arrays).tolist() == want
