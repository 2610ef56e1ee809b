"""NumPy code on expressions gives what NumPy gives on arrays, or a TypeError that says what to do."""

import numpy as np
import pytest

import einderiv as ed
from einderiv.functions import numpy_function, numpy_names

t = ed.tensor
RNG = np.random.default_rng(0)
GIVEN = {
    "X": RNG.uniform(0.2, 0.9, (2, 3)),
    "Y": RNG.uniform(0.2, 0.9, (3, 4)),
    "Z": RNG.uniform(0.2, 0.9, (2, 3)),
    "A": RNG.normal(size=(3, 3)) + 4 * np.eye(3),
    "x": RNG.uniform(0.2, 0.9, 3),
    "y": RNG.uniform(0.2, 0.9, 3),
    "T": RNG.normal(size=(2, 3, 3)),
    "s": np.array(1.5),
}
AXES = {"X": "ij", "Y": "jk", "Z": "ij", "A": "nn", "x": "j", "y": "j", "T": "ijj", "s": ""}
TENSORS = {name: t(name, axes) for name, axes in AXES.items()}
ARRAY = RNG.uniform(0.2, 0.9, (2, 3))

SAME = {  # by the name behind np: calls that NumPy and we answer alike
    "add":         [lambda X: np.add(X, 1), lambda X, Z: np.add(X, Z), lambda X: np.add(ARRAY, X)],
    "subtract":    [lambda X: np.subtract(1, X), lambda X: np.subtract(ARRAY, X)],
    "multiply":    [lambda X: np.multiply(2, X), lambda X: np.multiply(X, ARRAY)],
    "divide":      [lambda X: np.divide(ARRAY, X), lambda X: np.divide(X, 4)],
    "true_divide": [lambda X: np.true_divide(X, ARRAY)],
    "matmul":      [lambda X, Y: np.matmul(X, Y), lambda X: np.matmul(ARRAY.T, X), lambda A, x: np.matmul(x, A)],
    "power":       [lambda X: np.power(X, 3), lambda X: np.power(X, -0.5), lambda X, Z: np.power(X, Z), lambda X, x: np.power(X, x)],
    "float_power": [lambda X: np.float_power(X, 1.5), lambda X, Z: np.float_power(X, Z)],
    "negative":    [lambda X: np.negative(X)],
    "positive":    [lambda X: np.positive(X)],
    "absolute":    [lambda X: np.absolute(-X), lambda X: np.abs(X)],
    "fabs":        [lambda X: np.fabs(-X)],
    "heaviside":   [lambda X: np.heaviside(X - 0.5, 0)],
    "logaddexp":   [lambda X, Z: np.logaddexp(X, Z), lambda X: np.logaddexp(X, 1e4), lambda X: np.logaddexp(-1e4, X)],
    "einsum":      [lambda X, Y: np.einsum("ij,jk->ik", X, Y), lambda X: np.einsum("ij->j", X, optimize="greedy"),
                    lambda X, Y: np.einsum(X, [0, 1], Y, [1, 2], [2, 0]), lambda T: np.einsum("...ii", T)],
    "where":       [lambda X: np.where(np.greater(X, 0.5), X, 0), lambda X: np.where(ARRAY > 0.5, X, ARRAY)],
    "clip":        [lambda X: np.clip(X, 0.3, 0.6), lambda X: np.clip(X, None, 0.6),
                    lambda X: np.clip(X, a_min=0.3, a_max=1)],
    "dot":         [lambda X, Y: np.dot(X, Y), lambda x, y: np.dot(x, y), lambda T, A: np.dot(T, A),
                    lambda X: np.dot(3, X)],
    "inner":       [lambda x, y: np.inner(x, y), lambda X, Z: np.inner(X, Z), lambda X: np.inner(X, 2)],
    "outer":       [lambda x, y: np.outer(x, y), lambda X, x: np.outer(X, x), lambda s, x: np.outer(s, x)],
    "tensordot":   [lambda X, Y: np.tensordot(X, Y, 1), lambda T, A: np.tensordot(T, A),
                    lambda X, Z: np.tensordot(X, Z, axes=((0, 1), (0, 1))),
                    lambda T, X: np.tensordot(T, X, ([2, 0], [1, 0])),
                    lambda x, y: np.tensordot(x, y, 0), lambda X, Y: np.tensordot(X, Y, (-1, 0))],
    "kron":        [lambda X, Y: np.kron(X, Y)],
    "trace":       [lambda A: np.trace(A), lambda T: np.trace(T, axis1=1, axis2=2), lambda A: np.trace(A, 0, 1, 0), lambda A: np.trace(A, 1)],
    "diag":        [lambda x: np.diag(x), lambda A: np.diag(A), lambda x: np.diag(x, 1), lambda A: np.diag(A, -2)],
    "diagonal":    [lambda A: np.diagonal(A), lambda A: np.diagonal(A, offset=-1), lambda T: np.diagonal(T, axis1=1, axis2=-1)],
    "transpose":   [lambda X: np.transpose(X), lambda T: np.transpose(T, (1, 0, 2)),
                    lambda T: np.transpose(T, axes=(2, 0, 1))],
    "permute_dims": [lambda T: np.permute_dims(T, (2, 0, 1))],
    "matrix_transpose": [lambda T: np.matrix_transpose(T)],
    "swapaxes":    [lambda T: np.swapaxes(T, 0, -1), lambda X: np.swapaxes(X, 1, 1)],
    "moveaxis":    [lambda T: np.moveaxis(T, 0, -1), lambda T: np.moveaxis(T, (0, 1), (2, 0)),
                    lambda T: np.moveaxis(T, -1, 0)],
    "tril":        [lambda A: np.tril(A), lambda A: np.tril(A, -1)],
    "triu":        [lambda A: np.triu(A, 1)],
    "ravel":       [lambda X: np.ravel(X)],
    "full_like":   [lambda X: np.full_like(X, 3) + X, lambda X, x: np.full_like(X, x)],
    "zeros_like":  [lambda X: np.zeros_like(X) + X],
    "ones_like":   [lambda X: np.ones_like(X) * X],
    "ndim":        [lambda T: np.ndim(T) + T],
    "copy":        [lambda X: np.copy(X)],
    "real":        [lambda X: np.real(X)],
    "imag":        [lambda X: np.imag(X)],
    "sum":         [lambda X: np.sum(X), lambda T: np.sum(T, axis=(0, -1)), lambda X: np.sum(X, 0),
                    lambda X: np.sum(X, keepdims=False)],
    "mean":        [lambda X: np.mean(X), lambda X: np.mean(X, axis=1, dtype=None, out=None)],
    "prod":        [lambda X: np.prod(X), lambda X: np.prod(X, axis=0)],
    "max":         [lambda X: np.max(X), lambda X: np.max(X, axis=1)],
    "amax":        [lambda X: np.amax(X, 0)],
    "min":         [lambda X: np.min(X, axis=(0, 1))],
    "amin":        [lambda X: np.amin(X, -1)],
    "var":         [lambda X: np.var(X), lambda X: np.var(X, axis=1, ddof=1)],
    "std":         [lambda X: np.std(X, 0)],
    "linalg.norm": [lambda X: np.linalg.norm(X), lambda X: np.linalg.norm(X, axis=1),
                    lambda X: np.linalg.norm(X, "fro"),
                    lambda x: np.linalg.norm(x, 1), lambda x: np.linalg.norm(x, ord=np.inf),
                    lambda T: np.linalg.norm(T),
                    lambda X: np.linalg.norm(X, 1), lambda X: np.linalg.norm(X, np.inf)],
    "linalg.inv":  [lambda A: np.linalg.inv(A)],
    "linalg.det":  [lambda A: np.linalg.det(A), lambda T: np.linalg.det(np.transpose(T, (0, 2, 1)))],
    "linalg.solve": [lambda A, x: np.linalg.solve(A, x), lambda A, Y: np.linalg.solve(A, Y),
                     lambda A: np.linalg.solve(A, np.eye(3))],
    "linalg.slogdet": [lambda A: np.linalg.slogdet(A)[1], lambda A: np.linalg.slogdet(A)[0]],
    "linalg.pinv": [lambda X: np.linalg.pinv(X)],
    "linalg.cholesky": [lambda A: np.linalg.cholesky(A @ np.transpose(A))],
    "linalg.matrix_power": [lambda A: np.linalg.matrix_power(A, 3), lambda A: np.linalg.matrix_power(A, -2)],
    "linalg.multi_dot": [lambda X, A, Y: np.linalg.multi_dot([X, A, Y])],
    "reshape":     [lambda X: np.reshape(X, (3, -1)), lambda X: np.reshape(X, 6, order="F")],
    "squeeze":     [lambda X: np.squeeze(X[:, :1], axis=1)],
    "expand_dims": [lambda X: np.expand_dims(X, axis=(0, 2))],
    "broadcast_to": [lambda x: np.broadcast_to(x, (2, 3))],
    "concatenate": [lambda X, Z: np.concatenate([X, Z], axis=1), lambda X: np.concatenate((X, ARRAY))],
    "stack":       [lambda X, Z: np.stack([X, Z], axis=-1)],
    "hstack":      [lambda X, Z: np.hstack([X, Z])],
    "vstack":      [lambda X, x: np.vstack([X, x])],
    "block":       [lambda X, Z: np.block([[X, Z], [Z, X]])],
    "split":       [lambda X: np.split(X, 3, axis=1)[2], lambda X: np.split(X, [1], 1)[0]],
    "pad":         [lambda X: np.pad(X, ((1, 2), (0, 1))), lambda X: np.pad(X, 1, mode="edge")],
    "roll":        [lambda X: np.roll(X, 1, axis=(0, 1)), lambda X: np.roll(X, -1)],
    "flip":        [lambda X: np.flip(X), lambda X: np.flip(X, axis=0)],
    "repeat":      [lambda X: np.repeat(X, 2), lambda X: np.repeat(X, [2, 0, 1], axis=1)],
    "tile":        [lambda X: np.tile(X, (2, 2))],
    "diff":        [lambda X: np.diff(X), lambda X: np.diff(X, n=1, axis=0, prepend=0)],
    "gradient":    [lambda x: np.gradient(x), lambda X: np.gradient(X, 0.5, axis=1, edge_order=2)],
    "take":        [lambda X: np.take(X, [2, 0], axis=1), lambda X: np.take(X, 4)],
    "cumsum":      [lambda X: np.cumsum(X), lambda X: np.cumsum(X, axis=0)],
    "convolve":    [lambda x, y: np.convolve(x, y), lambda x: np.convolve(x, [1.0, 2.0], mode="same")],
    "correlate":   [lambda x, y: np.correlate(x, y), lambda x, y: np.correlate(x, y, "full")],
    "vdot":        [lambda x, y: np.vdot(x, y), lambda X, Z: np.vdot(X, Z)],
    "vecdot":      [lambda X, Z: np.vecdot(X, Z), lambda X, Z: np.vecdot(X, Z, axis=0)],
    "matvec":      [lambda X, x: np.matvec(X, x), lambda T, x: np.matvec(T, x)],
    "vecmat":      [lambda A, x: np.vecmat(x, A), lambda X, A: np.vecmat(X, A)],
    "linalg.vecdot": [lambda X, Z: np.linalg.vecdot(X, Z)],
    "linalg.vector_norm": [lambda X: np.linalg.vector_norm(X), lambda X: np.linalg.vector_norm(X, axis=1, keepdims=True),
                    lambda X: np.linalg.vector_norm(X, keepdims=True), lambda x: np.linalg.vector_norm(x, ord=1)],
    "linalg.matrix_norm": [lambda T: np.linalg.matrix_norm(T), lambda X: np.linalg.matrix_norm(X, ord=1, keepdims=True)],
    "bitwise_and": [lambda X: np.where((X > 0.4) & (X < 0.7), X, 0), lambda X: np.where((ARRAY > 0.5) & (X < 0.7), X, 0)],
    "bitwise_or":  [lambda X, Z: np.where((X > 0.6) | (Z < 0.4), X, 0), lambda X: ((X > 0.6) | (ARRAY < 0.4)) * 1.0],
    "bitwise_xor": [lambda X, Z: ((X > 0.6) ^ (Z < 0.4)) * X],
    "invert":      [lambda X: ~(X > 0.5) * X, lambda X: ~((X > 0.4) & (X < 0.7)) * X],
    "logical_and": [lambda X, Z: np.logical_and(X > 0.5, Z) * 1.0],
    "logical_or":  [lambda X, Z: np.logical_or(X > 0.5, Z - Z) * 1.0],
    "logical_xor": [lambda X, Z: np.logical_xor(X > 0.5, Z > 0.5) * 1.0],
    "logical_not": [lambda X: np.logical_not(X > 0.5) * 1.0, lambda X: np.logical_not(X) * 1.0],
    "degrees":     [lambda X: np.degrees(X)],
    "rad2deg":     [lambda X: np.rad2deg(X)],
    "radians":     [lambda X: np.radians(X)],
    "deg2rad":     [lambda X: np.deg2rad(X)],
    "atleast_1d":  [lambda s: np.atleast_1d(s), lambda X: np.atleast_1d(X), lambda s, x: np.atleast_1d(s, x)[1]],
    "atleast_2d":  [lambda s: np.atleast_2d(s), lambda x: np.atleast_2d(x), lambda X: np.atleast_2d(X)],
    "atleast_3d":  [lambda s: np.atleast_3d(s), lambda x: np.atleast_3d(x), lambda X: np.atleast_3d(X)],
    "column_stack": [lambda x, y: np.column_stack([x, y, ARRAY.T])],
    "dstack":      [lambda x, y: np.dstack([x, y]), lambda X, Z: np.dstack((X, Z))],
    "append":      [lambda x: np.append(x, 1.5), lambda X, Z: np.append(X, Z), lambda X, Z: np.append(X, Z, axis=0)],
    "fliplr":      [lambda X: np.fliplr(X)],
    "flipud":      [lambda X: np.flipud(X)],
    "rot90":       [lambda X: np.rot90(X), lambda X: np.rot90(X, 2), lambda X: np.rot90(X, -1), lambda T: np.rot90(T, 1, (1, 2))],
    "vsplit":      [lambda A: np.vsplit(A, 3)[1]],
    "hsplit":      [lambda X: np.hsplit(X, [1])[1]],
    "meshgrid":    [lambda x, y: np.meshgrid(x, y)[0] - 2 * np.meshgrid(x, y)[1],
                    lambda x, y: np.meshgrid(x, y[:2], indexing="ij")[1], lambda x, y, s: np.meshgrid(x, y[:2], [1.0, 2.0])[2] * s],
    "broadcast_arrays": [lambda X, x: np.broadcast_arrays(X, x)[1]],
    "linspace":    [lambda s: np.linspace(0, s, 5), lambda x, y: np.linspace(x, y, 4), lambda s: np.linspace(s, 2, 3, endpoint=False),
                    lambda s: np.linspace(s, 2, 1)],
    "trapezoid":   [lambda x: np.trapezoid(x), lambda X: np.trapezoid(X, dx=0.5, axis=0), lambda X, x: np.trapezoid(X, x),
                    lambda T, x: np.trapezoid(T, x, axis=1), lambda X, Z: np.trapezoid(X, Z)],
    "ediff1d":     [lambda X: np.ediff1d(X)],
    "diagflat":    [lambda X: np.diagflat(X), lambda x: np.diagflat(x, 1)],
    "select":      [lambda X: np.select([X > 0.7, X > 0.4], [X, -X], 5.0), lambda X: np.select([X > 0.7], [X * X])],
    "outer ufunc": [lambda x, X: np.subtract.outer(x, X), lambda x, y: np.multiply.outer(x, y), lambda x: np.maximum.outer(ARRAY, x)],
    "accumulate":  [lambda X: np.add.accumulate(X), lambda X: np.add.accumulate(X, axis=1)],
    "where=":      [lambda X: np.sum(X, where=ARRAY > 0.5), lambda X: np.sum(X, axis=0, where=X > 0.5),
                    lambda X: np.sum(X, axis=0, initial=2.5), lambda X: np.prod(X, axis=1, where=X > 0.5, initial=3),
                    lambda X: np.max(X, axis=0, initial=0.7), lambda X: np.min(X, where=ARRAY > 0.5, initial=1),
                    lambda X: np.mean(X, where=ARRAY > 0.5), lambda X: np.mean(X, axis=1, keepdims=True, where=X > 0.1),
                    lambda X: X.sum(axis=1, where=ARRAY > 0.5), lambda X: np.var(X, correction=1)],
    "keepdims":    [lambda T: f(T, axis=(0, 2), keepdims=True) for f in (np.sum, np.mean, np.prod, np.max, np.min, np.var, np.std)],
    "linalg.trace": [lambda T: np.linalg.trace(T)],
    "linalg.diagonal": [lambda T: np.linalg.diagonal(T)],
    "linalg.outer": [lambda x, y: np.linalg.outer(x, y)],
    "methods":     [lambda X: X.sum(), lambda X: X.sum(0), lambda X: X.mean(axis=1, keepdims=True), lambda X: X.max(axis=(0, 1)),
                    lambda X: X.min(1), lambda X: X.prod(), lambda X: X.var(axis=0, ddof=1), lambda X: X.std(),
                    lambda X, Y: X.dot(Y), lambda X: X.reshape(3, 2), lambda X: X.reshape((3, -1)), lambda X: X.ravel(),
                    lambda X: X.flatten(), lambda T: T.transpose(2, 0, 1), lambda X: X.transpose(), lambda T: T.swapaxes(0, 1),
                    lambda X: X[None].squeeze(), lambda X: X[None].squeeze(axis=0), lambda X: X.conj(), lambda A: A.trace(),
                    lambda A: A.diagonal(1), lambda X: X.cumsum(axis=1), lambda X: X.clip(0.3, 0.6), lambda X: X.astype(float),
                    lambda X: X.astype(np.float64), lambda X: X.astype("float64"), lambda X: X.copy(), lambda X: X.take([0, 2], axis=1),
                    lambda X: X.sum(dtype=float, axis=0), lambda X: X.max(axis=0, initial=0.5)],
    "linalg.tensordot": [lambda X, Y: np.linalg.tensordot(X, Y, axes=1)],
    "linalg.matmul": [lambda X, Y: np.linalg.matmul(X, Y)],
    "linalg.matrix_transpose": [lambda X: np.linalg.matrix_transpose(X)],
    "reduce":      [lambda X: np.add.reduce(X), lambda X: np.add.reduce(X, axis=None),
                    lambda X: np.multiply.reduce(X, 1),
                    lambda X: np.maximum.reduce(X), lambda X: np.minimum.reduce(X, axis=1)],
    "operators":   [lambda X: ARRAY + X, lambda X: ARRAY - X, lambda X: ARRAY * X, lambda X: ARRAY / X,
                    lambda X: ARRAY.T @ X,
                    lambda x: ARRAY @ x, lambda X: X @ ARRAY.T, lambda X: np.float64(2) * X,
                    lambda X: np.float32(2) - X,
                    lambda X: np.array(2.0) * X, lambda s: ARRAY * s, lambda X: X / np.float64(2)],
    "remainder":   [lambda X, Z: np.remainder(9 * X, Z), lambda X: X % -0.3, lambda X: -X % 0.7, lambda X: 7 % X],
    "mod":         [lambda X, Z: np.mod(-9 * X, Z), lambda X: ARRAY % X],
    "floor_divide": [lambda X, Z: np.floor_divide(9 * X, Z), lambda X: -9 * X // 2, lambda X: 7 // X],
    "fmod":        [lambda X, Z: np.fmod(-9 * X, Z), lambda X: np.fmod(9 * X, -0.7)],
    "angle":       [lambda X: np.angle(X - 0.5), lambda X: np.angle(-X, deg=True)],
    "rollaxis":    [lambda X: np.rollaxis(X, 1), lambda X: np.rollaxis(X, 0, 2), lambda X: np.rollaxis(X, -1, -1)],
    "array_split": [lambda X: np.array_split(X, [1], 1)[1]],
    "dsplit":      [lambda X: np.dsplit(X[None], 3)[1]],
    "logaddexp2":  [lambda X, Z: np.logaddexp2(X, Z)],
    "sort":        [lambda X: np.sort(X), lambda X: np.sort(X, axis=0), lambda X: np.sort(X, None)],
    "argsort":     [lambda X: np.argsort(X), lambda X: np.argsort(X, axis=0, kind="stable")],
    "argmax":      [lambda X: np.argmax(X), lambda X: np.argmax(X, 0), lambda X: np.argmax(X, axis=1, keepdims=True)],
    "argmin":      [lambda X: np.argmin(X, axis=1)],
    "take_along_axis": [lambda X: np.take_along_axis(X, np.argsort(X, 1), 1)],
    "ptp":         [lambda X: np.ptp(X), lambda X: np.ptp(X, axis=0)],
    "median":      [lambda X: np.median(X), lambda X: np.median(X, axis=1, keepdims=True)],
    "quantile":    [lambda X: np.quantile(X, 0.25), lambda X: np.quantile(X, [0.5, 1], axis=0)],
    "percentile":  [lambda X: np.percentile(X, 75, axis=1)],
    "cumprod":     [lambda X: np.cumprod(X), lambda X: np.cumprod(X, axis=1)],
    "average":     [lambda X: np.average(X, axis=0, weights=[1, 2]), lambda X, Z: np.average(X, weights=Z)],
    "cov":         [lambda X: np.cov(X), lambda X: np.cov(X, rowvar=False, ddof=0)],
    "corrcoef":    [lambda X: np.corrcoef(X)],
    "interp":      [lambda X: np.interp(X, [0.0, 0.5, 1.0], [1.0, 3.0, 2.0]), lambda X: np.interp(X, [0.3, 0.5], [1.0, 3.0], left=0)],
    "polyval":     [lambda X: np.polyval([1.0, 2.0, 3.0], X)],
    "vander":      [lambda x: np.vander(x, 3), lambda x: np.vander(x, N=2, increasing=True)],
    "cross":       [lambda X, Z: np.cross(X, Z), lambda X, Z: np.cross(X.T, Z.T, axis=0),
                    lambda X, Z: np.cross(X.T, Z, axisa=0), lambda X, Z: np.cross(X, Z, axisc=0)],
    "round":       [lambda X: np.round(X, 1), lambda X: np.around(10 * X), lambda X: np.round(X, decimals=2)],
    "around":      [lambda X: np.around(X, 2)],
    "fix":         [lambda X: np.fix(9 * X - 5)],
    "fft.fft": [lambda X: np.fft.fft(X), lambda X: np.fft.fft(X, axis=0)],
    "fft.ifft": [lambda X: np.fft.ifft(X), lambda X: np.fft.ifft(X, axis=0)],
    "fft.rfft": [lambda X: np.fft.rfft(X), lambda X: np.fft.rfft(X, axis=0)],
    "fft.irfft": [lambda X: np.fft.irfft(X), lambda X: np.fft.irfft(X, axis=0)],
    "fft.fft2": [lambda T: np.fft.fft2(T), lambda T: np.fft.fft2(T, axes=(0, 2))],
    "fft.ifft2": [lambda T: np.fft.ifft2(T), lambda T: np.fft.ifft2(T, axes=(0, 2))],
    "fft.fftn": [lambda T: np.fft.fftn(T), lambda T: np.fft.fftn(T, axes=(0, 2))],
    "fft.ifftn": [lambda T: np.fft.ifftn(T), lambda T: np.fft.ifftn(T, axes=(0, 2))],
    "fft.rfft2": [lambda T: np.fft.rfft2(T), lambda T: np.fft.rfft2(T, axes=(0, 2))],
    "fft.rfftn": [lambda T: np.fft.rfftn(T), lambda T: np.fft.rfftn(T, axes=(0, 2))],
    "fft.irfft2": [lambda T: np.fft.irfft2(T), lambda T: np.fft.irfft2(T, axes=(0, 2))],
    "fft.irfftn": [lambda T: np.fft.irfftn(T), lambda T: np.fft.irfftn(T, axes=(0, 2))],
    "fft.fftshift": [lambda T: np.fft.fftshift(T), lambda T: np.fft.fftshift(T, axes=(0, 2))],
    "fft.ifftshift": [lambda T: np.fft.ifftshift(T), lambda T: np.fft.ifftshift(T, axes=(0, 2))],
    "linalg.eigvalsh": [lambda A: np.linalg.eigvalsh(A @ A.T)],
    "linalg.eigh": [lambda A: np.linalg.eigh(A + A.T, "U")[0],
                    lambda A: np.linalg.eigh(A + A.T)[0], lambda A: np.linalg.eigh(A + A.T).eigenvectors],
    "linalg.svd":  [lambda A: np.linalg.svd(A)[1], lambda A: np.linalg.svd(A, compute_uv=False), lambda A: np.linalg.svd(A).Vh],
    "linalg.svdvals": [lambda A: np.linalg.svdvals(A)],
    "linalg.qr":   [lambda A: np.linalg.qr(A)[0], lambda Y: np.linalg.qr(Y.T).R],
    "linalg.lstsq": [lambda A, x: np.linalg.lstsq(A, x)[0]],
    "linalg.cross": [lambda X, Z: np.linalg.cross(X, Z)],
    "comparisons": [lambda X: (ARRAY > X) * 1.0, lambda X: np.less_equal(X, ARRAY) + 0.0,
                    lambda X: np.greater_equal(X, 0.5) * X],
}  # fmt: skip
TWO = {"maximum", "minimum", "hypot", "arctan2", "greater", "greater_equal", "less", "less_equal"}
SAID = {"shape": (2, 3), "size": 6, "iscomplexobj": False}  # of an array of ours, declared (2, 3)
CALLS = [(name, f) for name, calls in SAME.items() for f in calls]


def both(f):
    """What `f` gives on expressions, evaluated, and on arrays."""
    names = f.__code__.co_varnames[: f.__code__.co_argcount]
    e = f(*(TENSORS[name] for name in names))
    assert isinstance(e, ed.Expr)
    return ed.evaluate(e, {name: GIVEN[name] for name in names}), f(
        *(GIVEN[name] for name in names)
    )


@pytest.mark.parametrize(
    ("name", "f"), CALLS, ids=[f"{name} {k}" for k, (name, _) in enumerate(CALLS)]
)
def test_as_numpy(name, f):
    got, want = both(f)
    assert np.shape(got) == np.shape(want)
    np.testing.assert_allclose(got, want, rtol=1e-12, atol=1e-14)


def entrywise():
    own = SAME | SAID | {"empty_like": "any numbers"}
    return [name for name in numpy_names() if name not in own and hasattr(np, name)]


@pytest.mark.parametrize("name", entrywise())
def test_functions_of_entries(name):
    f, shift = getattr(np, name), 1 if name == "arccosh" else 0
    if name in TWO:
        got, want = (
            ed.evaluate(f(TENSORS["X"], TENSORS["Z"]), X=GIVEN["X"], Z=GIVEN["Z"]),
            f(GIVEN["X"], GIVEN["Z"]),
        )
    else:
        got, want = ed.evaluate(f(TENSORS["X"] + shift), X=GIVEN["X"]), f(GIVEN["X"] + shift)
    np.testing.assert_allclose(got, want, rtol=1e-14)


def test_every_function_has_a_case():
    known = {name for name in numpy_names() if "." in name or hasattr(np, name)}
    assert known <= set(SAME) | set(SAID) | set(entrywise()) | {"empty_like"}
    assert len(entrywise()) > 30


@pytest.mark.parametrize("name", SAID)
def test_what_is_said_of_arrays(name):
    assert getattr(np, name)(ed.tensor("M", (2, 3))) == SAID[name]


def test_clip_has_the_newer_names_too():  # NumPy has them since 2.1
    clip = numpy_function("clip")
    assert clip(X, min=0.5) == ed.clip(X, 0.5)
    assert clip(X, 0, max=0.5) == ed.clip(X, 0, 0.5)


def test_functions_of_scipy():
    special = pytest.importorskip("scipy.special")
    X = TENSORS["X"]
    for f, same in [
        (special.expit, ed.sigmoid),
        (special.erf, ed.erf),
        (special.gammaln, ed.gammaln),
        (special.psi, ed.digamma),
    ]:
        assert f(X) == same(X)


X, Y, A, x = (TENSORS[name] for name in "XYAx")
REFUSED = [
    (lambda: np.modf(X),                       TypeError, r"np\.modf does not work on expressions.*write an einsum"),
    (lambda: np.divmod(X, 2),                  TypeError, r"np\.divmod does not"),
    (lambda: np.angle(ed.tensor("z", "i", complex=True)), ed.EinderivError, "angle of complex numbers is not holomorphic"),
    (lambda: np.array_split(ed.tensor("x", "i"), 2), ed.ShapeError, "needs a known size: declare it"),
    (lambda: np.array_split(X, 0),             ed.ShapeError, "number sections must be larger than 0"),
    (lambda: np.linalg.eigh(X @ X.T, "X"),     ed.ShapeError, "UPLO is 'L' or 'U', not 'X'"),
    (lambda: np.reshape(X, -1, copy=True),     TypeError, r"np\.reshape of expressions takes e, shape, order"),
    (lambda: np.trace(A, offset=1.5),          TypeError, "the offset must be a whole number"),
    (lambda: np.diag(A, x),                    TypeError, "the diagonal must be a whole number"),
    (lambda: np.isnan(X),                      TypeError, r"np\.isnan does not"),
    (lambda: np.allclose(X, X),                TypeError, r"np\.allclose does not"),
    (lambda: np.sum(X, keepdims=3),            TypeError, r"keepdims is True or False, not '3'"),
    (lambda: np.sum(X, dtype=int),             TypeError, r"np\.sum of expressions takes a, axis, keepdims.*: .*'dtype'"),
    (lambda: np.max(X, where=ARRAY > 0.5),     TypeError, r"needs initial= beside it"),
    (lambda: np.exp(X, out=ARRAY),             TypeError, r"write a = a \+ e, not a \+= e"),
    (lambda: X & Y,                            TypeError, r"& is for conditions"),
    (lambda: ~X,                               TypeError, r"~ is for conditions"),
    (lambda: (X > 0) | 2,                      TypeError, r"\| is for conditions"),
    (lambda: X.astype(int),                    TypeError, r"no astype\(int\), for its dtype"),
    (lambda: X.astype("float32"),              TypeError, r"no astype\(float32\)"),
    (lambda: X.sum(out=ARRAY),                 TypeError, r"the method sum of expressions takes"),
    (lambda: np.select([X > 0], [X, X]),       ed.ShapeError, "a choice for each condition, not 2 for 1"),
    (lambda: np.meshgrid(x, indexing="ji"),    ed.ShapeError, "'xy' or 'ij', not 'ji'"),
    (lambda: np.exp(X, where=ARRAY > 0.5),     TypeError, r"'where'"),
    (lambda: np.exp(X, dtype=np.float32),      TypeError, r"'dtype'"),
    (lambda: np.add(ARRAY, X, out=ARRAY),      TypeError, r"cannot write an expression into an array"),
    (lambda: ARRAY.__iadd__(X),                TypeError, r"write a = a \+ e, not a \+= e"),
    (lambda: np.einsum("ij->j", X, out=ARRAY), TypeError, r"'out'"),
    (lambda: np.matmul(X, Y, axes=[1]),        TypeError, r"'axes'"),
    (lambda: np.multiply.accumulate(X),        TypeError, r"np\.multiply\.accumulate does not work"),
    (lambda: np.add.at(ARRAY, 0, X),           TypeError, r"np\.add\.at does not work"),
    (lambda: np.subtract.reduce(X),            TypeError, r"np\.subtract\.reduce does not work"),
    (lambda: np.add.reduce(X, dtype=int),      TypeError, r"np\.add\.reduce of expressions takes a, axis"),
    (lambda: np.trace(A, axis1=1),             ed.ShapeError, "both axis 1"),
    (lambda: np.heaviside(X, 1),               TypeError, r"np\.heaviside\(x, 0\)"),
    (lambda: np.power(-2, X),                  TypeError, "positive number to the left"),
    (lambda: np.power(True, X),                TypeError, "is the bool True"),
    (lambda: np.transpose(X, (0,)),            ed.ShapeError, "1 axis named, but X has 2"),
    (lambda: np.transpose(X, (0, 0)),          ed.ShapeError, "one axis twice"),
    (lambda: np.moveaxis(X, 0, (0, 1)),        ed.ShapeError, "as many axes as places"),
    (lambda: np.tensordot(X, Y, 3),            ed.ShapeError, "tensordot over 3 axes of X, which has 2"),
    (lambda: np.tensordot(X, Y, ((0, 1), 0)),  ed.ShapeError, "as many axes of both, not 2 and 1"),
    (lambda: np.tensordot(X, Y, "no"),         TypeError, "a number of axes, or a pair"),
    (lambda: np.full_like(X, "1"),             TypeError, "takes a number, not str"),
    (lambda: np.sum(X, axis=2),                ed.ShapeError, "out of range"),
    (lambda: np.ones((1, 4)) + t("S", (2, 3)), ed.ShapeError, "axis 1 has size 4 .* 3 in S"),
    (lambda: np.array(["a", "b"]) + x,         TypeError, "dtype <U1"),
    (lambda: np.array([None]) * x,             TypeError, "dtype object"),
    (lambda: ARRAY == X,                       TypeError, r"ed\.equal\(x, y\) compares entries"),
    (lambda: X != ARRAY,                       TypeError, r"ed\.not_equal\(x, y\) compares entries"),
    (lambda: np.asarray(X),                    TypeError, r"ed\.evaluate"),
    (lambda: np.array([X, X]),                 TypeError, r"ed\.evaluate"),
    (lambda: np.sum([X, X]),                   TypeError, r"ed\.evaluate"),
]  # fmt: skip


@pytest.mark.parametrize(("call", "kind", "message"), REFUSED)
def test_refused(call, kind, message):
    with pytest.raises(kind, match=message):
        call()


@pytest.mark.parametrize(
    "name", ["equal", "random.normal", "load", "", "linalg", "linalg.exp", "softmax", "svd"]
)
def test_names_that_do_nothing(name):
    assert numpy_function(name) is None


# ---- trace_function
def network(X, W1, b, W2):
    hidden = np.tanh(np.einsum("nd,dh->nh", X, W1) + np.outer(np.ones(2), b))
    return np.mean((hidden @ W2) ** 2), hidden


def test_a_users_function_becomes_an_expression():
    given = {
        "X": ARRAY,
        "W1": RNG.normal(size=(3, 4)),
        "b": RNG.normal(size=4),
        "W2": RNG.normal(size=(4, 2)),
    }
    traced = ed.trace_function(network, "nd", "dh", "h", W2="ho")
    assert type(traced) is tuple
    got, want = ed.compile(traced)(**given), network(**given)
    for a, b in zip(got, want):
        np.testing.assert_allclose(a, b, rtol=1e-13)
    g = ed.evaluate(ed.grad(traced[0], "b"), **given)
    steps = [network(**given | {"b": given["b"] + d})[0] for d in 1e-6 * np.eye(4)]
    np.testing.assert_allclose(g, (np.array(steps) - want[0]) / 1e-6, atol=1e-5)


def test_what_is_given_is_handed_on():
    def f(a, *more, scale, **named):
        return {"a": np.sum(a) * scale, "more": [m + 1 for m in more], "named": named["Q"]}

    e = ed.trace_function(f, X, "i", ("batch", 3), scale=2, Q="kk")
    assert e["a"] == 2 * ed.sum(X)
    assert [str(m) for m in e["more"]] == ["more0 + 1", "more1 + 1"] and e["more"][1].axes == (
        "batch",
        None,
    )
    assert e["named"] == t("Q", "kk")
    assert ed.trace_function(np.exp, X) == ed.exp(X)
    assert ed.trace_function(np.exp, "i") == ed.exp(t("x", "i"))
    assert ed.trace_function(lambda a, b: a * b, "ij", ARRAY) == t("a", "ij") * ARRAY
    assert ed.trace_function(lambda f: f + f, f="i") == 2 * t("f", "i")


@pytest.mark.parametrize(
    ("f", "args", "kind", "message"),
    [
        (lambda X: 3.0, ["ij"], TypeError, "<lambda> gave float, but must give an expression"),
        (lambda X: None, ["ij"], TypeError, "gave NoneType"),
        (lambda X: (X, [X, 1]), ["ij"], TypeError, "gave int"),
        (lambda X: X[X], ["ij"], TypeError, "an expression is no index"),
        (lambda X: X if X else 0, ["ij"], TypeError, "neither true nor false"),
        (lambda X: sum(v for v in X), ["ij"], TypeError, "cannot be iterated over"),
        (lambda X: float(X), ["ij"], TypeError, r"ed\.evaluate"),
        (lambda X: np.modf(X), ["ij"], TypeError, r"np\.modf does not work"),
        (lambda X, Y: X, ["ij"], TypeError, "missing 1 required positional argument"),
        (lambda X: X, ["i1"], ed.ParseError, "ASCII identifier"),
        ("no function", ["ij"], TypeError, "takes a function, not str"),
    ],
)
def test_functions_that_cannot_be_traced(f, args, kind, message):
    with pytest.raises(kind, match=message):
        ed.trace_function(f, *args)


@pytest.mark.parametrize(
    ("a", "b"), [(0.5, -1e20), (-1e4, 1e4), (3.0, 3.0), (0.0, -np.inf), (1e4, 1e4 + 1)]
)
@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_logaddexp_is_stable_both_ways(a, b, dtype):
    x, y = ed.tensor("x"), ed.tensor("y")
    for p, q in ((a, b), (b, a)):
        at = {"x": dtype(p), "y": dtype(q)}
        e = np.logaddexp(x, y)
        np.testing.assert_allclose(ed.evaluate(e, at), np.logaddexp(at["x"], at["y"]), rtol=1e-6)
        with np.errstate(over="ignore"):
            want = 1 / (1 + np.exp(at["y"] - at["x"]))
        np.testing.assert_allclose(ed.evaluate(ed.grad(e, x), at), want, rtol=1e-6, atol=1e-30)


def test_powers_of_numbers():
    x = ed.tensor("x", "i")
    np.testing.assert_allclose(
        ed.evaluate(ed.grad(ed.sum(2**x), x), x=[0.0, 3.0]), [np.log(2), 8 * np.log(2)]
    )
    assert abs(x) == ed.abs(x)


@pytest.mark.parametrize(
    "e",
    [
        np.power(2, ed.tensor("x", "i")),
        np.power(2.0, ed.tensor("x", "i")),
        np.float64(2) ** ed.tensor("x", "i"),
        ed.power(2, ed.tensor("x", "i")),
        ed.parse("x: i; 2**x"),
        ed.parse("x: i; power(2, x)"),
        ed.parse("x: i; (1 + 1)**x"),
    ],
)
def test_a_number_to_the_power_of_a_tensor_is_one_thing_everywhere(e):
    assert e == 2 ** ed.tensor("x", "i")
