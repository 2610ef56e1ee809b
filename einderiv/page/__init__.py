"""The page: what it answers, the server, and the page without one. `engine.answer` is its core."""

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from .engine import answer
    from .server import serve
    from .site import build

__all__ = ["answer", "build", "serve"]

#: the engine runs in browsers too, where there is no server to import
_LATER = {"answer": "engine", "build": "site", "serve": "server"}


def __getattr__(name: str) -> Any:
    if name not in _LATER:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(import_module(f".{_LATER[name]}", __name__), name)
