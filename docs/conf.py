"""Sphinx: `sphinx-build -W docs BUILD` makes the site. Pictures and the gallery are made while it is built.

With `-D pyodide=FOLDER`, the npm package pyodide, the page stands in it as a playground that needs no server.
"""

import sys
from pathlib import Path
from typing import TYPE_CHECKING

HERE = Path(__file__).parent
sys.path[:0] = [str(HERE), str(HERE.parent)]

import architecture_picture  # noqa: E402

import einderiv  # noqa: E402
from einderiv.page import build  # noqa: E402

if TYPE_CHECKING:  # pytest collects this file too, where there is no Sphinx
    from sphinx.application import Sphinx

project = "einderiv"
author = "the einderiv authors"
version = release = einderiv.__version__
extensions = ["myst_nb", "sphinx.ext.autodoc", "sphinx.ext.napoleon"]
root_doc = "index"
exclude_patterns = ["_build"]
html_theme = "furo"
html_title = "einderiv"
html_favicon = "../einderiv/page/static/icon.svg"
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


def bars(
    app: object, what: str, name: str, thing: object, options: object, lines: list[str]
) -> None:
    """A bar in a docstring is an absolute value, no substitution of reStructuredText."""
    lines[:] = [
        x if x.lstrip().startswith((">>>", "...")) else x.replace("|", r"\|") for x in lines
    ]


def runtime(app: "Sphinx") -> Path | None:
    """The folder of Pyodide, relative to where the build was started."""
    return Path(app.config.pyodide).resolve() if app.config.pyodide else None


def tagged(app: "Sphinx", config: object) -> None:
    """What is written for sites with a playground is shown only there."""
    if runtime(app):
        app.tags.add("playground")


def picture(app: object) -> None:
    """The packages and their imports, as they are now."""
    architecture_picture.write(HERE / "architecture.svg")


def playground(app: "Sphinx", trouble: Exception | None) -> None:
    """Beside the finished pages, the one that derives."""
    folder = runtime(app)
    if folder and trouble is None and app.builder.format == "html":
        build(Path(app.outdir) / "playground", folder)


def setup(app: "Sphinx") -> None:
    """What Sphinx calls."""
    app.add_config_value("pyodide", "", "html", [str])
    app.connect("config-inited", tagged)
    app.connect("builder-inited", picture)
    app.connect("autodoc-process-docstring", bars)
    app.connect("build-finished", playground)
