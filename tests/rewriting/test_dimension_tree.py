"""A large operand is contracted from its ends: fewer products with it, and the same whole numbers."""

import numpy as np
import pytest

import einderiv as ed
from einderiv.expression import Add, Einsum, leaves, walk
from einderiv.rewriting.cse import shared
from einderiv.rewriting.dimension_tree import halved

SIZES = {"i": 2, "j": 3, "k": 4, "l": 2, "z": 3, "w": 2}
T = ed.tensor("T", "ijkl")
rng = np.random.default_rng(0)


def model(order):
    letters = "ijkl"[:order]
    return ed.einsum(
        ",".join([letters, *(f"{c}z" for c in letters)]) + "->",
        "T",
        *(f"A{k}" for k in range(order)),
    )


def products(order, second):
    """All gradients of a product, or their derivatives in a direction."""
    names = [f"A{k}" for k in range(order)]
    return (
        ed.hvp(model(order), names, [f"d{k}" for k in range(order)])
        if second
        else ed.grad(model(order), names)
    )


def arrays(order):
    found = {"T": rng.integers(-3, 4, [SIZES[c] for c in "ijkl"[:order]])}
    for k, c in enumerate("ijkl"[:order]):
        found |= {f"{kind}{k}": rng.integers(-3, 4, (SIZES[c], SIZES["z"])) for kind in "Ad"}
    return found


def operand(roots, name):
    return next(node for node in walk(roots) if getattr(node, "name", None) == name)


def uses(roots, name):
    return sum(
        any(getattr(f, "name", None) == name for f in n.factors)
        for n in walk(roots)
        if isinstance(n, Einsum)
    )


#: the order, second derivatives?, where T is cut, products with T before and after
CP = [
    (3, False, 1, 3, 2),
    (3, False, 2, 3, 2),
    (3, True, 1, 6, 3),
    (3, True, 2, 6, 3),
    (4, False, 1, 4, 2),
    (4, False, 2, 4, 2),
    (4, False, 3, 4, 2),
    (4, True, 2, 12, 4),
    (4, True, 1, 12, 3),
]


@pytest.mark.parametrize(("order", "second", "cut", "before", "after"), CP)
def test_derivatives_of_a_product_read_the_tensor_a_few_times(order, second, cut, before, after):
    roots = shared(leaves(products(order, second)))
    assert uses(roots, "T") == before
    found = halved(roots, operand(roots, "T"), cut)
    found = shared(found)
    assert uses(found, "T") == after
    at = arrays(order)
    for a, b in zip(roots, found, strict=True):
        known = {n: x for n, x in at.items() if n in ed.compile(a).inputs}
        assert (ed.evaluate(a, known) == ed.evaluate(b, known)).all()


def terms(*texts):
    """A sum of einsums of T and matrices, whose names begin with their labels."""
    parts = [
        c * ed.einsum(f"ijkl,{','.join(n[:2] for n in names)}->{out}", "T", *names)
        for c, out, *names in texts
    ]
    return parts[0] if len(parts) == 1 else Add(tuple(parts))


#: sums with T, and how many products with it are left; None where nothing is gained
SUMS = {
    "one end":       ([terms((1, "iz", "jz", "kz", "lz"), (2, "iz", "jz", "kzB", "lzB"))], 1),
    "another end":   ([terms((1, "iz", "jz", "kz", "lz"), (2, "iz", "jzB", "kz", "lz"))], 1),
    "coefficients":  ([terms((1, "iz", "jz", "kz", "lz")), terms((3, "jz", "iz", "kz", "lz"))], 1),
    "different":     ([terms((1, "iz", "jz", "kz", "lz")), terms((1, "iz", "jz", "kz", "lw", "wz"))], None),
    "both ends":     ([terms((1, "ik", "jl"), (1, "ik", "jz", "lz"))], None),
    "a number":      ([terms((1, "", "iz", "jz", "kz", "lz"), (1, "", "iz", "jw", "wz", "kz", "lz"))], 1),
    "hyperedges":    ([terms((1, "jz", "ij", "iz", "kz", "lz"), (1, "jz", "ij", "iw", "wz", "kz", "lz"))], 1),
    "no sum of it":  ([ed.exp(T), ed.sin(T)], None),
}  # fmt: skip


@pytest.mark.parametrize("name", SUMS)
def test_terms_that_agree_on_one_end(name):
    roots, left = SUMS[name]
    roots = list(shared(roots))
    found = halved(roots, operand(roots, "T"), 2)
    if left is None:
        assert found is None
        return
    found = shared(found)
    assert uses(found, "T") == left < uses(roots, "T")
    shapes = {
        n: [SIZES[c] for c in n[:2]] for root in roots for n in ed.compile(root).inputs if n != "T"
    }
    at = {n: rng.integers(-3, 4, shape) for n, shape in shapes.items()} | {"T": arrays(4)["T"]}
    for a, b in zip(roots, found, strict=True):
        known = {n: at[n] for n in ed.compile(a).inputs}
        assert (ed.evaluate(a, known) == ed.evaluate(b, known)).all()


@pytest.mark.parametrize(("order", "count"), [(3, 4), (4, 4)])
def test_plans_contract_the_tensor_from_its_ends(order, count):
    at = {n: x * 1.0 for n, x in arrays(order).items()}
    at = {n: np.tile(x, (6,) * order if n == "T" else (6, 6)) for n, x in at.items()}
    f = ed.compile(products(order, True))
    f({n: at[n] for n in f.inputs})
    lines = [
        line
        for line in f._last.emitted.source.splitlines()
        if "T.reshape(" in line or "T.transpose(" in line
    ]
    assert len(lines) <= count, lines


@pytest.mark.parametrize("turned", [False, True])
def test_the_order_of_what_is_near_is_the_written_one(turned):
    # Addresses differ from process to process; a plan that followed them would, too.
    tensors = sorted((ed.tensor(name, axes) for name, axes in [("P", "i"), ("Q", "j")] * 9), key=id)
    # the last, or the first
    P = next(x for x in (tensors[::-1] if turned else tensors) if x.name == "P")
    Q = next(x for x in (tensors if turned else tensors[::-1]) if x.name == "Q")
    terms = [ed.einsum("ijkl,i,j,k,l->", T, P, Q, f"N{k}", f"M{k}") for k in range(2)]
    (found,) = halved([terms[0] + terms[1]], T, 2)
    assert found.factors[-2:] == (P, Q)
