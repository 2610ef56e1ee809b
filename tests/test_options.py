"""Options that are True or False mean that, and nothing that merely counts as true."""

import numpy as np
import pytest
from scipy import special

import einderiv as ed

x = ed.tensor("x", "i")
S = ed.einsum("ij,j->i", "S", "x")

OPTIONS = [
    ("symmetric",   lambda given: ed.tensor("S", "nn", symmetric=given)),
    ("diagonal",    lambda given: ed.tensor("S", "nn", diagonal=given)),
    ("lower",       lambda given: ed.tensor("S", "nn", lower=given)),
    ("orthogonal",  lambda given: ed.tensor("S", "nn", orthogonal=given)),
    ("complex",     lambda given: ed.tensor("S", "nn", complex=given)),
    ("approximate", lambda given: ed.gelu(x, approximate=given)),
    ("analytic",    lambda given: ed.function("never", "{0}", lambda x: x, analytic=given)),
    ("ascii",       lambda given: ed.formula(S, ascii=given)),
    ("dense",       lambda given: ed.evaluate(S, S=np.eye(2), x=np.ones(2), dense=given)),
    ("dense",       lambda given: ed.compile(S, dense=given)),
    ("distribute",  lambda given: ed.compile(S, distribute=given)),
    ("zeroed",      lambda given: ed.evaluate(S, S=np.eye(2), x=np.ones(2), out=np.zeros(2),
                                              zeroed=given)),
    ("progress",    lambda given: ed.minimize(ed.sum(x * x), x, [1.0], progress=given)),
    ("progress",    lambda given: ed.stream(S, {}, to="nowhere", memory_limit=1, progress=given)),
]  # fmt: skip


@pytest.mark.parametrize("value", ["no", "False", 0, 1, 2.0, [], ()])
@pytest.mark.parametrize(("name", "call"), OPTIONS)
def test_only_true_and_false(name, call, value):
    with pytest.raises(TypeError, match=rf"{name}.* True or False, not"):
        call(value)


@pytest.mark.parametrize("value", [True, np.True_, "tanh"])
def test_gelu_by_tanh(value):
    assert ed.gelu(x, approximate=value) == ed.gelu(x, approximate=True)


@pytest.mark.parametrize("value", [False, np.False_, "none"])
def test_gelu_exact(value):
    found = ed.evaluate(ed.gelu(x, approximate=value), x=[0.7])
    assert np.allclose(found, 0.7 * special.ndtr(0.7), rtol=1e-12)


A = ed.tensor("A", "ij")
LOSS = ed.sum(x * x)
BAD_VALUES = [
    ("constants",  lambda: ed.compile(A @ A, constants=3),                     TypeError, "constants.* names of tensors"),
    ("constants",  lambda: ed.compile(A @ A, constants=b"A"),                  TypeError, "constants.* names of tensors"),
    ("backend",    lambda: ed.source(A, []),                                   TypeError, "backend must be a name, not list"),
    ("backend",    lambda: ed.source(A, {}),                                   TypeError, "backend must be a name, not dict"),
    ("ddof",       lambda: ed.var(A, 0, ddof=float("nan")),                    ed.EinderivError, "ddof.* finite"),
    ("domain",     lambda: ed.function("never", "{0}", None, domain="maybe"),  TypeError, "domain is a pair"),
    ("domain",     lambda: ed.function("never", "{0}", None, domain=(1,)),     TypeError, "domain is a pair"),
    ("options",    lambda: ed.minimize(LOSS, x, [1.0], options=3),             TypeError, "options is a mapping"),
    ("options",    lambda: ed.minimize(LOSS, x, [1.0], options="maxiter"),     TypeError, "options is a mapping"),
    ("tol",        lambda: ed.minimize(LOSS, x, [1.0], tol=[]),                TypeError, "tol is a number"),
    ("tol",        lambda: ed.minimize(LOSS, x, [1.0], tol=float("nan")),      ed.EinderivError, "tol is a number .* not nan"),
    ("bounds",     lambda: ed.minimize(LOSS, x, [1.0], bounds="maybe"),        TypeError, "bounds is a sequence of pairs"),
    ("bounds",     lambda: ed.minimize(LOSS, x, [1.0], bounds=[1.0]),          TypeError, "bounds is a sequence of pairs"),
    ("bounds",     lambda: ed.minimize(LOSS, x, [1.0], bounds={"x": (0, 1)}),  TypeError, "bounds is a sequence of pairs"),
]  # fmt: skip


@pytest.mark.parametrize(("name", "call", "kind", "message"), BAD_VALUES)
def test_values_that_an_option_does_not_have(name, call, kind, message):
    with pytest.raises(kind, match=message):
        call()


def test_bounds_as_pairs():
    found = ed.minimize(ed.sum((x - 3) ** 2), x, np.zeros(2), bounds=[(0, 1), (None, 2)])
    assert np.allclose(found.x, [1, 2])
