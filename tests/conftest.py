"""Docstrings of the package, the README and the docs are tests too."""
