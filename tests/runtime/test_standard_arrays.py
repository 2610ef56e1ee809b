"""Arrays of the Array API standard: computed as NumPy's, and given back as arrays of their own library."""

import numpy as np
import pytest

import einderiv as ed

xp = pytest.importorskip("array_api_strict")

A, x = ed.tensor("A", "ij"), ed.tensor("x", ("j",))
y = A @ x
OWN = type(xp.asarray(1.0))


@pytest.mark.parametrize(
    "name", ["float32", "float64", "int32", "int64", "uint8", "complex64", "complex128"]
)
@pytest.mark.parametrize("shape", [(0, 3), (1, 1), (2, 3), (3, 0)])
def test_dtypes_and_sizes(name, shape):
    dtype = getattr(xp, name)
    a = np.arange(6 * 6).reshape(6, 6)[: shape[0], : shape[1]].astype(name)
    b = np.arange(shape[1]).astype(name)
    given = {"A": xp.asarray(a), "x": xp.asarray(b)}
    f = ed.compile(y)
    for _ in range(3):  # the long way, and what is quick from the second call on
        for found in (f(given), f(**given), ed.evaluate(y, given)):
            assert type(found) is OWN and found.dtype == dtype
            assert (np.asarray(found) == (a @ b).astype(name)).all()
        assert type(f(A=a, x=b)) is np.ndarray


def test_no_axes():
    s = ed.tensor("s")
    found = ed.evaluate(ed.value_and_grad(s**3, s), s=xp.asarray(2.0))
    assert [type(one) for one in found] == [OWN, OWN] and list(map(float, found)) == [8, 12]


def test_trees_and_lists():
    loss = ed.sum(ed.tanh(y) ** 2)
    a, b = np.arange(6.0).reshape(2, 3) / 7, np.array([1.0, -2, 4])
    found = ed.evaluate(ed.value_and_grad(loss, {"A": A, "x": x}), A=xp.asarray(a), x=b.tolist())
    want = ed.evaluate(ed.value_and_grad(loss, {"A": A, "x": x}), A=a, x=b)
    assert type(found[0]) is type(found[1]["A"]) is OWN
    np.testing.assert_array_equal(np.asarray(found[1]["A"]), want[1]["A"])
    np.testing.assert_array_equal(np.asarray(found[1]["x"]), want[1]["x"])


def test_constants_count_as_given():
    f = ed.compile(y, constants=["A"])
    assert type(f(A=xp.ones((2, 3)), x=xp.ones(3))) is type(f(x=[1.0, 2, 3])) is OWN


def test_held_arrays_are_numbers():
    """As those of NumPy: what is given decides."""
    e = ed.einsum("ij,j->i", xp.ones((2, 3)), x)
    assert type(ed.evaluate(e, x=np.ones(3))) is np.ndarray
    assert type(ed.evaluate(e, x=xp.ones(3))) is OWN


DEVICE, SINGLE = xp.Device("device1"), xp.Device("no_float64")


def test_results_are_on_the_device_of_the_arrays():
    there = {"A": xp.ones((2, 3), device=DEVICE), "x": xp.ones(3, device=DEVICE)}
    found = ed.evaluate(y, there)
    assert found.device == DEVICE and np.asarray(
        found.to_device(xp.Device("CPU_DEVICE"))
    ).tolist() == [3, 3]


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: ed.evaluate(y, A=xp.ones((2, 3)), x=np.ones(3)), "A is an array of array_api_strict and x one of numpy: convert"),
        (lambda: ed.evaluate(y, A=np.ones((2, 3)), x=xp.ones(3)), "x is an array of array_api_strict and A one of numpy: convert"),
        (lambda: ed.evaluate(y, A=xp.ones((2, 3)), x=xp.ones(3, device=DEVICE)), "A is on the device .*CPU_DEVICE.* and x on .*device1.*to_device"),
        (lambda: ed.compile(y, backend="jax")(A=xp.ones((2, 3)), x=xp.ones(3)), "A is an array of array_api_strict, but the backend is jax"),
        (lambda: ed.evaluate(
            y, A=xp.ones((2, 3), device=SINGLE, dtype=xp.float32), x=xp.ones(3, device=SINGLE, dtype=xp.int32)
        ), "the result has dtype float64 and shape .2,., of which array_api_strict makes no array on the device"),
    ],
)  # fmt: skip
def test_what_is_refused(call, message):
    with pytest.raises(ed.BackendError, match=message):
        call()


def test_memory_that_numpy_cannot_read(monkeypatch):
    monkeypatch.setattr(OWN, "__dlpack_device__", lambda self: (2, 0))  # DLPack's number for CUDA
    for call in (
        lambda: ed.evaluate(y, A=[[1.0]], x=xp.ones(1)),
        lambda: ed.einsum("i->", xp.ones(1)),
    ):
        with pytest.raises(
            ed.BackendError,
            match=r"an array of array_api_strict on the device .*NumPy cannot read.*to_device",
        ):
            call()
