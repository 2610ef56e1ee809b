"""Every Python block in the README and the docs is a test; pytest itself runs the docstrings of the
package.

Two environments share the tests. What the plain one has passed, `--but-passed-in` leaves out of the
other one: a test that was skipped for want of a library, that is slow, or that is nowhere in that
list, is run there.
"""

import os
from doctest import ELLIPSIS, NORMALIZE_WHITESPACE
from importlib.util import find_spec
from pathlib import Path

import pytest
from sybil import Sybil
from sybil.parsers.markdown import SkipParser
from sybil.parsers.myst import PythonCodeBlockParser

pytest_collect_file = Sybil(
    parsers=[
        PythonCodeBlockParser(doctest_optionflags=ELLIPSIS | NORMALIZE_WHITESPACE),
        SkipParser(),
    ],
    patterns=["*.md"],
).pytest()

#: the one module whose docstring shows what an extra is needed for
collect_ignore = [] if find_spec("zarr") else ["einderiv/large/streaming.py"]

#: what JAX compiles here is tiny and runs once: to optimise it takes longer than it saves
XLA_FLAGS = "--xla_backend_optimization_level=0 --xla_llvm_disable_expensive_passes=true"


def pytest_addoption(parser):
    group = parser.getgroup("einderiv")
    group.addoption(
        "--passed-to", type=Path, metavar="FILE", help="write the names of the tests that passed"
    )
    group.addoption(
        "--but-passed-in", type=Path, metavar="FILE", help="leave out the tests named in this file"
    )


@pytest.hookimpl(trylast=True)  # once there is a cache
def pytest_configure(config):
    os.environ.setdefault("XLA_FLAGS", XLA_FLAGS)
    keep_compiled(config)
    path = config.getoption("--passed-to")
    if path is not None and not hasattr(config, "workerinput"):
        config.pluginmanager.register(Passed(path))


def keep_compiled(config):
    """Programs that JAX has compiled stay in pytest's own cache, for the next run and for all
    processes of this one.
    """
    try:
        folder = config.cache.mkdir("xla")
    except (AttributeError, OSError):  # there is no cache, or nowhere to write
        return
    os.environ.setdefault("JAX_COMPILATION_CACHE_DIR", str(folder))
    os.environ.setdefault("JAX_PERSISTENT_CACHE_MIN_COMPILE_TIME_SECS", "0")
    os.environ.setdefault("JAX_PERSISTENT_CACHE_MIN_ENTRY_SIZE_BYTES", "-1")


class Passed:
    """Writes the names of the tests that passed, one on a line."""

    def __init__(self, path):
        self.path, self.names = path, []

    def pytest_runtest_logreport(self, report):
        if report.when == "call" and report.passed:
            self.names.append(report.nodeid)

    def pytest_sessionfinish(self):
        self.path.write_text("\n".join(self.names), encoding="utf-8")


def pytest_collection_modifyitems(config, items):
    path = config.getoption("--but-passed-in")
    if path is None:
        return
    passed = set(path.read_text(encoding="utf-8").split("\n"))
    # the blocks of a page share their names: a page is run whole, or not at all
    whole = {item.path for item in items if item.path.suffix == ".md" and item.nodeid not in passed}
    left_out = [item for item in items if item.nodeid in passed and item.path not in whole]
    config.hook.pytest_deselected(items=left_out)
    left_out = set(left_out)
    items[:] = [item for item in items if item not in left_out]
