"""Every Python block in the README and the docs is a test; pytest itself runs the docstrings of the package."""

from doctest import ELLIPSIS, NORMALIZE_WHITESPACE
from importlib.util import find_spec

from sybil import Sybil
from sybil.parsers.markdown import SkipParser
from sybil.parsers.myst import PythonCodeBlockParser

pytest_collect_file = Sybil(
    parsers=[PythonCodeBlockParser(doctest_optionflags=ELLIPSIS | NORMALIZE_WHITESPACE), SkipParser()],
    patterns=["*.md"],
).pytest()

#: the one module whose docstring shows what an extra is needed for
collect_ignore = [] if find_spec("zarr") else ["einderiv/streaming.py"]
