"""From texts to expressions: lexer, syntax, dialects."""

from .dialects import ALIASES, LANGUAGES
from .kinds import Kinds, kinds_of
from .texts import AUTO, EINSUM_STRING, einsum_string, language_of, parse

__all__ = [
    "ALIASES",
    "AUTO",
    "EINSUM_STRING",
    "Kinds",
    "LANGUAGES",
    "einsum_string",
    "kinds_of",
    "language_of",
    "parse",
]
