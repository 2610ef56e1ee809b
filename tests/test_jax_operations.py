"""The table of JAX's operations: what is right, what is refused, and a planted mistake."""

import pytest

import einderiv as ed
from bench.jax_operations import Operation, Verdict, judged

pytest.importorskip("jax")


@pytest.mark.parametrize(
    ("text", "verdict"),
    [
        ("lax.sin(x)", Verdict("sin", "0, 1, 2", "")),
        ("lax.cumsum(x, 1)", Verdict("cumsum", "0, 1, 2", "")),
    ],
)
def test_verdicts(text, verdict):
    assert judged(Operation(text)) == verdict


def test_a_refusal_names_the_primitive():
    verdict = judged(Operation("lax.igamma(1.5, x)"))
    assert (verdict.orders, verdict.wrong) == ("refused", False)
    assert "the primitive igamma of JAX" in verdict.said


def test_where_jax_has_no_derivative_it_is_said():
    verdict = judged(Operation("x.at[np.array([0, 2])].multiply(x[:2])"))
    assert (verdict.orders, verdict.said) == ("0", "JAX has no derivative of order 1")


def test_a_planted_mistake_is_wrong(monkeypatch):
    monkeypatch.setattr(ed, "from_jax", lambda f, shape, verify: ed.cos(ed.tensor("x", shape)))
    assert judged(Operation("lax.sin(x)")).wrong
