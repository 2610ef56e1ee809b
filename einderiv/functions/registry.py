"""Which functions a user may name: in a text, and by way of NumPy. Name to callable on expressions.

The functions name themselves where they are defined: :func:`table.public`. Those that users add
with ``ed.function`` are found by themselves.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from itertools import chain
from typing import Any

from ..expression import einsum
from . import table

Named = Callable[..., Any]


def _words(words: str) -> frozenset[str]:
    return frozenset(words.split())


#: functions of a matrix, or of a stack of them
MATRIX = _words("trace inv det logdet adj pinv matrix_power cholesky expm tril triu")
#: the result has the axes of the first argument
SAME_AXES = _words(
    "softmax log_softmax layer_norm clip real imag inv adj matrix_power cholesky expm tril triu"
)
#: other names that users know, from NumPy, SciPy and PyTorch
OTHER_NAMES = {
    "absolute": "abs",
    "acos": "arccos",
    "acosh": "arccosh",
    "amax": "max",
    "amin": "min",
    "asin": "arcsin",
    "asinh": "arcsinh",
    "atan": "arctan",
    "atan2": "arctan2",
    "atanh": "arctanh",
    "conjugate": "conj",
    "expit": "sigmoid",
    "logsigmoid": "log_sigmoid",
    "pow": "power",
    "psi": "digamma",
    "swish": "silu",
    "tr": "trace",
}


table.public(einsum)  # it is below this package, which names it


class Vocabulary(Mapping[str, Named]):
    """The functions by name; those that users added are looked up when they are asked for."""

    def __getitem__(self, name: str) -> Named:
        name = OTHER_NAMES.get(name, name)
        if name in table.NAMED:
            return table.NAMED[name]
        return table.ADDED[name]

    def __iter__(self) -> Iterator[str]:
        return chain(table.NAMED, table.ADDED)

    def __len__(self) -> int:
        return len(table.NAMED) + len(table.ADDED)

    def __contains__(self, name: object) -> bool:
        return name in table.NAMED or name in OTHER_NAMES or name in table.ADDED


VOCABULARY = Vocabulary()


def is_elementwise(name: str) -> bool:
    """Does the function of that name work entry by entry?"""
    row = table.FUNCTIONS.get(OTHER_NAMES.get(name, name))
    return row is not None and row.core == 0
