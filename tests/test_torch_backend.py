"""Every row and every kind of step in torch: NumPy's numbers, torch's dtypes, devices, autograd and compiler."""

import numpy as np
import pytest
from backend_checks import assert_as_numpy, run_source
from samples import ELEMENTWISE, HELD, SAMPLES, arrays, domain

import einderiv as ed
from einderiv.functions import ADDED, FUNCTIONS
from einderiv.torch_backend import COLUMN, REAL

torch = pytest.importorskip("torch")
t, es = ed.tensor, ed.einsum


def test_every_row_has_a_spelling():
    assert set(COLUMN) == set(FUNCTIONS) - set(ADDED)


@pytest.mark.parametrize("name", SAMPLES)
def test_as_numpy(name):
    assert_as_numpy(name, torch.tensor)


@pytest.mark.parametrize("name", SAMPLES)
def test_sources_run_alone(name):
    e = SAMPLES[name]()
    given = arrays(e, domain=domain(name))
    got = run_source(e, "torch", {n: torch.tensor(a) for n, a in (given | HELD.get(name, {})).items()})
    np.testing.assert_allclose(got, ed.evaluate(e, given), rtol=1e-12, atol=1e-12)


@pytest.mark.parametrize("name", [n for n in ELEMENTWISE if FUNCTIONS[n].analytic and n not in REAL])
def test_complex(name):
    if FUNCTIONS[name].needs:
        pytest.skip("NumPy has it of real numbers only")
    e = SAMPLES[name]()
    given = {n: a * (1 + 0.1j) for n, a in arrays(e, domain=domain(name)).items()}
    if name == "conj":
        with pytest.raises(ed.EinderivError, match="not declared so"):
            ed.evaluate(e, {n: torch.tensor(a) for n, a in given.items()})
        return
    got = ed.evaluate(e, {n: torch.tensor(a) for n, a in given.items()})
    assert got.dtype == torch.complex128
    np.testing.assert_allclose(got, ed.evaluate(e, given), rtol=1e-9)


@pytest.mark.parametrize("f", [ed.softmax, ed.log_softmax, ed.logsumexp, lambda x: ed.softmax(x, (0, 1))])
def test_complex_reductions(f):
    X, x = t("X", "ij"), np.random.default_rng(1).normal(size=(2, 3)) * (1 + 2j)
    np.testing.assert_allclose(ed.evaluate(f(X), X=torch.tensor(x)), ed.evaluate(f(X), X=x), rtol=1e-12)


@pytest.mark.parametrize("name", sorted(REAL))
def test_real_functions_say_so(name):
    with pytest.raises(ed.BackendError, match=f"torch computes {name} of real numbers only"):
        ed.evaluate(getattr(ed, name)(t("x", "i")), x=torch.ones(2, dtype=torch.complex64))


@pytest.mark.parametrize("e", [ed.softmax(t("x", "i")), ed.log_softmax(t("x", "i")), ed.softplus(t("x", "i")),
                               ed.logsumexp(t("x", "i")), ed.sigmoid(t("x", "i")), ed.log_sigmoid(t("x", "i"))],
                         ids=str)  # fmt: skip
def test_large_inputs_do_not_overflow(e):
    x = torch.tensor([1e4, -1e4, 3.0])
    for what in (e, ed.grad(ed.sum(e), "x")):
        got = ed.evaluate(what, x=x)
        assert got.dtype == torch.float32
        np.testing.assert_allclose(got, ed.evaluate(what, x=x.double().numpy()), rtol=1e-6, atol=1e-30)


@pytest.mark.slow
@pytest.mark.timeout(1800)
@pytest.mark.parametrize("name", SAMPLES)
def test_compiled_whole(name):
    e = SAMPLES[name]()
    given = {n: torch.tensor(a) for n, a in arrays(e, domain=domain(name)).items()}
    f = ed.compile(e)
    want = f(given)
    torch._dynamo.reset()
    got = torch.compile(f.raw, fullgraph=True, backend="aot_eager")(*(given[n] for n in f.inputs))
    torch.testing.assert_close(got, want)
