"""The values of functions by the plain formulas of their rows: what `check` compares with. No
spelling and no rule of derivation is used.

The formulas take complex numbers where the function is analytic, for the complex step.

>>> import einderiv as ed
>>> plain_value(ed.elu(ed.tensor("x", "i"), 2), [np.array([-1e4, 3.0])])
array([-2.,  3.])
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from ..backends import Array
from ..expression import Apply


def plain_value(node: Apply, arguments: Sequence[Array]) -> Array:
    """The function of arrays. Reshapes leave the entries where they are, for the caller knows the
    shape.
    """
    row = node.function
    assert row.plain is not None, "a function that a user has added has no second formula"
    if row.core != -1:
        return np.asarray(row.plain(np, *arguments, *node.parameters))
    axes = tuple(range(-node.core, 0))
    return np.asarray(row.plain(np, *arguments, *node.parameters, axes=axes))
