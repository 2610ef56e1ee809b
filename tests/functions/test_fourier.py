"""Discrete Fourier transforms: NumPy judges the values, JAX the derivatives."""

import math

import numpy as np
import pytest

import einderiv as ed
from einderiv.functions import fourier_of

rng = np.random.default_rng(5)
SIZES = (1, 2, 5, 8)
NORMS = (None, "backward", "ortho", "forward")


def tensor(shape, known, complex=False):
    return ed.tensor("x", shape if known else "ijk"[: len(shape)], complex=complex)


def drawn(shape, complex=False):
    x = rng.normal(size=shape)
    return x + 1j * rng.normal(size=shape) if complex else x


def same(e, x, want):
    np.testing.assert_allclose(ed.evaluate(e, x=x), want, atol=1e-12)


@pytest.mark.parametrize("norm", NORMS)
@pytest.mark.parametrize("name", ["fft", "ifft", "rfft"])
@pytest.mark.parametrize("size", SIZES)
def test_along_one_axis(name, size, norm):
    f = getattr(np.fft, name)
    for shape, axis in (((size,), -1), ((size, 3), 0), ((2, size, 3), -2)):
        x = drawn(shape)
        for known in (True, False):
            same(f(tensor(shape, known), axis=axis, norm=norm), x, f(x, axis=axis, norm=norm))
        for n in (1, 4, 5, 9):  # cut, and filled up
            same(f(tensor(shape, True), n, axis, norm), x, f(x, n, axis, norm))


@pytest.mark.parametrize("norm", NORMS)
@pytest.mark.parametrize("size", [2, 3, 6])
def test_to_real_numbers(size, norm):
    z = drawn((size, 2), complex=True)
    for known in (True, False):
        Z = tensor(z.shape, known, complex=True)
        same(np.fft.irfft(Z, axis=0, norm=norm), z, np.fft.irfft(z, axis=0, norm=norm))
    for n in (1, 2, 3, 6, 7, 11):
        Z = tensor(z.shape, True, complex=True)
        same(ed.irfft(Z, n, 0, norm), z, np.fft.irfft(z, n, 0, norm))


SEVERAL = [
    ("fft2", {}), ("ifft2", {}), ("fftn", {}), ("ifftn", {}), ("rfftn", {}), ("rfft2", {}),
    ("fftn", {"axes": (0, 2)}), ("fftn", {"s": (5, 2), "axes": (1, 0)}), ("rfft2", {"s": (3, 6)}),
    ("rfftn", {"axes": (2, 0), "norm": "ortho"}), ("irfftn", {}), ("irfft2", {"s": (3, 5)}),
]  # fmt: skip


@pytest.mark.parametrize(("name", "options"), SEVERAL)
def test_along_several_axes(name, options):
    f = getattr(np.fft, name)
    x = drawn((2, 3, 4), complex="irfft" in name)
    X = tensor(x.shape, True, "irfft" in name)
    same(getattr(ed, name)(X, **options), x, f(x, **options))


@pytest.mark.parametrize("size", SIZES)
@pytest.mark.parametrize("name", ["fftshift", "ifftshift"])
def test_shifts(name, size):
    f = getattr(np.fft, name)
    x = np.arange(3 * size).reshape(size, 3)
    for known in (True, False):
        X = tensor(x.shape, known)
        assert ed.evaluate(f(X), x=x).tolist() == f(x).tolist()
        assert ed.evaluate(f(X, axes=0), x=x).tolist() == f(x, axes=0).tolist()


@pytest.mark.parametrize("size", SIZES)
def test_frequencies(size):
    X = ed.tensor("x", "i")
    for f, own in ((np.fft.fftfreq, ed.fftfreq), (np.fft.rfftfreq, ed.rfftfreq)):
        assert ed.evaluate(own(size, 0.5)).tolist() == f(size, 0.5).tolist()
        slopes = own(X.shape[0], 0.5)
        assert ed.evaluate(slopes, x=np.zeros(size)).tolist() == f(size, 0.5).tolist()


def spectral_slope(x):
    places = np.fft.fftfreq(x.shape[0], 1 / x.shape[0])
    return np.real(np.fft.ifft(2j * np.pi * places * np.fft.fft(x)))


@pytest.mark.parametrize("size", [5, 8])
def test_a_spectral_derivative_is_read(size):
    x = drawn(size)
    e = ed.trace_function(spectral_slope, "i")
    same(e, x, spectral_slope(x))
    same(ed.derive(e, "x"), x, np.transpose([spectral_slope(row) for row in np.eye(size)]))


REAL = {
    "power":         lambda F, np, x: np.sum(np.abs(F.fft(x)) ** 2),
    "moduli":        lambda F, np, x: np.sum(np.abs(F.fft(x, 8))),
    "real parts":    lambda F, np, x: np.sum(np.real(F.rfft(x)) ** 3),
    "imaginary":     lambda F, np, x: np.sum(np.imag(F.ifft(x)) ** 2 * np.real(F.fft(x))),
    "filtered":      lambda F, np, x: np.sum(np.real(F.ifft(F.fft(x) * F.fft(x))) ** 2),
    "halves":        lambda F, np, x: np.sum(F.irfft(F.rfft(x) * F.rfft(x)[::-1], 6) ** 3),
    "shifted":       lambda F, np, x: np.sum(np.abs(F.fftshift(F.fft(x)))[1:3] ** 2),
    "a correlation": lambda F, np, x: np.sum(np.real(F.ifft(F.fft(x) * np.conj(F.fft(x)))) ** 2),
}  # fmt: skip


@pytest.mark.parametrize("known", [True, False])
@pytest.mark.parametrize("name", REAL)
def test_derivatives_as_in_jax(name, known):
    jax = pytest.importorskip("jax")
    jnp = pytest.importorskip("jax.numpy")
    if name in ("moduli", "halves") and not known:
        pytest.skip("a number of points needs a size that is known")
    f = REAL[name]
    x = drawn((6,))
    X = tensor((6,), known)
    e = ed.real(f(np.fft, np, X))
    with jax.enable_x64(True):
        want = [g(lambda a: f(jnp.fft, jnp, a))(x) for g in (jax.grad, jax.hessian)]
        np.testing.assert_allclose(ed.evaluate(e, x=x).real, f(jnp.fft, jnp, x), rtol=1e-9)
    np.testing.assert_allclose(ed.evaluate(ed.grad(e, X), x=x), want[0], rtol=1e-9, atol=1e-11)
    np.testing.assert_allclose(ed.evaluate(ed.hessian(e, X), x=x), want[1], rtol=1e-9, atol=1e-11)


def test_the_derivative_is_the_matrix():
    X = ed.tensor("x", "i")
    J = ed.derive(ed.fft(X), X)
    (matrix,) = J.factors
    assert fourier_of(matrix) == (-1, X.axis_sizes[0])
    assert fourier_of(ed.conj(matrix)) == (1, X.axis_sizes[0])
    same(J, np.ones(5), np.fft.fft(np.eye(5)))


@pytest.mark.parametrize("known", [True, False])
def test_no_matrix_is_formed(known):
    """n = 10⁵: a matrix of 10¹⁰ numbers would not fit."""
    n = 100_000
    X, h = ed.tensor("x", (n,) if known else "i"), ed.tensor("h", (n,) if known else "i")
    x, y = drawn(n), drawn(n)
    power = ed.sum(ed.abs(ed.fft(X)) ** 2) / n
    np.testing.assert_allclose(ed.evaluate(ed.grad(power, X), x=x).real, 2 * x, atol=1e-10)
    filtered = ed.real(ed.ifft(ed.fft(X) * h))
    want = np.fft.ifft(np.fft.fft(x) * y)
    np.testing.assert_allclose(ed.evaluate(filtered, x=x, h=y), want.real, atol=1e-10)
    slope = ed.evaluate(ed.grad(ed.sum(filtered**2), h), x=x, h=y).real
    power = 2 * want.real
    both = np.fft.ifft(power, norm="forward") * np.fft.fft(x) / n
    np.testing.assert_allclose(slope, both.real, atol=1e-9)


def test_many_columns_are_transformed_in_one_call():
    Y, h = ed.tensor("y", "ib"), ed.tensor("h", "i")
    e = ed.ifft(ed.fft(Y, axis=0) * h[:, None], axis=0)
    y, w = drawn((6, 50)), drawn(6)
    f = ed.compile(e)
    np.testing.assert_allclose(f(y=y, h=w), np.fft.ifft(np.fft.fft(y, axis=0) * w[:, None], axis=0))
    source = f.source({"y": (6, 50), "h": (6,)})
    assert source.count("fft(") == 2
    assert "@" not in source
    assert "eye" not in source


@pytest.mark.parametrize("dtype", ["float32", "complex64"])
def test_single_precision_stays(dtype):
    x = np.arange(5).astype(dtype)
    assert ed.evaluate(ed.fft(tensor((5,), False, dtype[0] == "c")), x=x).dtype == np.complex64


REFUSED = [
    (lambda x, z: ed.fft(ed.tensor("n")),           ed.ShapeError,    "fft needs an axis, but n has none"),
    (lambda x, z: ed.fft(x, axis=2),                ed.ShapeError,    "x has 1 axis, so fft has no axis 2"),
    (lambda x, z: ed.fft(x, axis="i"),              TypeError,        "the axis of fft is a whole number, not 'i'"),
    (lambda x, z: ed.fft(x, 4),                     ed.ShapeError,    "may be cut or filled up to n=4: declare its size"),
    (lambda x, z: ed.fft(x, 0),                     ed.ShapeError,    "fft of 0 points: it needs 1 at least"),
    (lambda x, z: ed.fft(x, 2.5),                   TypeError,        "n of fft is a whole number or a size, not 2.5"),
    (lambda x, z: ed.fft(x, norm="unitary"),        ed.EinderivError, "norm is 'backward', 'ortho', 'forward' or None"),
    (lambda x, z: ed.rfft(z),                       ed.EinderivError, "rfft takes real numbers, but z is declared complex"),
    (lambda x, z: ed.irfft(ed.tensor("q", (1,))),   ed.ShapeError,    "irfft of 0 points: it needs 1 at least"),
    (lambda x, z: ed.fftn(x, (3, 4), (0,)),         ed.ShapeError,    "fftn takes a length for each axis"),
    (lambda x, z: ed.fftfreq(0),                    ed.ShapeError,    "fftfreq of 0 points"),
    (lambda x, z: ed.fftfreq(0.5),                  TypeError,        "n of fftfreq is a whole number or a size"),
]  # fmt: skip


@pytest.mark.parametrize(("make", "error", "match"), REFUSED)
def test_what_is_refused(make, error, match):
    with pytest.raises(error, match=match):
        make(ed.tensor("x", "i"), ed.tensor("z", "i", complex=True))


@pytest.mark.parametrize("library", ["numpy", "torch"])
def test_an_axis_without_entries(library):
    empty = pytest.importorskip(library).zeros(0)
    with pytest.raises(ed.ShapeError, match="a Fourier transform of an axis without entries"):
        ed.evaluate(ed.fft(ed.tensor("x", "i")), x=empty)


@pytest.mark.parametrize("library", ["torch", "jax", "dask"])
def test_other_libraries(library):
    backend = pytest.importorskip(library)
    x = drawn((6, 4)).astype("float32" if library == "jax" else "float64")
    X = ed.tensor("x", "ij")
    if library == "torch":
        given = backend.tensor(x)
    elif library == "jax":
        given = backend.numpy.asarray(x)
    else:
        given = pytest.importorskip("dask.array").from_array(x, chunks=3)
    power = ed.sum(ed.abs(ed.fft(X, axis=0)) ** 2)
    for e in (ed.grad(power, X), ed.irfft(ed.rfft(X)), ed.fft2(X), ed.derive(ed.fft(X), X)):
        got = np.asarray(ed.evaluate(e, x=given))
        np.testing.assert_allclose(
            got, ed.evaluate(e, x=x), atol=1e-4 if x.itemsize == 4 else 1e-12
        )


NO_FOURIER = [
    lambda x: ed.exp(2j * ed.outer(x, x)),
    lambda x: ed.exp(ed.outer(x, x)),
    lambda x: ed.exp(-2j * math.pi / 5 * ed.outer(ed.arange(5), x)),
    lambda x: ed.exp(-2j * math.pi / 5 * ed.outer(ed.arange(5) + 1, ed.arange(5))),
    lambda x: x,
]


@pytest.mark.parametrize("make", NO_FOURIER)
def test_what_is_no_matrix_of_roots_of_unity(make):
    assert fourier_of(make(ed.tensor("x", "i"))) is None
