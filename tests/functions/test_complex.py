"""Complex tensors and their conjugates as two variables; gradients in the conventions of JAX and PyTorch."""

import numpy as np
import pytest

import einderiv as ed

Z, W, z = (
    ed.tensor("Z", "ij", complex=True),
    ed.tensor("W", "jk"),
    ed.tensor("z", "i", complex=True),
)
x = ed.tensor("x", "i")
rng = np.random.default_rng(0)
AT = {"Z": rng.normal(size=(2, 3)) + 1j * rng.normal(size=(2, 3)), "W": rng.normal(size=(3, 2))}


def known(e, arrays=AT):
    return {n: a for n, a in arrays.items() if n in ed.compile(e).inputs}


@pytest.mark.parametrize(
    ("e", "want"),
    [
        (ed.conj(Z), "conj(Z)"),
        (ed.conj(ed.conj(Z)), "Z"),
        (ed.conj((1 + 2j) * Z), "(1-2j) * conj(Z)"),
        (ed.conj(Z + Z * 1j), "(1-1j) * conj(Z)"),
        (ed.conj(ed.exp(Z)), "exp(conj(Z))"),
        (ed.conj(ed.abs(Z)), "modulus(Z, conj(Z))"),
        (ed.conj(ed.inv(Z)), "inv(conj(Z))"),
    ],
)
def test_conjugates_move_down_to_the_tensors(e, want):
    assert str(e) == want


VALUES = {
    "conj":  (ed.conj(Z @ W), lambda a: np.conj(a["Z"] @ a["W"])),
    "real":  (ed.real(ed.exp(Z @ W)), lambda a: np.exp(a["Z"] @ a["W"]).real),
    "imag":  (ed.imag(ed.exp(Z @ W)), lambda a: np.exp(a["Z"] @ a["W"]).imag),
    "abs":   (ed.abs(Z @ W), lambda a: np.abs(a["Z"] @ a["W"])),
    "array": (ed.conj(Z * np.array([[1j, 2, 3j]] * 2)), lambda a: np.conj(a["Z"] * np.array([[1j, 2, 3j]] * 2))),
    "real array": (ed.conj(Z * np.ones((2, 3))), lambda a: np.conj(a["Z"])),
}  # fmt: skip


@pytest.mark.parametrize("name", VALUES)
def test_values(name):
    e, f = VALUES[name]
    np.testing.assert_allclose(ed.evaluate(e, known(e)), f(AT), rtol=1e-13, atol=1e-13)


LOSSES = {
    "squares":  ed.sum(Z * ed.conj(Z)) + 0 * ed.sum(W),
    "moduli":   ed.sum(ed.abs(Z @ W)),
    "real":     ed.real(ed.sum(ed.exp(Z @ W))),
    "imag":     ed.imag(ed.sum((Z @ W) ** 3)),
    "mixed":    ed.sum(ed.abs(1j * Z @ W + 2) ** 2 * ed.real(ed.tanh(Z @ W))),
}  # fmt: skip


@pytest.mark.parametrize("name", LOSSES)
def test_both_derivatives_against_differences(name):
    """∂/∂z = (∂/∂x − i ∂/∂y)/2 and ∂/∂z̄ with the other sign; by a real tensor the ordinary one."""
    loss, h = LOSSES[name], 1e-6

    def f(step):
        return ed.evaluate(loss, {**AT, "Z": AT["Z"] + step})

    by, by_conj = np.zeros((2, 2, 3), complex)
    for at in np.ndindex(2, 3):
        unit = np.zeros((2, 3))
        unit[at] = h
        along, across = ((f(s * unit) - f(-s * unit)) / (2 * h) for s in (1, 1j))
        by[at], by_conj[at] = (along - 1j * across) / 2, (along + 1j * across) / 2
    np.testing.assert_allclose(ed.evaluate(ed.derive(loss, Z), AT), by, atol=1e-7)
    np.testing.assert_allclose(ed.evaluate(ed.derive(loss, ed.conj(Z)), AT), by_conj, atol=1e-7)
    assert ed.check(loss, W, AT).ok
    assert ed.check(loss, Z, AT).ok
    assert ed.check(loss, ed.conj(Z), AT).ok


@pytest.mark.parametrize("name", LOSSES)
def test_gradients_in_the_conventions_of_jax_and_torch(name):
    loss = LOSSES[name]
    ours = {c: ed.evaluate(ed.grad(loss, [Z, "W"], convention=c), AT) for c in ("jax", "torch")}
    # of a real loss
    np.testing.assert_allclose(ours["jax"][0], np.conj(ours["torch"][0]), atol=1e-12)
    np.testing.assert_allclose(ours["jax"][1], ed.evaluate(ed.grad(loss, W), AT), atol=1e-12)
    value, slope = ed.value_and_grad(loss, Z, convention="torch")
    assert value is loss
    np.testing.assert_allclose(ed.evaluate(slope, AT), ours["torch"][0], atol=1e-12)


JUDGED = {
    "squares": lambda K, Z, W: (Z * Z.conj()).sum().real + 0 * W.sum().real,
    "moduli":  lambda K, Z, W: abs(Z @ W).sum(),
    "real":    lambda K, Z, W: K.exp(Z @ W).sum().real,
    "imag":    lambda K, Z, W: ((Z @ W) ** 3).sum().imag,
    "mixed":   lambda K, Z, W: (abs(1j * Z @ W + 2) ** 2 * K.tanh(Z @ W).real).sum(),
}  # fmt: skip


@pytest.mark.parametrize("name", JUDGED)
def test_jax_agrees(name):
    jax = pytest.importorskip("jax")
    jax.config.update("jax_enable_x64", True)
    want = jax.grad(lambda Z, W: JUDGED[name](jax.numpy, Z, W), (0, 1))(AT["Z"], AT["W"])
    got = ed.evaluate(ed.grad(LOSSES[name], (Z, W), convention="jax"), AT)
    for a, b in zip(got, want, strict=True):
        np.testing.assert_allclose(a, b, rtol=1e-9, atol=1e-12)


@pytest.mark.parametrize("name", JUDGED)
def test_torch_agrees(name):
    torch = pytest.importorskip("torch")
    point = torch.tensor(AT["Z"], requires_grad=True)
    JUDGED[name](torch, point, torch.tensor(AT["W"], dtype=torch.complex128)).backward()
    got = ed.evaluate(ed.grad(LOSSES[name], Z, convention="torch"), AT)
    np.testing.assert_allclose(got, point.grad.numpy(), rtol=1e-9, atol=1e-12)


def test_what_is_holomorphic_needs_no_declaration():
    y = ed.tensor("y", "i")
    at = np.array([1 + 2j, 3.0])
    assert ed.evaluate(ed.grad(ed.sum(y * y), y), y=at).tolist() == (2 * at).tolist()
    assert ed.evaluate(ed.derive(ed.sum(z * z), z), z=at).tolist() == (2 * at).tolist()
    assert ed.evaluate(ed.derive(ed.sum(z * z), ed.conj(z)), z=at).tolist() == [0, 0]


def test_kinks_and_zero():
    slope = ed.grad(ed.sum(ed.abs(z)), z, convention="jax")
    np.testing.assert_allclose(
        ed.evaluate(slope, z=np.array([0j, 3 + 4j])), [0, 0.6 - 0.8j], rtol=1e-15
    )


def test_real_tensors_stay_real():
    assert ed.evaluate(ed.grad(ed.sum(x * ed.conj(x)), x), x=[1.0, 2.0]).tolist() == [2.0, 4.0]
    assert ed.evaluate(ed.grad(ed.sum(ed.real(x * x)), x), x=[1.0, 2.0]).tolist() == [2.0, 4.0]
    assert ed.evaluate(ed.conj(x), x=[1, 2]).dtype == np.int64
    assert str(ed.abs(x)) == "abs(x)"


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: ed.evaluate(ed.conj(x), x=[1j, 0]), "x is conjugated .* complex=True"),
        (lambda: ed.evaluate(ed.sum(ed.real(x)), x=[1j, 0]), "x is conjugated .* complex=True"),
        (lambda: ed.evaluate(ed.abs(x), x=[1j, 0]), "abs of complex .* complex=True"),
        (lambda: ed.evaluate(ed.relu(z), z=[1j, 0]), "relu of complex"),
        (lambda: ed.grad(ed.sum(z), z, convention="numpy"), "'jax' and 'torch'"),
        (lambda: ed.derive(ed.einsum("i,i->", "z", z), z), "z is declared complex in one place"),
    ],
)
def test_refused(make, message):
    with pytest.raises(ed.EinderivError, match=message):
        make()


def test_substituting_under_a_conjugate():
    e = ed.substitute(ed.sum(z * ed.conj(z)), z=2j * ed.tensor("u", "i", complex=True))
    assert ed.evaluate(e, u=np.array([1 + 1j, 0])) == 8


# ---- norms of what is declared complex
z3 = np.array([[1j, 1.0, 2 - 1j], [0.5, -2j, 1 + 1j]])
MODULI = [
    (lambda Z: ed.norm(Z), np.linalg.norm),
    (lambda Z: ed.norm_squared(Z), lambda z: (abs(z) ** 2).sum()),
    (lambda Z: ed.norm(Z, 1, 0), lambda z: np.linalg.norm(z, 1, 0)),
    (lambda Z: ed.norm(Z, 2, 0), lambda z: np.linalg.norm(z, 2, 0)),
    (lambda Z: ed.var(Z, 1), lambda z: z.var(1)),
    (lambda Z: ed.std(Z), np.std),
    (lambda Z: np.linalg.norm(Z, "fro"), np.linalg.norm),
    (lambda Z: np.var(Z), np.var),
]


@pytest.mark.parametrize(("f", "g"), MODULI)
def test_norms_are_of_moduli(f, g):
    got = ed.evaluate(f(ed.tensor("Z", "ij", complex=True)), Z=z3)
    np.testing.assert_allclose(got, g(z3), rtol=1e-14)


def test_gradients_of_norms_and_of_real_parts():
    Z = ed.tensor("Z", "ij", complex=True)
    np.testing.assert_allclose(
        ed.evaluate(ed.grad(ed.norm_squared(Z), Z, convention="torch"), Z=z3), 2 * z3
    )
    np.testing.assert_allclose(
        ed.evaluate(ed.grad(ed.norm_squared(Z), Z, convention="jax"), Z=z3), 2 * z3.conj()
    )
    for convention, want in (("jax", 2 * z3), ("torch", 2 * z3.conj())):  # of Re Σ z²
        got = ed.evaluate(ed.grad(ed.sum(Z * Z), Z, convention=convention), Z=z3)
        np.testing.assert_allclose(got, want)
        assert ed.grad(ed.real(ed.sum(Z * Z)), Z, convention=convention) == ed.grad(
            ed.sum(Z * Z), Z, convention=convention
        )


UNDECLARED = np.array([[1 + 1j, 2 - 1j], [0.5j, 3]])
REAL_OF_COMPLEX = [
    ("norm",         np.linalg.norm),
    ("norm of rows", lambda x: np.linalg.norm(x, axis=1)),
    ("Frobenius",    lambda x: np.linalg.norm(x, "fro")),
    ("order 1",      lambda x: np.linalg.norm(x, 1)),
    ("order inf",    lambda x: np.linalg.norm(x, np.inf)),
    ("var",          lambda x: np.var(x)),
    ("var of rows",  lambda x: np.var(x, axis=1, ddof=1)),
    ("std",          lambda x: np.std(x)),
    ("slogdet",      lambda x: np.linalg.slogdet(x)[1]),
    ("in a product", lambda x: 3 * np.linalg.norm(2 * x) ** 2 + np.sum(x)),
]  # fmt: skip


@pytest.mark.parametrize("f", [f for _, f in REAL_OF_COMPLEX], ids=[n for n, _ in REAL_OF_COMPLEX])
def test_undeclared_complex_arrays_are_refused(f):
    e = ed.trace_function(f, "ij")
    for made in (e, ed.derive(ed.sum(e), "x"), ed.hvp(ed.sum(e), "x", "v")):
        names = ed.compile(made).tensors
        real = ed.evaluate(made, dict.fromkeys(names, UNDECLARED.real))
        assert np.isfinite(real).all()
        with pytest.raises(ed.EinderivError, match=r"complex array|is not holomorphic"):
            ed.evaluate(made, dict.fromkeys(names, UNDECLARED))


@pytest.mark.parametrize("f", [ed.norm_squared, ed.norm, ed.var, ed.std, ed.layer_norm])
def test_declared_complex_arrays_are_not(f):
    z = ed.tensor("z", "ij", complex=True)
    found = ed.evaluate(f(z), z=UNDECLARED)
    want = {
        ed.norm_squared: (abs(UNDECLARED) ** 2).sum(),
        ed.norm: np.linalg.norm(UNDECLARED),
        ed.var: UNDECLARED.var(),
        ed.std: UNDECLARED.std(),
    }
    if f in want:
        assert np.allclose(found, want[f])
    with pytest.raises(ed.EinderivError, match="not declared so"):
        ed.evaluate(f(ed.tensor("z", "ij")), z=UNDECLARED)
