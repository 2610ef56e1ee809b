"""Calls: what may be given and how, trees, sizes, sources, plans, caches, threads; constants."""

import gc
import tempfile
import threading
import weakref

import numpy as np
import pytest
from oracle import assert_same

import einderiv as ed
from einderiv.expression import leaves
from einderiv.runtime.compiled import PLANS

pytestmark = pytest.mark.threads  # plans and constants are shared by all who call

t, es = ed.tensor, ed.einsum
A2, X3 = np.array([[1, 2, 3], [4, 5, 6]]), np.array([1, 0, 2])
WANT = A2 @ X3


def y():
    return es("ij,j->i", "A", "x")


# ---- ways to give arrays
@pytest.mark.parametrize(
    "call",
    [
        lambda: ed.evaluate(y(), A=A2, x=X3),
        lambda: ed.evaluate(y(), {"A": A2, "x": X3}),
        lambda: ed.evaluate(y(), {"A": A2}, x=X3),
        lambda: ed.evaluate(y(), A=A2.tolist(), x=tuple(X3.tolist())),
        lambda: ed.evaluate(y(), {}, A=A2, x=X3),
        lambda: ed.compile(y())(A=A2, x=X3),
        lambda: ed.compile(y())({"A": A2, "x": X3}),
        lambda: ed.compile([y()])(A=A2, x=X3)[0],
        lambda: ed.compile(y(), backend="numpy", optimize="greedy", memory_limit=10**6)(x=X3, A=A2),
        lambda: ed.evaluate(y(), A=A2, x=X3, dense=False).dense(),
    ],
)
def test_ways_to_give_arrays(call):
    assert_same(call(), WANT)


OPTIONS = [
    "dense",
    "sizes",
    "memory_limit",
    "e",
    "arrays",
    "optimize",
    "backend",
    "self",
    "seed",
    "named",
    "wrt",
    "y",
    "out",
    "zeroed",
]


@pytest.mark.parametrize("name", OPTIONS)
def test_tensors_named_like_options(name):
    e = es("ij,j->i", name, "x")
    given = {name: A2, "x": X3}
    assert_same(ed.evaluate(e, given), WANT)
    assert_same(ed.evaluate(e, given, dense=False).dense(), WANT)
    f = ed.compile(e)
    assert_same(f(given), WANT)
    assert "A2" not in f.source({name: (2, 3), "x": (3,)})
    assert f.plan({name: (2, 3), "x": (3,)}).flops == 12
    assert ed.check(e, name, given).ok
    if name not in ("dense", "sizes", "memory_limit", "out", "zeroed"):
        # Those are options; all else is free.
        assert_same(ed.evaluate(e, **given), WANT)
        if name != "memory_limit":
            assert_same(f(**given), WANT)


TREES = [
    ((),                                    ()),
    ([],                                    []),
    ({},                                    {}),
    (lambda e: (e,),                        lambda a: (a,)),
    (lambda e: [e, (e.T, {"k": e})],        lambda a: [a, (a.T, {"k": a})]),
    (lambda e: {"b": e, "a": [e * 2]},      lambda a: {"b": a, "a": [a * 2]}),
]  # fmt: skip


@pytest.mark.parametrize(("tree", "want"), TREES, ids=range(len(TREES)))
def test_trees(tree, want):
    def same(got, wanted):
        assert type(got) is type(wanted)
        if isinstance(wanted, dict):
            assert list(got) == list(wanted)
            return [same(got[k], wanted[k]) for k in wanted]
        if isinstance(wanted, (list, tuple)):
            return [same(g, w) for g, w in zip(got, wanted, strict=True)]
        return assert_same(got, wanted)

    tree, want = (
        part(arg) if callable(part) else part for part, arg in ((tree, t("A", "ij")), (want, A2))
    )
    given = {"A": A2} if want else {}
    same(ed.evaluate(tree, given), want)
    same(ed.compile(tree)(given), want)


def test_inputs_and_raw():
    f = ed.compile(ed.derive(es("ij,jk,k->i", "A", "B", "x"), "B"))
    assert f.inputs == ("A", "x")
    B = np.zeros((3, 3), int)
    checked = f(A=A2, B=B, x=X3)
    assert_same(f.raw(A2, X3), checked)
    assert_same(f.raw(2 * A2, X3), 2 * checked)
    with pytest.raises(ed.EinderivError, match="call f"):
        ed.compile(y()).raw(A2, X3)
    g = ed.compile((y(), {"twice": 2 * y()}))
    g(A=A2, x=X3)
    assert_same(g.raw(A2, X3)[1]["twice"], 2 * WANT)


def test_any_known_tensor_may_be_given_and_fixes_sizes():
    J = ed.derive(y(), "A")
    want = np.einsum("ia,b->iab", np.eye(2, dtype=int), X3)
    assert_same(ed.evaluate(J, A=A2, x=X3), want)
    assert_same(ed.evaluate(J, x=X3, sizes={"i": 2}), want)
    assert_same(ed.evaluate(J, x=X3, sizes={"a": 2}), want)
    with pytest.raises(ed.ShapeError, match=r"size of axis 0 of A is not known.*sizes="):
        ed.evaluate(J, x=X3)


SIZES = [
    # expression, sizes, arrays, what comes out
    (lambda: ed.derive(t("A", ("row", "col")) * 1, "A"),    {"row": 2, "col": 1}, {}, (2, 1, 2, 1)),
    (lambda: ed.derive(es("ij->ji", "A"), 0),               {"i": 2, "j": 0},     {}, (0, 2, 2, 0)),
    (lambda: ed.derive(es("big cat -> cat big", "A"), 0),   {"big": 2, "cat": 3}, {}, (3, 2, 2, 3)),
    (lambda: es("i->ij", "v", sizes={"j": "wide"}),         {"wide": 3},          {"v": [1, 2]}, (2, 3)),
    (lambda: ed.derive(es("ij,j->i", "A", "x"), "A"),       {"i": 200},           {"x": [1]}, (200, 200, 1)),
    (lambda: es("i->i", "v"),                               {"i": 2},             {"v": [1, 2]}, (2,)),
]  # fmt: skip


@pytest.mark.parametrize(("make", "sizes", "given", "shape"), SIZES, ids=range(len(SIZES)))
def test_sizes(make, sizes, given, shape):
    assert ed.evaluate(make(), given, sizes=sizes).shape == shape
    assert ed.compile(make())(given, sizes=sizes).shape == shape
    assert ed.compile(make(), dense=False)(given, sizes=sizes).shape == shape


class Torch:
    """Looks like an array of a library that is not NumPy."""

    __module__ = "torch.fake"
    shape, dtype = (2, 3), "float32"


REFUSED = [
    ("missing",              lambda: ed.evaluate(y(), A=A2),                           ed.EinderivError,
     "no array for x"),
    ("all missing",          lambda: ed.evaluate(y()),                                 ed.EinderivError,
     "A, x"),
    ("unknown",              lambda: ed.evaluate(y(), A=A2, x=X3, X=X3),               ed.EinderivError,
     "'X'.*mean 'x'"),
    ("key of a mapping",     lambda: ed.evaluate(y(), {"A": A2, "x": X3, 3: X3}),      TypeError,
     "names of tensors as keys, not 3, of type int"),
    ("another case",         lambda: ed.evaluate(y(), {"A": A2, "X": X3}),             ed.EinderivError,
     "no array for x; .* 'X', which is given, is no tensor here"),
    ("not by name",          lambda: ed.evaluate(y(), A2),                             TypeError,
     "by name.*ndarray"),
    ("two axes for three",   lambda: ed.evaluate(y(), A=A2, x=A2),                     ed.ShapeError,
     "x has 1 axis.*2"),
    ("contradiction",        lambda: ed.evaluate(y(), A=A2, x=[1, 2]),                 ed.ShapeError,
     "size 3.*2"),
    ("size 1",               lambda: ed.evaluate(y(), A=A2, x=[1]),                    ed.ShapeError,
     "does not broadcast"),
    ("sizes unknown",        lambda: ed.evaluate(y(), A=A2, x=X3, sizes={"q": 2}),     ed.EinderivError,
     "'q'"),
    ("sizes contradict",     lambda: ed.evaluate(y(), A=A2, x=X3, sizes={"i": 3}),     ed.ShapeError,
     "'i'.* 3.* 2"),
    ("sizes no number",      lambda: ed.evaluate(y(), A=A2, x=X3, sizes={"i": "2"}),   TypeError,
     "whole number"),
    ("sizes negative",       lambda: ed.evaluate(y(), A=A2, x=X3, sizes={"i": -2}),    ed.ShapeError, "-2"),
    ("other library",        lambda: ed.evaluate(y(), A=Torch(), x=X3),                ed.BackendError,
     "torch"),
    ("strings",              lambda: ed.evaluate(y(), A=A2.astype(str), x=X3),         TypeError, "dtype"),
    ("masked",               lambda: ed.evaluate(y(), A=np.ma.masked_array(A2), x=X3), TypeError, "masked"),
    ("ragged",               lambda: ed.evaluate(y(), A=[[1], [1, 2]], x=X3),          ed.EinderivError,
     "A is no array"),
    ("a string to evaluate", lambda: ed.evaluate("ij->ji", A=A2),                      TypeError,
     "ed.einsum makes one"),
    ("a number in a tree",   lambda: ed.compile([y(), 3]),                             TypeError, "not int"),
    ("ranks that differ",    lambda: ed.compile([y(), t("A", "i")]),                   ed.ShapeError,
     "A has 2 axes.*1 axis"),
    ("backend",              lambda: ed.compile(y(), backend="numpi"),                 ed.BackendError,
     "mean 'numpy'"),
    ("backend, a module",    lambda: ed.compile(y(), backend="os"),                    ed.BackendError,
     "'os'"),
    ("backend, no name",     lambda: ed.compile(y(), backend=np),                      TypeError,
     "not module"),
    ("source of a backend",  lambda: ed.source(y(), "fortran"),                        ed.BackendError,
     "fortran"),
    ("memory_limit",         lambda: ed.compile(y(), memory_limit=[1]),                TypeError,
     "memory_limit"),
    ("source, unknown",      lambda: ed.compile(y()).source(Q=(2,)),                   ed.EinderivError,
     "'Q'"),
]  # fmt: skip


@pytest.mark.parametrize(
    ("call", "error", "match"), [r[1:] for r in REFUSED], ids=[r[0] for r in REFUSED]
)
def test_refused(call, error, match):
    with pytest.raises(error, match=match):
        call()


# ---- sources
def test_the_source_of_a_call():
    f = ed.compile(ed.derive(y(), "A"))
    source = f.source(A=(2, 3), x=X3.astype(float))
    scope = {}
    exec(source, scope)
    got = scope["compute"](X3.astype(float))
    np.testing.assert_array_equal(got, ed.evaluate(ed.derive(y(), "A"), A=A2, x=X3))
    assert "einderiv" not in source
    assert f.source({"A": (2, 3), "x": (3,)}) == source


# ---- caches
def test_one_plan_for_one_set_of_shapes_and_dtypes():
    f = ed.compile(y())
    for _ in range(3):
        f(A=A2, x=X3)
    assert len(f._plans) == 1
    f(A=A2.astype(float), x=X3)
    f(A=A2[:1], x=X3)
    f(A=A2, x=X3, sizes={"i": 2})
    assert len(f._plans) == 4


def test_the_cache_is_bounded_and_forgets_nothing_that_matters():
    f = ed.compile(y())
    for n in range(PLANS + 20):
        assert_same(f(A=np.ones((n, 3), int), x=X3), np.full(n, 3))
    assert len(f._plans) == PLANS
    assert_same(f(A=A2, x=X3), WANT)


def test_plans_hold_neither_arrays_nor_expressions():
    e = y()
    a = A2.astype(float)
    ed.evaluate(e, A=a, x=X3)
    array, expression = weakref.ref(a), weakref.ref(e)
    del a
    gc.collect()
    assert array() is None
    del e
    gc.collect()
    assert expression() is None


def test_a_limit_that_is_changed_counts_at_once():
    e = es("i,j->ij", "x", "x")
    assert ed.evaluate(e, x=np.ones(8)).nbytes == 512
    with ed.limits.override(dense_bytes=511), pytest.raises(ed.LimitError, match="511"):
        ed.evaluate(e, x=np.ones(8))
    assert ed.evaluate(e, x=np.ones(8)).nbytes == 512


# ---- threads
@pytest.mark.parametrize("shared", [True, False], ids=["one callable", "one expression"])
def test_threads_get_the_same_results(shared):
    """Eight threads, each with shapes of its own in between: every result must be its own."""
    e = ed.grad(ed.logsumexp(y()) + ed.norm(y()), "x")
    f = ed.compile(e) if shared else lambda **given: ed.evaluate(e, **given)
    cases = []
    for n in range(1, 9):
        r = np.random.default_rng(n)
        cases.append(dict(A=r.normal(size=(n, 5)), x=r.normal(size=5)))
    want = [ed.compile(e)(case) if shared else ed.evaluate(e, case) for case in cases]
    wrong, start = [], threading.Barrier(8)

    def work(k):
        try:
            start.wait(timeout=30)
            for j in range(24):
                got = f(**cases[(j + k) % 8])
                if not np.array_equal(got, want[(j + k) % 8]):
                    wrong.append((k, j))
        except Exception as error:  # must reach the main thread
            wrong.append(error)

    threads = [threading.Thread(target=work, args=(k,)) for k in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(timeout=60)
    assert wrong == []
    assert not any(thread.is_alive() for thread in threads)


# ---- constants: the same values, and what depends on them alone computed once
A, B, x, b = ed.tensor("A", "ij"), ed.tensor("B", "jk"), ed.tensor("x", "k"), ed.tensor("b", "i")
rng = np.random.default_rng(0)
AT = {
    "A": rng.normal(size=(5, 5)),
    "B": rng.normal(size=(5, 4)),
    "x": rng.normal(size=4),
    "b": rng.normal(size=5),
}
CASES = {  # an expression, its constants, the steps that are left for each call
    "a product":        (ed.exp(A @ B) @ x, ["A", "B"], 1),
    "a solve":          (ed.inv(A) @ b, ["A"], 1),
    "all of it":        (ed.sum(A @ B), ["A", "B"], 0),
    "nothing":          (ed.exp(x), ["A"], 1),
    "in two places":    (A @ b + ed.exp(A) @ b, ["A"], 3),
    "gradients":        (ed.grad(ed.sum((A @ (B @ x) - b) ** 2), ["x", "b"]), ["A", "B"], 9),
    "structured":       (ed.derive(ed.einsum("ij,jk->ik", A, "M"), "M"), ["A"], 9),
}  # fmt: skip


def arrays(e):
    at = {**AT, "M": np.ones((5, 3))}
    return {
        n: at[n]
        for n in {
            k for root in (e if isinstance(e, list) else [e]) for k in ed.compile(root).tensors
        }
    }


@pytest.mark.parametrize(("e", "names", "steps"), CASES.values(), ids=CASES)
def test_constants_give_the_same(e, names, steps):
    names = [n for n in names if n in arrays(e)] or ["x"]
    f, at = ed.compile(e, constants=names), arrays(e)
    first = f(at)
    rest = {n: a for n, a in at.items() if n not in names}
    plain = ed.compile(e)(at)
    for found in (first, f(rest), f(rest), f(at), f(**rest)):
        for a, c in zip(leaves(found), leaves(plain), strict=True):
            np.testing.assert_allclose(a, c, rtol=1e-12)
    assert not set(f.inputs) & set(names)
    body = f._held[1]._last.emitted.source.split("def compute")[1]
    assert body.count(" = ") <= steps


def test_a_factorisation_is_made_once(monkeypatch):
    from scipy.linalg import lapack

    made = []
    real = lapack.get_lapack_funcs
    monkeypatch.setattr(
        lapack, "get_lapack_funcs", lambda names, *a: made.append(names) or real(names, *a)
    )
    f = ed.compile(ed.inv(A) @ b, constants=["A"])
    for k in range(4):
        got = f(b=AT["b"] * k, **({"A": AT["A"]} if k == 0 else {}))
        np.testing.assert_allclose(got, np.linalg.solve(AT["A"], AT["b"] * k))
    assert sum("getrf" in names for names in made) == 1


def test_another_array_plans_anew():
    f = ed.compile(A @ b, constants=["A"])
    f(A=AT["A"], b=AT["b"])
    other = AT["A"] + 1
    np.testing.assert_allclose(f(A=other, b=AT["b"]), other @ AT["b"])
    np.testing.assert_allclose(f(b=AT["b"]), other @ AT["b"])
    np.testing.assert_allclose(f.raw(AT["b"]), other @ AT["b"])


def test_a_failed_call_changes_no_constant(monkeypatch):
    """Also one that is interrupted: the array is not kept without what was made of it."""
    f, other = ed.compile(A @ b, constants=["A"]), AT["A"] + 1
    f(A=AT["A"], b=AT["b"])

    def interrupted(*_):
        raise KeyboardInterrupt

    with monkeypatch.context() as patch, pytest.raises(KeyboardInterrupt):
        patch.setattr("einderiv.runtime.compiled.bound", interrupted)
        f(A=other, b=AT["b"])
    np.testing.assert_allclose(f(b=AT["b"]), AT["A"] @ AT["b"])
    np.testing.assert_allclose(f(A=other, b=AT["b"]), other @ AT["b"])


def test_structured_results_stay_derivatives():
    e = CASES["structured"][0]
    f = ed.compile(e, constants=["A"], dense=False)
    found = f(A=AT["A"], M=np.ones((5, 3)))
    np.testing.assert_allclose(found.matvec(np.ones((5, 3))), AT["A"] @ np.ones((5, 3)))


def test_whole_numbers_stay_exact():
    f = ed.compile(A @ b, constants=["A"])
    assert f(A=[[1, 2], [3, 4]], b=[1, 1]).tolist() == [3, 7]
    with pytest.raises(ed.EinderivError, match="integers may reach"):
        f(A=[[2**62, 2], [3, 4]], b=[4, 1])


@pytest.mark.parametrize(
    ("call", "kind", "message"),
    [
        (lambda: ed.compile(A @ b, constants="A"), TypeError, "a list of names"),
        (
            lambda: ed.compile(A @ b, constants=["C"]),
            ed.EinderivError,
            "no tensor here is called 'C'",
        ),
        (
            lambda: ed.compile(A @ b, constants=["A"])(b=AT["b"]),
            ed.EinderivError,
            "no array for the constant A",
        ),
        (lambda: ed.compile(A @ b, constants=["A"])(A=AT["A"]), ed.EinderivError, "no array for b"),
        (
            lambda: ed.compile(A @ b, constants=["A"])(A=AT["b"], b=AT["b"]),
            ed.ShapeError,
            "constant A",
        ),
    ],
)
def test_constants_that_are_refused(call, kind, message):
    with pytest.raises(kind, match=message):
        call()


# ---- torch and JAX
HOSTED = [name for name in CASES if name != "structured"]


@pytest.fixture(params=["torch", "jax"])
def host(request):
    """The name of a library, and what makes arrays of it."""
    module = pytest.importorskip(request.param)
    if request.param == "jax":
        module.config.update("jax_enable_x64", True)
        return "jax", module.numpy.asarray
    return "torch", module.tensor


@pytest.mark.parametrize("name", HOSTED)
@pytest.mark.parametrize("given", ["theirs", "constants of NumPy", "all of NumPy"])
def test_constants_of_a_library(host, name, given):
    e, names, steps = CASES[name]
    names = [n for n in names if n in arrays(e)] or ["x"]
    at, want = arrays(e), leaves(ed.compile(e)(arrays(e)))
    backend, make = host
    at = {
        n: a if given == "all of NumPy" or (given != "theirs" and n in names) else make(a)
        for n, a in at.items()
    }
    f = ed.compile(e, constants=names, backend=None if given == "theirs" else backend)
    rest = {n: a for n, a in at.items() if n not in names}
    for found in (
        f(at),
        f(rest),
        f(**rest),
        f(rest),
        f.raw(*(make(arrays(e)[n]) for n in f.inputs)),
    ):
        for a, c in zip(leaves(found), want, strict=True):
            assert type(a) is type(make(1.0))
            np.testing.assert_allclose(a, c, rtol=1e-12)
    assert f._held[1]._last.emitted.source.split("def compute")[1].count(" = ") <= steps


def test_a_factorisation_of_torch_is_made_once(monkeypatch):
    torch = pytest.importorskip("torch")
    made, real = [], torch.linalg.lu_factor
    monkeypatch.setattr(torch.linalg, "lu_factor", lambda a: made.append(1) or real(a))
    f = ed.compile(ed.inv(A) @ b, constants=["A"])
    for k in range(4):
        got = f(b=torch.tensor(AT["b"] * k), **({"A": torch.tensor(AT["A"])} if k == 0 else {}))
        np.testing.assert_allclose(got, np.linalg.solve(AT["A"], AT["b"] * k))
    assert len(made) == 1


def test_constants_under_jit():
    jax = pytest.importorskip("jax")
    jax.config.update("jax_enable_x64", True)
    f, want = (
        ed.compile(ed.inv(A) @ b, constants=["A"], backend="jax"),
        np.linalg.solve(AT["A"], AT["b"]),
    )
    # planned while it is traced
    np.testing.assert_allclose(jax.jit(lambda b: f(A=AT["A"], b=b))(AT["b"]), want)
    np.testing.assert_allclose(f(b=AT["b"]), want)
    np.testing.assert_allclose(jax.jit(f.raw)(AT["b"]), want)
    np.testing.assert_allclose(
        jax.vmap(lambda b: f(b=b))(np.stack([AT["b"], 2 * AT["b"]]))[1], 2 * want
    )
    with pytest.raises(
        ed.BackendError, match=r"constant A is kept.*neither be traced nor get a gradient"
    ):
        jax.jit(lambda A: f(A=A, b=AT["b"]))(AT["A"])


def test_constants_of_torch_get_no_gradient():
    torch = pytest.importorskip("torch")
    f = ed.compile(A @ b, constants=["A"])
    a, v = (torch.tensor(AT[n], requires_grad=True) for n in "Ab")
    with pytest.raises(ed.BackendError, match=r"constant A is kept.*nor get a gradient"):
        f(A=a, b=v)
    f(A=a.detach(), b=v).sum().backward()
    np.testing.assert_allclose(v.grad, AT["A"].sum(0))


def _from_streaming(data):
    zarr = pytest.importorskip("zarr")
    assert zarr
    with tempfile.TemporaryDirectory() as folder:
        e = ed.einsum("ij,j->i", "A", "b")
        return ed.stream(e, data, to=f"{folder}/y.zarr", memory_limit="1MB")[:]


DATA = {"A": np.array([[1.0, 2], [3, 4]]), "b": np.array([1.0, 1]), "unused": np.array(["text"])}
LOSS = ed.sum((A @ b) ** 2)


@pytest.mark.parametrize(
    "call",
    [
        lambda data: ed.evaluate(A @ b, data),
        lambda data: ed.evaluate([A @ b], data)[0],
        lambda data: ed.evaluate(A @ b, data, dense=False).dense(),
        lambda data: ed.compile(A @ b)(data),
        lambda data: ed.compile(A @ b, constants=["A"])(data),
        lambda data: [ed.compile(A @ b)(data) for _ in range(4)][-1],
        _from_streaming,
    ],
)
def test_a_mapping_may_hold_more_than_is_needed(call):
    assert call(DATA).tolist() == [3, 7]


@pytest.mark.parametrize(
    "call",
    [
        lambda data: ed.minimize(LOSS, "b", np.ones(2), data),
        lambda data: ed.scipy_functions(LOSS, "b", data),
        lambda data: ed.check(LOSS, "b", data),
        lambda data: ed.compile(LOSS).plan({"A": (2, 2), "b": (2,), "unused": (1,)}),
        lambda data: ed.compile(LOSS).source({"A": (2, 2), "b": (2,), "unused": (1,)}),
    ],
)
def test_one_mapping_of_data_serves_all_calls(call):
    assert call(DATA)


@pytest.mark.parametrize(
    "call",
    [
        lambda: ed.evaluate(A @ b, **DATA),
        lambda: ed.compile(A @ b)(**DATA),
        lambda: ed.compile(A @ b, constants=["A"])(**DATA),
        lambda: ed.minimize(LOSS, "b", np.ones(2), A=DATA["A"], unused=1.0),
        lambda: ed.scipy_functions(LOSS, "b", A=DATA["A"], unused=1.0),
        lambda: ed.check(LOSS, "b", A=DATA["A"], unused=1.0),
        lambda: ed.compile(LOSS).plan(A=(2, 2), b=(2,), unused=(1,)),
        lambda: ed.compile(LOSS).source(A=(2, 2), b=(2,), unused=(1,)),
    ],
)
def test_a_keyword_that_no_tensor_has_stays_an_error(call):
    with pytest.raises(ed.EinderivError, match="no tensor here is called 'unused'"):
        call()


#: trees of two expressions; each is planned once
KEPT = {
    "list": lambda a, b: [a, b],
    "tuple": lambda a, b: (a, b),
    "dict": lambda a, b: {"a": a, "b": b},
    "deep": lambda a, b: [a, {"b": (b,)}],
}


@pytest.mark.parametrize("name", KEPT)
def test_evaluate_of_a_tree_is_planned_once(name, monkeypatch):
    from einderiv.runtime.compiled import Compiled

    planned, plan = [], Compiled._planned
    monkeypatch.setattr(
        Compiled, "_planned", lambda self, *given: planned.append(1) or plan(self, *given)
    )
    M, v = ed.tensor("M", "ij"), ed.tensor("v", "j")
    y = ed.sum(ed.exp(M @ v))
    a, b = ed.grad(y, [M, v])
    at = {"M": np.eye(3), "v": np.ones(3)}
    for _ in range(3):
        ed.evaluate(KEPT[name](a, b), at)
    assert len(planned) == 1
    tree = [a, b]
    ed.evaluate(tree, at)
    tree[1] = y  # a list that changes is another tree
    assert np.isclose(ed.evaluate(tree, at)[1], 3 * np.e)
