"""A product of which index arrays read few entries is not formed, however often it stands there, nor
is the sparse matrix that its gradient is multiplied with; where there are more entries than places,
it is. Whole numbers: all comes to the same.
"""

import numpy as np
import pytest

import einderiv as ed
from einderiv.expression import leaves

ROWS, COLUMNS, RANK = 60, 50, 3
GRID = ROWS * COLUMNS
U, V, P = ed.tensor("U", "nk"), ed.tensor("V", "mk"), ed.tensor("P", "nk")
SHAPES = {"U": (ROWS, RANK), "V": (COLUMNS, RANK), "P": (ROWS, RANK)}
rng = np.random.default_rng(3)


def observed(count, shape=()):
    r, c = (rng.integers(0, n, (count, *shape)) for n in (ROWS, COLUMNS))
    e = "e,f"[: 1 + 2 * len(shape)]
    out = e.replace(",", "")
    entries = ed.einsum(f"(r[{e}])k,(c[{e}])k->{out}", U, V, index={"r": r, "c": c})
    return entries, r.ravel(), c.ravel()


def gradients(u, v, r, c, slope):
    """Of Σ φ(p), by U and V, where φ′ is the `slope`."""
    p = (u[r] * v[c]).sum(1)
    by_u, by_v = np.zeros_like(u), np.zeros_like(v)
    np.add.at(by_u, r, slope(p)[:, None] * v[c])
    np.add.at(by_v, c, slope(p)[:, None] * u[r])
    return by_u, by_v


def values(u, v, r, c):
    return (u[r] * v[c]).sum(1)


def times_vector(u, v, r, c, p):
    direction = (p[r] * v[c]).sum(1)
    made = np.zeros_like(u)
    np.add.at(made, r, 2 * direction[:, None] * v[c])
    return made


CASES = {  # of the entries, and NumPy
    "squares":      (lambda z: ed.sum(z**2),                           lambda u, v, r, c, p: (values(u, v, r, c) ** 2).sum()),
    "cubes":        (lambda z: ed.sum(z**3),                           lambda u, v, r, c, p: (values(u, v, r, c) ** 3).sum()),
    "by U":         (lambda z: ed.grad(ed.sum(z**2), U),               lambda u, v, r, c, p: gradients(u, v, r, c, lambda z: 2 * z)[0]),
    "by V":         (lambda z: ed.grad(ed.sum(z**2), V),               lambda u, v, r, c, p: gradients(u, v, r, c, lambda z: 2 * z)[1]),
    "by both":      (lambda z: list(ed.grad(ed.sum(z**3), [U, V])),    lambda u, v, r, c, p: gradients(u, v, r, c, lambda z: 3 * z * z)),
    "and a value":  (lambda z: [ed.sum(z**2), *ed.grad(ed.sum(z**2), [U, V])],
                     lambda u, v, r, c, p: ((values(u, v, r, c) ** 2).sum(), *gradients(u, v, r, c, lambda z: 2 * z))),
    "times vector": (lambda z: ed.hvp(ed.sum(z**2), U, P),             times_vector),
    "each":         (lambda z: ed.ravel(z * z) if z.ndim > 1 else z * z, lambda u, v, r, c, p: values(u, v, r, c) ** 2),
}  # fmt: skip


@pytest.mark.parametrize(("count", "shape"), [(0, ()), (1, ()), (700, ()), (350, (2,)), (9000, ())])
@pytest.mark.parametrize("name", CASES)
def test_few_entries_of_a_product(name, count, shape):
    make, by_hand = CASES[name]
    entries, r, c = observed(count, shape)
    tree = make(entries)
    arrays = {key: rng.integers(-4, 5, own) for key, own in SHAPES.items()}
    f = ed.compile(tree)
    given = {key: arrays[key] for key in f.inputs}
    wanted = by_hand(arrays["U"], arrays["V"], r, c, arrays["P"])
    wanted = wanted if isinstance(wanted, tuple) else (wanted,)
    for got, want in zip(leaves(f(given)), wanted, strict=True):
        np.testing.assert_array_equal(got, want)
    program = f._last.program
    largest = max(program.entries(k) for k in program.live())
    if len(r) * RANK < GRID:
        assert largest < GRID, "no array has an entry for each pair of a row and a column"


def test_many_entries_of_a_product_are_read_of_it():
    entries, _, _ = observed(40 * GRID)
    plan = ed.plan(ed.sum(entries**2), {name: SHAPES[name] for name in "UV"})
    assert "nk,mk->nm" in str(plan)


def test_a_long_sum_is_not_read_for_each_entry():
    """Of (A B)[r[e], c[e]] with a long inner axis, it is less work to form A B."""
    r, c = (rng.integers(0, 40, 1000) for _ in "rc")
    entries = ed.einsum("(r[e])k,k(c[e])->e", "A", "B", index={"r": r, "c": c})
    plan = ed.plan(ed.sum(entries**2), {"A": (40, 500), "B": (500, 40)})
    assert plan.flops < 4 * 40 * 40 * 500


def test_a_number_goes_behind_a_sum_of_segments():
    r = rng.integers(0, 5, 4000)
    e = 3 * ed.einsum("ek,ek->(r[e])k", "X", "Y", index={"r": r}, sizes={"r": 5})
    shapes = {"X": (4000, 8), "Y": (4000, 8)}
    arrays = {name: rng.integers(-4, 5, shape) for name, shape in shapes.items()}
    want = np.zeros((5, 8), int)
    np.add.at(want, r, 3 * arrays["X"] * arrays["Y"])
    np.testing.assert_array_equal(ed.evaluate(e, arrays), want)
    assert ed.plan(e, shapes).flops < 2 * 4000 * 8 + 100
