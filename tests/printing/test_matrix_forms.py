"""Forms of matrix notation: where brackets are, where they are not, and what turning does to them."""

import pytest

from einderiv.printing.matrix_forms import (
    IDENTITY,
    Bracketed,
    Called,
    Chain,
    Raised,
    Symbol,
    Together,
    Total,
    Turned,
    as_row,
    in_brackets,
    in_latex,
    in_unicode,
    product_of,
    side_by_side,
    sum_of,
    transpose_of,
    without_brackets,
)

a, b, c = map(Symbol, "ABC")
CALL = Called("cos", (Chain((a, b)),))


@pytest.mark.parametrize(
    ("form", "one", "bare"),
    [
        (a, "A", "A"),
        (Bracketed(Chain((a, b))), "(A B)", "A B"),
        (Chain((Bracketed(a), Bracketed(b))), "((A) (B))", "(A) (B)"),
        (CALL, "(cos(A B))", "cos(A B)"),
        (Total((a, b)), "(A + B)", "A + B"),
        (Chain((Called("√", (a,)), b)), "(√(A) B)", "√(A) B"),
    ],
)
def test_brackets(form, one, bare):
    assert in_unicode(in_brackets(form)) == one
    assert in_unicode(without_brackets(form)) == bare


@pytest.mark.parametrize(
    ("form", "wanted"),
    [
        (a, "Aᵀ"),
        (Turned(a), "A"),
        (Raised(a, -1), "A⁻ᵀ"),
        (Turned(Raised(a, -1)), "A⁻¹"),
        (Raised(a, 3), "(A³)ᵀ"),
        (Turned(Raised(a, 3)), "A³"),
        (IDENTITY, "I"),
        (Turned(Bracketed(Total((a, b)))), "(A + B)"),
        (Raised(a, None), "(A⁺)ᵀ"),
    ],
)
def test_turned(form, wanted):
    assert in_unicode(transpose_of(form)) == wanted


def test_chains():
    assert in_unicode(product_of([Chain((a, b)), CALL, c])) == "(A B) ∘ cos(A B) ∘ C"
    assert product_of([a]) == sum_of([a]) == side_by_side([a]) == a
    assert side_by_side([a, Chain((b, c))]) == Chain((a, b, c))
    assert in_unicode(as_row([Chain((a, b))])) == "Bᵀ Aᵀ"
    assert in_unicode(as_row([a, b])) == "(A ∘ B)ᵀ"


def test_latex_is_made_of_the_same_forms():
    squares, root = Raised(Symbol("x_1"), 12), Called("√", (c,))
    form = side_by_side([Turned(Raised(a, -1)), Together("∘", (b, Turned(b))), squares, root])
    assert in_unicode(form) == "A⁻ᵀ B ∘ Bᵀ x_1¹² √(C)"
    assert (
        in_latex(form, "<{}>".format) == r"<A>^{-\top} <B> \odot  <B>^{\top} <x_1>^{12} \sqrt{<C>}"
    )
