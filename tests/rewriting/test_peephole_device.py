"""Numbers where they cost nothing: the same values as NumPy, and the steps that are left."""

import numpy as np
import pytest

import einderiv as ed

A, B, C, M = ed.tensor("A", "ij"), ed.tensor("B", "jk"), ed.tensor("C", "ik"), ed.tensor("M", "ik")
AT = {
    n: np.random.default_rng(k).normal(size=s)
    for k, (n, s) in enumerate({"A": (4, 3), "B": (3, 5), "C": (4, 5), "M": (4, 5)}.items())
}
#: an expression, a line that torch's source has, a line that JAX's source has
CASES = {
    "a product, subtracted":  (C - A @ B,            "torch.addmm(C, A, B, alpha=-1)", "C - t0"),
    "numbers on both":        (2 * (A @ B) - 3 * C,  "torch.addmm(C, A, B, beta=-3, alpha=2)", "2 * t0 - 3 * C"),
    "a plain sum":            (C + A @ B,            "torch.addmm(C, A, B)",             "C + t0"),
    "transposed":             (C.T - 2 * (A @ B).T,  "torch.addmm(t0, B.T, A.T, alpha=-2)", "t0 - 2 * t1"),
    "a constant":             (1 - ed.exp(C),        "1 - t0",                           "1 - t0"),
    "two products":           (A @ B + A @ (2 * B),  "",                                 ""),
    "used twice":             (ed.exp(C - A @ B) * (A @ B), "C - t0",                    "C - t0"),
    "a number inside":        (3 * ((M * C).T @ A),  "3 * t1",                           "3 * t0"),
    "of a function":          (3 * (ed.exp(C) @ B.T), "3 * t1",                          "3 * t0"),
    "of a tensor":            (3 * (C @ B.T),        "3 * t0",                           "3 * t0"),
    "a large number":         (C - 2**40 * (A @ B),  "1099511627776",                    "1099511627776"),
    "three terms":            (C - A @ B + 2 * M,    "-t0",                              "-t0"),
    "vectors":                (ed.sum(C, 1) - A @ ed.sum(B, 1), "t0 - ",                 "t0 - "),
}  # fmt: skip


def checked(e, backend, make, wanted):
    f = ed.compile(e, backend=backend)
    given = {n: make(AT[n]) for n in f.tensors}
    np.testing.assert_allclose(f(given), ed.evaluate(e, {n: AT[n] for n in f.tensors}), rtol=1e-12)
    source = f._last.emitted.source
    assert wanted.replace(" ", "") in source.replace(" ", ""), source


@pytest.mark.parametrize(("e", "line", "_"), CASES.values(), ids=CASES)
def test_torch(e, line, _):
    torch = pytest.importorskip("torch")
    checked(e, "torch", torch.tensor, line)


@pytest.mark.parametrize(("e", "_", "line"), CASES.values(), ids=CASES)
def test_jax(e, _, line):
    jax = pytest.importorskip("jax")
    jax.config.update("jax_enable_x64", True)
    checked(e, "jax", jax.numpy.asarray, line)


def test_a_number_joins_what_is_elementwise():
    pytest.importorskip("jax")
    f = ed.compile(-2 * ((M * C).T @ A), backend="jax")
    f({n: AT[n] for n in f.tensors})
    lines = f._last.emitted.source.splitlines()[-4:]
    told = [line.split("#")[0].split("=")[-1].strip() for line in lines]
    assert told == ["M * C", "(-2) * t0", "t1.T @ A", "return t2"]


def test_whole_numbers_are_left_alone():
    torch = pytest.importorskip("torch")
    f = ed.compile(C - A @ B, backend="torch")
    given = {n: torch.tensor(np.arange(AT[n].size).reshape(AT[n].shape)) for n in "ABC"}
    assert (
        f(given).tolist() == (given["C"].numpy() - given["A"].numpy() @ given["B"].numpy()).tolist()
    )
    assert "addmm" not in f._last.emitted.source


@pytest.mark.parametrize("backend", ["torch", "jax"])
def test_derivatives_by_the_library_go_through(backend):
    host = pytest.importorskip(backend)
    f = ed.compile(ed.sum((C - 2 * (A @ B)) ** 2), backend=backend)
    want = ed.evaluate(ed.grad(ed.sum((C - 2 * (A @ B)) ** 2), "A"), {n: AT[n] for n in "ABC"})
    if backend == "torch":
        a = host.tensor(AT["A"], requires_grad=True)
        f(A=a, B=AT["B"], C=AT["C"]).backward()
        got = a.grad
    else:
        host.config.update("jax_enable_x64", True)
        got = host.grad(lambda a: f(A=a, B=AT["B"], C=AT["C"]))(host.numpy.asarray(AT["A"]))
    np.testing.assert_allclose(got, want, rtol=1e-12)
