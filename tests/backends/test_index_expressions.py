"""Index expressions in torch, JAX, CuPy and Dask: kernels, random programs, and what follows the sources."""

import importlib.util
import os
import subprocess
import sys
from contextlib import nullcontext

import index_programs as programs
import indexing
import numpy as np
import pytest
from backend_checks import as_cupy
from lengths import length

import einderiv as ed
from einderiv.backends import BACKENDS
from einderiv.planning import Ops, Step

t, es = ed.tensor, ed.einsum
SHORT = {"torch": 60, "jax": 6, "cupy": 60, "dask": 40}  # programs: JAX compiles each of them
rng = np.random.default_rng(3)


def needs(backend):
    if backend != "cupy" and importlib.util.find_spec(backend) is None:
        pytest.skip(f"{backend} is not here")


# ------------------------------------------------------------------------------------------------ random programs


@pytest.mark.parametrize(("backend", "count"), SHORT.items())
def test_programs(backend, count):
    needs(backend)
    for seed in range(count):
        assert programs.trouble(programs.drawn(seed), backend) is None, programs.drawn(seed)


@pytest.mark.slow
@pytest.mark.timeout(7200)
@pytest.mark.parametrize(("backend", "count"), SHORT.items())
def test_more_programs(backend, count):
    needs(backend)
    wrong = []
    for seed in range(count, length(2 * count, 1000)):
        if found := programs.trouble(programs.drawn(seed), backend):
            wrong.append((seed, found))
        assert len(wrong) < 20, wrong
    assert not wrong


EMPTY_SUMS = {
    "of one operand": es("kj->k", es("k->kj", "v", sizes={"j": 0})),
    "of a product": es("k,k,kj->k", "v", "v", es("k->kj", "v", sizes={"j": 0})),
    "to a number": ed.sum(es("->j", t("c", ""), sizes={"j": 0})),
}


@pytest.mark.parametrize("backend", ["numpy", "torch", "jax", "dask"])
@pytest.mark.parametrize("e", EMPTY_SUMS.values(), ids=EMPTY_SUMS)
def test_a_sum_over_no_places_is_0_whatever_is_summed(e, backend):
    needs(backend)
    wild = np.array([np.nan, np.inf, -np.inf])
    arrays = {"v": wild, "c": np.array(np.nan)}
    f = ed.compile(e, backend=backend)
    found = np.asarray(f({name: arrays[name] for name in f.inputs}))
    assert found.tolist() == np.zeros(e.ndim * (3,)).tolist()


@pytest.mark.filterwarnings("ignore:divide by zero", "ignore:invalid value")
def test_the_mean_over_no_places_is_nan_as_in_numpy():
    empty = es("->j", t("c", ""), sizes={"j": 0})
    assert np.isnan(ed.evaluate(empty.mean(), c=2.0))
    with np.errstate(all="ignore"):
        assert np.isnan(ed.evaluate(ed.mean(t("x", "n")), x=np.zeros(0)))
        assert np.isnan(ed.evaluate(ed.mean(t("X", "nm"), 0), X=np.zeros((0, 2)))).all()


# ------------------------------------------------------------------------------------------------ kernels


def library_of(backend):
    if backend == "torch":
        import torch

        return lambda a: torch.tensor(a.tolist(), dtype=getattr(torch, a.dtype.name)).reshape(
            a.shape
        )
    if backend == "jax":
        return importlib.import_module("jax.numpy").asarray
    return as_cupy


def computed(backend, op, spec, arrays, shape):
    """What the text of a backend computes."""
    step = Step(op, tuple(range(len(arrays))), spec, shape, 0, tuple(a.shape for a in arrays))
    names = [f"v{k}" for k in range(len(arrays))]
    row = BACKENDS[backend]
    (line,) = row.spell(step, names, str)
    helpers = row.helpers.used([line])
    scope = {"cp": np, "device": "cpu"}
    header = row.header if backend != "cupy" else ""
    exec("\n".join([header, *[row.helpers.imports.get(name, "") for name in helpers]]), scope)
    for name in helpers:
        exec(row.helpers.texts[name], scope)
    scope.update(zip(names, map(library_of(backend), arrays)))
    return np.asarray(eval(line, scope))


def cases(seed):
    """A read, a write and a mask at random indices, and what they come to."""
    maker = indexing.Maker(seed)
    dtype = maker.rng.choice(("float64", "float32", "int64", "complex128"))
    shape, other = maker.shape(3), maker.shape(3)
    arrays, ways = maker.arrays(shape)
    spec = tuple(maker.index(shape, ways) for _ in other)
    x = maker.array(other, dtype)
    yield Ops.READ, spec, [x, *arrays], shape, indexing.read([x, *arrays], spec, shape)
    v = maker.array(shape, "int64")
    once = not indexing.meet([v, *arrays], spec, other) and maker.rng.random() < 0.7
    if once:
        v = maker.array(shape, dtype)
    want = indexing.placed([v, *arrays], (spec, once), other)
    yield Ops.PLACE, (spec, once), [v, *arrays], other, want
    conditions = tuple((maker.index(shape, ways), maker.rng.randint(0, 5)) for _ in range(2))
    v = maker.array(shape, dtype)
    want = indexing.selected([v, *arrays], conditions, shape)
    yield Ops.MASK, conditions, [v, *arrays], shape, want


@pytest.mark.parametrize(
    ("backend", "seeds"),
    [("torch", length(300, 5000)), ("cupy", length(300, 5000)), ("jax", length(8, 500))],
)
def test_kernels(backend, seeds):
    needs(backend)
    if backend == "jax":
        with importlib.import_module("jax").enable_x64(True):
            return judge_kernels(backend, seeds)
    return judge_kernels(backend, seeds)


def judge_kernels(backend, seeds):
    for seed in range(seeds):
        for op, spec, arrays, shape, want in cases(seed):
            with np.errstate(invalid="ignore"):
                got = computed(backend, op, spec, arrays, shape)
            told = f"{seed}: {op} {spec} {[a.shape for a in arrays]} -> {shape}"
            assert (got.shape, got.dtype) == (want.shape, want.dtype), told
            np.testing.assert_array_equal(got, want, told)
            if want.dtype.kind == "f":
                signs = ~np.isnan(want)
                assert (np.signbit(got) == np.signbit(want))[signs].all(), told


# ------------------------------------------------------------------------------------------------ what follows them

SHAPES = {"x": (9,), "w": (3,), "A": (4, 5), "U": (5, 2), "v": (4,)}
x, w, A, U, v = (t(name, shape) for name, shape in SHAPES.items())
r = np.array([2, 0, 4, 2])
#: of one tensor each; together they have every op, with and without an index array
FOLLOWED = {
    "slice":         (x, x[1:] * x[:-1]),
    "reversed":      (x, x[::-2] ** 2),
    "window":        (x, es("i+k,i+k->ik", x, x, sizes={"k": 3})),
    "convolution":   (x, es("i+k,k->i", x, np.array([1.0, -2, 3])) ** 2),
    "flipped":       (x, es("i-k,k->i", x, np.array([1.0, -2, 3]), sizes={"i": 11}) ** 2),
    "transposed":    (x, es("i,k->2i+k", x, np.array([1.0, -2, 3])) ** 2),
    "padded":        (x, ed.pad(x, 2) ** 2),
    "diagonal":      (A, es("(i)(i+1)->i", A) ** 2),
    "on a diagonal": (x, es("i->i(i+1)", x ** 2)),
    "repeated":      (w, es("k->(k+i)i", w ** 2, sizes={"i": 4})),
    "triangle":      (A, ed.tril(A ** 2)),
    "running sum":   (x, ed.cumsum(x ** 2)),
    "gather":        (U, es("(r[e])k->ek", U, r=r) ** 2),
    "moved gather":  (U, es("(r[e]+k-1)d->ekd", U, r=r, sizes={"k": 3}) ** 2),
    "segments":      (v, es("e->r[e]", v ** 2, r=r, sizes={"r": 5})),
    "an array alone": (A, es("e(r[e])->e", A, r=r) ** 2),
    "masked":        (A, es("(r[e]-j),ej->ej", np.ones(3), A ** 2, r=r)),
}  # fmt: skip


def of(name):
    """A compiled expression as a function of its tensor, an array for that, and the Jacobian."""
    tensor, e = FOLLOWED[name]
    array = rng.normal(size=SHAPES[tensor.name])
    wanted = ed.evaluate([e, ed.derive(e, tensor)], {tensor.name: array})
    return tensor.name, e, array, wanted


@pytest.mark.filterwarnings("ignore:`torch.jit.script` is deprecated")  # torch.func.jvp calls it
@pytest.mark.filterwarnings("ignore:There is a performance drop")  # a window of a batch, backwards
@pytest.mark.parametrize("name", FOLLOWED)
def test_torch_follows(name):
    torch = pytest.importorskip("torch")
    tensor, e, array, (value, J) = of(name)
    f = ed.compile(e, backend="torch")
    a = torch.tensor(array)

    def call(a):
        return f(**{tensor: a})

    for _ in range(2):
        np.testing.assert_allclose(call(a), value, rtol=1e-12, atol=1e-12)
    func = torch.func
    for got in (func.jacrev(call)(a), func.jacfwd(call)(a)):
        np.testing.assert_allclose(got, J, rtol=1e-12, atol=1e-12)
    both = func.vmap(call)(torch.stack([a, 2 * a]))
    np.testing.assert_allclose(both[1], call(2 * a), rtol=1e-12, atol=1e-12)
    slopes = func.vmap(func.jacrev(call))(torch.stack([a, a]))
    np.testing.assert_allclose(slopes[1], J, rtol=1e-12, atol=1e-12)
    leaf = a.clone().requires_grad_()
    (slope,) = torch.autograd.grad(call(leaf).sum(), leaf)
    want = J.sum(tuple(range(value.ndim)))
    np.testing.assert_allclose(slope, want, rtol=1e-12, atol=1e-12)
    ours = ed.compile(ed.derive(e, tensor), backend="torch")(**{tensor: a})
    np.testing.assert_allclose(ours, J, rtol=1e-12, atol=1e-12)


@pytest.mark.slow
@pytest.mark.timeout(1800)
@pytest.mark.filterwarnings("ignore::DeprecationWarning")  # the compiler's own
@pytest.mark.parametrize("name", FOLLOWED)
def test_one_graph_of_torch(name):
    torch = pytest.importorskip("torch")
    tensor, e, array, (value, J) = of(name)
    a = torch.tensor(array)
    for what, want in ((e, value), (ed.derive(e, tensor), J)):
        f = ed.compile(what, backend="torch")
        for _ in range(3):
            f(**{tensor: a})
        torch._dynamo.reset()
        compiled = torch.compile(
            lambda a, f=f: f(**{tensor: a}), fullgraph=True, backend="aot_eager"
        )
        np.testing.assert_allclose(compiled(a), want, rtol=1e-12, atol=1e-12)


@pytest.mark.slow
@pytest.mark.timeout(600)
def test_one_graph_with_an_index_array_that_is_given():
    torch = pytest.importorskip("torch")
    f = ed.compile([EMBED, ed.grad(ed.sum(EMBED**2), "U")], backend="torch")
    u, places = torch.rand(5, 2), torch.tensor([4, 0, 4])
    want = f(U=u, r=places)
    given = {"U": u, "r": places}
    torch._dynamo.reset()
    got = torch.compile(f.raw, fullgraph=True, backend="aot_eager")(*[given[n] for n in f.inputs])
    torch.testing.assert_close(got, want)


@pytest.mark.parametrize("name", length(list(FOLLOWED)[1::3], list(FOLLOWED)))
def test_jax_follows(name):
    jax = pytest.importorskip("jax")
    tensor, e, array, (value, J) = of(name)
    with jax.enable_x64(True):
        f = ed.compile(e, backend="jax")

        def call(a):
            return f(**{tensor: a})

        def every(a):
            ours = ed.evaluate(ed.derive(e, tensor), {tensor: a})
            slopes = jax.jacrev(call)(a), jax.jacfwd(call)(a), ours
            return call(a), jax.vmap(call)(jax.numpy.stack([2 * a, a]))[1], slopes

        one, two, slopes = jax.jit(every)(jax.numpy.asarray(array))
        for got, want in ((one, value), (two, value), *((slope, J) for slope in slopes)):
            np.testing.assert_allclose(got, want, rtol=1e-12, atol=1e-12)


# ------------------------------------------------------------------------------------------------ convolutions

#: an einsum of x and w; the shapes of both; sizes
CONVOLVED = {
    "two axes":     ("nc(i+k)(j+l),dckl->ndij", (2, 3, 7, 6), (4, 3, 3, 2), {}),
    "turned":       ("(i+k)(j+l)nc,cdlk->jdni", (7, 6, 2, 3), (3, 4, 2, 3), {}),
    "strides":      ("nc(2i+k)(3j+2l),dckl->ndij", (2, 3, 9, 9), (4, 3, 3, 2), {}),
    "padded":       ("c(i+k-1),dck->di", (3, 7), (4, 3, 3), {"i": 7}),
    "cut":          ("c(i+k+2),dck->di", (3, 9), (4, 3, 3), {"i": 3}),
    "no channels":  ("i+k,k->i", (9,), (3,), {}),
    "full":         ("i-k,k->i", (9,), (3,), {"i": 11}),
    "two stacks":   ("nm(i+k),k->nmi", (2, 3, 9), (3,), {}),
    "two channels": ("nce(i+k),cek->ni", (2, 2, 3, 9), (2, 3, 3), {}),
    "polynomials":  ("ni,nk->n(i+k)", (2, 5), (2, 3), {}),
    "transposed":   ("nci,cdk->nd(2i+k)", (2, 3, 5), (3, 4, 3), {}),
}  # fmt: skip


@pytest.mark.parametrize("backend", ["torch", "jax"])
@pytest.mark.parametrize("name", CONVOLVED)
def test_convolutions(name, backend):
    """The value and both gradients by kernels of the library, exactly; a stack of both has none."""
    needs(backend)
    text, *shapes, sizes = CONVOLVED[name]
    x, w = t("x", shapes[0]), t("w", shapes[1])
    e = es(text, x, w, sizes=sizes)
    given = {"x": whole(shapes[0]), "w": whole(shapes[1])}
    given["u"] = whole(ed.evaluate(e, given).shape)
    asked = [e, ed.vjp(e, x, "u"), ed.vjp(e, w, "u")]
    f = ed.compile(asked, backend=backend)
    with importlib.import_module("jax").enable_x64(True) if backend == "jax" else nullcontext():
        found = f(given)
    for got, want in zip(found, ed.evaluate(asked, given)):
        np.testing.assert_array_equal(got, want)
    body = f._last.emitted.source.split("def compute")[1]
    kernels = [line for line in body.splitlines() if "conv" in line]
    assert len(kernels) == (0 if name == "polynomials" else 3), f._last.emitted.source


VECTORS = {
    "valid":    ("i+k,k->i", 3000, 40, {}),
    "cut":      ("i+k+5,k->i", 3000, 40, {"i": 700}),
    "same":     ("i+k-20,k->i", 3000, 40, {"i": 3000}),
    "full":     ("i-k,k->i", 3000, 40, {"i": 3039}),
    "product":  ("i,k->i+k", 3000, 40, {}),
    "short":    ("i,k->i+k", 3000, 40, {"i+k": 500}),
    "wide":     ("i+k-50,k->i", 3000, 40, {"i": 3100}),
    "long":     ("i+k,k->i", 40000, 1000, {}),
}  # fmt: skip


@pytest.mark.parametrize("name", VECTORS)
def test_vectors_are_convolved_by_numpy(name):
    """As whole numbers, of which nothing is rounded, are; an infinite number stays where it is."""
    text, n, k, sizes = VECTORS[name]
    e = es(text, t("x", (n,)), t("w", (k,)), sizes=sizes)
    given = {"x": whole(n), "w": whole(k)}
    given["u"] = whole(ed.evaluate(e, given).shape)
    asked = [e, ed.vjp(e, "x", "u"), ed.vjp(e, "w", "u")]
    f = ed.compile(asked)
    found = f(given)
    # the gradient by w of what is cut at both ends, or only short, is a window read backwards
    count = 2 if name in ("short", "wide") else 3
    assert f._last.emitted.source.count("= convolved(") == count
    exact = ed.evaluate(asked, {name: a.astype(int) for name, a in given.items()})
    for got, want in zip(found, exact):
        np.testing.assert_allclose(got, want, rtol=0, atol=1e-9 if name == "long" else 0)
    given["x"][n // 2] = np.inf
    got = f(given)[0]
    at = np.arange(got.size)[~np.isfinite(got)]
    assert 0 < at.size <= k or name in ("cut", "short")


def whole(shape):
    return rng.integers(-4, 5, shape).astype(float)


@pytest.mark.filterwarnings("ignore:`torch.jit.script` is deprecated")  # torch.func.jvp calls it
def test_transformations_go_through_convolutions():
    torch = pytest.importorskip("torch")
    x, w = t("x", (3, 9)), t("w", (4, 3, 3))
    e = es("c(i+k),dck->di", x, w)
    f = ed.compile(ed.vjp(e, w, "u"), backend="torch")
    a, u = torch.tensor(whole((3, 9))), torch.tensor(whole((4, 7)))
    for g, at in ((lambda a: f(x=a, u=u), a), (lambda u: f(x=a, u=u), u)):
        g(at)
        want = g(at)
        got = torch.func.vmap(g)(torch.stack([at, 2 * at]))
        torch.testing.assert_close(got, torch.stack([want, 2 * want]))
        torch.testing.assert_close(torch.func.jvp(g, (at,), (at,))[1], want)
        torch.testing.assert_close(torch.func.jacrev(g)(at), torch.func.jacfwd(g)(at))


# ------------------------------------------------------------------------------------------------ index arrays

EMBED = es("(r[e])k->ek", t("U", "nk"))
INDEX_ARRAYS = {
    "beyond":   ([0, 5], ed.ShapeError, r"r holds 5 at \[1\].*of size 5"),
    "negative": ([0, -1], Exception, r"r.*-1|r\[1\] is -1"),
    "floats":   ([0.0, 1.5], TypeError, "whole numbers"),
    "bool":     ([True, False], TypeError, "whole numbers"),
}  # fmt: skip


@pytest.mark.parametrize("backend", ["torch", "jax", "dask"])
@pytest.mark.parametrize("name", INDEX_ARRAYS)
def test_index_arrays_are_checked(backend, name):
    needs(backend)
    places, kind, message = INDEX_ARRAYS[name]
    with pytest.raises(kind, match=message):
        ed.compile(EMBED, backend=backend)(U=np.ones((5, 2)), r=np.array(places))


def test_what_is_traced_drops_points():
    """A negative place drops its point, and does not read from the end."""
    jax = pytest.importorskip("jax")
    f = ed.compile([EMBED, ed.grad(ed.sum(EMBED), "U")], backend="jax")
    u = np.arange(10.0, dtype=np.float32).reshape(5, 2) + 1
    found, slope = jax.jit(lambda r: f(U=u, r=r))(np.array([1, -1, 5, 4]))
    np.testing.assert_array_equal(found, [u[1], [0, 0], [0, 0], u[4]])
    np.testing.assert_array_equal(slope, [[0, 0], [1, 1], [0, 0], [0, 0], [1, 1]])


def test_a_size_that_a_traced_array_decides():
    jax = pytest.importorskip("jax")
    e = es("(i+r[e])->ie", t("x", "n"))
    f = ed.compile(e, backend="jax")
    a = np.arange(9, dtype=np.float32)
    assert f(x=a, r=np.array([0, 4])).shape == (5, 2)
    with pytest.raises(ed.BackendError, match="as long as the largest value of r says"):
        jax.jit(lambda r: f(x=a, r=r))(np.array([0, 4]))
    g = ed.compile(es("(i+r[e])->ie", t("x", "n"), sizes={"i": 3}), backend="jax")
    got = jax.jit(lambda r: g(x=a, r=r))(np.array([0, 7]))
    np.testing.assert_array_equal(got, [[0, 7], [1, 8], [2, 0]])


def test_dask_needs_to_know_where_an_index_array_points():
    da = pytest.importorskip("dask.array")
    u, places = da.ones((9, 2), chunks=(4, 1)), np.array([8, 0, 0])
    assert ed.evaluate(EMBED, U=u, r=places).compute().tolist() == [[1, 1]] * 3
    with pytest.raises(ed.BackendError, match=r"the index array r is not computed yet.*r.compute"):
        ed.evaluate(EMBED, U=u, r=da.from_array(places))


def test_dask_reads_no_more_than_a_halo():
    """A block of a window reads the blocks that it meets, not the whole array."""
    da = pytest.importorskip("dask.array")
    a = da.from_array(np.arange(1000.0), chunks=100)
    e = es("i+k,k->i", t("x", "i"), np.ones(3))
    got = ed.compile(e, backend="dask")(x=a)
    assert got.numblocks[0] >= 10
    one = got.blocks[4]
    touched = [
        key for key in one.__dask_optimize__(one.dask, one.__dask_keys__()) if key[0] == a.name
    ]
    assert 0 < len(touched) <= 3, touched
    np.testing.assert_array_equal(got, np.convolve(np.arange(1000.0), np.ones(3), "valid"))


def test_results_of_torch_alias_nothing():
    torch = pytest.importorskip("torch")
    a = torch.arange(9.0)
    for e in (x[1:], x[::2], es("i+k->ik", x, sizes={"k": 3})):
        got = ed.evaluate(e, x=a)
        got += 1
        assert a.tolist() == list(range(9))


DIVIDED = """
import jax, numpy as np, einderiv as ed
mesh = jax.make_mesh((2,), ("devices",))
x, w, A, r = np.arange(9.0), np.array([1.0, 2, 4, 1]), np.arange(12.0).reshape(6, 2), np.array([5, 0, 2, 2])
for e, given in (
    (ed.einsum("i+k,k->i", "x", "w"), {"x": x, "w": w}),
    (ed.derive(ed.einsum("i+k,k->i", "x", "w") ** 2, "w"), {"x": x, "w": w}),
    (ed.einsum("(r[e])k->ek", "A", r=r), {"A": A}),
    (ed.grad(ed.sum(ed.einsum("(r[e])k->ek", "A", r=r) ** 2), "A"), {"A": A}),
    (ed.cumsum(ed.tensor("A", "ij")), {"A": A}),
):
    f = ed.compile(e, backend="jax", mesh=mesh)
    got = f(given)
    assert len(got.sharding.device_set) == 2
    print(np.asarray(got).tolist() == ed.evaluate(e, given).tolist())
"""


def test_divided_among_devices():
    """Each device has a part, and what a window reads beyond it comes from the others."""
    needs("jax")
    flags = {"XLA_FLAGS": "--xla_force_host_platform_device_count=2", "JAX_PLATFORMS": "cpu"}
    done = subprocess.run(
        [sys.executable, "-c", DIVIDED],
        capture_output=True,
        text=True,
        env={**os.environ, **flags},
        check=False,
    )
    assert done.stdout.split() == ["True"] * 5, done.stdout + done.stderr


OPEN = ed.tensor("x", "n")
SIZELESS = {
    "slice": ed.einsum("i+1->i", "x"),
    "odd step": ed.einsum("2i+1->i", "x"),
    "of two axes": ed.einsum("(i+1)(2j)->ij", "A"),
    "up to the last": OPEN[:-1],
    "differences": OPEN[1:] - OPEN[:-1],
    "gradient": ed.grad(ed.sum((OPEN[1:] - OPEN[:-1]) ** 3), "x"),
    "diagonals": ed.derive(ed.derive(ed.sum((OPEN[2:] * OPEN[:-2]) ** 2), "x"), "x"),
    "gather": ed.einsum("(r[e+1])k->ek", "A"),
}


@pytest.mark.parametrize("backend", ["numpy", "torch", "jax"])
@pytest.mark.parametrize("e", SIZELESS.values(), ids=SIZELESS)
def test_sources_without_sizes_hold_for_all(e, backend):
    needs(backend)
    scope = {}
    exec(ed.source(e, backend), scope)
    f = ed.compile(e, backend=backend)
    for n in (2, 3, 4, 7, 40):
        arrays = {"x": np.arange(n) - 3.0, "A": np.arange(6.0 * n).reshape(n, 6), "r": np.arange(n)}
        own = {name: ed.compile(ed.tensor(name, "ij"[: a.ndim]) * 1.0, backend=backend)({name: a})
               for name, a in arrays.items() if name != "r"}  # fmt: skip
        own["r"] = arrays["r"]
        if backend != "numpy":
            own["r"] = ed.compile(ed.tensor("r", "i") * 1, backend=backend)(r=arrays["r"])
        found = scope["compute"](*[own[name] for name in f.inputs])
        want = ed.evaluate(e, {name: arrays[name] for name in f.inputs})
        assert np.asarray(found).tolist() == want.tolist()


@pytest.mark.parametrize("backend", ["numpy", "torch"])
@pytest.mark.parametrize(
    "e",
    [
        ed.einsum("i+2->i", "x", sizes={"i": 3}),  # there may be fewer
        ed.einsum("i-1->i", "x", sizes={"i": 3}),
        OPEN[5],
        OPEN[::-1],
    ],
    ids=str,
)
def test_other_sources_without_sizes_are_refused(e, backend):
    with pytest.raises(ed.EinderivError, match="slices, windows and reshapes of known sizes"):
        ed.source(e, backend)
