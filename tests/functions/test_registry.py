"""The names that texts and NumPy's protocols know."""

import pytest

import einderiv as ed
from einderiv.expression import construct as construction
from einderiv.functions import (
    MATRIX,
    SAME_AXES,
    VOCABULARY,
    arrays,
    elementwise,
    fourier,
    indexing,
    is_elementwise,
    numerics,
    reductions,
    sorting,
    special,
    spectral,
)
from einderiv.functions import complex as complexes
from einderiv.functions import compound as compositions
from einderiv.functions import linalg as matrices
from einderiv.functions import structure as declared
from einderiv.functions import table as functions
from einderiv.functions.registry import OTHER_NAMES
from einderiv.functions.table import NAMED

SOURCES = [
    elementwise,
    reductions,
    matrices,
    complexes,
    declared,
    compositions,
    construction,
    arrays,
    indexing,
    sorting,
    special,
    spectral,
    numerics,
    fourier,
]
#: public functions of those modules that make no expression of expressions, or take shapes, lists
#: and arrays, which texts do not have
LEFT_OUT = set(
    [
        "constant",
        "named",
        "simplify",
        "slogdet",
        "tensor",
        "split",
        "concatenate",
        "stack",
        "hstack",
        "vstack",
        "block",
        "eye",
        "one_hot",
        "zeros",
        "ones",
        "arange",
        "broadcast_to",
        "take",
        "segment_sum",
        "reshape",
    ]
)


def public():
    for name in ed.__all__:
        found = [getattr(module, word, None) for module in SOURCES for word in (name, f"{name}_")]
        if any(callable(f) and not isinstance(f, type) and f is getattr(ed, name) for f in found):
            yield name


def test_every_public_function_is_known():
    assert set(public()) - LEFT_OUT == set(NAMED)


@pytest.mark.parametrize("name", NAMED)
def test_names_are_those_of_the_package(name):
    assert VOCABULARY[name] is getattr(ed, name)


@pytest.mark.parametrize("other", OTHER_NAMES)
def test_other_names(other):
    assert other in VOCABULARY and VOCABULARY[other] is VOCABULARY[OTHER_NAMES[other]]
    assert other not in NAMED


def test_groups_name_functions_that_exist():
    assert (MATRIX | SAME_AXES).issubset(NAMED)


@pytest.mark.parametrize(
    ("name", "want"),
    [
        ("exp", True),
        ("maximum", True),
        ("where", True),
        ("absolute", True),
        ("conj", True),
        ("expit", True),
        ("softmax", False),
        ("sum", False),
        ("inv", False),
        ("einsum", False),
        ("nothing", False),
        ("power", True),
    ],
)
def test_elementwise(name, want):
    assert is_elementwise(name) is want


def test_functions_that_users_add_are_looked_up_when_asked_for(monkeypatch):
    monkeypatch.setattr(functions, "FUNCTIONS", dict(functions.FUNCTIONS))
    monkeypatch.setattr(functions, "ADDED", dict(functions.ADDED))
    before = len(VOCABULARY)
    assert "added_for_a_test" not in VOCABULARY
    added = ed.function("added_for_a_test", "{0} + 1", lambda u: 1)
    assert VOCABULARY["added_for_a_test"] is added
    assert len(VOCABULARY) == before + 1 == len(list(VOCABULARY)) and is_elementwise(
        "added_for_a_test"
    )


def test_unknown_names():
    assert VOCABULARY.get("nothing") is None and "nothing" not in VOCABULARY
    with pytest.raises(KeyError):
        VOCABULARY["nothing"]
