"""CuPy's sources. There is no device here, so NumPy runs them under CuPy's name: the text, not the kernels."""

import sys

import numpy as np
import pytest
from backend_checks import as_cupy, assert_as_numpy, cupy_modules, ndarray, run_source
from samples import HELD, SAMPLES, arrays, domain

import einderiv as ed


@pytest.fixture(autouse=True)
def cupy(monkeypatch):
    """NumPy under another name, without what CuPy lacks."""
    for name, module in cupy_modules().items():
        monkeypatch.setitem(sys.modules, name, module)


@pytest.mark.slow
@pytest.mark.parametrize("name", SAMPLES)
def test_as_numpy(name):
    assert_as_numpy(name, as_cupy)


@pytest.mark.parametrize("name", SAMPLES)
def test_sources_run_alone(name):
    e = SAMPLES[name]()
    given = arrays(e, domain=domain(name))
    got = run_source(e, "cupy", {n: as_cupy(a) for n, a in (given | HELD.get(name, {})).items()})
    np.testing.assert_allclose(got, ed.evaluate(e, given), rtol=1e-12, atol=1e-12)


def test_results_are_arrays_of_cupy():
    x = ed.tensor("x", "i")
    for e in (x * 2, ed.sum(x), ed.derive(x * x, x)):
        assert type(ed.evaluate(e, x=as_cupy([1.0, 2.0]))) is ndarray
    assert type(ed.compile(x * 2, backend="cupy")(x=[1.0, 2.0])) is ndarray


def test_no_word_of_numpy_is_left():
    for name in SAMPLES:
        assert "np." not in ed.source(SAMPLES[name](), "cupy")


def test_a_users_function_that_imports_has_no_spelling():
    f = ed.function("imports_numpy", "other.exp({0})", lambda x: x, imports="import numpy as other")
    with pytest.raises(ed.BackendError, match="has no spelling for cupy"):
        ed.source(f(ed.tensor("x", "i")), "cupy")
