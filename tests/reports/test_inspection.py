"""What will run: plans for sizes that are given in any way, for one machine and for a cluster."""

import numpy as np
import pytest

import einderiv as ed
from einderiv.reports import core_entries
from einderiv.reports.inspection import check_given

es, t = ed.einsum, ed.tensor
Y = es("ij->i")
rng = np.random.default_rng(5)


def test_plans():
    e = es("is,st,tj->ij", "X", "Y", "P")
    by_shape = ed.plan(e, {"X": (4, 5), "Y": (5, 3), "P": (3, 2)})
    by_label = ed.plan(e, {"i": 4, "s": 5, "t": 3, "j": 2})
    by_axis = ed.plan(
        t("X", ("row", "mid")) @ t("Y", ("mid", "col")), {"row": 4, "mid": 5, "col": 3}
    )
    assert str(by_shape) == str(by_label) == str(ed.compile(e).plan(X=(4, 5), Y=(5, 3), P=(3, 2)))
    assert by_shape.flops == min(2 * 4 * 5 * 3 + 2 * 4 * 3 * 2, 2 * 5 * 3 * 2 + 2 * 4 * 5 * 2)
    assert by_axis.flops == 2 * 4 * 5 * 3
    assert by_shape.outputs == [(4, 2)]
    assert by_shape.bytes == 64
    assert "total" in str(by_shape)
    assert ed.plan(e).flops == 4 * 32**3, "a size that is not given counts as 32"


def test_a_plan_for_a_cluster():
    e = es("ij,jk->ik", "A", "B")
    shapes = {"A": (4000, 4000), "B": (4000, 4000)}
    by_number, by_text = (ed.plan(e, shapes, workers=4, memory=m) for m in (2**30, "1GiB"))
    assert str(by_number) == str(by_text)
    assert (by_number.workers, by_number.memory, by_number.flops) == (
        4,
        2**30,
        ed.plan(e, shapes).flops,
    )


REFUSED = [
    (lambda: ed.plan(Y, {"q": 3}),                 ed.EinderivError, "'q'"),
    (lambda: ed.plan(Y, memory="1GiB"),            ed.EinderivError, "give their number too, workers="),
    (lambda: ed.plan(Y, workers=0),                ed.EinderivError, "workers must be 1 or more, not 0"),
    (lambda: ed.plan(Y, workers=2.5),              TypeError,        r"workers must be a whole number, not 2\.5"),
    (lambda: ed.plan(Y, workers=2, memory="much"), ed.EinderivError, "memory is a number of bytes or text"),
    (lambda: ed.plan("ij->i"),                     TypeError,        "only expressions can be planned"),
    (lambda: ed.plan(Y, [3]),                      TypeError,        "sizes come as a mapping"),
    (lambda: check_given(Y, {"j": 3}),             ed.ShapeError,    "axis 'i' no size"),
]  # fmt: skip


@pytest.mark.parametrize(("call", "error", "match"), REFUSED)
def test_what_is_refused(call, error, match):
    with pytest.raises(error, match=match):
        call()


def test_cores_are_counted_without_their_embedding():
    J = ed.derive(es("is,st,tj->ij", "X", "Y", "P"), "X")
    assert core_entries(J, {"X": (4, 5), "Y": (5, 3), "P": (3, 2)}) == 5 * 2


def test_a_plan_says_what_it_assumed():
    y = ed.einsum("ij,jk->ik", "A", "B")
    text = str(ed.plan(y))
    assert "assumed i = j = k = 32: give sizes" in text
    assert "assumed k = 32: give sizes" in str(ed.plan(y, {"A": (2, 3)}))
    assert "assumed" not in str(ed.plan(y, {"A": (2, 3), "B": (3, 4)}))


SOURCES_FOR_ALL_SIZES = [
    ("i+k,k->i",               [((9,), (3,)), ((3,), (3,)), ((5,), (1,)), ((4000,), (60,))]),
    ("k,2i+k->i",              [((3,), (9,)), ((3,), (4,)), ((1,), (1,))]),
    ("n(h+y)(w+x)c,yxcf->nhwf", [((2, 6, 7, 3), (3, 2, 3, 4)), ((1, 2, 2, 1), (2, 2, 1, 1))]),
]  # fmt: skip


@pytest.mark.parametrize("wrt", [None, "a", "b"])
@pytest.mark.parametrize(("text", "every"), SOURCES_FOR_ALL_SIZES)
def test_the_source_of_windows_is_for_all_sizes(text, every, wrt):
    """Also where there is one window: 32 for all sizes would make a reshape of it."""
    e = ed.einsum(text, "a", "b")
    if wrt is not None:
        e = ed.grad(ed.norm_squared(e), wrt)
    scope = {}
    exec(ed.source(e), scope)
    for a, b in every:
        arrays = {"a": rng.integers(-3, 4, a), "b": rng.integers(-3, 4, b)}
        assert np.array_equal(scope["compute"](**arrays), ed.evaluate(e, arrays))


def test_a_source_for_some_sizes_only_is_refused():
    with pytest.raises(ed.EinderivError, match="reshapes of known sizes"):
        ed.source(ed.einsum("(2)->", "x"))
