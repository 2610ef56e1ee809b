"""Sphinx: `sphinx-build -W docs BUILD` makes the site. Pictures and the gallery are made while it is built."""

import sys
from pathlib import Path

HERE = Path(__file__).parent
sys.path[:0] = [str(HERE), str(HERE.parent)]

import einderiv  # noqa: E402

project = "einderiv"
author = "the einderiv authors"
version = release = einderiv.__version__
extensions = ["myst_nb", "sphinx.ext.autodoc", "sphinx.ext.napoleon"]
root_doc = "index"
exclude_patterns = ["_build"]
html_theme = "furo"
html_title = "einderiv"
html_static_path: list[str] = []
myst_heading_anchors = 3
nb_execution_mode = "force"
nb_execution_raise_on_error = True
nb_execution_timeout = 120
autodoc_typehints = "description"
autodoc_member_order = "bysource"
add_module_names = False
nitpicky = False
suppress_warnings: list[str] = []


def bars(app: object, what: str, name: str, thing: object, options: object, lines: list[str]) -> None:
    """A bar in a docstring is an absolute value, no substitution of reStructuredText."""
    lines[:] = [x if x.lstrip().startswith((">>>", "...")) else x.replace("|", r"\|") for x in lines]


def setup(app: object) -> None:
    """What Sphinx calls."""
    app.connect("autodoc-process-docstring", bars)  # type: ignore[attr-defined]
