"""Rewrites change the plan, never the value; what an expert would write by hand is found."""

from dataclasses import dataclass

import numpy as np
import pytest

import einderiv as ed
from einderiv.expression import Sizes, leaves
from einderiv.planning import seconds, tuning
from einderiv.rewriting.rewrites import REWRITES
from einderiv.rewriting.search import Found, improved

t = ed.tensor
U, V, T = t("U", "nk"), t("V", "mk"), t("T", "nm")
RESIDUAL = T - U @ V.T
LOSS = ed.sum(RESIDUAL**2)
LARGE = {"U": (800, 10), "V": (700, 10), "T": (800, 700)}


def train(cores, size, kept=True):
    """A closed tensor train, and the arrays for it, whole numbers."""
    rng = np.random.default_rng(0)
    arguments = ["left", [0]]
    arrays = {"left": rng.integers(-1, 2, size), "right": rng.integers(-1, 2, size)}
    for k in range(cores):
        arguments += [f"G{k}", [3 * k, 3 * k + 1, 3 * k + 3], f"v{k}", [3 * k + 1]]
        arrays |= {f"G{k}": rng.integers(-1, 2, (size, 2, size)), f"v{k}": rng.integers(-1, 2, 2)}
    return ed.einsum(*arguments, "right", [3 * cores], []), arrays


def steps(e, shapes, **options):
    program = ed.compile(e, **options)._planned(shapes, {}, {}).program
    return [step for _, step in program.live_steps() if step.op.name != "input"]


def flops(e, shapes):
    return sum(step.flops for step in steps(e, shapes))


def test_the_residual_of_a_factorisation_is_never_formed():
    n, m, k = 800, 700, 10
    found = steps(ed.grad(LOSS, U), LARGE)
    assert max(s.flops for s in found) == 2 * n * m * k  # T V, and no U Vᵀ
    source = ed.compile(ed.grad(LOSS, U)).source(LARGE)
    assert "T.dot(V)" in source
    assert "V.T.dot(V)" in source


def test_per_sample_gradients_are_never_formed_for_their_norms():
    X, W = t("X", "na"), t("W", "ab")
    layer = X @ W
    G = ed.derive(ed.einsum("ne,ne->n", layer, layer), W)
    norms = ed.einsum("nab,nab->n", G, G)
    shapes = {"X": (500, 60), "W": (60, 50)}
    program = ed.compile(norms)._planned(shapes, {}, {}).program
    assert max(program.entries(k) for k in program.live()) <= 500 * 60
    rng = np.random.default_rng(0)
    x, w = rng.integers(-2, 3, (500, 60)), rng.integers(-2, 3, (60, 50))
    want = 4 * (x * x).sum(1) * ((x @ w) ** 2).sum(1)
    assert (ed.evaluate(norms, X=x, W=w) == want).all()


def test_all_gradients_of_a_train_run_along_one_tree():
    y, arrays = train(20, 12)
    names = [f"G{k}" for k in range(20)]
    gradients = ed.grad(y, names)
    shapes = {n: a.shape for n, a in arrays.items()}
    assert len(steps(gradients, shapes)) <= 9 * 20
    assert flops(gradients, shapes) <= 3.5 * flops(y, shapes)
    floats = {n: a * 1.0 for n, a in arrays.items()}
    together = ed.evaluate(gradients, floats)
    for name, value in zip(names, together, strict=True):
        alone = ed.evaluate(ed.grad(y, name), floats)
        np.testing.assert_allclose(
            value, alone, rtol=1e-12, atol=1e-12 * max(1, np.abs(alone).max())
        )


def squares(h, first, second):
    """A layer h + B (A h)²."""
    return h + t(second, "ij") @ (t(first, "ij") @ h) ** 2


#: expressions with shapes for which something is rewritten; whole numbers, so that values are equal exactly
REWRITTEN = {
    "factorisation":  (lambda: ed.grad(LOSS, U), LARGE),
    "both factors":   (lambda: ed.grad(LOSS, [U, V]), LARGE),
    "value too":      (lambda: ed.value_and_grad(LOSS, [U, V]), LARGE),
    "sum of squares": (lambda: ed.sum((t("A", "ij") @ t("B", "jk")) ** 2), {"A": (300, 2), "B": (2, 300)}),
    "three outputs":  (lambda: ed.grad("ab,bc,cd,de,ea->", [0, 1, 2]), dict.fromkeys("ABCDE", (40, 40))),
    "all outputs":    (lambda: ed.grad("ab,bc,cd,de,ea->", [4, 3, 2, 1, 0]), dict.fromkeys("ABCDE", (40, 40))),
    "with numbers":   (lambda: [3 * g for g in ed.grad("ab,bc,cd,da->", [0, 1, 2, 3])],
                       dict.fromkeys("ABCD", (40, 40))),
    "hyperedges":     (lambda: ed.grad("ia,ja,ka,ijk->", [0, 1, 2]),
                       {"A": (30, 4), "B": (30, 4), "C": (30, 4), "D": (30, 30, 30)}),
    "kronecker":      (lambda: ed.grad(ed.einsum("p,pq,q->", "x", ed.kron(t("A", "ij"), t("B", "kl")), "y"), "A"),
                       {"A": (12, 12), "B": (12, 12), "x": (144,), "y": (144,)}),
    "common":         (lambda: ed.einsum("ij,jk,kl->il", "L", "A", "N") + ed.einsum("ij,jk,kl->il", "L", "B", "N"),
                       dict.fromkeys("LABN", (60, 60))),
    "some in common": (lambda: ed.jvp(ed.einsum("ij,jk,kl->il", "A", "B", "C"), ["A", "B", "C"], ["a", "b", "c"]),
                       {**dict.fromkeys("ABC", (90, 90)), **dict.fromkeys("abc", (90, 90))}),
    "a square":       (lambda: ed.einsum("nk,nk->k", *2 * [ed.einsum("n,nk->nk", "s", "A")]),
                       {"s": (300,), "A": (300, 300)}),
    "both sides":     (lambda: ed.einsum("ab,bc,c,dc,ed->ae", "A", "B", "p", "B", "A"),
                       {"A": (30, 60), "B": (60, 90), "p": (90,)}),
    "trace of a sum":  (lambda: ed.trace(t("A", "ij") @ t("B", "jk") + t("C", "ij") @ t("D", "jk")),
                       dict.fromkeys("ABCD", (90, 90))),
    "nested sums":    (lambda: (t("A", "ij") + (t("B", "ij") @ t("C", "jk") + t("A", "ij")) @ t("D", "jk")) @ t("v", "j"),
                       {**dict.fromkeys("ABCD", (90, 90)), "v": (90,)}),
    "chain of sums":  (lambda: ed.trace(ed.derive(squares(squares(t("x", "i"), "A", "B"), "B", "A"), "x")),
                       {"A": (40, 40), "B": (40, 40), "x": (40,)}),
    "one twice":      (lambda: ed.grad(ed.trace(t("M", "ij") @ t("N", "ji") @ t("M", "ij") @ t("N", "ji")), ["M", "N"]),
                       {"M": (40, 50), "N": (50, 40)}),
}  # fmt: skip


@pytest.mark.parametrize("name", REWRITTEN)
def test_values_stay_what_they_are(name, monkeypatch):
    make, shapes = REWRITTEN[name]
    rng = np.random.default_rng(1)
    arrays = {n: rng.integers(-2, 3, shape) for n, shape in shapes.items()}
    tree = make()
    found = ed.evaluate(tree, arrays)
    monkeypatch.setattr(
        "einderiv.rewriting.pipeline.improved", lambda roots, _, plan, **__: (plan(roots)[1], [])
    )
    plain = ed.evaluate(make(), arrays)
    for a, b in zip(leaves(found), leaves(plain), strict=True):
        assert a.dtype == np.int64
        assert (a == b).all()


@pytest.mark.parametrize("row", REWRITES, ids=lambda row: row.name)
def test_every_rewrite_is_used_somewhere(row, monkeypatch):
    used = []
    for name, (make, shapes) in REWRITTEN.items():
        roots = tuple(leaves(make()))
        sizes = Sizes(shapes).read(roots)
        if any(True for _ in row.places(roots, sizes)):
            used.append(name)
    assert used
    assert row.law


def test_plans_are_reproducible():
    sources = {ed.compile(ed.grad(LOSS, [U, V])).source(LARGE) for _ in range(3)}
    assert len(sources) == 1


def test_small_programs_are_planned_once():
    calls = []

    def plan(roots):
        calls.append(roots)
        return [tuning.worth_seconds / 2], roots

    roots = (ed.grad(LOSS, U),)
    assert improved(roots, Sizes(), plan, fixed=False)[0] == roots
    assert len(calls) == 1


def test_trials_are_bounded():
    calls = []

    def plan(roots):
        calls.append(roots)
        return [1.0], roots  # nothing helps

    e = sum((RESIDUAL @ t(f"B{k}", "mk") for k in range(40)), start=0 * U)
    assert improved((e,), Sizes(), plan, fixed=False)[0] == (e,)
    assert len(calls) <= tuning.trials + 1


@dataclass
class Judged:
    """Times of the steps of a form and of the one before, and whether it is clearly faster."""

    times: tuple
    before: tuple
    pays: bool


FORMS = {
    "less":                      Judged((2, 1), (2, 2), True),
    "the same":                  Judged((2, 1), (2, 1), False),
    "in another order":          Judged((1, 2), (2, 1), False),
    "more":                      Judged((2, 2), (2, 1), False),
    "a little less":             Judged((98,), (100,), False),
    "clearly less":              Judged((94,), (100,), True),
    "beside what stays":         Judged((900, 900, 94), (900, 900, 100), True),
    "a little beside it":        Judged((900, 900, 98), (900, 900, 100), False),
    "fewer of the same":         Judged((5, 5), (5, 5, 5), True),
    "one for two that are less": Judged((5, 10), (5, 4, 4), False),
}  # fmt: skip


@pytest.mark.parametrize("name", FORMS)
def test_a_form_is_judged_by_the_steps_that_differ(name):
    row = FORMS[name]
    form, before = (Found((), times, None) for times in (row.times, row.before))
    assert form.pays(before) == row.pays


def test_structured_results_keep_their_terms():
    H = ed.hessian(LOSS, U)
    rng = np.random.default_rng(0)
    arrays = {
        "U": rng.normal(size=(800, 10)),
        "V": rng.normal(size=(700, 10)),
        "T": rng.normal(size=(800, 700)),
    }
    s = ed.evaluate(H, arrays, dense=False)
    assert [e for _, e in s.terms] == ["db->abad"]


def test_seconds_grow_with_work():
    small, large = (
        ed.compile(ed.einsum("ij,jk->ik", "A", "B"))
        ._planned({"A": (n, n), "B": (n, n)}, {}, {})
        .program
        for n in (10, 1000)
    )
    assert seconds(small, small.live()) < 1e-5 < seconds(large, large.live()) < 1


def test_a_sum_that_cancels_is_formed_before_it_is_multiplied():
    A, B, W = ed.tensor("A", "nd"), ed.tensor("B", "nd"), ed.tensor("W", "dk")
    a, b = np.full((2000, 5), 1e8, np.float32), np.full((2000, 5), 1e8 - 8, np.float32)
    w = np.arange(1, 11, dtype=np.float32).reshape(5, 2) / 3
    np.testing.assert_allclose(ed.evaluate((A - B) @ W, A=a, B=b, W=w), (a - b) @ w, rtol=1e-6)
    mu = ed.tensor("mu", "d")
    centred = A - ed.einsum("d->nd", mu, sizes={"n": "n"})
    np.testing.assert_allclose(ed.evaluate(centred @ W, A=a, mu=b[0], W=w), (a - b) @ w, rtol=1e-6)


def test_distribution_can_be_switched_off():
    U, V, T = ed.tensor("U", "nk"), ed.tensor("V", "mk"), ed.tensor("T", "nm")
    g = ed.grad(ed.sum((U @ V.T - T) ** 2), U)
    rng = np.random.default_rng(0)
    u, v = rng.normal(size=(400, 3)), rng.normal(size=(300, 3))
    residual = 1e-9 * rng.normal(size=(400, 300))
    t = u @ v.T - residual
    wanted, shapes = 2 * (u @ v.T - t) @ v, {"U": u.shape, "V": v.shape, "T": t.shape}
    fast, exact = ed.compile(g), ed.compile(g, distribute=False)
    error = [np.abs(f(U=u, V=v, T=t) - wanted).max() / np.abs(wanted).max() for f in (fast, exact)]
    assert error[1] < 1e-12 < error[0] < 1e-3
    assert fast.plan(shapes).flops < exact.plan(shapes).flops
