"""Brackets of matrix notation: where they are, where they are not, and what turning does to them."""

import pytest

from einderiv.show.brackets import added, as_row, bare, bracketed, called, divided, entrywise, transposed, whole


@pytest.mark.parametrize(("text", "one", "call"), [
    ("A", False, False), ("(A B)", True, False), ("(A) (B)", False, False), ("cos(A B)", False, True),
    ("cos(A) (B)", False, False), ("√(x)", False, True), ("√(x) y", False, False), ("", False, False),
    ("A B(C)", False, False), ("((A) (B))", True, False),
])  # fmt: skip
def test_one_thing(text, one, call):
    assert whole(text) is one
    assert called(text) is call
    assert bare(text) == (text[1:-1] if one else text)
    assert bracketed(text) == (text if one or text.isidentifier() else f"({text})")


@pytest.mark.parametrize(("text", "turned"), [
    ("A", "Aᵀ"), ("Aᵀ", "A"), ("A⁻¹", "A⁻ᵀ"), ("A⁻ᵀ", "A⁻¹"), ("A³", "(A³)ᵀ"), ("(A³)ᵀ", "A³"), ("I", "I"),
    ("(A + B)ᵀ", "(A + B)"), ("A⁺", "(A⁺)ᵀ"),
])  # fmt: skip
def test_transposed(text, turned):
    assert transposed(text) == turned


def test_sums_and_products():
    assert added(["A", "−B", "C"]) == "A − B + C"
    assert entrywise([["A", "x"], ["cos(v)"], ["y"]]) == "(A x) ∘ cos(v) ∘ y"
    assert entrywise([["A", "x"]]) == "A x"
    assert as_row([["A", "x"]]) == "xᵀ Aᵀ"
    assert as_row([["x"], ["y"]]) == "(x ∘ y)ᵀ"
    assert divided([]) == ""
    assert divided(["a", "a"]) == " / a²"
    assert divided(["a + b", "‖x‖"]) == " / ((a + b) ‖x‖)"
    assert divided(["√(x)"]) == " / √(x)"
