"""Every row of the table of forms: its example takes it, and has the values that `np.einsum` has."""

import numpy as np
import pytest
from oracle import assert_same

from einderiv.backends.numpy import numpy_step
from einderiv.backends.numpy_contraction import FORMS, Contraction, form_of, kernel_of
from einderiv.planning import Ops, Step, tuning

#: the sizes of the labels of the examples: p and q are short, so that results are few
SIZES = {"b": 7, "i": 8, "j": 9, "k": 5, "n": 6, "d": 16, "e": 4, "p": 2, "q": 3}
IDS = [f"{form.kernel}, {form.example}" for form in FORMS]


def contracted(example, sizes):
    """The step that an example is; sizes by letter."""
    x, y, out = example.replace("->", ",").split(",")
    spec = tuple(tuple(map(ord, labels)) for labels in (x, y, out))
    return Step(
        Ops.CONTRACT, (0, 1), spec, shape(out, sizes), 0, (shape(x, sizes), shape(y, sizes))
    )


def shape(labels, sizes):
    return tuple(sizes[label] for label in labels)


def size_text(size):
    return str(size)


@pytest.mark.parametrize("form", FORMS, ids=IDS)
def test_an_example_takes_its_form(form):
    step = contracted(form.example, SIZES)
    assert form_of(Contraction.of(step, ("x", "y"), size_text)) is form
    assert kernel_of(step, int) == form.kernel


@pytest.mark.parametrize("form", FORMS, ids=IDS)
def test_a_form_has_the_values_of_einsum(form):
    rng = np.random.default_rng(0)
    operands, _ = form.example.split("->")
    x, y = (rng.integers(-9, 10, shape(labels, SIZES)) for labels in operands.split(","))
    (text,) = numpy_step(contracted(form.example, SIZES), ["x", "y"], size_text)
    assert_same(eval(text, {"np": np, "x": x, "y": y}), np.einsum(form.example, x, y))


CHOSEN = [
    # example        sizes                                 the kernel
    ("bkj,ik->bij",  {"b": 7, "k": 5, "j": 7, "i": 9},     "gemm"),          # rows too short
    ("bkj,ik->bij",  {"b": 7, "k": 5, "j": 8, "i": 9},     "stacked gemm"),
    ("nkd,nd->kd",   {"n": 6, "k": 5, "d": 15},            "batched gemv"),
    ("nkd,nd->kd",   {"n": 6, "k": 5, "d": 16},            "weighted sum"),
    ("nd,nkd->kd",   {"n": 6, "k": 5, "d": 16},            "weighted sum"),  # in either order
    ("bik,bk->bi",   {"b": 1, "i": tuning.few_results, "k": 5},           "row dot"),
    ("bik,bk->bi",   {"b": 1, "i": tuning.few_results + 1, "k": 5},       "batched gemv"),
    ("ijk,k->ij",    {"i": 1, "j": tuning.few_results, "k": 5},           "dot"),
    ("ijk,k->ij",    {"i": 1, "j": tuning.few_results + 1, "k": 5},       "gemv"),
    ("nde,nde->n",   {"n": 6, "d": 5, "e": 4},             "weighted sum"),
    ("bi,bj->bij",   {"b": 2, "i": 3, "j": 4},             "outer"),
    ("ik,kj->ji",    {"i": 3, "k": 4, "j": 5},             "gemm"),
]  # fmt: skip


@pytest.mark.parametrize(("example", "sizes", "kernel"), CHOSEN, ids=str)
def test_the_form_follows_the_sizes(example, sizes, kernel):
    assert kernel_of(contracted(example, sizes), int) == kernel


def test_a_size_that_is_not_known_counts_as_large():
    step = contracted("bik,bk->bi", {"b": "b", "i": "i", "k": "k"})
    assert form_of(Contraction.of(step, ("x", "y"), size_text)).kernel == "batched gemv"
