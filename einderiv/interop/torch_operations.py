"""The operations of torch that are read: one table, a row for each.

What has a row is not decomposed by torch before it is read; everything else is, to its core set.
"""

from __future__ import annotations

from . import torch_elementwise, torch_layers, torch_losses, torch_reductions, torch_shapes
from .torch_values import Operation

#: the rows, by what they do
GROUPS: dict[str, tuple[Operation, ...]] = {
    "Entry by entry": torch_elementwise.ROWS,
    "Contractions, reductions, matrices": torch_reductions.ROWS,
    "Views, joins, index arrays": torch_shapes.ROWS,
    "Layers": torch_layers.ROWS,
    "Losses": torch_losses.ROWS,
}

#: by the name of the operator, without its overload
OPERATIONS: dict[str, Operation] = {row.name: row for rows in GROUPS.values() for row in rows}

#: how to go round what has no row, where there is more to say than that
WAYS_ROUND = {
    "_fft_r2c": "complex numbers are not read: write the sums of cosines and sines",
    "argmax": "the place of the largest entry jumps: take its value, with amax, or softmax",
    "argmin": "the place of the smallest entry jumps: take its value, with amin, or softmax",
    "sort": "sort outside of the function, and give the sorted array",
    "topk": "take the largest with amax, or choose the places outside of the function",
    "_linalg_eigh": "write the function with inv, det, cholesky or matrix_exp",
    "_linalg_svd": "write the function with inv, det, cholesky or matrix_exp",
    "cumprod": "take exp(cumsum(log(x))) where x is positive",
    "floor": "it jumps: round outside of the function",
    "round": "it jumps: round outside of the function",
    "remainder": "it jumps: subtract the whole turns outside of the function",
}
