"""From texts to expressions: lexer, syntax, dialects."""

from .python import ALIASES, LANGUAGES, parse

__all__ = ["ALIASES", "LANGUAGES", "parse"]
