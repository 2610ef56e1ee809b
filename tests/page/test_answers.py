"""What an answer says."""

import pytest

from einderiv.page.answers import derivative
from einderiv.page.figures import code, cost, verdict


def words(segments):
    return "".join(text for text, _ in segments)


def test_the_seeds_question():
    found = derivative({"text": "einsum('ij,j->i', w1, einsum('jk,k->j', w0, L0))", "wrt": "w0"})
    assert [words(found["terms"][0][form]) for form in ("subscripts", "inserted", "compact")] == [
        "ia,b->iab",
        "ja,kb,ij,k->iab",
        "ia,b->iab",
    ]
    assert found["terms"][0]["operands"] == ["w1", "L0"]
    assert found["result"]["text"] == "∂y[i]/∂w0[a,b] = w1[i,a] L0[b]"
    assert [step["title"] for step in found["steps"]] == [
        "what is derived by w0",
        "1. Replace the indices of w0 by new ones",
        "2. Insert one delta for each axis, tying the old index to the new",
        "3. Eliminate the deltas",
        "Result",
        "Shape",
    ]


def test_sums_term_by_term_and_orders():
    found = derivative({"text": "x: i\nA: ij\nx @ A @ x", "wrt": "x", "order": 2})
    assert found["count"] == 2
    assert [words(term["subscripts"]) for term in found["terms"]] in (
        ["ab->ab", "ba->ab"],
        ["ba->ab", "ab->ab"],
    )
    assert {step["title"][:17] for step in found["steps"]} == {
        "derivative 1 of 2",
        "derivative 2 of 2",
    }


def test_zero():
    found = derivative({"text": "ij,j->i", "wrt": "A", "order": 2})
    assert (found["zero"], found["terms"]) == (True, [])


def test_dense_against_structured():
    found = cost({"text": "is,st,tj->ij", "sizes": "i=10, s=10, t=10, j=10"})
    assert (found["dense_bytes"], found["core_bytes"]) == (80000, 800)
    assert [row["what"] for row in found["steps"]] == ["contract", "write"]


def test_code_for_every_backend():
    found = {row["name"]: row for row in code({"text": "ij,j->i", "wrt": "B"})["backends"]}
    assert {"numpy", "torch", "jax"} <= set(found)
    for name, row in found.items():
        assert row["code"] is not None, name
        if row["file"].endswith(".py"):
            compile(row["code"], row["file"], "exec")


def test_verdicts():
    found = verdict({"text": "is,st,tj->ij", "sizes": "A=2x3"})
    assert found["right"]
    assert found["text"].startswith("ok: the derivative by A")


def test_a_function_without_a_value_at_the_first_numbers():
    assert verdict({"text": "X: aa\nlog(det(X))"})["right"]  # det X is negative for every other X
    found = verdict({"text": "X: aa\nsum(log(-X*X))"})
    assert found["right"] is None
    assert "not compared" in found["text"]


@pytest.mark.parametrize(
    ("text", "wrt", "matrix"),
    [
        ("ij,jk->ik", "A", "∂vec(y)/∂vec(A) = Bᵀ ⊗ I"),
        ("ijk,k->ij", "A", None),
        ("T, U, V: ij\nsum((T - U @ V.T)**2)", "U", "∂y/∂U = −2 (T − U Vᵀ) V"),
    ],
)
def test_the_formula_of_matrices(text, wrt, matrix):
    assert derivative({"text": text, "wrt": wrt})["result"]["matrix"] == matrix
