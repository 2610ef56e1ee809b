"""A derivation in pictures says what the strings say."""

import pytest

import einderiv as ed
from einderiv.printing import derivation_stages

SEED = ed.einsum("is,st,tj->ij", "X", "Y", "P")


@pytest.mark.parametrize("wrt", ["X", "Y", "P", 0, 1])
def test_captions_are_the_strings_of_the_derivation(wrt):
    J = ed.derive(SEED, wrt)
    captions = [stage.caption for stage in derivation_stages(SEED, wrt)]
    assert len(captions) == 4
    for caption, text in zip(
        (captions[0], captions[2], captions[3]), (SEED.subscripts, J.inserted, J.subscripts)
    ):
        assert caption.endswith(f"   {text}")


def test_an_occurrence_at_a_time():
    captions = [
        stage.caption for stage in derivation_stages(ed.einsum("i,ij,j->", "x", "A", "x"), "x")
    ]
    assert len(captions) == 6
    assert sum("taken out" in caption for caption in captions) == 2


@pytest.mark.parametrize(
    "y", [ed.tanh(ed.einsum("ij,j->i", "A", "x")), ed.einsum("ij,j->i", "A", "x") + 1]
)
def test_what_is_no_single_product_has_two_pictures(y):
    assert len(derivation_stages(y, "x")) == 2


def test_zero():
    assert len(derivation_stages(SEED, ed.tensor("Z", "ij"))) == 2
    assert "0" in [t for t, _ in derivation_stages(SEED, ed.tensor("Z", "ij"))[-1].drawing.texts]


def test_one_picture():
    picture = ed.strip(SEED, "X")
    assert picture.alt == f"the derivative of {SEED} by X"
    assert str(picture).count("<svg") == 1
