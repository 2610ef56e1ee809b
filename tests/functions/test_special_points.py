"""Values, slopes and second slopes where they are easily lost: at 0, at ties, far out, without entries."""

import numpy as np
import pytest

import einderiv as ed

x, y, X = ed.tensor("x", "i"), ed.tensor("y", "i"), ed.tensor("X", "ij")
a, b = ed.tensor("a"), ed.tensor("b")
z = ed.tensor("z", "i", complex=True)
BACKENDS = ("numpy", "torch", "jax", "dask")


def computed(e, backend="numpy", **arrays):
    """The values of an expression by a library, as a NumPy array."""
    if backend == "torch":
        pytest.importorskip("torch")
    if backend == "dask":
        pytest.importorskip("dask.array")
    if backend == "jax":
        pytest.importorskip("jax").config.update("jax_enable_x64", True)
    return np.asarray(ed.compile(e, backend=backend)(**arrays))


# ---- smooth functions are not written through kinks
def logistic(w):
    return ed.sum(np.logaddexp(0, -ed.tensor("t", "n") * (ed.tensor("D", "nd") @ w)))


D, T = np.array([[1.0, 2], [-3, 4], [5, -6]]), np.array([1.0, -1, 1])
ZERO, ZEROS = np.zeros(2), np.zeros((2, 2))
EQUAL = np.array([0.25, 0.25])
SMOOTH = [
    # what                  of                                         at          its second derivative
    ("logistic loss",       lambda x: logistic(x),                     ZERO,       D.T @ D / 4),
    ("logaddexp at a tie",  lambda x: ed.sum(ed.logaddexp(x, 0.25)),   EQUAL,      np.eye(2) / 4),
    ("log of two at a tie", lambda x: ed.logsumexp(x),                 EQUAL,      (np.eye(2) - 0.5) / 2),
    ("norm squared",        lambda x: ed.norm(x) ** 2,                 ZERO,       2 * np.eye(2)),
    ("norm by norm",        lambda x: (lambda n: n * n)(ed.norm(x)),   ZERO,       2 * np.eye(2)),
    ("abs squared",         lambda x: ed.sum(abs(x) ** 2),             ZERO,       2 * np.eye(2)),
    ("sum of abs by abs",    lambda x: ed.einsum("i,i->", abs(x), abs(x)), ZERO,           2 * np.eye(2)),
    ("abs, times, abs",      lambda x: ed.sum(abs(x) * 3 * abs(x)),    ZERO,           6 * np.eye(2)),
    ("norm of abs squared",  lambda x: ed.norm(abs(x)) ** 2,           ZERO,           2 * np.eye(2)),
    ("squares of hypot",     lambda x: ed.norm_squared(ed.hypot(x, x)), ZERO,          4 * np.eye(2)),
    ("norm twice in a product", lambda x: ed.einsum(",,->", ed.norm(x), 3.0, ed.norm(x)), ZERO, 6 * np.eye(2)),
    ("hypot squared",       lambda x: ed.sum(ed.hypot(x, x) ** 2),     ZERO,       4 * np.eye(2)),
    ("softplus",            lambda x: ed.sum(ed.softplus(x)),          ZERO,       np.eye(2) / 4),
    ("silu",                lambda x: ed.sum(ed.silu(x)),              ZERO,       np.eye(2) / 2),
    ("variance",            lambda x: ed.var(x),                       EQUAL,      np.eye(2) - 0.5),
    ("squared by name",     lambda x: ed.sum(ed.square(abs(x))),       ZERO,       2 * np.eye(2)),
]  # fmt: skip


@pytest.mark.parametrize(
    ("f", "at", "want"), [row[1:] for row in SMOOTH], ids=[r[0] for r in SMOOTH]
)
@pytest.mark.parametrize("backend", BACKENDS)
def test_second_derivatives_of_smooth_functions(f, at, want, backend):
    e = ed.hessian(f(x), x)
    arrays = {"x": at, "D": D, "t": T} if "D" in ed.compile(e).inputs else {"x": at}
    np.testing.assert_allclose(computed(e, backend, **arrays), want, rtol=1e-14)


@pytest.mark.parametrize(
    "e", [abs(x) ** 2, ed.square(abs(x)), abs(x) * abs(x), abs(x) ** 3, ed.norm_squared(abs(x))]
)
def test_squares_of_moduli_are_not_of_undeclared_complex_arrays(e):
    """|z|² is not z², so what has become x² remembers that it was of absolute values."""
    with pytest.raises(ed.EinderivError, match="complex"):
        ed.evaluate(e, x=np.array([1j, 2]))


# ---- kinks follow PyTorch
KINKS = [
    # what            of                                        at                             its gradient
    ("a vector",      lambda: ed.norm(x),                       {"x": ZERO},                   ZERO),
    ("rows",          lambda: ed.sum(ed.norm(X, 2, axis=1)),    {"X": np.array([[0.0, 0], [3, 4]])}, [[0, 0], [0.6, 0.8]]),
    ("columns",       lambda: ed.sum(ed.norm(X, axis=0)),       {"X": np.array([[0.0, 3], [0, 4]])}, [[0, 0.6], [0, 0.8]]),
    ("a matrix",      lambda: ed.norm(X, "fro"),                {"X": ZEROS},                  ZEROS),
    ("complex",       lambda: ed.norm(z),                       {"z": ZERO + 0j},              ZERO),
    ("cubed",         lambda: ed.norm(x) ** 3,                  {"x": ZERO},                   ZERO),
    ("sum of abs",    lambda: ed.norm(x, 1),                    {"x": ZERO},                   ZERO),
    ("std",           lambda: ed.std(x),                        {"x": np.ones(2)},             ZERO),
    ("std of rows",   lambda: ed.sum(ed.std(X, 1)),             {"X": np.array([[1.0, 1], [1, 3]])}, [[0, 0], [-0.5, 0.5]]),
    ("unbiased std",  lambda: ed.std(x, ddof=1),                {"x": np.ones(2)},             ZERO),
    ("hypot",         lambda: ed.sum(ed.hypot(x, x)),           {"x": ZERO},                   ZERO),
    ("arctan2",       lambda: ed.sum(ed.arctan2(x, x)),         {"x": ZERO},                   ZERO),
]  # fmt: skip


@pytest.mark.parametrize(("f", "at", "want"), [row[1:] for row in KINKS], ids=[r[0] for r in KINKS])
@pytest.mark.parametrize("backend", BACKENDS)
def test_gradients_at_kinks(f, at, want, backend):
    (name,) = at
    got = computed(ed.grad(f(), name), backend, **at)
    np.testing.assert_allclose(got, want, rtol=1e-14)
    second = computed(ed.hessian(f(), name), backend, **at)
    assert np.isfinite(second).all()


def test_forces_between_all_pairs():
    """All distances at once: a point has the distance 0 from itself, and that is a kink without a force."""
    P = ed.tensor("P", "nd")
    apart = ed.einsum("id->ijd", P, sizes={"j": "n"}) - ed.einsum("jd->ijd", P, sizes={"i": "n"})
    forces = ed.grad(ed.sum(ed.norm(apart, axis=2)), P)
    at = np.array([[0.0, 0], [3, 4]])
    np.testing.assert_allclose(computed(forces, P=at), [[-1.2, -1.6], [1.2, 1.6]], rtol=1e-14)


# ---- ranges
FAR = [
    # what                 e                                    arrays                        wanted
    ("large",              lambda: ed.grad(ed.norm(x), x),      {"x": [3e160, 4e160]},        [0.6, 0.8]),
    ("largest",            lambda: ed.grad(ed.norm(x), x),      {"x": [3e300, 4e300]},        [0.6, 0.8]),
    ("smallest",           lambda: ed.grad(ed.norm(x), x),      {"x": [3e-300, 4e-300]},      [0.6, 0.8]),
    ("length, large",      lambda: ed.norm(x),                  {"x": [3e300, 4e300]},        5e300),
    ("length, small",      lambda: ed.norm(x),                  {"x": [3e-300, 4e-300]},      5e-300),
    ("second, large",      lambda: 1e300 * ed.hessian(ed.norm(x), x), {"x": [3e300, 4e300]},  [[0.128, -0.096], [-0.096, 0.072]]),
    ("tanh at 19",         lambda: ed.grad(ed.sum(ed.tanh(x)), x), {"x": [19.0]},             [4 * np.exp(-38.0)]),
    ("tanh at 400",        lambda: ed.grad(ed.sum(ed.tanh(x)), x), {"x": [-350.0, 800]},      [4 * np.exp(-700.0), 0]),
    ("elu at inf",         lambda: ed.grad(ed.sum(ed.elu(x)), x), {"x": [np.inf, -np.inf]},   [1, 0]),
    ("norm at inf",        lambda: ed.grad(ed.norm(x), x),      {"x": [np.inf, 4.0]},         [1, 0]),
    ("norm twice at inf",  lambda: ed.hessian(ed.norm(x), x),   {"x": [np.inf, 4.0]},         [[0, 0], [0, 0]]),
    ("hypot twice",        lambda: 1e-300 * ed.hessian(ed.sum(ed.hypot(x, 4e-300)), x), {"x": [3e-300]}, [[0.128]]),
    ("hypot, large",       lambda: 1e300 * ed.hessian(ed.sum(ed.hypot(x, 4e300)), x), {"x": [3e300]}, [[0.128]]),
    ("hypot at inf",       lambda: ed.grad(ed.sum(ed.hypot(x, 4)), x), {"x": [np.inf, -np.inf]}, [1, -1]),
    ("arctan2, small",     lambda: 1e-300 * ed.grad(ed.sum(ed.arctan2(x, 4e-300)), x), {"x": [3e-300]}, [0.16]),
    ("arctan2, large",     lambda: 1e300 * ed.grad(ed.sum(ed.arctan2(x, 4e300)), x), {"x": [3e300]}, [0.16]),
    ("arctan2 twice",      lambda: 1e300 * ed.hessian(ed.sum(ed.arctan2(x, 4e150)), x), {"x": [3e150]}, [[-0.0384]]),
    ("arctan2 at inf",     lambda: ed.hessian(ed.sum(ed.arctan2(x, 4)), x), {"x": [np.inf]}, [[0]]),
    ("softmax at inf",     lambda: ed.softmax(x),               {"x": [np.inf, 1.0, -np.inf]}, [1, 0, 0]),
    ("its logarithm",      lambda: ed.log_softmax(x),           {"x": [np.inf]},              [0]),
    ("logsumexp at inf",   lambda: ed.grad(ed.logsumexp(x), x), {"x": [np.inf, 1.0, -np.inf]}, [1, 0, 0]),
    ("logsumexp at -inf",  lambda: ed.hessian(ed.logsumexp(x), x), {"x": [-np.inf, 1.0]},     [[0, 0], [0, 0]]),
    ("elu twice",          lambda: ed.hessian(ed.sum(ed.elu(x)), x), {"x": [np.inf, 0.0]}, [[0, 0], [0, 0]]),
]  # fmt: skip


@pytest.mark.parametrize(("e", "at", "want"), [row[1:] for row in FAR], ids=[row[0] for row in FAR])
@pytest.mark.parametrize("backend", BACKENDS)
def test_far_out(e, at, want, backend):
    arrays = {name: np.array(values) for name, values in at.items()}
    np.testing.assert_allclose(computed(e(), backend, **arrays), want, rtol=1e-13)


INFINITE = [
    # what        of x                             its value at -inf and inf       its slopes
    ("silu",      ed.silu,                         [0, np.inf],                    [0, 1]),
    ("gelu",      ed.gelu,                         [0, np.inf],                    [0, 1]),
    ("elu",       ed.elu,                          [-1, np.inf],                   [0, 1]),
    ("softplus",  ed.softplus,                     [0, np.inf],                    [0, 1]),
    ("relu",      ed.relu,                         [0, np.inf],                    [0, 1]),
    ("sigmoid",   ed.sigmoid,                      [0, 1],                         [0, 0]),
    ("tanh",      ed.tanh,                         [-1, 1],                        [0, 0]),
    ("sech_squared", ed.sech_squared,               [0, 0],                         [0, 0]),
    ("erf",       ed.erf,                          [-1, 1],                        [0, 0]),
    ("erfc",      ed.erfc,                         [2, 0],                         [0, 0]),
    ("arctan",    ed.arctan,                       [-np.pi / 2, np.pi / 2],        [0, 0]),
    ("arcsinh",   ed.arcsinh,                      [-np.inf, np.inf],              [0, 0]),
]  # fmt: skip


@pytest.mark.parametrize(
    ("f", "value", "slope"), [row[1:] for row in INFINITE], ids=[r[0] for r in INFINITE]
)
@pytest.mark.parametrize("backend", BACKENDS)
@pytest.mark.parametrize("dtype", ["f8", "f4"])
def test_at_infinity(f, value, slope, backend, dtype):
    """The limits, to second order; PyTorch's own slopes are nan for most of them."""
    at = {"x": np.array([-np.inf, np.inf], dtype)}
    np.testing.assert_allclose(computed(f(x), backend, **at), value, rtol=1e-6)
    np.testing.assert_array_equal(computed(ed.grad(ed.sum(f(x)), x), backend, **at), slope)
    second = computed(ed.hessian(ed.sum(f(x)), x), backend, **at)
    np.testing.assert_array_equal(second, np.zeros((2, 2)))


def test_what_is_computed_with_care_is_printed_as_its_formula():
    shown = {
        ed.silu: "sigmoid(x[a]) + silu(x[a]) sigmoid(−x[a])",
        ed.arctan: "1 / (1 + x[a]²)",
        ed.arcsinh: "1 / sqrt(1 + x[a]²)",
    }
    for f, text in shown.items():
        gradient = ed.grad(ed.sum(f(x)), x)
        assert ed.formula(gradient) == f"∂y/∂x[a] = {text}"
        assert ed.latex(gradient) == ed.latex(gradient).replace("kept", "")
    assert ed.formula(ed.grad(ed.sum(ed.arctan(x)), x), style="matrix") == "∂y/∂x = 1 / (1 + x²)"


@pytest.mark.parametrize("backend", BACKENDS)
def test_lengths_in_single_precision(backend):
    at = np.array([3e20, 4e20], "f4")
    got = computed(ed.grad(ed.norm(x), x), backend, x=at)
    assert got.dtype == np.float32
    np.testing.assert_allclose(got, [0.6, 0.8], rtol=1e-6)


# ---- axes without entries
EMPTY = [
    ("mean",            lambda: ed.mean(X, 1)),
    ("mean of squares", lambda: ed.mean(X * X, 1)),
    ("var",             lambda: ed.var(X, 1)),
    ("std",             lambda: ed.std(X, 1)),
    ("var, ddof",       lambda: ed.var(X, 1, ddof=1)),
    ("of all",          lambda: ed.var(X)),
]  # fmt: skip


@pytest.mark.parametrize("e", [row[1] for row in EMPTY], ids=[row[0] for row in EMPTY])
@pytest.mark.parametrize("backend", BACKENDS)
@pytest.mark.filterwarnings("ignore:divide by zero", "ignore:invalid value")
def test_means_of_nothing(e, backend):
    assert np.isnan(computed(e(), backend, X=np.zeros((2, 0)))).all()


@pytest.mark.parametrize("backend", BACKENDS)
def test_lengths_of_nothing(backend):
    assert computed(ed.norm(X, axis=1), backend, X=np.zeros((2, 0))).tolist() == [0, 0]
    assert computed(ed.grad(ed.norm(x), x), backend, x=np.zeros(0)).shape == (0,)


# ---- what is not chosen contributes nothing
P = ed.tensor("P", "nd")
APART = ed.einsum("id->ijd", P, sizes={"j": "n"}) - ed.einsum("jd->ijd", P, sizes={"i": "n"})
SQUARES = ed.sum(APART * APART, 2)
OTHERS = 1 - np.eye(3)
THREE = np.array([[0.0, 0], [3, 4], [6, 8]])
PLACES = np.array([-1.0, 0, 4])
HOLES = np.array([0, np.nan, 1])
LOG = ed.log(x)
MASKS = [
    # what                of                                              at                            its gradient
    ("log",               lambda: ed.where(ed.greater(x, 0), ed.log(x), 0),       {"x": PLACES}, [0, 0, 0.25]),
    ("the other branch",  lambda: ed.where(ed.less_equal(x, 0), 3, ed.log(x)), {"x": PLACES},  [0, 0, 0.25]),
    ("both branches",     lambda: ed.where(ed.greater(x, 0), ed.log(x), x),    {"x": PLACES},  [1, 1, 0.25]),
    ("root under a root", lambda: ed.sqrt(ed.where(ed.greater(x, 0), ed.sqrt(x), 0)), {"x": np.array([-1.0, 0, 16])},
     [0, 0, 1 / 32]),
    ("a chain",           lambda: ed.exp(ed.where(ed.greater(x, 0), ed.log(ed.sqrt(x)), 0)), {"x": PLACES}, [0, 0, 0.25]),
    ("two masks",         lambda: ed.where(ed.greater(x, -2), ed.where(ed.greater(x, 0), ed.log(x), 0), 0),
     {"x": PLACES}, [0, 0, 0.25]),
    ("one log, twice",    lambda: ed.where(ed.greater(x, 0), x * LOG, 0) + ed.where(ed.greater(x, 1), LOG, 0),
     {"x": np.array([0, 0.5, 4])}, [0, 1 + np.log(0.5), 1.25 + np.log(4)]),
    ("overflow",          lambda: ed.where(ed.less(x, 1), ed.exp(x), 1),       {"x": np.array([0, 1000.0])}, [1, 0]),
    ("a quotient",        lambda: ed.where(ed.equal(x, 0), 1, ed.sin(x) / x),  {"x": np.array([0, np.pi])}, [0, -1 / np.pi]),
    ("missing targets",   lambda: ed.where(ed.not_equal(y, 0), (x - HOLES) ** 2, 0),
     {"x": np.array([1.0, 2, 3]), "y": np.array([1.0, 0, 1])}, [2, 0, 4]),
    ("a scalar divisor",  lambda: ed.where(ed.einsum("->i", ed.not_equal(a, 0), sizes={"i": "i"}), x / a, 0),
     {"x": np.array([1.0, 2]), "a": np.array(0.0)}, [0, 0]),
    ("a part of a sum",   lambda: ed.sum(x) * ed.where(ed.greater(x, 0), ed.log(x), 0), {"x": PLACES},
     np.log(4) + np.array([0, 0, 0.75])),
    ("inverse squares",   lambda: ed.where(OTHERS, 1 / SQUARES, 0), {"P": THREE},
     -4 * np.array([[-3, -4], [0, 0], [3, 4]]) / 625 - 4 * np.array([[-6, -8], [0, 0], [6, 8]]) / 10**4),
    ("distances",         lambda: ed.where(OTHERS, ed.sqrt(SQUARES), 0), {"P": THREE}, [[-2.4, -3.2], [0, 0], [2.4, 3.2]]),
    ("logs of rows",      lambda: ed.where(ed.greater(ed.einsum("ij->i", X), 0), ed.einsum("ij->i", ed.log(X)), 0),
     {"X": np.array([[0.0, -1], [2, 4]])}, [[0, 0], [0.5, 0.25]]),
]  # fmt: skip


@pytest.mark.parametrize(("f", "at", "want"), [row[1:] for row in MASKS], ids=[r[0] for r in MASKS])
@pytest.mark.parametrize("backend", BACKENDS)
@pytest.mark.filterwarnings("ignore")
def test_what_is_not_chosen(f, at, want, backend):
    """Backwards, forwards, and twice."""
    name, *_ = at
    loss = ed.sum(f())
    tensor = {"x": x, "P": P, "X": X}[name]
    np.testing.assert_allclose(
        computed(ed.grad(loss, name), backend, **at), want, rtol=1e-13, atol=1e-13
    )
    jacobian = ed.sum(ed.derive(f(), tensor), tuple(range(f().ndim)))
    np.testing.assert_allclose(computed(jacobian, backend, **at), want, rtol=1e-13, atol=1e-13)
    if backend in ("numpy", "torch"):
        assert np.isfinite(computed(ed.hessian(loss, name), backend, **at)).all()


def test_the_slope_of_a_choice_is_a_choice():
    safe = ed.where(ed.greater(x, 0), ed.log(x), 0)
    assert ed.grad(ed.sum(safe), x) == ed.where(ed.greater(x, 0), 1 / x, 0)
    assert ed.derive(safe, x).compact == "i->ii"
    # a mask of ones stays as it is; what is summed is chosen too, for a row may be nan
    assert str(ed.grad(ed.sum(ed.where(y, x, 0)), x)) == "not_equal(y, zeros[i])"
    plain = ed.sum(ed.where(y, X @ x, 0))
    chosen = 'einsum("ia->a", where(einsum("i->ij", y), X, zeros[i,j]))'
    assert str(ed.grad(plain, x)) == chosen


# ---- what is not chosen of the operand of a contraction
D3 = np.array([[1.0, 2], [np.nan, np.inf], [3, 4]])
W, V, S, M = ed.tensor("W", "d"), ed.tensor("V", "do"), ed.tensor("S", "n"), ed.tensor("M", "n")
ROWS = ed.tensor("D", "nd")
GIVEN = {
    "D": D3,
    "S": np.array([1.0, 2, np.nan]),
    "M": np.array([1.0, 0, 0]),
    "W": np.ones(2),
    "V": np.ones((2, 2)),
}
LINE = ROWS @ W - S
LEFT_OUT = [
    # what               of                                                                    by
    ("a line",           lambda: ed.where(M, (ROWS @ W - S) ** 2, 0),                          "W"),
    ("logarithms",       lambda: ed.where(M, ed.log(ROWS @ W), 0),                             "W"),
    ("where it fails",   lambda: ed.where(ed.equal(M, 0), 0, ed.exp(ROWS @ W)),                "W"),
    ("two layers",       lambda: ed.where(M, (ed.sum(ed.tanh(ROWS @ V), 1) - S) ** 2, 0),      "V"),
    ("a product",        lambda: ed.where(M, (ROWS @ W) * S, 0) ** 2,                          "W"),
    ("a choice inside",  lambda: ed.where(M, ed.where(ed.less(LINE, 2), LINE**2, ed.exp(LINE)), 0), "W"),
    ("a choice by rows", lambda: ed.where(M, ed.where(ed.less(S, 2), LINE**3, ed.exp(-LINE)), 0), "W"),
    ("three choices",    lambda: ed.where(M, ed.where(ed.less(LINE, 9), ed.where(S, LINE**3, LINE), ed.exp(-LINE * LINE)), 0), "W"),
]  # fmt: skip


@pytest.mark.parametrize(("f", "name"), [row[1:] for row in LEFT_OUT], ids=[r[0] for r in LEFT_OUT])
@pytest.mark.parametrize("backend", BACKENDS)
@pytest.mark.filterwarnings("ignore")
def test_rows_that_are_not_chosen(f, name, backend):
    """All is as if the rows that are nan were not there: backwards, forwards, twice, along a direction."""
    loss = ed.sum(f())
    tensor = {"W": W, "V": V}[name]
    few = {**GIVEN, "D": D3[:1], "S": GIVEN["S"][:1], "M": GIVEN["M"][:1]}
    jacobian = ed.sum(ed.derive(f(), tensor), 0)
    derivatives = {
        "value": loss,
        "gradient": ed.grad(loss, name),
        "forwards": jacobian,
        "Hessian": ed.hessian(loss, name),
        "along": ed.hvp(loss, name, np.ones_like(GIVEN[name])),
    }
    for what, e in derivatives.items():
        known = {n: v for n, v in GIVEN.items() if n in ed.compile(e).inputs or n == name}
        rows = {n: few[n] for n in known}
        got, want = computed(e, backend, **known), computed(e, **rows)
        np.testing.assert_allclose(got, want, rtol=1e-12, err_msg=what)


# ---- a weight of 0 lets nothing through
LOGITS = np.array([[0.0, -np.inf, np.log(3)]])
RULED_OUT = np.array([[0.25, 0, 0.75]])


@pytest.mark.parametrize("backend", BACKENDS)
@pytest.mark.parametrize("dtype", ["f8", "f4"])
def test_a_class_that_is_ruled_out(backend, dtype):
    """A logit of -inf with the target 0 counts nothing: value, slope, second slope are those without the class."""
    Y = ed.tensor("Y", "ij")
    loss = ed.sum(ed.cross_entropy(X, Y))
    at = {"X": LOGITS.astype(dtype), "Y": RULED_OUT.astype(dtype)}
    rtol = 1e-14 if dtype == "f8" else 1e-6
    p = RULED_OUT[0]  # softmax of the logits: the gradient is 0
    np.testing.assert_allclose(computed(loss, backend, **at), -p[::2] @ np.log(p[::2]), rtol=rtol)
    gradient = computed(ed.grad(loss, X), backend, **at)
    np.testing.assert_allclose(gradient, np.zeros((1, 3)), atol=1e-6)
    second = computed(ed.hessian(loss, X), backend, **at)[0, :, 0, :]
    np.testing.assert_allclose(second, np.diag(p) - np.outer(p, p), rtol=rtol, atol=1e-7)
    # a target that is not 0 costs what it should, and targets may be whole numbers
    one = {"X": LOGITS, "Y": np.array([[0, 1, 0]])}
    assert computed(loss, backend, **one) == np.inf


# ---- f · (1/f) is 1 where f is known to be positive, and logarithms of exponentials are stable
FAR_OUT = np.array([-800.0, 0, 800])
SOFT = np.array([0.0, 0, 1])  # softmax of FAR_OUT
CANCELLED = [
    # what                 of x                                                     its value                     its slope
    ("log sigmoid",        lambda: ed.log(ed.sigmoid(x)),                           [-800, -np.log(2), 0],        [1, 0.5, 0]),
    ("log exp",            lambda: ed.log(ed.exp(x)),                               FAR_OUT,                      [1, 1, 1]),
    ("log 1 + exp",        lambda: ed.log(1 + ed.exp(x)),                           [0, np.log(2), 800],          [0, 0.5, 1]),
    ("log exp + 1",        lambda: ed.log(ed.exp(x) + 1),                           [0, np.log(2), 800],          [0, 0.5, 1]),
    ("log1p exp",          lambda: ed.log1p(ed.exp(x)),                             [0, np.log(2), 800],          [0, 0.5, 1]),
    ("by NumPy's names",   lambda: -np.log(1 + np.exp(-x)),                         [-800, -np.log(2), 0],        [1, 0.5, 0]),
    ("a text",             lambda: ed.parse("x: i\nlog(sigmoid(x))"),               [-800, -np.log(2), 0],        [1, 0.5, 0]),
    ("sigmoid by hand",    lambda: ed.log(1 / (1 + ed.exp(-x))),                    [-800, -np.log(2), 0],        [1, 0.5, 0]),
    ("log softmax",        lambda: ed.log(ed.softmax(x)),                           [-1600, -800, 0],             1 - 3 * SOFT),
    ("twice exp",          lambda: ed.log(2 * ed.exp(x)),                           np.log(2) + FAR_OUT,          [1, 1, 1]),
    ("two exponentials",   lambda: ed.log(ed.exp(x) + ed.exp(2 * x)),               [-800, np.log(2), 1600],      [1, 1.5, 2]),
    ("a product",          lambda: ed.log(ed.sigmoid(x) * ed.sigmoid(x)),           [-1600, -2 * np.log(2), 0],   [2, 1, 0]),
    ("a power",            lambda: ed.log(ed.sqrt(ed.exp(x)) ** 6),                 3 * FAR_OUT,                  [3, 3, 3]),
    ("a quotient",         lambda: ed.log(ed.exp(x) / ed.sum(ed.exp(x))),           [-1600, -800, 0],             1 - 3 * SOFT),
    ("a mean",             lambda: ed.log(ed.mean(ed.exp(x))),                      800 - np.log(3),              SOFT),
    ("odds",               lambda: ed.log(ed.sigmoid(x) / (1 - ed.sigmoid(x))),     FAR_OUT,                      [1, 1, 1]),
    ("what is left of 1",  lambda: ed.log1p(-ed.sigmoid(x)),                        [0, -np.log(2), -800],        [0, -0.5, -1]),
    ("exp and a number",   lambda: ed.log(3 * ed.exp(x) + 3),                       np.log([3, 6, 3]) + [0, 0, 800], [0, 0.5, 1]),
    ("three terms",        lambda: ed.log(1 + ed.exp(x) + ed.exp(-x)),              [800, np.log(3), 800],        [-1, 0, 1]),
    ("log cosh",           lambda: ed.log(ed.cosh(x)),                              [800 - np.log(2), 0, 800 - np.log(2)], [-1, 0, 1]),
    ("by relu",            lambda: ed.relu(x) + ed.log1p(ed.exp(-ed.abs(x))),       [0, np.log(2), 800],          [0, 0.5, 1]),
    ("by maximum",         lambda: np.maximum(x, 0) + np.log(1 + np.exp(-np.abs(x))), [0, np.log(2), 800],        [0, 0.5, 1]),
    ("of the larger",      lambda: ed.softplus(-ed.abs(2 * x - x)) + ed.maximum(x, 2 * x), [-800, np.log(2), 1600], [1, 1.5, 2]),
    ("with a target",      lambda: ed.relu(x) - 3 * x + ed.softplus(-ed.abs(x)),    [2400, np.log(2), -1600],     [-3, -2.5, -2]),
    ("1 / (1 + exp)",      lambda: 1 / (1 + ed.exp(-x)),                            [0, 0.5, 1],                  [0, 0.25, 0]),
    ("exp / (1 + exp)",    lambda: ed.exp(x) / (ed.exp(x) + 1),                     [0, 0.5, 1],                  [0, 0.25, 0]),
    ("by NumPy, ** -1",    lambda: (1 + np.exp(x)) ** -1,                           [1, 0.5, 0],                  [0, -0.25, 0]),
    ("exp by exp",         lambda: x * ed.exp(x) / ed.exp(x),                       FAR_OUT,                      [1, 1, 1]),
]  # fmt: skip


@pytest.mark.parametrize(
    ("f", "value", "slope"), [row[1:] for row in CANCELLED], ids=[r[0] for r in CANCELLED]
)
@pytest.mark.parametrize("backend", BACKENDS)
def test_logarithms_of_exponentials(f, value, slope, backend):
    np.testing.assert_allclose(computed(f(), backend, x=FAR_OUT), value, rtol=1e-14)
    np.testing.assert_allclose(
        computed(ed.grad(ed.sum(f()), x), backend, x=FAR_OUT), slope, rtol=1e-14
    )
    assert "reciprocal" not in ed.formula(ed.hessian(ed.sum(f()), x))


def test_logarithms_of_sums_of_exponentials():
    assert ed.log(ed.sum(ed.exp(x))) == ed.logsumexp(x)
    assert ed.log(ed.sum(ed.exp(X), 1)) == ed.logsumexp(X, 1)
    assert ed.log(ed.sum(ed.exp(X), 0)) == ed.logsumexp(X, 0)
    assert ed.log(ed.softmax(X, 0)) == ed.log_softmax(X, 0)
    # of what may be negative, or has branches, nothing is known
    with pytest.raises(ed.EinderivError, match="given as a complex array"):
        ed.evaluate(ed.log(ed.exp(x)), x=np.array([4j]))
    assert str(ed.log(ed.exp(x) + y)) == "log(exp(x) + y)"
    assert str(ed.log(ed.exp(z))) == "log(exp(z))"


QUOTIENTS = [
    # what                  of x                                      cancels
    ("exp",                 lambda: ed.exp(x),                        True),
    ("softplus",            lambda: ed.softplus(x),                   True),
    ("a sum of squares",    lambda: 1 + ed.sum(x * x),                True),
    ("a norm squared",      lambda: 0.5 + ed.norm_squared(x),         True),
    ("sums of exp",         lambda: ed.sum(ed.exp(x)),                True),
    ("x",                   lambda: x,                                False),
    ("a square alone",      lambda: x * x,                            False),
    ("one less a square",   lambda: 1 - ed.sum(x * x),                False),
    ("minus exp",           lambda: 1 - ed.exp(x),                    False),
    ("complex",             lambda: 1 + ed.sum(z * z),                False),
]  # fmt: skip


@pytest.mark.parametrize(
    ("f", "cancels"), [row[1:] for row in QUOTIENTS], ids=[r[0] for r in QUOTIENTS]
)
def test_quotients_by_what_is_positive(f, cancels):
    for e in (f() / f(), y * f() / f(), (y / f()) * f()):
        assert ("reciprocal" not in str(e)) == cancels
        assert e.ndim == (y * f()).ndim or e.ndim == f().ndim


def test_what_has_cancelled_is_remembered():
    one = ed.exp(x) / ed.exp(x)
    assert ed.evaluate(one, x=np.array([1.0, 800])).tolist() == [1, 1]
    assert ed.evaluate(ed.derive(one, x), x=np.zeros(2)).tolist() == [[0, 0], [0, 0]]
