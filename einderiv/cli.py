"""The command line: ``einderiv derive`` and ``einderiv check``.

Exit code 0; 1 if a check failed; 2 for bad usage or input, with the message on stderr.
"""

from __future__ import annotations

import argparse
import json
import os
import re
import sys
from typing import Any

from . import __version__
from .calculus import derive
from .canonical import coefficient
from .construction import einsum
from .errors import EinderivError
from .evaluation import source
from .explanation import explain
from .expression import Expr
from .naming import axis_names
from .notation import read
from .show.formulas import formula, latex

#: for terminals that cannot show these
PLAIN = str.maketrans({"δ": "delta", "Σ": "sum", "∂": "d", "−": "-", "·": "*", "…": "...", "²": "^2", "³": "^3"})


def main(argv: list[str] | None = None) -> int:
    """Run the command line; the exit code."""
    arguments = _parser().parse_args(argv)
    try:
        code: int = arguments.run(arguments)
        sys.stdout.flush()
    except (EinderivError, TypeError) as e:
        print(_printable(f"einderiv: {e}", sys.stderr), file=sys.stderr)
        return 2
    except BrokenPipeError:  # the reader has seen enough
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 0
    return code


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="einderiv", description="einsum in, derivative einsum out")
    parser.add_argument("--version", action="version", version=f"einderiv {__version__}")
    commands = parser.add_subparsers(required=True, metavar="command")
    show = commands.add_parser("derive", help="derive an einsum and print how it came about")
    _common(show)
    show.add_argument("--format", default="text", choices=("text", "latex", "json", "python"))
    show.add_argument("--backend", default="numpy", help="of the python format")
    show.add_argument("--indices", help="names of the new axes, for instance pq")
    show.set_defaults(run=_derive)
    proof = commands.add_parser("check", help="compare a derivative with exact differences")
    _common(proof)
    proof.set_defaults(run=_check)
    return parser


def _common(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("einsum", help="an einsum string, for instance 'is,st,tj->ij'")
    parser.add_argument("--wrt", required=True, help="an operand position or name")
    parser.add_argument("--names", help="names of the operands, for instance X,Y,P; by default A,B,C,…")
    parser.add_argument("--sizes", help="sizes of labels, for instance i=4,s=5")


def _written(arguments: argparse.Namespace) -> tuple[Expr, int | str]:
    names = [name.strip() for name in arguments.names.split(",")] if arguments.names is not None else []
    if arguments.names is not None and len(names) != len(read(arguments.einsum).inputs):
        raise EinderivError(f"--names gives {len(names)} names, but the einsum has "
                            f"{len(read(arguments.einsum).inputs)} operands")  # fmt: skip
    wrt = arguments.wrt
    return einsum(arguments.einsum, *names), int(wrt) if re.fullmatch("-?[0-9]{1,9}", wrt) else wrt


def _sizes(text: str | None) -> dict[str, int] | None:
    if text is None:
        return None
    found: dict[str, int] = {}
    for part in text.split(","):
        name, equals, number = (x.strip() for x in part.partition("="))
        if not equals or not re.fullmatch("[0-9]{1,18}", number):
            raise EinderivError(f"--sizes takes label=number, separated by commas, not {part[:40]!r}")
        found[name] = int(number)
    return found


def _derive(arguments: argparse.Namespace) -> int:
    y, wrt = _written(arguments)
    J = derive(y, wrt, arguments.indices)
    sizes = _sizes(arguments.sizes)
    match arguments.format:
        case "latex":
            _print(latex(J))
        case "json":
            _print(json.dumps(_described(y, J), indent=2))
        case "python":
            _print(source(J, arguments.backend).rstrip())
        case _:
            _print(str(explain(y, wrt, indices=arguments.indices, sizes=sizes)))
    return 0


def _described(y: Expr, J: Expr) -> dict[str, Any]:
    """The derivative as data; the keys are stable."""
    assert J.record is not None
    return {
        "expression": y.subscripts,
        "operands": [str(o) for o in y.operands],
        "wrt": J.record.wrt,
        "axes": list(axis_names(J)),
        "formula": formula(J),
        "latex": latex(J),
        "terms": [{
            "coefficient": coefficient(t),
            "subscripts": t.subscripts,
            "operands": [str(o) for o in t.operands],
            "compact": t.compact,
        } for t in J.terms],
    }  # fmt: skip


def _check(arguments: argparse.Namespace) -> int:
    from .checking import check

    y, wrt = _written(arguments)
    report = check(y, wrt, sizes=_sizes(arguments.sizes))
    _print(str(report))
    return 0 if report.ok else 1


def _print(text: str) -> None:
    print(_printable(text, sys.stdout))


def _printable(text: str, stream: Any) -> str:
    """`text`, in ASCII for a stream that cannot show it."""
    encoding = getattr(stream, "encoding", None) or "ascii"
    try:
        text.encode(encoding)
    except UnicodeEncodeError:
        return text.translate(PLAIN).encode("ascii", "backslashreplace").decode("ascii")
    return text
