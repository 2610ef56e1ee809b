"""Which functions a user may name: in a text, and by way of NumPy. One table, name to callable on expressions.

A new public function needs one word here. Functions that users add with ``ed.function`` are found by themselves.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from types import ModuleType
from typing import Any

from ..expression import einsum
from . import complex, compound, elementwise, linalg, reductions, structure, table

Named = Callable[..., Any]

WORDS: tuple[tuple[ModuleType, str], ...] = (
    (elementwise, "exp expm1 log log1p log2 log10 sqrt cbrt square reciprocal sign heaviside"),
    (elementwise, "sin cos tan arcsin arccos arctan arctan2 sinh cosh tanh arcsinh arccosh arctanh hypot"),
    (elementwise, "sigmoid log_sigmoid softplus relu leaky_relu elu gelu silu erf erfc gammaln digamma polygamma"),
    (elementwise, "power maximum minimum where clip greater greater_equal less less_equal equal not_equal"),
    (reductions, "softmax log_softmax logsumexp max min prod"),
    (compound, "sum mean var std norm norm_squared trace diag outer dot cross_entropy layer_norm"),
    (complex, "conj real imag"),
    (structure, "project"),
    (linalg, "inv solve det logdet adj pinv matrix_power cholesky expm kron vec unvec tril triu"),
)


def _words(words: str) -> frozenset[str]:
    return frozenset(words.split())


#: functions of a matrix, or of a stack of them
MATRIX = _words("trace inv det logdet adj pinv matrix_power cholesky expm tril triu")
#: the result has the axes of the first argument
SAME_AXES = _words("softmax log_softmax layer_norm clip real imag inv adj matrix_power cholesky expm tril triu")
#: other names that users know, from NumPy, SciPy and PyTorch
OTHER_NAMES = {
    "absolute": "abs", "acos": "arccos", "acosh": "arccosh", "amax": "max", "amin": "min", "asin": "arcsin",
    "asinh": "arcsinh", "atan": "arctan", "atan2": "arctan2", "atanh": "arctanh", "conjugate": "conj",
    "expit": "sigmoid", "logsigmoid": "log_sigmoid", "psi": "digamma", "swish": "silu", "tr": "trace",
}  # fmt: skip


def _table() -> Iterator[tuple[str, Named]]:
    for module, words in WORDS:
        yield from ((word, getattr(module, word)) for word in words.split())
    yield "abs", complex.abs_
    yield "einsum", einsum


TABLE: dict[str, Named] = dict(_table())


class Vocabulary(Mapping[str, Named]):
    """The functions by name; those that users added are looked up when they are asked for."""

    def __getitem__(self, name: str) -> Named:
        name = OTHER_NAMES.get(name, name)
        return TABLE[name] if name in TABLE else table.ADDED[name]

    def __iter__(self) -> Iterator[str]:
        yield from TABLE
        yield from table.ADDED

    def __len__(self) -> int:
        return len(TABLE) + len(table.ADDED)

    def __contains__(self, name: object) -> bool:
        return name in TABLE or name in OTHER_NAMES or name in table.ADDED


VOCABULARY = Vocabulary()


def is_elementwise(name: str) -> bool:
    """Does the function of that name work entry by entry?"""
    row = table.FUNCTIONS.get(OTHER_NAMES.get(name, name))
    return row is not None and row.core == 0
