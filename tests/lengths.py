"""How long tests run: as long as the gate has time for, or with EINDERIV_LONG=1 as the guarantees say."""

import os


def length(gate, full):
    """`gate`, or in the long run `full`: a count, a size, or the cases themselves."""
    return full if os.environ.get("EINDERIV_LONG") else gate


def tenth(cases):
    """Every tenth case, or in the long run all of them."""
    return list(cases)[:: length(10, 1)]
