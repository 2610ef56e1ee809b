"""The NumPy programs of the table are read as they are: values by NumPy, derivatives by JAX and by differences."""

import functools
import types
import zlib

import numpy as np
import pytest
from lengths import length
from numpy_programs import PROGRAMS

import einderiv as ed

NAMED = [program for program in PROGRAMS if program.named]


def arrays_of(program):
    rng = np.random.default_rng(zlib.crc32(program.name.encode()))
    return {
        name: rng.uniform(program.low, program.high, shape)
        for name, shape in program.shapes().items()
    }


def as_tuple(result):
    return result if isinstance(result, tuple) else (result,)


@functools.cache
def judged(program):
    """Arrays, weights of the results, and what NumPy computes."""
    arrays = arrays_of(program)
    wanted = as_tuple(program.function(**arrays))
    rng = np.random.default_rng(1)
    return arrays, [rng.normal(size=np.shape(value)) for value in wanted], wanted


def weighted(results, weights):
    """One number of all results."""
    total = 0
    for result, weight in zip(results, weights, strict=True):
        total = total + np.sum(result * weight)
    return total


def read(program, given):
    return as_tuple(ed.trace_function(program.function, *given))


def check_values(program, given):
    arrays, _, wanted = judged(program)
    found = ed.evaluate(read(program, given), arrays)
    for value, want in zip(found, wanted, strict=True):
        assert value.shape == np.shape(want)
        np.testing.assert_allclose(value, want, rtol=1e-9, atol=1e-11)


@pytest.mark.parametrize("program", NAMED, ids=lambda p: p.name)
def test_read_with_names(program):
    check_values(program, program.axes.values())


@pytest.mark.parametrize("program", PROGRAMS, ids=lambda p: p.name)
def test_read_with_sizes(program):
    check_values(program, program.shapes().values())


@pytest.mark.parametrize("program", PROGRAMS[::7], ids=lambda p: p.name)
def test_read_with_tensors(program):
    """As with sizes, the tensors under names of the caller."""
    tensors = [ed.tensor(name, shape) for name, shape in program.shapes().items()]
    check_values(program, tensors)


@pytest.mark.parametrize("program", PROGRAMS, ids=lambda p: p.name)
def test_gradients_are_slopes(program):
    """Along a random direction, by central differences of what NumPy computes."""
    arrays, weights, _ = judged(program)
    loss = weighted(read(program, program.shapes().values()), weights)
    found = ed.evaluate(ed.grad(loss, list(arrays)), arrays)
    rng = np.random.default_rng(2)
    along = {name: rng.normal(size=array.shape) for name, array in arrays.items()}

    def at(step):
        moved = {name: array + step * along[name] for name, array in arrays.items()}
        return weighted(as_tuple(program.function(**moved)), weights)

    h = 1e-5
    # of fourth order
    want = (8 * (at(h) - at(-h)) - (at(2 * h) - at(-2 * h))) / (12 * h)
    got = sum(np.sum(g * along[name]) for name, g in zip(arrays, found, strict=True))
    assert got == pytest.approx(want, rel=1e-6, abs=1e-7)


@pytest.mark.parametrize("program", PROGRAMS[:: length(3, 1)], ids=lambda p: p.name)
def test_derivatives_are_those_of_jax(program):
    jax = pytest.importorskip("jax")
    jax.config.update("jax_enable_x64", True)
    arrays, weights, _ = judged(program)
    f = program.function
    names = {**f.__globals__, "np": jax.numpy}
    of_jax = types.FunctionType(f.__code__, names, f.__name__, f.__defaults__, f.__closure__)

    def loss(given):
        results = as_tuple(of_jax(**given))
        return sum((result * w).sum() for result, w in zip(results, weights, strict=True))

    wanted = jax.grad(loss)(arrays)
    how = program.axes if program.named else program.shapes()
    y = weighted(read(program, how.values()), weights)
    found = ed.evaluate(ed.grad(y, list(arrays)), arrays)
    for name, got in zip(arrays, found, strict=True):
        np.testing.assert_allclose(got, wanted[name], rtol=1e-8, atol=1e-10, err_msg=name)


@pytest.mark.slow
@pytest.mark.parametrize("program", PROGRAMS[:: length(5, 1)], ids=lambda p: p.name)
def test_second_derivatives_are_those_of_jax(program):
    """A product of the Hessian by the first argument."""
    jax = pytest.importorskip("jax")
    jax.config.update("jax_enable_x64", True)
    arrays, weights, _ = judged(program)
    f = program.function
    names = {**f.__globals__, "np": jax.numpy}
    of_jax = types.FunctionType(f.__code__, names, f.__name__, f.__defaults__, f.__closure__)
    (first, *_) = arrays
    direction = np.random.default_rng(3).normal(size=arrays[first].shape)

    def loss(value):
        results = as_tuple(of_jax(**{**arrays, first: value}))
        return sum((result * w).sum() for result, w in zip(results, weights, strict=True))

    _, want = jax.jvp(jax.grad(loss), (arrays[first],), (direction,))
    y = weighted(read(program, program.shapes().values()), weights)
    got = ed.evaluate(ed.hvp(y, first, direction), arrays)
    np.testing.assert_allclose(got, want, rtol=1e-7, atol=1e-8)


def test_there_are_many():
    assert len(PROGRAMS) >= 110
    assert len({program.name for program in PROGRAMS}) == len(PROGRAMS)
    assert len(NAMED) >= len(PROGRAMS) - 5
