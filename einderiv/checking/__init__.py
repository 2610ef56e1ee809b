"""Derivatives held against independent ones, and timed against those of other libraries."""

from .derivative_check import check
from .machine import environment, limit_torch, pin
from .own_timing import LIBRARIES, time_derivative
from .rounds import Rounds, WrongAnswer

__all__ = [
    "LIBRARIES",
    "Rounds",
    "WrongAnswer",
    "check",
    "environment",
    "limit_torch",
    "pin",
    "time_derivative",
]
