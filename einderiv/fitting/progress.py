"""How far an iteration has come, and where it is to end."""

from __future__ import annotations

import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

from ..errors import EinderivError
from ..expression import number

LONG = 2.0  # seconds after which a run is long enough for a progress bar


def check_tolerance(value: Any, name: str) -> None:
    """Raise unless a tolerance is a number that is not negative."""
    found = number(value)
    if found is None or isinstance(found, complex):
        raise TypeError(f"{name} is a number, not {type(value).__name__}")
    if not found >= 0:
        raise EinderivError(f"{name} is a number that is not negative, not {found!r}")


@contextmanager
def watched(
    f: Callable[[Any], Any], progress: bool | None, what: str, called: str
) -> Iterator[Callable[[Any], Any]]:
    """`f` with a progress bar that counts its evaluations: at once, never, or in a terminal
    after a while. It shows the number that `f` gives, if that is `called` something.
    """
    tqdm = _tqdm(progress)
    if tqdm is None:
        yield f
        return
    begun = time.monotonic()
    count = 0
    bar = None

    def counted(x: Any) -> Any:
        nonlocal count, bar
        value = f(x)
        count += 1
        if bar is None and (progress or time.monotonic() - begun > LONG):
            bar = tqdm(initial=count - 1, desc=what, unit=" evaluations")
        if bar is not None:
            if called:
                shown = (
                    value[0] if isinstance(value, tuple) else value
                )  # with its gradient, or alone
                bar.set_postfix_str(f"{called} {shown:.6g}", refresh=False)
            bar.update()
        return value

    try:
        yield counted
    finally:
        if bar is not None:
            bar.close()


def _tqdm(progress: bool | None) -> Any:
    """tqdm, if a bar may be wanted."""
    if progress is False or (progress is None and not sys.stderr.isatty()):
        return None
    try:
        from tqdm import tqdm
    except ImportError:
        if progress:
            raise ImportError(
                "a progress bar needs tqdm: pip install 'einderiv[progress]'"
            ) from None
        return None
    return tqdm
