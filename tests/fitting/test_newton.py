"""Newton's method: where it ends, how it gets there, and where it must not go."""

import numpy as np
import pytest

import einderiv as ed
from einderiv.fitting.newton import ENDINGS, OPTIONS

pytest.importorskip("scipy")

t, es = ed.tensor, ed.einsum
x, X, w, y = t("x", "n"), t("X", "nd"), t("w", "d"), t("y", "n")
T, U, V, M = t("T", "nm"), t("U", "nk"), t("V", "mk"), t("M", "nm")
residual = T - es("nk,mk->nm", U, V)
r = np.random.default_rng(4)


def minimized(loss, wrt, start, **others):
    return ed.minimize(loss, wrt, start, others.pop("arrays", None), method="newton", **others)


# ---- problems that NumPy solves too
def logistic_by_hand(X, y, ridge):
    """Newton's method as it stands in the books."""
    w = np.zeros(X.shape[1])
    for _ in range(30):
        p = 1 / (1 + np.exp(y * (X @ w)))
        gradient = -X.T @ (p * y) + 2 * ridge * w
        w = w - np.linalg.solve((X.T * (p * (1 - p))) @ X + 2 * ridge * np.eye(len(w)), gradient)
    return w


def test_logistic_regression():
    data = r.normal(size=(200, 5))
    labels = np.sign(data @ r.normal(size=5) + r.normal(size=200))
    loss = ed.sum(ed.softplus(-(y * (X @ w)))) + 0.1 * ed.norm_squared(w)
    found = minimized(loss, w, np.zeros(5), X=data, y=labels)
    np.testing.assert_allclose(found.x, logistic_by_hand(data, labels, 0.1), rtol=1e-9)
    assert found.success
    assert found.nit <= 8
    assert found.message.endswith("dense 5x5")
    assert np.abs(found.jac).max() <= 1e-8


@pytest.mark.parametrize("mask", [False, True])
def test_factorisation_takes_one_step(mask):
    at = dict(T=r.normal(size=(30, 20)), V=r.normal(size=(20, 3)))
    weights = (r.random((30, 20)) < 0.8).astype(float) if mask else np.ones((30, 20))
    loss = ed.sum(M * residual**2) if mask else ed.norm_squared(residual)
    found = minimized(loss, U, np.zeros((30, 3)), **at, **(dict(M=weights) if mask else {}))
    want = [
        np.linalg.lstsq(at["V"] * m[:, None], row * m, rcond=None)[0]
        for m, row in zip(weights, at["T"])
    ]
    np.testing.assert_allclose(found.x, want, rtol=1e-9, atol=1e-10)
    assert found.nit == found.nhev == 1
    assert (
        "30 blocks of 3x3" if mask else "one 3x3 factorisation for 30 right-hand sides"
    ) in found.message


@pytest.mark.parametrize("wrt", [["a", "b"], {"slope": "a", "offset": "b"}])
def test_several_tensors(wrt):
    loss = ed.norm_squared(es("nd,d->n", X, "a") + es("->n", t("b"), sizes={"n": "n"}) - y)
    data, values = r.normal(size=(20, 3)), r.normal(size=20)
    start = [np.zeros(3), 0.0] if isinstance(wrt, list) else {"slope": np.zeros(3), "offset": 0.0}
    found = minimized(loss, wrt, start, X=data, y=values)
    slope, offset = found.x if isinstance(wrt, list) else found.x.values()
    want = np.linalg.lstsq(np.column_stack([data, np.ones(20)]), values, rcond=None)[0]
    np.testing.assert_allclose([*slope, offset], want, rtol=1e-9)
    assert (found.nit, offset.shape) == (1, ())
    assert found.message.endswith("dense 4x4")


def test_several_tensors_without_a_matrix(monkeypatch):
    monkeypatch.setattr("einderiv.fitting.newton.LARGEST_BLOCK", 3)
    loss = ed.norm_squared(x - 1) + ed.norm_squared(t("z", "m") - es("mn,n->m", "A", x))
    A = r.normal(size=(3, 4))
    found = minimized(loss, ["x", "z"], [np.zeros(4), np.zeros(3)], A=A)
    np.testing.assert_allclose(found.x[0], np.ones(4), rtol=1e-8)
    np.testing.assert_allclose(found.x[1], A @ np.ones(4), rtol=1e-8)
    assert found.message.endswith("conjugate gradients")


# ---- damping
def test_steps_are_halved_until_the_loss_falls():
    """Newton's plain step for log cosh overshoots from 2 and never comes back."""
    loss = ed.sum(ed.softplus(x) + ed.softplus(-x))
    found = minimized(loss, x, np.array([4.0, -3.0]))
    np.testing.assert_allclose(found.x, 0, atol=1e-8)
    assert found.nfev > found.nit + 1
    assert found.message.endswith("division by 2 diagonal entries")


def test_an_end_at_the_start():
    found = minimized(ed.norm_squared(x), x, np.zeros(3))
    assert (found.nit, found.nhev, found.nfev, found.message) == (0, 0, 1, ENDINGS[0])
    empty = minimized(ed.norm_squared(x), x, np.zeros(0))
    assert empty.success
    assert empty.x.shape == (0,)


def test_an_end_where_rounding_is_all_that_is_left():
    found = minimized(ed.norm_squared(x) + 1e12, x, np.array([1e-5]), options={"gtol": 0.0})
    assert found.success
    assert found.nit <= 1


@pytest.mark.parametrize(
    ("options", "tol", "status"),
    [
        ({"maxiter": 1}, None, 1),
        ({"maxiter": 0}, None, 1),
        ({}, 1e3, 0),
        ({"gtol": 1e-12}, 1e3, 0),
    ],
)
def test_options(options, tol, status):
    found = minimized(ed.sum(x**4), x, np.array([1.0, 2.0]), options=options, tol=tol)
    assert (found.status, found.success) == (status, status == 0)
    assert found.nit == options.get("maxiter", found.nit)
    assert np.abs(found.jac).max() <= (tol if "gtol" not in options and tol else 40)
    assert (found.nit == 0) == (options.get("maxiter") == 0 or (tol is not None and not options))


@pytest.mark.parametrize(
    ("loss", "start", "match"),
    [
        (lambda: -ed.norm_squared(x), [1.0, 2], "step 1: the loss falls without end, to -"),
        (lambda: ed.sum(x), [1.0, 2], "step 1: the loss falls without end"),
        (lambda: ed.sum(x**3), [0.0, 1.0], "step 1: the loss falls without end"),
        (lambda: ed.sum(ed.sqrt(x)), [1.0, -1], "step 1: entry 1 of a diagonal of 2 holds nan"),
    ],
)
@pytest.mark.filterwarnings("ignore:invalid value")
def test_where_newton_stops(loss, start, match):
    with pytest.raises(ed.EinderivError, match=match):
        minimized(loss(), x, np.array(start))


def test_a_search_that_finds_nothing(monkeypatch):
    monkeypatch.setattr("einderiv.fitting.newton.HALVINGS", 0)
    loss = ed.sum(ed.softplus(x) + ed.softplus(-x))
    found = minimized(loss, x, np.array([6.0]))
    assert (found.status, found.success, found.nit) == (2, False, 0)
    np.testing.assert_array_equal(found.x, [6.0])


# ---- Hessians that are singular or indefinite
rank_two = np.outer([1.0, 2, 3], [1, -1, 2, 0]) + np.outer([0.0, 1, -1], [2, 1, 0, 1])
twice = np.random.default_rng(0).normal(size=(30, 3))
twice = np.concatenate([twice, twice], 1)
signs = np.sign(np.random.default_rng(1).normal(size=30))


@pytest.mark.parametrize(
    ("loss", "wrt", "start", "least"),
    [
        # the least of all minima: (x0 + x1)² at its nearest to the start
        (lambda: ed.norm_squared(es("i->", x)), x, np.array([1.0, 2]), 0),
        # columns of data that occur twice
        (lambda: ed.norm_squared(X @ w - y), w, np.zeros(6), None),
        (lambda: ed.sum(ed.softplus(-(y * (X @ w)))), w, np.zeros(6), None),
        # a zero row of the Hessian: what no data says stays where it was
        (lambda: ed.norm_squared(residual), U, np.zeros((3, 3)), None),
        # a zero of fourth order in the first entry, which is there already
        (lambda: ed.sum(x**4), x, np.array([0.0, 1]), 0),
        # far out the Hessian is zero, or next to it, and the gradient is not
        (lambda: ed.sum(ed.softplus(x) + ed.softplus(-x)), x, np.array([800.0, 0.1, -900]), None),
        (lambda: ed.sum(ed.softplus(x) + ed.softplus(-x)), x, np.array([200.0]), None),
        # from beside a saddle to a minimum
        (lambda: ed.sum(x**4) - ed.norm_squared(x), x, np.array([0.1, -0.2]), -0.5),
        (lambda: ed.sum(ed.sin(x)), x, np.array([0.5]), -1),
        (lambda: ed.norm_squared(residual), [U, V], None, 0),
        # the minimum itself
        (lambda: ed.norm_squared(es("i->", x)), x, np.array([2.0, -2]), 0),
        (lambda: ed.sum(x) * 0, x, np.array([2.0, -2]), 0),
    ],
)
def test_minima_where_the_hessian_is_not_positive_definite(loss, wrt, start, least):
    random = np.random.default_rng(3)
    if start is None:
        start = [random.normal(size=(3, 2)), random.normal(size=(4, 2))]
    known = {"X": twice, "y": signs, "T": rank_two, "V": np.eye(4, 3) * [1, 1, 0]}
    e = loss()
    wanted = {t.name for t in (wrt if isinstance(wrt, list) else [wrt])}
    used = set(ed.compile(e).inputs) - wanted
    found = minimized(e, wrt, start, **{name: known[name] for name in used})
    assert found.success, found.message
    assert np.abs(found.jac).max() <= 1e-8
    if least is not None:
        np.testing.assert_allclose(found.fun, least, atol=1e-9)


def test_the_least_step_leaves_alone_what_the_loss_does_not_say():
    """(x0 + x1)²: from (1, 2) straight to the line, to (-1/2, 1/2)."""
    found = minimized(ed.norm_squared(es("i->", x)), x, np.array([1.0, 2]))
    np.testing.assert_allclose(found.x, [-0.5, 0.5], atol=1e-12)
    assert found.nit == 1


@pytest.mark.parametrize("seed", range(8))
def test_softmax_regression_with_free_intercepts(seed):
    """All intercepts may grow alike: there the Hessian is singular, and rounding has either sign."""
    b, Y, W = t("b", "k"), t("Y", "nk"), t("W", "dk")
    z = X @ W + es("k->nk", b, sizes={"n": "n"})
    loss = ed.sum(ed.cross_entropy(z, Y, "k")) + 0.5 * ed.norm_squared(W)
    random = np.random.default_rng(seed)
    data = random.normal(size=(60, 4))
    classes = np.eye(3)[(data @ random.normal(size=(4, 3))).argmax(1)]
    start = [np.zeros((4, 3)), np.zeros(3)]
    found = minimized(loss, [W, b], start, X=data, Y=classes)
    assert found.success
    assert np.abs(found.jac).max() < 1e-7
    assert abs(found.x[1].sum()) < 1e-9  # the least step does not move them together


def test_separable_data_end_where_the_gradient_is_spent():
    labels = np.sign(twice[:, :3] @ [1.0, 2, 3])
    loss = ed.sum(ed.softplus(-(y * (X @ w))))
    found = minimized(loss, w, np.zeros(3), X=twice[:, :3], y=labels)
    assert found.success
    assert np.array_equal(np.sign(twice[:, :3] @ found.x), labels)


def test_unknown_options():
    with pytest.raises(ed.EinderivError, match="no option 'maxitr'; did you mean 'maxiter'"):
        minimized(ed.norm_squared(x), x, [1.0], options={"maxitr": 3})
    assert set(OPTIONS) == {"maxiter", "gtol"}


@pytest.mark.parametrize(
    ("options", "tol", "error", "match"),
    [
        ({}, -1, ed.EinderivError, "tol is a number that is not negative, not -1"),
        ({}, np.nan, ed.EinderivError, "tol is a number that is not negative, not nan"),
        ({"gtol": -1e-9}, None, ed.EinderivError, "must be 0 or more, not -1e-09"),
        ({"gtol": "small"}, None, TypeError, "must be a number, not 'small'"),
        ({}, 1j, TypeError, "tol is a number, not complex"),
        ({"gtol": None}, None, TypeError, "must be a number, not None"),
        ({"maxiter": -1}, None, ed.EinderivError, "maxiter is -1"),
        ({"maxiter": 2.5}, None, TypeError, "maxiter must be a whole number, not 2.5"),
    ],
)
def test_options_of_no_meaning(options, tol, error, match):
    with pytest.raises(error, match=match):
        minimized(ed.norm_squared(x), x, [1.0], options=options, tol=tol)


@pytest.mark.parametrize("structure", ["symmetric", "diagonal", "lower"])
def test_one_step_within_a_structure(structure):
    """Beside the structure the Hessian of the projected loss is zero: what is added there makes it regular."""
    S, N = t("S", "nn", **{structure: True}), r.normal(size=(4, 4))
    found = minimized(ed.norm_squared(S - t("N", "nn")), S, np.eye(4), N=N)
    want = {"symmetric": (N + N.T) / 2, "diagonal": np.diag(np.diag(N)), "lower": np.tril(N)}[
        structure
    ]
    np.testing.assert_allclose(found.x, want, atol=1e-12)
    assert found.nit == 1


def test_a_loss_that_is_flat_within_the_structure():
    S = t("S", "nn", symmetric=True)
    found = minimized(ed.trace(S) ** 2, S, np.array([[1.0, 3], [3, 2]]))
    np.testing.assert_allclose(found.x, [[-0.5, 3], [3, 0.5]], atol=1e-12)


# ---- large sparse Hessians
def double_well(y):
    return ed.sum((y**2 - 1) ** 2) + ed.sum(ed.diff(y) ** 2)


def rounded(y):
    return ed.sum(ed.log(ed.cosh(y)))


LARGE = [
    # name                loss                                                                  what its Hessian is
    ("a spline",          lambda a: ed.sum((x - a) ** 2) + 100 * ed.sum(ed.diff(x, 2) ** 2),    "2 below and 2 above the diagonal"),
    ("total variation",   lambda a: ed.sum((x - a) ** 2) + 10 * rounded(ed.diff(x)),            "1 below and 1 above the diagonal"),
    ("on a ring",         lambda a: ed.sum((x - a) ** 2) + rounded(ed.roll(x, 1) - x),          "in another order of the unknowns"),
    ("from a saddle",     lambda a: double_well(x),                                             "1 below and 1 above the diagonal"),
    ("free to move",      lambda a: ed.sum(ed.diff(x) ** 2) + ed.sum(ed.diff(x) ** 4),          "1 below and 1 above the diagonal"),
]  # fmt: skip


@pytest.mark.parametrize(("loss", "method"), [row[1:] for row in LARGE], ids=[r[0] for r in LARGE])
def test_large_chains(loss, method):
    n = 5000
    random = np.random.default_rng(2)
    a = t("a", "n")
    e = loss(a)
    data = {"a": random.normal(size=n)} if "a" in ed.compile(e).inputs else {}
    found = minimized(e, x, 0.3 * random.normal(size=n), **data)
    assert found.success, found.message
    assert method in found.message
    gradient = ed.evaluate(ed.grad(e, x), x=found.x, **data)
    assert np.abs(gradient).max() <= 1e-8
    # downhill in every direction, or level
    H = ed.evaluate(ed.hessian(e, x), x=found.x, **data, dense=False)
    for _ in range(3):
        v = random.normal(size=n)
        assert v @ H.matvec(v) > -1e-9


def test_damped_steps_lead_downwards():
    n = 3000
    random = np.random.default_rng(5)
    H = ed.evaluate(ed.hessian(double_well(x), x), x=0.3 * random.normal(size=n), dense=False)
    assert H.square.damps
    assert not H.square.positive_definite()
    b = random.normal(size=n)
    step = H.square.damped(b)
    assert b @ step > 0
    shift = (b - H.matvec(step)) @ step / (step @ step)
    assert shift > 0
    np.testing.assert_allclose(H.matvec(step) + shift * step, b, atol=1e-9)


JOINT = [
    # name              loss of p and q, what its Hessian is
    ("two chains",      lambda p, q: ed.sum(ed.sqrt(1 + ed.diff(p) ** 2 + ed.diff(q) ** 2)),      "banded factorisation of 3000 unknowns"),
    ("a chain and one", lambda p, q: ed.sum(ed.diff(p) ** 4) + ed.sum((q[0] * p) ** 2),            "sparse factorisation (scipy.sparse.linalg.splu) of 3000"),
    ("no pattern",      lambda p, q: ed.sum(p) ** 2 + ed.sum(q) ** 2,                              "matrix-free conjugate gradients"),
]  # fmt: skip


@pytest.mark.parametrize(
    ("coupling", "method"), [row[1:] for row in JOINT], ids=[r[0] for r in JOINT]
)
def test_several_large_tensors(coupling, method):
    n = 1500
    random = np.random.default_rng(2)
    p, q = t("p", "n"), t("q", "m")
    loss = ed.norm_squared(p - t("a", "n")) + ed.norm_squared(q - t("b", "m")) + coupling(p, q)
    data = {"a": random.normal(size=n), "b": random.normal(size=n)}
    found = minimized(loss, [p, q], [np.ones(n), np.ones(n)], **data)
    assert found.success, found.message
    assert method in found.message
    gradients = ed.evaluate(ed.grad(loss, p), p=found.x[0], q=found.x[1], **data)
    assert np.abs(gradients).max() < 1e-7
    assert np.abs(found.jac).max() < 1e-7
