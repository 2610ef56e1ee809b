"""The five nodes: what they hold, that they hold it for good, and walks over them."""

import copy
import pickle

import pytest

import einderiv as ed
from einderiv.expression import (
    Add,
    Apply,
    Constant,
    Einsum,
    Expr,
    Record,
    Tensor,
    children,
    dressed,
    everything,
    filled,
    identity,
    is_zero,
    total_weight,
    walk,
    wrapped,
    zero,
)
from einderiv.functions.table import FUNCTIONS

X, Y, s = Tensor("X", ("i", "j")), Tensor("Y", ("i", "j")), Tensor("s", ())
N = (("X", 0), ("X", 1))  # the sizes of X
PRODUCT = Einsum(
    2, (X, Y), ((0, 1), (0, 2)), (2, 1), axes=("k", "j"), letters={0: "i", 1: "j", 2: "k"}
)
DIAGONAL = Einsum(1, (X,), ((0, 1),), (0, 0, 1), axes=("i", None, "j"))
BROADCAST = Einsum(1, (s,), ((),), (5,), ((5, 4),), axes=(None,))
NODES = {
    # node                                            sizes                   axes           children
    "tensor":      (X,                                N,                      ("i", "j"),    ()),
    "scalar":      (s,                                (),                     (),            ()),
    "sized":       (Tensor("Z", (3, None, "n")),      (3, ("Z", 1), ("Z", 2)), (None, None, "n"), ()),
    "number":      (Constant(2.5),                    (),                     (),            ()),
    "array":       (Constant([[1, 2]], (1, 2)),       (1, 2),                 (None, None),  ()),
    "einsum":      (PRODUCT,                          (("Y", 1), ("X", 1)),   ("k", "j"),    (X, Y)),
    "bare einsum": (Einsum(1, (), (), (), axes=()),   (),                     (),            ()),
    "diagonal":    (DIAGONAL,                         (N[0], *N),             ("i", None, "j"), (X,)),
    "broadcast":   (BROADCAST,                        (4,),                   (None,),       (s,)),
    "sum":         (Add((X, Y)),                      N,                      ("i", "j"),    (X, Y)),
    "named sum":   (Add((X, Y), axes=("a", None)),    N,                      ("a", None),   (X, Y)),
    "elementwise": (Apply(FUNCTIONS["exp"], (X,)),       N,             ("i", "j"),    (X,)),
    "core kept":   (Apply(FUNCTIONS["softmax"], (X,), 1),   N,             ("i", "j"),    (X,)),
    "core lost":   (Apply(FUNCTIONS["logsumexp"], (X,), 1), N[:1],         ("i",),        (X,)),
    "all lost":    (Apply(FUNCTIONS["logsumexp"], (X,), 2), (),            (),            (X,)),
}  # fmt: skip
each = pytest.mark.parametrize(("node", "sizes", "axes", "below"), NODES.values(), ids=NODES)


@each
def test_what_a_node_says(node, sizes, axes, below):
    assert isinstance(node, Expr)
    assert (node.axis_sizes, node.axes, node.ndim) == (sizes, axes, len(sizes))
    assert len(children(node)) == len(below)
    assert all(a is b for a, b in zip(children(node), below, strict=True))
    assert everything(node) == children(node)
    assert node.nodes == 1 + sum(c.nodes for c in below)
    assert isinstance(hash(node), int)
    assert str(node)


@each
def test_a_node_is_immutable(node, sizes, axes, below):
    slots = {name for kind in type(node).__mro__ for name in getattr(kind, "__slots__", ())} - {
        "__weakref__"
    }
    assert {"axis_sizes", "axes", "origins"} <= slots
    for name in (*slots, "color"):
        with pytest.raises(AttributeError, match="expressions are immutable"):
            setattr(node, name, None)
    assert not hasattr(node, "__dict__")
    assert (node.axis_sizes, node.axes) == (sizes, axes)


@pytest.mark.parametrize("name", ["name", "axis_sizes"])
def test_nothing_can_be_deleted(name):
    node = Tensor("X", ("i",))
    with pytest.raises(AttributeError, match="immutable"):
        delattr(node, name)


def pickled(e):
    return pickle.loads(pickle.dumps(e))


@pytest.mark.parametrize("again", [copy.copy, copy.deepcopy])
def test_copies_are_equal(again):
    assert again(X) == X
    assert again(PRODUCT) == PRODUCT


@pytest.mark.parametrize("node", [X, PRODUCT])
def test_pickling_gives_an_equal_one(node):
    assert pickled(node) == node


STRUCTURE = [
    # string        sizes      structure  plain   count
    ("ij->ij",      {},        True,      False,  1),
    ("ij->ji",      {},        True,      False,  1),
    ("ii->i",       {},        True,      False,  1),
    ("ij->iij",     {},        True,      False,  1),
    ("i->ij",       {"j": 2},  True,      False,  1),
    ("->ii",        {"i": 2},  True,      False,  0),
    ("->",          {},        True,      False,  1),
    ("ij->i",       {},        False,     True,   1),
    ("ii->",        {},        False,     True,   1),
    ("i,j->ij",     {},        False,     True,   2),
    ("ij,jk->ik",   {},        False,     True,   2),
    ("ij,jk->iik",  {},        False,     False,  2),
    ("i,i->ij",     {"j": 2},  False,     False,  2),
    (",->",         {},        False,     True,   2),
]  # fmt: skip


@pytest.mark.parametrize(("text", "sizes", "structure", "plain", "count"), STRUCTURE)
def test_structure_and_contraction_are_told_apart(text, sizes, structure, plain, count):
    e = ed.einsum(text, sizes=sizes)
    assert (e.structure, e.plain, e.count) == (structure, plain, count)
    assert not (e.structure and e.plain)
    assert not Einsum(2, e.factors, e.inputs, e.output, e.given, axes=e.axes).plain, "2 is no core"


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: Add((X,)), "a sum of one term is that term"),
        (lambda: Add((X, s)), "terms with different axes"),
        (lambda: Einsum(1, (X,), ((0, 1),), (0,), axes=()), "one name for each output axis"),
        (lambda: Einsum(1, (X,), ((0, 1),), (2,), axes=("a",)), "a label without a size"),
    ],
)
def test_invariants_are_checked_in_the_constructor(make, message):
    with pytest.raises(AssertionError, match=message):
        make()


@pytest.mark.parametrize("labels", [((0,),), ((0, 1, 2),), ((0, 1), (0, 1))])
def test_labels_must_fit_the_factors(labels):
    with pytest.raises(ValueError, match=r"zip\(\) argument 2 is (shorter|longer)"):
        Einsum(1, (X,), labels, (), axes=())


# ---- walks
def test_walk_meets_every_node_once_and_children_first():
    shared = Einsum(1, (X, X), ((0, 1), (0, 2)), (1, 2), axes=(None, None))
    top = Add((shared, Add((shared, Y)), Apply(FUNCTIONS["exp"], (shared,))))
    order = list(walk([top, shared, top]))
    assert len(order) == len({id(n) for n in order}) == 6
    assert order[0] is X
    assert order[-1] is top
    place = {id(n): k for k, n in enumerate(order)}
    assert all(place[id(c)] < place[id(n)] for n in order for c in children(n))


@pytest.mark.parametrize(
    ("roots", "met"),
    [
        ([], 0),
        ([X], 1),
        ([X, X], 1),
        ([X, Y, s], 3),
        ([PRODUCT, X], 3),
    ],
)
def test_walk_from_several_roots(roots, met):
    assert len(list(walk(roots))) == met


def test_walk_is_linear_on_shared_nodes():
    e = X
    for _ in range(200):  # 2**200 paths
        e = Add((e, e))
    assert sum(1 for _ in walk([e])) == 201
    assert e.nodes == 2**201 - 1, "`nodes` counts every path"


@pytest.mark.parametrize(
    "grow",
    [
        lambda e: Add((e, Y)),
        lambda e: Apply(FUNCTIONS["tanh"], (e,)),
        lambda e: Einsum(1, (e, Y), ((0, 1), (0, 1)), (0, 1), axes=(None, None)),
    ],
    ids=["sum", "function", "product"],
)
def test_walk_goes_ten_thousand_deep(grow):
    e = X
    for _ in range(10**4):
        e = grow(e)
    order = list(walk([e]))
    assert order[-1] is e
    assert len({id(n) for n in order}) == len(order) == 10**4 + 1 + any(n is Y for n in order)
    assert e == e
    assert isinstance(hash(e), int)


def test_walk_also_goes_to_what_a_node_was_made_from():
    e = dressed(X, origins=(Y,))
    assert [n.name for n in walk([e]) if isinstance(n, Tensor)] == ["X"]
    assert [n.name for n in walk([e], everything) if isinstance(n, Tensor)] == ["X", "Y"]
    assert e == X, "origins are no part of what a node is"


# ---- small ones
@pytest.mark.parametrize(
    ("sizes", "axes"),
    [
        ((), ()),
        ((3,), ("i",)),
        (N, ("i", "j")),
        ((0, 1, "n"), (None,) * 3),
    ],
)
def test_zero_filled_identity(sizes, axes):
    new = ("a", "b", "c")[: len(sizes)]
    z, f, one = zero(sizes, axes, (X,)), filled(2.5, sizes, axes), identity(sizes, axes, new)
    assert is_zero(z)
    assert not is_zero(f)
    assert not is_zero(one)
    assert (z.coefficient, z.factors, z.axis_sizes, z.axes, z.origins) == (0, (), sizes, axes, (X,))
    assert (f.coefficient, f.factors, f.axis_sizes, f.axes) == (2.5, (), sizes, axes)
    assert (one.coefficient, one.factors, one.axis_sizes) == (1, (), sizes * 2)
    assert one.output == tuple(range(len(sizes))) * 2, "->abab"
    assert one.axes == axes + new


@pytest.mark.parametrize(
    "node",
    [
        X,
        s,
        PRODUCT,
        Add((X, Y)),
        Constant(2.5),
        Apply(FUNCTIONS["exp"], (X,)),
    ],
)
def test_wrapped_and_dressed_change_no_identity(node):
    product = wrapped(node)
    assert isinstance(product, Einsum)
    assert (product is node) == isinstance(node, Einsum)
    assert product == node
    assert total_weight(product) == total_weight(node)
    renamed = dressed(node, axes=("p", "q")[: node.ndim])
    assert renamed.axes == ("p", "q")[: node.ndim]
    assert renamed == node
    assert hash(renamed) == hash(node)
    assert not is_zero(node)


def test_slots_are_factors_with_their_labels():
    assert PRODUCT.slots == ((X, (0, 1)), (Y, (0, 2)))
    assert zero((3,), (None,)).slots == ()


def test_other_data_under_the_same_factors():
    made = Einsum(
        2, (X, Y), ((0, 1), (0, 2)), (2, 1), axes=("k", "j"), letters={0: "i"}, origins=(s,)
    )
    record = Record(X, "X", 1, None)
    half = made.with_data(coefficient=1, output=(1,), axes=("q",), record=record)
    assert (half.coefficient, half.output, half.axes, half.record) == (1, (1,), ("q",), record)
    assert (half.factors, half.inputs, half.given, half.letters) == (
        made.factors,
        made.inputs,
        (),
        {0: "i"},
    )
    assert half.origins == (), "what it was made from is given anew"
    nothing = made.with_data(coefficient=0, given=((0, 3),))
    assert (nothing.coefficient, nothing.given, nothing.output) == (0, ((0, 3),), made.output)
