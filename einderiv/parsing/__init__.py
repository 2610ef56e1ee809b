"""From texts to expressions: lexer, syntax, dialects."""

from .dialects import ALIASES, LANGUAGES
from .texts import is_einsum, parse

__all__ = ["ALIASES", "LANGUAGES", "is_einsum", "parse"]
