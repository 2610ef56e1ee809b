"""Common operands of sums taken out: the same whole numbers, and what is left inside."""

import numpy as np
import pytest

import einderiv as ed
from einderiv.expression import Add, Tensor, tensors_of, walk
from einderiv.rewriting.factor import factored, partly_factored

L, N, X = ed.tensor("L", "ij"), ed.tensor("N", "kl"), ed.tensor("X", "nm")
p, q, u = ed.tensor("p", "n"), ed.tensor("q", "m"), ed.tensor("u", "i")
rng = np.random.default_rng(0)


def e(text, *names):
    return ed.einsum(text, *names)


CASES = {  # a sum, and the sum that is left inside as text
    "one side":          (e("ij,jk->ik", "L", "A") + e("ij,jk->ik", "L", "B"), "A + B"),
    "both sides":        (e("ij,jk,kl->il", "L", "A", "N") + 3 * e("ij,jk,kl->il", "L", "B", "N"), "A + 3 * B"),
    "other letters":     (e("ij,jk->ik", "L", "A") - e("ac,cb->ab", "L", "B"), "A - B"),
    "another order":     (e("ij,jk->ik", "L", "A") + e("jk,ij->ik", "B", "L"), "A + B"),
    "axes that broadcast": (e("n,m->nm", "p", "q") - e("n,n,m,m->nm", "p", "p", "q", "q"), None),
    "one each":          (e("nm,n->nm", "X", "p") + e("nm,m->nm", "X", "q"), None),
    "nothing left":      (e("nm,m->nm", "X", "q") + X, None),
    "attention":         (e("ij,id,je->ied", "S", "Q", "V") - e("ij,id,ie->ied", "S", "Q", "O"), None),
    "twice the same":    (e("ab,bc,cd->ad", "F", "F", "A") + e("ab,bc,cd->ad", "F", "F", "B"), "A + B"),
    "three terms":       (e("ij,jk->ik", "L", "A") + e("ij,jk->ik", "L", "B") + e("ij,jk->ik", "L", "C"), "A + B + C"),
    "a chain inside":    (e("ij,jk,kl,lm->im", "L", "A", "B", "N") + e("ij,jk,km->im", "L", "C", "N"), None),
    "traces":            (e("ij,ji->", "L", "A") + e("ij,ji->", "L", "B"), None),
}  # fmt: skip
APART = {
    "nothing in common":  e("ij,jk->ik", "L", "A") + e("ij,jk->ik", "K", "B"),
    "transposed":         e("ij,jk->ik", "L", "A") + e("ji,jk->ik", "L", "B"),
    "a diagonal":         e("i->ii", "u") + e("ij,ij->ij", "L", "L"),
    "another axis":       e("i,j->ij", "u", "v") + e("j,i->ij", "u", "w"),
    "summed otherwise":   e("ij,jk->ik", "L", "A") + e("ij,lk->ik", "L", "B"),
    "one of each":        e("ab,bc->ac", "F", "A") + e("ab,bc->ac", "A", "F"),
}  # fmt: skip


def arrays(expression):
    return {
        n: rng.integers(-3, 4, (3,) * tensor.ndim) for n, tensor in tensors_of(expression).items()
    }


@pytest.mark.parametrize(("sum_", "inside"), CASES.values(), ids=CASES)
def test_what_is_common_is_taken_out(sum_, inside):
    assert isinstance(sum_, Add)
    found = factored(sum_)
    assert found is not None
    at = arrays(sum_)
    assert ed.evaluate(found, at).tolist() == ed.evaluate(sum_, at).tolist()
    sums = [str(f) for f in found.factors if isinstance(f, Add)]
    assert len(sums) == 1
    assert inside is None or sums == [inside]


@pytest.mark.parametrize("sum_", APART.values(), ids=APART)
def test_what_is_not_common_stays(sum_):
    found = factored(sum_)
    at = arrays(sum_)
    assert found is None or ed.evaluate(found, at).tolist() == ed.evaluate(sum_, at).tolist()
    if "summed otherwise" not in APART or sum_ is not APART["summed otherwise"]:
        assert found is None


@pytest.mark.parametrize("seed", range(60))
def test_random_sums(seed):
    rng = np.random.default_rng(seed)
    terms = []
    for _ in range(int(rng.integers(2, 4))):
        labels = [
            "".join(rng.choice(list("abcd"), 2, replace=False))
            for _ in range(int(rng.integers(2, 5)))
        ]
        names = [str(rng.choice(list("FGH"))) for _ in labels]
        if not {"a", "b"} <= set("".join(labels)):
            labels.append("ab")
            names.append("F")
        terms.append(int(rng.integers(1, 4)) * ed.einsum(",".join(labels) + "->ab", *names))
    total = sum(terms[1:], terms[0])
    found = factored(total) if isinstance(total, Add) else None
    if found is not None:
        at = arrays(total)
        assert ed.evaluate(found, at).tolist() == ed.evaluate(total, at).tolist()


def test_a_sum_of_einsums_multiplies_once():
    total = sum(
        (e("ij,jk,kl->il", "L", f"M{k}", "N") for k in range(1, 4)),
        e("ij,jk,kl->il", "L", "M0", "N"),
    )
    n = 64
    f = ed.compile(total)
    assert f.plan({name: (n, n) for name in f.inputs}).flops < 2 * 2 * n**3 + 4 * n * n


def test_what_some_terms_have_in_common():
    A, B, C, P, Q = (ed.tensor(n, "ij" if n in "ABC" else "jk") for n in "ABCPQ")
    e = A @ P + B @ P + C @ Q
    assert factored(e) is None
    found = list(partly_factored(e))
    assert len(found) == 1
    at = {
        n: np.random.default_rng(0).integers(-4, 5, (2, 3) if n in "ABC" else (3, 4))
        for n in "ABCPQ"
    }
    assert ed.evaluate(found[0], at).tolist() == ed.evaluate(e, at).tolist()
    assert sum(1 for node in walk(found) if isinstance(node, Tensor) and node.name == "P") == 1


def test_nothing_in_common():
    A, B, P, Q, S, T = (ed.tensor(n, "ij") for n in "ABPQST")
    assert list(partly_factored(A @ P.T + B @ Q.T + S @ T.T)) == []
    assert list(partly_factored(ed.exp(A) + ed.sin(A) + B)) == []
