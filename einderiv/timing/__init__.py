"""A derivative timed against other libraries, whose answers must be the same."""

from .machine import environment, limit_torch, pin
from .own import LIBRARIES, time_derivative
from .rounds import Rounds, WrongAnswer

__all__ = [
    "LIBRARIES",
    "Rounds",
    "WrongAnswer",
    "environment",
    "limit_torch",
    "pin",
    "time_derivative",
]
