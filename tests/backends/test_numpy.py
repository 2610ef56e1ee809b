"""Every kind of step as text: legal, as short as it can be, and equal to what `np.einsum` says."""

import itertools
import warnings
from math import prod

import numpy as np
import pytest
from oracle import assert_same

import einderiv as ed
from einderiv.backends.numpy import numpy_step
from einderiv.backends.source_text import aligned, literal, shape, size_product, transposed
from einderiv.planning import Step
from einderiv.planning.ops import OPS

SIZE = {0: 2, 1: 3, 2: 4, 3: 1, 4: 0, 5: 200, 6: 4}
LETTER = "abcdefghij"


def step(kind, spec, out=(), operands=()):
    sizes = tuple(tuple(SIZE[x] for x in labels) for labels in operands)
    return Step(OPS[kind], (), spec, tuple(SIZE[x] for x in out), 0, sizes)


def run(kind, spec, arrays, out=(), operands=()):
    *lines, value = numpy_step(
        step(kind, spec, out, operands), [f"v{k}" for k in range(len(arrays))], str
    )
    scope = {
        "np": np,
        "dtype": np.result_type(*arrays, np.int64),
        **{f"v{k}": a for k, a in enumerate(arrays)},
    }
    exec("\n".join(line.replace("{out}", "result") for line in lines), scope)
    return eval(value, scope) if value else scope["result"]


def array(labels, seed=0):
    return np.random.default_rng([seed, *labels]).integers(-4, 5, [SIZE[x] for x in labels])


def text(*groups):
    return ",".join("".join(LETTER[x] for x in ls) for ls in groups)


# ---- contractions of two values: batch, rows, columns, summed labels in every mixture and order
PAIRS = [
    ((0, 1),        (1, 2)),
    ((1, 0),        (1, 2)),
    ((0, 1),        (2, 1)),
    ((1, 0),        (2, 1)),
    ((0,),          (0,)),
    ((0, 1),        (0, 1)),
    ((0, 1),        (1, 0)),
    ((0, 1),        (1,)),
    ((1,),          (1, 2)),
    ((),            (0, 1)),
    ((),            ()),
    ((0,),          (1,)),
    ((0, 1, 2),     (2, 1, 3)),
    ((2, 0, 1),     (1, 3, 2)),
    ((0, 4),        (4, 1)),
    ((4, 0),        (0, 4)),
    ((3, 0),        (0, 3)),
    ((0, 1, 2),     (0, 2)),
]  # fmt: skip


def outputs(a, b):
    labels = tuple(dict.fromkeys(a + b))
    private = {x for x in labels if (x in a) != (x in b)}  # those are summed before a contraction
    for kept in itertools.chain.from_iterable(
        itertools.permutations(labels, n) for n in range(len(labels) + 1)
    ):
        if private <= set(kept):
            yield kept


CONTRACTIONS = [(a, b, out) for a, b in PAIRS for out in outputs(a, b)]


@pytest.mark.parametrize(("a", "b"), PAIRS, ids=[text(*p) for p in PAIRS])
def test_contract2(a, b):
    rows = [out for x, y, out in CONTRACTIONS if (x, y) == (a, b)]
    assert rows
    for out in rows:
        x, y = array(a, 1), array(b, 2)
        got = run("contract", (a, b, out), [x, y], out, (a, b))
        assert_same(got, np.einsum(f"{text(a, b)}->{text(out)}", x, y), text(a, b, out))


def test_large_contraction():
    a, b = (5, 1), (1, 5, 0)
    x, y = array(a), array(b)
    assert_same(
        run("contract", (a, b, (5, 0)), [x, y], (5, 0), (a, b)), np.einsum("ij,jik->ik", x, y)
    )


SPELT = [
    # labels, what is written
    ((0, 1),     (1, 2),     (0, 2),      "v0.dot(v1)"),
    ((0, 1),     (1, 2),     (2, 0),      "v1.T.dot(v0.T)"),
    ((0, 1),     (2, 1),     (0, 2),      "v0.dot(v1.T)"),
    ((0, 1),     (1,),       (0,),        "v0.dot(v1)"),
    ((0,),       (0,),       (),          "v0.dot(v1)"),
    ((0,),       (1,),       (0, 1),      "v0[:, None] * v1"),
    ((0, 1),     (0, 1),     (0, 1),      "v0 * v1"),
    ((),         (0,),       (0,),        "v0 * v1"),
    ((0, 1, 2),  (0, 2, 3),  (0, 1, 3),   "v0 @ v1"),
    ((0, 1),     (1, 0),     (),          "v0.reshape((6,)).dot(v1.T.reshape((6,)))"),
    # a few numbers are made one by one
    ((0, 1, 2),  (0, 2),     (1, 0),      "np.vecdot(v0.transpose(1, 0, 2).conj(), v1)"),
    ((0, 2),     (0, 1, 2),  (0, 1),      "np.vecdot(v0[:, None, :].conj(), v1)"),
    ((0, 1, 2),  (1,),       (0, 2),      "v0.transpose(0, 2, 1).dot(v1)"),
    ((0, 1, 2),  (1, 3),     (3, 0, 2),   "v1.T.dot(v0)"),
    ((0, 5, 1),  (0, 1),     (0, 5),      "(v0 @ v1.reshape((2, 3, 1))).reshape((2, 200))"),
    ((5, 0, 1),  (1, 2),     (5, 0, 2),   "v0.reshape((400, 3)).dot(v1).reshape((200, 2, 4))"),
]  # fmt: skip


@pytest.mark.parametrize(("a", "b", "out", "want"), SPELT, ids=[row[3] for row in SPELT])
def test_what_is_written(a, b, out, want):
    assert numpy_step(step("contract", (a, b, out), out, (a, b)), ["v0", "v1"], str) == [want]


VIEWS = [
    ((0, 1), (1, 0)),
    ((0, 1, 2), (2, 0, 1)),
    ((0, 0), (0,)),
    ((0, 1, 0), (1, 0)),
    ((1, 1, 1), (1,)),
    ((0, 0, 1, 1), (1, 0)),
    ((4, 0), (0, 4)),
    ((), ()),
]


@pytest.mark.parametrize(("labels", "out"), VIEWS, ids=[text(*v) for v in VIEWS])
def test_views(labels, out):
    x = array(labels)
    got = run("view", (labels, out), [x], out)
    assert_same(got, np.einsum(f"{text(labels)}->{text(out)}", x))
    assert np.shares_memory(got, x) or not x.size, "a view costs nothing"


@pytest.mark.parametrize(
    ("labels", "out"),
    [((0, 1), (0,)), ((0, 1), (1,)), ((0, 1), ()), ((0, 1, 2), (1,)), ((4, 0), (0,)), ((5,), ())],
    ids=str,
)
def test_sums(labels, out):
    x = array(labels)
    assert_same(
        run("sum", (labels, out), [x], out, (labels,)), np.einsum(f"{text(labels)}->{text(out)}", x)
    )


@pytest.mark.parametrize(
    ("number", "sizes", "want"),
    [
        (1, (), "v0"),
        (2, (), "2 * v0"),
        (-2, (), "(-2) * v0"),
        (1, (3, 4), "12 * v0"),
        (0.5, (3,), "0.5 * 3 * v0"),
        (1, ("n", 3, "m"), "3*n*m * v0"),
        (2j, (), "2j * v0"),
    ],
)
def test_scale(number, sizes, want):
    assert numpy_step(Step(OPS["scale"], (), (number, sizes), (), 0), ["v0"], str) == [want]


WRITES = [
    # terms: labels of the core, labels of the output
    [((0,), (0, 0))],
    [((0,), (0, 1))],
    [((1,), (0, 1))],
    [((0, 1), (0, 1, 0))],
    [((1, 0), (0, 1, 0, 1))],
    [((), (0, 0))],
    [((), (0, 1))],
    [((0, 1), (0, 1)), ((0,), (0, 1))],
    [((0,), (0, 1)), ((1, 0), (0, 1))],
    [((0, 1), (0, 1)), ((0, 1), (0, 1)), ((), (0, 1))],
    [((0,), (0, 1)), ((1,), (0, 1))],
    [((4,), (4, 4))],
    [((2,), (2, 2)), ((2, 6), (2, 6)), ((6,), (6, 6)), ((2, 6), (6, 2))],
    [((6,), (2, 6)), ((2,), (2, 2)), ((), (2, 6))],
    [],
]


@pytest.mark.parametrize("terms", WRITES, ids=str)
def test_writes_add_into_their_places(terms):
    shape_ = tuple(SIZE[x] for x in terms[0][1]) if terms else (2, 3)
    arrays = [array(labels) for labels, _ in terms]
    want = np.zeros(shape_, np.int64)
    for a, (labels, output) in zip(arrays, terms):
        for at in itertools.product(*(range(SIZE[x]) for x in dict.fromkeys(output))):
            value = dict(zip(dict.fromkeys(output), at))
            want[tuple(value[x] for x in output)] += a[tuple(value[x] for x in labels)]
    *lines, last = numpy_step(
        Step(OPS["write"], (), tuple(terms), shape_, 0), [f"v{k}" for k in range(len(terms))], str
    )
    scope = {"np": np, "dtype": np.int64, **{f"v{k}": a for k, a in enumerate(arrays)}}
    exec(
        "\n".join(line.replace("{out}", "result") for line in lines or [f"{{out}} = {last}"]), scope
    )
    assert not lines or last == ""
    assert_same(scope["result"], want)
    assert not any(np.shares_memory(scope["result"], a) for a in arrays)


# ---- small texts
@pytest.mark.parametrize(
    "number",
    [
        0,
        1,
        -1,
        2**70,
        0.1,
        -1e-300,
        1e300,
        2j,
        -1.5 - 2j,
        float("inf"),
        -float("inf"),
        complex("inf"),
        complex(0, -float("inf")),
        True,
    ],
)
def test_literals_are_read_back(number):
    assert eval(literal(number)) == number
    assert eval(f"2 - {literal(number)}") == 2 - number, (
        "a sign must not join what stands before it"
    )


def test_not_a_number_is_read_back():
    assert np.isnan(eval(literal(float("nan"))))
    assert np.isnan(eval(literal(complex("nan+nanj"))))


@pytest.mark.parametrize(
    ("sizes", "want"),
    [
        ([], "1"),
        (["3"], "3"),
        (["3", "4"], "12"),
        (["n"], "n"),
        (["1", "n"], "n"),
        (["n", "2", "m"], "2*n*m"),
        (["0", "n"], "0*n"),
    ],
)
def test_products_of_sizes(sizes, want):
    assert size_product(sizes) == want


@pytest.mark.parametrize(("sizes", "want"), [([], "()"), (["3"], "(3,)"), (["3", "n"], "(3, n)")])
def test_shapes(sizes, want):
    assert shape(sizes) == want


@pytest.mark.parametrize(
    ("labels", "order", "want"),
    [
        ((0, 1), (0, 1), "x"),
        ((0, 1), (1, 0), "x.T"),
        ((0, 1, 2), (2, 0, 1), "x.transpose(2, 0, 1)"),
        ((), (), "x"),
    ],
)
def test_transposes(labels, order, want):
    assert transposed("x", labels, order) == want


@pytest.mark.parametrize(
    ("labels", "out", "want"),
    [
        ((0,), (0,), "x"),
        ((0,), (1, 0), "x"),
        ((0,), (0, 1), "x[:, None]"),
        ((), (0, 1), "x"),
        ((1, 0), (0, 2, 1), "x.T[:, None, :]"),
        ((0,), (1, 0, 2), "x[:, None]"),
    ],
)
def test_broadcasting_views(labels, out, want):
    assert aligned("x", labels, out) == want


def test_unknown_steps_raise():
    with pytest.raises(AssertionError, match="no spelling for addmm"):
        numpy_step(Step(OPS["addmm"], (), (), (), 0), [], str)


@pytest.mark.parametrize(
    "string",
    [
        "iaj,ak->kji",
        "iaj,ak->ijk",
        "iaj,a->ij",
        "iaj,a->ji",
        "ak,iaj->ijk",
        "iabj,abk->ikj",
        "iabj,bak->ikj",
        "iajl,ak->ikjl",
        "ihaj,akl->khijl",
        "iaj,kal->ijkl",
        "haij,a->jih",
    ],
)
def test_axes_in_the_middle_are_summed_without_a_copy(string):
    """A stack of products over views, exactly; the last axis is long enough, or unknown."""
    sizes = dict(i=2, h=3, a=3, j=9, k=4, b=5, l=8)
    rng = np.random.default_rng(0)
    shapes = [[sizes[c] for c in term] for term in string.split("->")[0].split(",")]
    a, b = (rng.integers(-3, 4, size) for size in shapes)
    e = ed.einsum(string)
    assert (ed.evaluate(e, A=a, B=b) == np.einsum(string, a, b)).all()
    scope = {}
    exec(ed.source(e), scope)
    assert (scope["compute"](a, b) == np.einsum(string, a, b)).all()
    if string != "iabj,bak->ikj":
        assert " @ " in ed.source(e)


def test_short_axes_are_copied_instead():
    f = ed.compile(ed.einsum("iaj,ak->ijk"))
    assert ".dot(" in f.source(A=(1000, 3, 2), B=(3, 4))
    assert " @ " in f.source(A=(10, 30, 20), B=(30, 40))


def test_products_of_columns_are_one_pass():
    rng = np.random.default_rng(0)
    a, b = rng.integers(-3, 4, (5, 4)), rng.integers(-3, 4, (5, 4))
    for text, fast in (
        ("ab,ab->b", "np.einsum("),
        ("ab,ab->a", "np.vecdot("),
        ("abc,abc->ac", "np.einsum("),
    ):
        at = (
            {"A": a, "B": b}
            if text.count("c") == 0
            else {"A": a.reshape(5, 2, 2), "B": b.reshape(5, 2, 2)}
        )
        f = ed.compile(ed.einsum(text))
        assert f(at).tolist() == np.einsum(text, *at.values()).tolist()
        assert fast in f._last.emitted.source


@pytest.mark.parametrize(("size", "one_pass"), [(20, True), (4, False)])
@pytest.mark.parametrize("text", ["abz,bz->az", "abz,az->bz", "az,abz->zb", "abcz,bcz->az"])
def test_stacks_that_run_fastest_are_one_pass(text, size, one_pass):
    (la, lb), out = (
        (tuple(map(ord, ls)) for ls in text.split("->")[0].split(",")),
        tuple(map(ord, text.split("->")[1])),
    )
    shape_ = {ord("a"): 5, ord("b"): 3, ord("c"): 2, ord("z"): size}
    x, y = (np.arange(prod(s)).reshape(s) for s in ([shape_[c] for c in ls] for ls in (la, lb)))
    sizes = tuple(tuple(shape_[c] for c in labels) for labels in (la, lb))
    step = Step(OPS["contract"], (0, 1), (la, lb, out), tuple(shape_[c] for c in out), 0, sizes)
    (line,) = numpy_step(step, ["x", "y"], str)
    assert ("einsum" in line) is one_pass
    assert (eval(line, {"np": np, "x": x, "y": y}) == np.einsum(text, x, y)).all()


@pytest.mark.parametrize(("rows", "copied"), [(40, True), (2, False)])
def test_what_is_read_many_times_is_copied_in_the_order_of_the_result(rows, copied):
    f = ed.compile(ed.einsum("ki,jl->jikl", "A", "B"))
    A, B = np.arange(rows * 5).reshape(rows, 5), np.arange(rows * 7).reshape(rows, 7)
    assert f(A=A, B=B).tolist() == np.einsum("ki,jl->jikl", A, B).tolist()
    assert ("np.ascontiguousarray(A.T)" in f._last.emitted.source) is copied


# ---- warnings of long sources
MANY = 400
squares = [ed.tensor(f"x{k}", "i") for k in range(MANY)]
long_sum = sum([x * x for x in squares[1:]], squares[0] * squares[0])
at_overflow = {f"x{k}": np.array([1e200, -1e200]) for k in range(MANY)}


@pytest.mark.parametrize("out", [None, np.zeros(2)])
def test_a_long_source_warns_once_a_call(out):
    f = ed.compile(long_sum)
    for _ in range(2):
        with pytest.warns(RuntimeWarning, match="overflow encountered") as met:
            assert np.isinf(f(at_overflow, out=out)).all()
        assert len(met) == 1


def test_a_long_source_keeps_what_numpy_is_told():
    f = ed.compile(long_sum)
    with np.errstate(over="raise"), pytest.raises(FloatingPointError, match="overflow"):
        f(at_overflow)
    with np.errstate(over="ignore"), warnings.catch_warnings():
        warnings.simplefilter("error")
        f(at_overflow)
    calls = []
    with np.errstate(over="call", call=lambda *what: calls.append(what)):
        f(at_overflow)
    assert len(calls) >= MANY
