"""Write the generated pages: `cookbook.md`, `functions.md`, `jax_primitives.md` and `torch_operations.md`.

    python docs/generate.py            writes them
    python docs/generate.py --check    exit code 1 if they are not what would be written

Every derivative of the cookbook page is compared with the form of the book while the page is written; one that differs
is an error, and no page.
"""

from __future__ import annotations

import argparse
import ast
import inspect
import re
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np

HERE = Path(__file__).parent
sys.path[:0] = [str(HERE), str(HERE.parent)]

import cookbook_table as book  # noqa: E402
from cookbook_table import Row  # noqa: E402

import einderiv as ed  # noqa: E402
from einderiv.backends import BACKENDS  # noqa: E402
from einderiv.expression import is_zero  # noqa: E402
from einderiv.functions import VOCABULARY, Function  # noqa: E402
from einderiv.functions.numpy_api import numpy_function  # noqa: E402
from einderiv.functions.table import FUNCTIONS  # noqa: E402
from einderiv.interop.jax_table import ROWS  # noqa: E402
from einderiv.interop.torch_operations import GROUPS as TORCH_GROUPS  # noqa: E402
from einderiv.interop.torch_values import Operation  # noqa: E402
from einderiv.operators import ATTRIBUTES  # noqa: E402
from einderiv.printing.matrix_forms import in_unicode  # noqa: E402
from einderiv.printing.matrix_notation import matrix_form  # noqa: E402

SIZES = {"i": 4, "j": 2, "k": 3, "l": 5}
EXACT, CLOSE = "equal, in whole numbers", "equal to 1e-9"
Arrays = dict[str, Any]


class Mismatch(Exception):
    """A derivative that is not what the book says."""


# ---- the cookbook: values
def declared(row: Row) -> dict[str, tuple[str, str]]:
    """The axes and the structure of each tensor of a row."""
    found = {}
    for part in row.axes.split():
        name, _, rest = part.partition(":")
        axes, _, structure = rest.partition("=")
        found[name] = (axes, structure)
    return found


def ours(row: Row) -> Any:
    """The derivative as an expression."""
    tensors = {name: ed.tensor(name, axes, **({kind: True} if kind else {}))
               for name, (axes, kind) in declared(row).items()}  # fmt: skip
    return row.ours(**tensors)


def arrays_for(row: Row, seed: int = 0) -> Arrays:
    """Whole numbers without 0, or reals with large diagonals where they are square."""
    rng = np.random.default_rng(seed)
    found: Arrays = {}
    for name, (axes, kind) in declared(row).items():
        shape = tuple(SIZES[x] for x in axes)
        square = len(shape) == 2 and shape[0] == shape[1]
        if row.real:
            a = rng.uniform(0.4, 0.9, shape) + (1.5 * np.eye(shape[0]) if square else 0)
            a = a + 1j * rng.uniform(0.4, 0.9, shape) if kind == "complex" else a
        else:
            a = np.asarray(rng.integers(1, 5, shape) * rng.choice((-1, 1), shape))
        found[name] = (
            a + a.T
            if kind == "symmetric"
            else np.diag(np.diag(a))
            if kind == "diagonal"
            else np.asarray(a)
        )
    return found


def at(f: Any, arrays: Arrays) -> Any:
    """A form of the book at arrays."""
    return np.asarray(f(**{name: arrays[name] for name in inspect.signature(f).parameters}))


def verdict(row: Row) -> str:
    """How the derivative compares with the form of the book. Raises Mismatch where it does not."""
    arrays = arrays_for(row)
    found, wanted = np.asarray(ed.evaluate(ours(row), arrays)), at(row.closed, arrays)
    scale = max(1.0, float(np.abs(wanted).max()))
    same = found.shape == wanted.shape and bool(
        np.abs(found - wanted).max() <= (1e-9 * scale if row.real else 0)
    )
    if not same or (not row.real and {found.dtype.kind, wanted.dtype.kind} != {"i"}):
        raise Mismatch(f"({row.number}) is not what the book says:\n{found}\n{wanted}")
    if row.printed is not None:
        wrong = at(row.printed, arrays)
        if np.abs(found - wrong).max() <= 1e-6 * scale:
            raise Mismatch(f"({row.number}) is said to be a misprint, but it is right")
    return CLOSE if row.real else EXACT


# ---- the cookbook: texts
def codes() -> dict[str, str]:
    """The code of `ours` of each row, as it stands in the table."""
    found = {}
    for node in ast.walk(ast.parse((HERE / "cookbook_table.py").read_text())):
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id == "Row":
            number, _, f, *_ = node.args
            assert isinstance(number, ast.Constant), "the first argument is the number"
            assert isinstance(f, ast.Lambda), "the third is the derivative"
            found[str(number.value)] = ast.unparse(f.body)
    return found


def einsums(e: Any) -> str:
    """The einsum strings of the terms, with their operands."""
    parts = []
    for term in () if is_zero(e) else e.terms:
        front = (
            ""
            if term.coefficient == 1
            else "−"
            if term.coefficient == -1
            else f"{term.coefficient} "
        )
        operands = ", ".join(f"`{o}`" for o in map(str, term.operands))
        parts.append(f"{front}`{term.subscripts}`" + (f" of {operands}" if operands else ""))
    return "; ".join(parts) or "0"


#: a name, a number, an exponent, a sign; brackets and commas are none
TOKEN = re.compile(
    r"[A-Za-zδΣ∂_][A-Za-z0-9_]*[′″]*|\d+(?:\.\d+)?j?|\^\([^)]*\)|⁻?[⁰¹²³⁴⁵⁶⁷⁸⁹ʳ]+(?:⁻ʳ)?|⁻ᵀ|[-+−∘⊗/√·=ᵀ⁺‖]"
)


def token_count(text: str) -> int:
    """How many names, numbers and signs a form has."""
    return sum(token != "where" for token in TOKEN.findall(text))


def matrix_text(e: ed.Expr) -> str | None:
    """The right-hand side in matrix notation, where there is one."""
    form = matrix_form(ed.simplify(e))
    return None if form is None else in_unicode(form)


def shown(e: ed.Expr) -> str:
    """What a reader sees on the right: matrices with their parts named, or indices; what has four
    axes as a matrix too.
    """
    if e.ndim == 4:
        matrices = matrix_text(e)
        if matrices is not None:
            return matrices
    return " ".join(ed.formula(e, name="f", style="auto", width=None).split(" = ", 1)[1].split())


def entry(row: Row, code: str) -> tuple[list[str], str | None]:
    """The lines of one equation, and a line for the list of longer forms, if it is one."""
    e = ours(row)
    matrices, formula = matrix_text(e), ed.formula(e, name="f")
    form = shown(e)
    lines = [f"**({row.number})** `{code}`", ""]
    lines.append(f"- book: {row.book}" + (f" ({row.note})" if row.note else ""))
    wide = " (as a matrix: two axes for its rows, two for its columns)" * (e.ndim == 4)
    lines.append(f"- here: {form}{wide}" if matrices else "- here: in indices only")
    lines += [f"- einsum: {einsums(e)}", f"- formula: `{formula}`", f"- {verdict(row)}", ""]
    count, wanted = token_count(form), token_count(row.spelled or row.book)
    text = f"- ({row.number}) {count} names, numbers and signs, the book has {wanted}: {form}"
    return lines, text if count > wanted else None


HEAD = """\
# The Matrix Cookbook, derived

Petersen and Pedersen, *The Matrix Cookbook*, version of 15 November 2012: every equation of its section on
derivatives, {first} to {last}, with the call that derives it, the form in the book, what comes out as matrices, as
einsums and in indices, and how the two compare at random arrays. `docs/generate.py` writes this page, and stops with an
error if any form is not equal.

The derivative of a scalar by a matrix has the shape of the matrix, in the book and here. One with more axes has those
of the function first. δ stands where the book may have single-entry matrices, `∘` is the product entry by entry,
`⊗` that of Kronecker, `1` a vector of ones, and `dX` a differential, which is given to `ed.jvp`. Tensors have the axes
that their equation needs; X is square where the book needs its inverse.

What has four axes is also written as a matrix: the first two axes are its rows and the last two its columns, the first
of each pair running fastest, so the derivative of a matrix by a matrix stands in numerator layout. `vec(X)` stacks the
columns of X, as the book has it, `unvec` undoes that, `K` is the commutation matrix, `K vec(X) = vec(Xᵀ)`, and
`minors(X)` the second derivative of det(X), whose entries are minors with signs. `L(A, E)` is the derivative of the
exponential of a matrix at A, in the direction E.

Of {total} derivatives {exact} are equal in whole numbers and {close} to 1e-9 of the largest entry; {longer} came out
longer than in the book.
"""


def cookbook() -> Iterator[str]:
    """The page, line by line."""
    code = codes()
    found = {
        title: [entry(row, code[row.number]) for row in rows]
        for title, rows in book.SECTIONS.items()
    }
    rows = [row for section in book.SECTIONS.values() for row in section]
    longer = [text for section in found.values() for _, text in section if text]
    exact = sum(not row.real for row in rows)
    yield from HEAD.format(first=book.FIRST, last=book.LAST, total=len(rows), exact=exact, close=len(rows) - exact,
                           longer=len(longer)).splitlines()  # fmt: skip
    yield ""
    for title, entries in found.items():
        yield from (f"## {title}", "")
        for lines, _ in entries:
            yield from lines
    yield from (
        "## Longer than in the book",
        "",
        "By the number of names, numbers and signs; brackets are not counted, and letters of the",
        "book that stand for other expressions are counted with what they stand for.",
        "",
    )
    yield from (*longer, "", "## Not to be stated", "")
    yield from (f"- ({number}) {reason}" for number, reason in book.UNSTATED.items())
    yield from ("", "## Definitions", "", "These equations state no derivative.", "")
    yield from (f"- ({number}) {reason}" for number, reason in book.DEFINITIONS.items())
    yield from (
        "",
        "## Misprints",
        "",
        "At random arrays the derivative is not what stands in the book.",
        "",
    )
    yield from (f"- ({row.number}) {row.note}" for row in rows if row.printed)


# ---- the functions
FUNCTIONS_HEAD = """\
# The functions

Every function that an expression can apply is a row of one table, with its derivative; `docs/generate.py` writes this
page from it. `ed.function` adds a row of your own. In the columns of NumPy, PyTorch and JAX, names without the library
in front are short functions that come with the source which `ed.source` gives; CuPy is spelt as NumPy. The domain is
the interval from which the tests draw their arguments. Where a function has no derivative, the convention is that of
JAX and PyTorch, or of PyTorch where they differ, and stands in the column *kink*. The source of a derivative is a book,
a paper or a rule; NIST DLMF is the [Digital Library of Mathematical Functions](https://dlmf.nist.gov). In the last
column, "SciPy" means that evaluating needs it, "real" that complex arguments are refused, and "no call" that the
function comes up in derivatives or by an operator.
"""
GROUPS: dict[str, Callable[[Function], bool]] = {
    "Of one argument, entry by entry": lambda row: row.core == 0 and len(row.derivatives) == 1,
    "Of several arguments, entry by entry": lambda row: row.core == 0 and len(row.derivatives) > 1,
    "Over axes of your choice": lambda row: row.core == -1,
    "Along one axis": lambda row: row.core == 1,
    "Of matrices, the last two axes; all others are batch": lambda row: row.core > 1,
}
ARRAYS_HEAD = """
## Entries moved, joined, repeated

NumPy's functions, with its arguments. Each is an einsum with index expressions, or a sum of a few, so it has no
derivative of its own either; `e[1:, ::-1]`, `e[ids]` and the other reading forms of NumPy are too. How to use them is in
[Convolutions, lookups, differences](howto_indices.md).
"""
#: the modules of NumPy's functions that move entries
MOVING = ("einderiv.functions.arrays", "einderiv.functions.indexing", "einderiv.functions.linalg")
SPELT = ("numpy", "torch", "jax")
#: what makes functions or expressions of something else
NO_FUNCTIONS = ("einsum", "function", "trace_function")
FUNCTIONS_OF = "einderiv.functions."


def letters(row: Function) -> tuple[str, ...]:
    """Names for the arguments of a row, and then for its numbers."""
    if row.apart and row.core > 1:
        return "A", "B", "C"
    told = re.search(r"number (\w)\b|(\w)-th diagonal", row.law)
    number = (told[1] or told[2]) if told else "n"
    return {2: ("x", "y", "m", "k"), 3: ("c", "x", "y")}.get(
        len(row.derivatives), ("A" if row.core > 1 else "x", number)
    )


def cell(text: str) -> str:
    return text.replace("|", r"\|")


def code_of(spelt: str, names: tuple[str, ...]) -> str:
    """How a backend spells a row, as a cell."""
    text = spelt.format(
        *names, core="axis", depth="depth", all=f"{names[0]}, …", arguments=names[0]
    )
    return cell(f"`{text}`")


def code_in(backend: str, row: Function, names: tuple[str, ...]) -> str:
    """The same for a backend that may have no words for a row."""
    try:
        spelt = BACKENDS[backend].row(row)
    except ed.BackendError:
        return "none"
    return code_of(spelt, names)


def function_line(row: Function) -> str:
    """The line of one row in its table."""
    names = letters(row)
    columns = [code_in(backend, row, names) for backend in SPELT]
    latex = row.latex.format(*names).replace("|", r"\vert ")
    notes = {
        "SciPy": "scipy" in row.needs,
        "real": not row.analytic,
        "no call": row.name not in ed.__all__,
    }
    low, high = row.domain
    domain = f"{low:g} … {high:g}" if row.core == 0 else ""
    return " | ".join(["", f"`{row.name}`", cell(row.law), cell(row.derived), cell(row.source), *columns, f"${latex}$", domain,
                       cell(row.kink), ", ".join(n for n, holds in notes.items() if holds), ""]).strip()  # fmt: skip


def compositions() -> dict[str, Any]:
    """The public functions that are no rows of the table, those too that texts do not know: these
    have several results, or take shapes, lists and arrays.
    """
    found = {}
    for name in ed.__all__:
        f = getattr(ed, name)
        known = name in VOCABULARY or getattr(f, "__module__", "").startswith(FUNCTIONS_OF)
        if known and name not in FUNCTIONS and name not in NO_FUNCTIONS:
            found[name] = f
    return found


def moves_entries(f: Any) -> bool:
    """Is it one of NumPy's functions that move entries?"""
    return getattr(f, "__module__", "") in MOVING and f not in (ed.solve, ed.slogdet)


def described(f: Any) -> tuple[str, str]:
    """The call, and what it is, by the docstring."""
    first, *_ = (f.__doc__ or "").strip().split("\n\n")
    law = " ".join(first.split()).replace("``", "`").replace(":func:", "")
    call, rest = re.fullmatch(r"(`[^`]*`):? (.*)", law).groups()  # type: ignore[union-attr]
    return cell(call), cell(rest)


def composition_lines() -> Iterator[str]:
    """The table of what is made of rows and einsums."""
    for f in compositions().values():
        if not moves_entries(f):
            call, rest = described(f)
            yield f"| {call} | {rest} |"


def array_lines() -> Iterator[str]:
    """The table of NumPy's functions that move entries, with what else they are called by."""
    found = {name: f for name, f in compositions().items() if moves_entries(f)}
    found["gradient"] = numpy_function("gradient")  # ed.grad is the derivative by a tensor
    for name, f in sorted(found.items()):
        call, rest = described(f)
        ways = [f"`ed.{name}`"] if name in ed.__all__ else []
        ways += [f"`np.{name}`"] if numpy_function(name) is not None else []
        ways += [f"`e.{name}`"] if name in ATTRIBUTES else []
        yield f"| {call} | {rest} | {', '.join(ways)} |"


def functions() -> Iterator[str]:
    """The page, line by line."""
    rows = [row for row in FUNCTIONS.values() if not row.added]
    assert all(sum(test(row) for test in GROUPS.values()) == 1 for row in rows), (
        "each row in one group"
    )
    yield from FUNCTIONS_HEAD.splitlines()
    for title, test in GROUPS.items():
        yield from ("", f"## {title}", "")
        yield "| name | f(x) | derivative | its source | NumPy | PyTorch | JAX | LaTeX | domain | kink | |"
        yield "|---|---|---|---|---|---|---|---|---|---|---|"
        yield from (function_line(row) for row in rows if test(row))
    yield from (
        "",
        "## Compositions",
        "",
        "Made of rows and einsums, so they have no derivative of their own.",
        "",
    )
    yield from ("| call | what it is |", "|---|---|", *composition_lines())
    yield from (*ARRAYS_HEAD.splitlines(), "")
    yield from ("| call | what it is | as |", "|---|---|---|", *array_lines())


# ---- the primitives of JAX
JAX_HEAD = """# The primitives of JAX

What [`ed.from_jax`](howto_jax.md) reads, one row for each. Each example is run as a test: its value and its derivative are
those of JAX. In the examples `x` is an array, `lax` is `jax.lax`. This page is generated from the rows.

| primitive | example | what is to be known | read in the same way |
|---|---|---|---|"""


def jax_primitives() -> Iterator[str]:
    """The page, line by line."""
    yield from JAX_HEAD.splitlines()
    for row in sorted(ROWS, key=lambda row: row.name):
        also = ", ".join(f"`{name}`" for name in row.also)
        yield f"| `{row.name}` | `{cell(row.example)}` | {cell(row.says)} | {also} |"


# ---- the operations of torch
TORCH_HEAD = """# Operations of torch

The ATen operations that `ed.from_torch` reads, by `docs/generate.py` from the table in
`einderiv/interop/torch_operations.py`. A test compares the value and the gradient of every example with torch. What is
not here is decomposed by torch into what is, or is an error that names it, the line, and a way round. [How to bring a
module](torch.md)."""


def torch_operations() -> Iterator[str]:
    """The page, line by line."""
    yield from TORCH_HEAD.splitlines()
    for title, rows in TORCH_GROUPS.items():
        yield from (
            "",
            f"## {title}",
            "",
            "| operation | for example | shapes | |",
            "|---|---|---|---|",
        )
        yield from (operation_line(row) for row in rows)


def operation_line(row: Operation) -> str:
    shapes = [f"{name} {shape}" for name, shape in row.shapes.items()]
    example = row.example.replace("|", "\\|")
    return f"| `{row.name}` | `{example}` | {', '.join(shapes)} | {row.note} |"


PAGES = {
    "cookbook.md": cookbook,
    "functions.md": functions,
    "jax_primitives.md": jax_primitives,
    "torch_operations.md": torch_operations,
}


def main(arguments: list[str] | None = None) -> int:
    parser = argparse.ArgumentParser(description="Write the generated pages of the documentation.")
    parser.add_argument(
        "--check", action="store_true", help="write nothing; exit code 1 if a page is stale"
    )
    parser.add_argument("--folder", type=Path, default=HERE, help="where the pages stand")
    options = parser.parse_args(arguments)
    stale = []
    for name, page in PAGES.items():
        text, path = "\n".join(page()).rstrip() + "\n", options.folder / name
        if options.check:
            stale += [name] * (not path.exists() or path.read_text() != text)
        else:
            path.write_text(text)
    for name in stale:
        print(f"{name} is not what docs/generate.py writes: run it", file=sys.stderr)
    return int(bool(stale))


if __name__ == "__main__":
    sys.exit(main())
