"""Expressions as data: what pickle keeps is equal, here and in another process; what is no data of ours is refused."""

import pickle
import pickletools
import subprocess
import sys
import traceback

import numpy as np
import pytest

import einderiv as ed
from einderiv.expression import filled, walk
from einderiv.expression.size_algebra import floor_quotient, plus, times
from einderiv.functions import tree_data, tree_of

ARRAY = np.array([[1.0, 2], [3, 4]])
x, A, B = ed.tensor("x", "i"), ed.tensor("A", "ij"), ed.tensor("B", "kl")
z = ed.tensor("z", "i", complex=True)
WINDOW = plus(("A", 0), times(-1, ("B", 1)), 1)
HALF = floor_quotient(plus(WINDOW, "n"), 2)
QUARTER = floor_quotient(times(3, HALF), ("x", 0))
NAMED = ed.named(ed.tanh(ed.einsum("ij,j->i", "A", "x")), "h")
EXPRESSIONS = {
    "a tensor": x,
    "sizes and nothing": ed.tensor("X", ("batch", 3, None)),
    "words": ed.einsum("batch feature->batch", ed.tensor("X", "batch feature")),
    "symmetric": ed.tensor("S", "nn", symmetric=True),
    "complex": ed.sum(ed.conj(z) * z) * 2j,
    "a product": ed.einsum("ij,j->i", "A", "x"),
    "by a conjugate": ed.derive(ed.sum(z * ed.conj(z)), ed.conj(z)),
    "a derivative": ed.derive("is,st,tj->ij", 0),
    "by position": ed.derive(ed.einsum("ij,j->i", ARRAY, x), 0),
    "a second derivative": ed.hessian(ed.sum(ed.tanh(x)), x),
    "a sum": ed.grad(ed.sum(ed.softmax(x) * x), x),
    "a zero": 0 * x,
    "a diagonal": ed.derive("ii->i", 0),
    "a held array": ed.sum(ed.exp(ed.einsum("ij,j->i", ARRAY, x))),
    "a held number": ed.einsum("i,->i", x, 2.5),
    "whole numbers": ed.einsum("ij->", np.arange(4).reshape(2, 2)),
    "a text": ed.parse("A: i i; logdet(A) + trace(inv(A))"),
    "merged axes": ed.derive(ed.kron(A, B), A),
    "functions with parameters": ed.clip(ed.matrix_power(ed.tensor("M", "nn"), 3), -1, 2.5),
    "a broadcast": ed.einsum("i->ij", x, sizes={"j": "n"}),
    "substituted": ed.substitute(
        ed.grad(ed.sum(x * ed.tensor("y", "i")), x), x=2 * ed.tensor("q", "i")
    ),
    "a product with a vector": ed.hvp(ed.sum(x**3), x, "v"),
    "interleaved": ed.einsum("A", [0, 1], "x", [1], [0]),
    "a name of an array": ed.einsum("ij,j->i", ed.constant(ARRAY, name="K"), x),
    "in the order of parameters": ed.trace_function(lambda b, a: a @ b, "i", "ji"),
    "split axes": ed.derive(ed.sin(ed.vec(ed.sin(A))), A),
    "split axes, backwards": ed.grad(ed.sum(ed.sin(ed.kron(A, B))), A),
    "axes merged of merged ones": ed.kron(ed.kron(A, B), ed.kron(A, B)),
    "a convolution": ed.derive(ed.einsum("i+k,k->i", "x", "w"), "x"),
    "its Gram matrix": ed.einsum(
        "ia,ib->ab", *[ed.derive(ed.einsum("i+k,k->i", "x", "w"), "x")] * 2
    ),
    "a gather": ed.derive(ed.einsum("(r[e])k,(c[e])k->e", "U", "V", c=[1, 0]), "U"),
    "places in a sum": ed.einsum("(2r[e]+i)->ei", "x", sizes={"i": 2}),
    "a running sum": ed.einsum("(i-j),j->i", np.ones(3, int), "x", sizes={"i": 3}),
    "a window with no points": ed.derive(
        ed.einsum("(i+20)->i", ed.tensor("x", (5,)), sizes={"i": 3}), "x"
    ),
    "sizes that are sums": filled(2, (WINDOW, "n", times(WINDOW, 3)), ("i", None, "k")),
    "sizes with floors": ed.einsum("n->", x) * filled(1, (HALF, plus(HALF, QUARTER)), (None, None)),
    "a named part": ed.sum(NAMED * NAMED),
    "a named sum in a function": ed.exp(ed.named(x + ed.sin(x), "u"))
    + ed.named(x + ed.sin(x), "u"),
    "a derivative with a named part": ed.derive(ed.exp(NAMED) * NAMED, "x"),
}
NAMES = list(EXPRESSIONS)


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("protocol", range(pickle.HIGHEST_PROTOCOL + 1))
def test_a_round_trip(name, protocol):
    e = EXPRESSIONS[name]
    again = pickle.loads(pickle.dumps(e, protocol))
    assert again == e
    assert again.axis_sizes == e.axis_sizes
    assert (hash(again), str(again), again.axes) == (hash(e), str(e), e.axes)
    assert ed.formula(again) == ed.formula(e)
    assert ed.compile(again).tensors == ed.compile(e).tensors
    assert source(again) == source(e)


def source(e):
    """The source, where one holds for all sizes; else the loops, which every product has."""
    try:
        return ed.source(e)
    except ed.EinderivError:
        return ed.source(e, "loops")


IN_ANOTHER_PROCESS = """
import pickle, sys
import einderiv as ed
expressions = pickle.load(sys.stdin.buffer)
told = {name: (e, str(e), ed.formula(e)) for name, e in expressions.items()}
sys.stdout.buffer.write(pickle.dumps(told))
"""


def test_another_process():
    """Its hashes differ, so what is equal here and there is equal by the data."""
    done = subprocess.run(
        [sys.executable, "-c", IN_ANOTHER_PROCESS],
        input=pickle.dumps(EXPRESSIONS),
        capture_output=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr.decode()[-500:]
    for name, told in pickle.loads(done.stdout).items():
        e = EXPRESSIONS[name]
        assert told == (e, str(e), ed.formula(e)), name


def test_what_is_shared_stays_shared():
    e = x
    for _ in range(40):  # 2**40 nodes, were each told as often as it is met
        e = ed.sin(e) * e
    data = tree_data(e)
    assert len(data[1]) < 100
    again = tree_of(data)
    assert sum(1 for _ in walk([again])) == sum(1 for _ in walk([e]))


def test_a_deep_expression():
    e = x
    for _ in range(5000):
        e = ed.sin(e)
    assert pickle.loads(pickle.dumps(e)) == e


def test_a_tree_keeps_its_form():
    tree = {"a": [x, ed.exp(x)], "b": (A,)}
    assert tree_of(tree_data(tree)) == tree


def test_a_title_of_the_whole():
    again = pickle.loads(pickle.dumps({"h": NAMED, "twice": 2 * NAMED}))
    assert ed.formula(2 * again["h"]) == ed.formula(2 * NAMED)
    assert "where h[i] = tanh(" in ed.formula(2 * again["h"])
    assert ed.formula(again["twice"]) == ed.formula(2 * NAMED)


def test_a_file_of_the_version_before_is_read():
    """There were no titles in it; everything else is the same."""
    _, *rest = tree_data(ed.exp(x))
    assert tree_of((2, *rest)) == ed.exp(x)


def test_functions_of_users_are_looked_up():
    cube = ed.function("cubed_and_kept", "({0})**3", lambda u: 3 * u**2)
    assert pickle.loads(pickle.dumps(cube(x))) == cube(x)


def test_arrays_are_equal_by_their_entries():
    one, copy, other = (ed.einsum("ij->", a) for a in (ARRAY, ARRAY.copy(), ARRAY + 1))
    assert one == copy
    assert hash(one) == hash(copy)
    assert one != other
    assert ed.einsum("i->", [1, 2]) != ed.einsum("i->", [1.0, 2.0])
    both = ed.einsum("ij->", ARRAY) - ed.einsum("ij->", ARRAY.copy())
    assert len(both.terms) == 2  # either may change in place, so they are not merged


# ---- compiled expressions and structured results
def test_a_compiled_expression():
    f = ed.compile({"y": ed.exp(x), "g": ed.grad(ed.sum(ed.exp(x)), x)}, optimize="greedy")
    for _ in range(3):
        want = f(x=np.array([0.0, 1.0]))
    again = pickle.loads(pickle.dumps(f))
    found = again(x=np.array([0.0, 1.0]))
    assert (again.inputs, again.optimize) == (f.inputs, "greedy")
    assert [found[key].tolist() for key in want] == [value.tolist() for value in want.values()]
    with pytest.raises(ed.EinderivError, match="raw repeats a checked call"):
        pickle.loads(pickle.dumps(f)).raw(np.ones(2))


@pytest.mark.parametrize("called", [False, True])
def test_constants_go_along(called):
    f = ed.compile(ed.einsum("ij,j->i", "A", "x"), constants=["A"])
    if called:
        f(A=ARRAY, x=[1.0, 1.0])
    again = pickle.loads(pickle.dumps(f))
    given = {"x": [1.0, 1.0]} if called else {"A": ARRAY, "x": [1.0, 1.0]}
    assert again(given).tolist() == [3, 7]


def test_structured_results():
    J = ed.derive("is,st,tj->ij", 0)
    s = ed.evaluate(J, B=ARRAY, C=ARRAY, sizes={"i": 3}, dense=False)
    again = pickle.loads(pickle.dumps(s))
    assert (again.shape, again.dtype, again.nbytes) == (s.shape, s.dtype, s.nbytes)
    assert [embedding for _, embedding in again.terms] == [embedding for _, embedding in s.terms]
    assert (again.dense() == s.dense()).all()
    v = np.arange(6.0).reshape(3, 2)
    assert (again.matvec(v) == s.matvec(v)).all()
    H = ed.evaluate(ed.hessian(ed.sum(x**4), x), x=[1.0, 2.0], dense=False)
    assert pickle.loads(pickle.dumps(H)).solve(np.ones(2)).tolist() == H.solve(np.ones(2)).tolist()


@pytest.mark.parametrize("backend", ["torch", "jax"])
def test_structured_results_of_other_libraries(backend):
    pytest.importorskip(backend)
    s = ed.compile(ed.derive("ij,j->i", 0), backend=backend, dense=False)(A=ARRAY, B=ARRAY[0])
    again = pickle.loads(pickle.dumps(s))
    assert np.asarray(again.dense()).tolist() == np.asarray(s.dense()).tolist()
    assert type(again.terms[0][0]) is type(s.terms[0][0])


def test_dask_takes_them_to_other_processes():
    dask = pytest.importorskip("dask")
    f = ed.compile(ed.einsum("ij,j->i", "A", "x"))
    work = [dask.delayed(f)(A=ARRAY, x=np.array([1.0, k])) for k in range(2)]
    found = dask.compute(*work, dask.delayed(lambda e: e)(x), scheduler="processes", num_workers=1)
    assert [v.tolist() for v in found[:2]] == [[1, 3], [3, 7]]
    assert found[2] == x


def test_joblib_takes_them_to_other_processes():
    joblib = pytest.importorskip("joblib")
    f = ed.compile(ed.einsum("ij,j->i", "A", "x"))
    jobs = [joblib.delayed(f)(A=ARRAY, x=np.array([1.0, k])) for k in range(2)]
    assert [v.tolist() for v in joblib.Parallel(n_jobs=2)(jobs)] == [[1, 3], [3, 7]]


def test_a_mesh_stays():
    f = ed.compile(x * x)
    f.mesh = object()
    with pytest.raises(TypeError, match="a mesh of devices belongs to one process"):
        pickle.dumps(f)


# ---- hostile files
def test_a_file_names_nothing_but_the_reader():
    for e in EXPRESSIONS.values():
        code = list(pickletools.genops(pickle.dumps(e, 2)))
        named = [arg for op, arg, _ in code if op.name == "GLOBAL"]
        assert named[0] == "einderiv.functions.stored tree_of"
        modules = {name.split()[0].split(".")[0] for name in named}
        assert modules <= {"einderiv", "numpy", "_codecs", "__builtin__"}
        assert all(
            name.split()[1] in ("complex", "bytes") for name in named if "__builtin__" in name
        )


GOOD = tree_data(ed.exp(ed.einsum("ij,j->i", ARRAY, x)) * 2)


def changed(path, value):
    """The data with another value at a place."""
    data = GOOD

    def put(part, rest):
        if not rest:
            return value
        return tuple(put(p, rest[1:]) if k == rest[0] else p for k, p in enumerate(part))

    return put(data, path)


def titled(*row):
    """The data of an expression, and a row of a title behind it."""
    version, rows, *rest = tree_data(NAMED)
    return version, (*rows, ("title", *row)), *rest


ROWS = {row[0]: k for k, row in enumerate(GOOD[1])}
HOSTILE = [
    # what stands there instead                         message
    (None,                                              "this is no stored expression"),
    ((),                                                "this is no stored expression"),
    (changed((0,), 1),                                  "version '1' of the form"),
    (changed((0,), True),                               "version 'True' of the form"),
    (changed((1,), "rows"),                             "holds none: TypeError"),
    (changed((1, 0), ("eval", "1")),                    "no node of a stored expression is called 'eval'"),
    (changed((1, 0), ()),                               "holds none"),
    (changed((1, 0), ("tensor",)),                      "holds none"),
    (changed((3,), 99),                                 "holds none: IndexError"),
    (changed((3,), -1),                                 "holds none: ValueError"),
    (changed((3,), "os"),                               "holds none"),
    (changed((1, ROWS["tensor"], 1), "x): import os"),  "a name, not"),
    (changed((1, ROWS["tensor"], 1), "lambda"),         "a name, not"),
    (changed((1, ROWS["tensor"], 2), ("i", "j")),       "as many sizes"),
    (changed((1, ROWS["tensor"], 2), ("i\nimport os",)),"the name of an axis"),
    (changed((1, ROWS["tensor"], 3), "square"),         "no structure is called"),
    (changed((1, ROWS["tensor"], 5), (("x); f(", 0),)), "a name, not"),
    (changed((1, ROWS["tensor"], 5), (-1,)),            "a whole number"),
    (changed((1, ROWS["apply"], 1), "os.system"),       "'os.system', which is not in the table"),
    (changed((1, ROWS["apply"], 1), 7),                 "which is not in the table"),
    (changed((1, ROWS["apply"], 1), "maximum"),         "maximum takes other arguments"),
    (changed((1, ROWS["apply"], 2), (10**6,)),          "holds none"),
    (changed((1, ROWS["apply"], 3), 1),                 "takes other arguments"),
    (changed((1, ROWS["apply"], 4), ("__import__('os')",)), "a name, not"),
    (changed((1, ROWS["constant"], 2), 5),              "holds none: IndexError"),
    (changed((1, ROWS["constant"], 3), (2, 3)),         "for one of shape"),
    (changed((2,), ("text",)),                          "no array"),
    (changed((1, ROWS["einsum"], 1), "2"),              "a number, not str"),
    (changed((1, ROWS["einsum"], 1), 1 << 5000),        "bits is beyond what floats hold"),
    (changed((1, ROWS["einsum"], 3), (0, 77)),          "a label of the output has no size"),
    (changed((1, ROWS["einsum"], 3), (0,) * 60),        "60 axes are over the limit"),
    (changed((1, 0), ("sum", (("2", ()),))),            "a whole number, not 2"),
    (changed((1, 0), ("sum", ((1 << 5000, ()),))),      "a whole number, not"),
    (changed((1, 0), ("sum", ((1, (("n", 0),)),))),     "an exponent above 0, not 0"),
    (changed((1, 0), ("sum", ((1, (("n", True),)),))),  "a whole number, not True"),
    (changed((1, 0), ("sum", ((1, (("x); f(", 1),)),))), "a name, not"),
    (changed((1, 0), ("sum", ((1, ((("*", 0), 1),)),))), "holds none: IndexError"),
    (changed((1, 0), ("sum", tuple([(1, ((f"n{k}", 1),)) for k in range(3000)]))), "more than 2000 products"),
    (changed((1, 0), ("floor", "n", 0)),                "a size is divided by 0"),
    (changed((1, 0), ("floor", "n")),                   "holds none: ValueError"),
    (changed((1, 0), ("title", 0, "h")),                "holds none: IndexError"),
    (titled(0, "h"),                                    "a title for what has a name"),
    (titled(3, "h"),                                    "a title for what has a name"),
    (titled(2, "lambda"),                               "a name, not 'lambda'"),
    (titled(2, 'x"; import os'),                        "a name, not"),
    (titled(2, 5),                                      "a name, not '5'"),
    (titled(2),                                         "holds none: TypeError"),
]  # fmt: skip


@pytest.mark.parametrize(("data", "message"), HOSTILE)
def test_hostile_data_is_refused(data, message):
    with pytest.raises(ed.EinderivError, match=message) as info:
        tree_of(data)
    assert len(str(info.value)) < 500


def test_a_changed_file_is_refused():
    """Every byte of a file is changed once: what comes of it is an expression, or an error."""
    file = pickle.dumps(ed.exp(ed.einsum("ij,j->i", "A", "x")))
    start = file.index(b"tree_of") + 8  # what is before names the reader
    refused = 0
    for k in range(start, len(file)):
        for flip in (1, 64):
            data = bytearray(file)
            data[k] ^= flip
            try:
                code = [op.name for op, _, _ in pickletools.genops(bytes(data))]
                if "GLOBAL" in code or "INST" in code or code.count("STACK_GLOBAL") > 1:
                    continue  # that is pickle's own power, not ours
                found = pickle.loads(bytes(data))
                assert isinstance(
                    found, (ed.expression.Expr, tuple, dict, list, str, int, float, type(None))
                )
            except ed.EinderivError:
                refused += 1
            except Exception as error:  # of pickle itself, which reads before we do
                last = traceback.extract_tb(error.__traceback__)[-1].filename
                if "einderiv/" in last:
                    pytest.fail(f"byte {k}: {error!r}")
    assert refused > 10


@pytest.mark.parametrize(
    "make",
    [
        lambda f: (tree_data(x), {"backend": "os"}),
        lambda f: (tree_data(x), None),
        lambda f: ((9, (), (), 0), f.__reduce__()[1][1]),
    ],
)
def test_hostile_compiled_expressions(make):
    f = ed.compile(ed.exp(x))
    read, _ = f.__reduce__()
    with pytest.raises(ed.EinderivError, match="stored"):
        read(*make(f))


@pytest.mark.parametrize("place", [0, 1, 4])
def test_hostile_structured_tensors(place):
    s = ed.evaluate(ed.derive("ij,j->i", 0), A=ARRAY, B=ARRAY[0], dense=False)
    read, parts = s.__reduce__()
    wrong = {0: [((("text", (0,)),), (0, 1, 2))], 1: (2, 2), 4: (7, "os", None)}
    changed = [wrong[place] if k == place else part for k, part in enumerate(parts)]
    with pytest.raises(ed.EinderivError, match="this is no stored structured tensor"):
        read(*changed)
