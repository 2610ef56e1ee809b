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

from ..backends import NUMPY, Array, explained
from ..expression import Apply


def plain_value(node: Apply, arguments: Sequence[Array]) -> Array:
    """The function of arrays. Reshapes leave the entries where they are, for the caller knows the
    shape.

    Raises EinderivError, as an evaluation does, for a matrix without an inverse or a factor.
    """
    row = node.function
    assert row.plain is not None, "a function that a user has added has no second formula"
    axes = {} if row.core != -1 else {"axes": tuple(range(-node.core, 0))}
    try:
        return np.asarray(row.plain(np, *arguments, *node.parameters, **axes))
    except np.linalg.LinAlgError as error:
        ours = explained(NUMPY.library, error, "float64")
        assert ours is not None, "a matrix that NumPy refuses is an error of ours"
        raise ours from None
