"""From texts to expressions: lexer, syntax, dialects."""

from .dialects import ALIASES, LANGUAGES
from .kinds import kinds_of
from .texts import AUTO, EINSUM_STRING, einsum_string, is_einsum, language_of, parse

__all__ = [
    "ALIASES",
    "AUTO",
    "EINSUM_STRING",
    "LANGUAGES",
    "einsum_string",
    "is_einsum",
    "kinds_of",
    "language_of",
    "parse",
]
