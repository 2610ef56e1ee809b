"""The command line: ``einderiv derive``, ``check``, ``serve``, ``site`` and ``bench``.

What is derived is an einsum string, a text as :func:`einderiv.parse` reads it, the name of a file
with one of them, or ``-`` for the standard input. Exit code 0; 1 if a check failed; 2 for bad usage
or input, with the message on stderr.
"""

from __future__ import annotations

import argparse
import os
import re
import subprocess
import sys
from contextlib import nullcontext
from functools import partial
from pathlib import Path
from typing import Any

from . import __version__
from .autodiff import derive
from .backends import BACKENDS, LISTINGS
from .errors import EinderivError, ParseError, limits
from .expression import (
    Expr,
    check_commas,
    einsum,
    only_in_output,
    own_sizes,
    read,
    solved,
    tensors_of,
)
from .parsing import ALIASES, AUTO, LANGUAGES, Kinds, einsum_string, kinds_of, parse
from .printing import STYLE_NAMES, Derivation, wrapped_prose, write_in_one_step
from .reports import FORMATS

WIDTH = 80  # columns of the lines that are printed
MEASURES = "EINDERIV_MEASURES"  # set, to the number of threads, in the process that measures
HIGHEST_ORDER = 9
STYLED = ("text", "latex")  # the formats whose formulas have a style
#: what the help of each command shows; each of them runs as it stands
EXAMPLES = {
    "derive": """\
  einderiv derive "is,st,tj->ij" --wrt 0
  einderiv derive "is,st,tj->ij" --names X,Y,P --wrt Y --sizes i=4,s=5,t=3,j=1
  einderiv derive 'sum((A @ x - b)**2)' --wrt x --wrt A
  einderiv derive 'norm2(A*x - b)^2' --wrt x --order 2
  einderiv derive 'X: nd; w: d; sum(log(1 + exp(X @ w)))' --wrt w --format latex
""",
    "check": """\
  einderiv check "is,st,tj->ij" --wrt 0
  einderiv check 'sum(tanh(X @ w))' --wrt w --order 2
""",
    "bench": """\
  einderiv bench "is,st,tj->ij" --wrt 0 --sizes i=20,s=20,t=20,j=20
  einderiv bench 'sum((A @ x - b)**2)' --wrt x --order 2 --against opt_einsum
""",
    "serve": """\
  einderiv serve --open
  einderiv serve --port 9000
""",
    "site": """\
  einderiv site page --pyodide node_modules/pyodide
""",
}
ABOUT_BENCH = """\
Time a derivative: ours against JAX, torch, and opt_einsum, which has identity
matrices for the deltas.
All answers are compared first; a difference is an error, with exit code 1.
Without an expression: the benchmarks of the repository, einderiv bench --quick;
their options are those of python -m bench --help.
"""

#: for terminals that cannot show these
PLAIN = str.maketrans(
    {
        **{"δ": "delta", "Σ": "sum", "∂": "d", "−": "-", "–": "-", "·": "*", "…": "..."},
        **{"×": "x", "µ": "u", "²": "^2", "³": "^3"},
    }
)


def main(argv: list[str] | None = None) -> int:
    """Run the command line; the exit code."""
    words = sys.argv[1:] if argv is None else argv
    if words[:1] == ["bench"] and not _is_own(words[1:]):
        return _bench(words[1:])
    arguments = _parser().parse_args(words)
    arguments.words = words
    try:
        code: int = arguments.run(arguments)
        sys.stdout.flush()
    except (EinderivError, TypeError) as e:
        print(_printable(f"einderiv: {e}", sys.stderr), file=sys.stderr)
        return 2
    except BrokenPipeError:  # the reader has seen enough
        _drop_output()
        return 0
    except OSError as e:  # a full disk behind the standard output, for instance
        _drop_output()
        why = f"einderiv: what there was to say cannot be written: {e}"
        print(_printable(why, sys.stderr), file=sys.stderr)
        return 2
    return code


def _drop_output() -> None:
    """What is still to be written goes nowhere: Python would try again at its end."""
    nowhere = os.open(os.devnull, os.O_WRONLY)
    os.dup2(nowhere, sys.stdout.fileno())


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="einderiv", description="einsum in, derivative einsum out"
    )
    parser.add_argument("--version", action="version", version=f"einderiv {__version__}")
    commands = parser.add_subparsers(required=True, metavar="command")
    show = _command(commands, "derive", "derive an einsum or a text and print how it came about")
    _common(show)
    formats = "; ".join(f"{row.name}: {row.about}" for row in FORMATS.values())
    show.add_argument("--format", action=_Once, default="text", choices=FORMATS, help=formats)
    show.add_argument(
        "--output",
        action=_Once,
        metavar="FILE",
        help="write to this file, in one step; LaTeX becomes a document that compiles",
    )
    show.add_argument(
        "--backend",
        action=_Once,
        help=f"of the python format, numpy by default: {', '.join((*BACKENDS, *LISTINGS))}",
    )
    show.add_argument(
        "--style",
        action=_Once,
        choices=STYLE_NAMES,
        help="of formulas: matrix notation, indices, or by default auto: matrix notation for at "
        "most two axes where there is one",
    )
    show.add_argument("--indices", action=_Once, help="names of the new axes, for instance pq")
    show.set_defaults(run=_derive)
    proof = _command(commands, "check", "compare a derivative with exact differences")
    _common(proof)
    proof.set_defaults(run=_check)
    page = _command(
        commands, "serve", "the page in a browser, on this machine only; needs einderiv[web]"
    )
    page.add_argument("--port", type=_port, default=8765)
    page.add_argument("--open", action="store_true", help="open it in the browser")
    page.set_defaults(run=_serve)
    files = _command(commands, "site", "the same page as files that need no server")
    files.add_argument(
        "folder", help="where to; it is made, and must be new or made by this command"
    )
    files.add_argument("--pyodide", required=True, help="the folder of the npm package pyodide")
    files.set_defaults(run=_site)
    time = _command(commands, "bench", "time a derivative against JAX, torch and opt_einsum")
    time.description = ABOUT_BENCH
    _common(time)
    time.add_argument(
        "--against",
        action=_Once,
        help="libraries, several with commas: jax, torch, opt_einsum; by default all",
    )
    time.add_argument(
        "--threads", action=_Once, type=_positive, default=1, help="of every library; 1 by default"
    )
    time.add_argument(
        "--rounds", action=_Once, type=_positive, default=7, help="in each all run; 7 by default"
    )
    time.set_defaults(run=_time)
    return parser


def _command(commands: Any, name: str, about: str) -> argparse.ArgumentParser:
    """A command whose help has its examples."""
    parser: argparse.ArgumentParser = commands.add_parser(
        name,
        help=about,
        description=about,
        epilog=f"examples:\n{EXAMPLES[name]}",
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    return parser


def _common(parser: argparse.ArgumentParser) -> None:
    *languages, last = [f"{row.name} ({row.home})" for row in LANGUAGES.values()]
    parser.add_argument(
        "what",
        help="an einsum string, for instance 'is,st,tj->ij'; a text, for instance "
        "'sum((T - U @ V.T)**2)'; the name of a file with one of them; or - to read it",
    )
    parser.add_argument(
        "--language",
        action=_Once,
        help=f"of the text: {', '.join(languages)} or {last}; by default {AUTO}, by its signs",
        choices=[AUTO, *LANGUAGES, *ALIASES],
        default=AUTO,
        metavar="NAME",
    )
    parser.add_argument(
        "--wrt",
        required=True,
        action="append",
        help="an operand position or name; several of them give several answers",
    )
    parser.add_argument(
        "--names",
        action=_Once,
        help="names of the operands of an einsum string, for instance X,Y,P; by default A,B,C,…",
    )
    parser.add_argument("--sizes", action=_Once, help="sizes of labels, for instance i=4,s=5")
    parser.add_argument(
        "--order",
        action=_Once,
        type=_order,
        default=1,
        help="of the derivative: 2 is the Hessian; 1 by default",
    )


def _positive(text: str) -> int:
    number = int(text)
    if number < 1:
        raise argparse.ArgumentTypeError(f"a number from 1, not {number}")
    return number


def _order(text: str) -> int:
    number = int(text)
    if not 1 <= number <= HIGHEST_ORDER:
        raise argparse.ArgumentTypeError(
            f"the order is a number from 1 to {HIGHEST_ORDER}, not {number}"
        )
    return number


class _Once(argparse.Action):
    """An option that is given once: of two values one would be dropped in silence."""

    def __call__(
        self, parser: argparse.ArgumentParser, namespace: Any, value: Any, option: Any = None
    ) -> None:
        given: set[str] = vars(namespace).setdefault("_given", set())
        if self.dest in given:
            parser.error(f"{option} is given twice: once is enough")
        given.add(self.dest)
        setattr(namespace, self.dest, value)


def _written(arguments: argparse.Namespace) -> tuple[Expr, list[int | str]]:
    """What is derived, and with respect to what: a position or a name each."""
    targets: list[int | str] = []
    for wrt in arguments.wrt:
        is_position = re.fullmatch("-?[0-9]{1,9}", wrt)
        targets.append(int(wrt) if is_position else wrt)
    return _expression(arguments), targets


def _expression(arguments: argparse.Namespace) -> Expr:
    language = arguments.language
    written = _given(arguments.what, language)
    string = einsum_string(written) if language == AUTO else None
    if string is None:
        if arguments.names is not None:
            raise EinderivError(
                "--names is for the operands of an einsum string; a text names them itself"
            )
        try:
            return parse(written, language=language, kinds="guess")
        except ParseError as e:
            if re.fullmatch(r"[\w./\\~-]*[./\\][A-Za-z][\w-]*", written) and ".T" not in written:
                raise EinderivError(
                    f"there is no file {written[:100]!r}; and as a text: {e}"
                ) from None
            raise
    return _of_string(string, arguments)


def _of_string(written: str, arguments: argparse.Namespace) -> Expr:
    """The expression of an einsum string, with the names and sizes that are given."""
    notation = read(written)
    sizes = _sizes(arguments.sizes) or {}
    for label, position in only_in_output(notation):
        if label not in sizes:
            check_commas(notation, label)
            raise ParseError(
                f"output label {label!r} is in no operand; give its size, --sizes {label}=…, to "
                "broadcast",
                written,
                position,
            )
    own = own_sizes(notation, sizes)
    if arguments.names is None:
        return einsum(written, sizes=own)
    names = [name.strip() for name in arguments.names.split(",")]
    count = len(notation.inputs)
    if len(names) != count:
        raise EinderivError(
            f"--names gives {len(names)} names, but the einsum has {count} operands"
        )
    return einsum(written, *names, sizes=own)


def _given(what: str, language: str) -> str:
    """The string itself, or what the file or the standard input holds."""
    is_string = language == AUTO and einsum_string(what) is not None
    if what != "-" and (is_string or not os.path.isfile(what)):
        return what
    try:
        with nullcontext(sys.stdin) if what == "-" else open(what, encoding="utf-8-sig") as file:
            return _bounded(file.read(limits.characters + 1))
    except (OSError, UnicodeDecodeError) as e:
        name = "the standard input" if what == "-" else f"the file {what[:100]!r}"
        raise EinderivError(f"{name} cannot be read: {e}") from None


def _bounded(text: str) -> str:
    limits.check("characters", len(text))
    return text.rstrip("\r\n")


def _sizes(text: str | None) -> dict[str, int] | None:
    if text is None:
        return None
    sizes: dict[str, int] = {}
    for part in text.split(","):
        name, equals, number = map(str.strip, part.partition("="))
        if not equals or not re.fullmatch("[0-9]{1,18}", number):
            raise EinderivError(
                f"--sizes takes label=number, separated by commas, not {part[:40]!r}"
            )
        if sizes.setdefault(name, int(number)) != int(number):
            raise EinderivError(
                f"--sizes gives {name[:40]!r} two sizes, {sizes[name]} and {number}"
            )
    return sizes


def _derive(arguments: argparse.Namespace) -> int:
    y, targets = _written(arguments)
    sizes = _sizes(arguments.sizes)
    form = FORMATS[arguments.format]
    to_file = arguments.output is not None
    write = form.write_file if to_file and form.write_file is not None else form.write
    if len(targets) > 1 and (form.together is None or write is form.write_file):
        where = " in a file" if form.together else ""
        raise EinderivError(
            f"--format {form.name}{where} shows one derivative, but --wrt is given "
            f"{len(targets)} times: ask for one at a time"
        )
    if arguments.backend is not None and form.name != "python":
        raise EinderivError(
            f"--backend {arguments.backend[:40]} is for --format python, not for {form.name}"
        )
    if arguments.style is not None and form.name not in STYLED:
        raise EinderivError(
            f"--style {arguments.style} is for --format {' or '.join(STYLED)}, not for {form.name}"
        )
    texts = []
    for wrt in targets:
        *before, J = _chain(y, wrt, arguments.order, arguments.indices)
        solved([J], {}, sizes)  # what is wrong with them, in every format
        given = Derivation(
            y,
            wrt if arguments.order == 1 else _name(J),
            J,
            arguments.indices,
            sizes,
            arguments.backend or "numpy",
            style=arguments.style or "auto",
            width=WIDTH,
            before=tuple(before),
        )
        texts.append(write(given))
    text = texts[0] if len(texts) == 1 or form.together is None else form.together(texts)
    _say_reading(y, arguments, aside=to_file or form.name != "text")
    if to_file:
        _write(Path(arguments.output), text + "\n")
    else:
        _print(text)
    return 0


def _chain(y: Expr, wrt: int | str, order: int, indices: str | None) -> list[Expr]:
    """The expression, its derivative, the derivative of that, …"""
    chain = [y, derive(y, wrt, indices)]
    if order == 1:
        return chain
    if indices is not None:
        raise EinderivError(
            f"--indices names the axes of one derivative: leave it out with --order {order}"
        )
    # An operand position is one of the first expression; its derivatives go by the name.
    name = _name(chain[1])
    if isinstance(wrt, int) and (name not in tensors_of(y) or derive(y, name) != chain[1]):
        raise EinderivError(
            f"position {wrt} is one place of several, or no tensor: with --order {order} say "
            "--wrt by a name"
        )
    while len(chain) <= order:
        chain.append(derive(chain[-1], name))
    return chain


def _name(J: Expr) -> str:
    """What a derivative is one with respect to."""
    assert J.record is not None
    return J.record.wrt


def _say_reading(y: Expr, arguments: argparse.Namespace, *, aside: bool) -> None:
    """Say how names were read that a text leaves open; `aside`, on stderr, where the output is
    data.
    """
    kinds = kinds_of(y)
    if not kinds.guessed:
        return
    said = f"Read as {kinds}"
    if arguments.language == AUTO and kinds.language != "einderiv":
        said += f", as on {LANGUAGES[kinds.language].home}"
    lines = [wrapped_prose(said, WIDTH)]
    if kinds.others:
        lines.append(f"    to change that, begin the text with '{_correction(kinds)}'")
    for line in lines:
        if aside:
            print(_printable(line, sys.stderr), file=sys.stderr)
        else:
            _print(line)


def _correction(kinds: Kinds) -> str:
    """The declaration that leads from the best reading to the next one: ``x: ij;``."""
    other = kinds.others[0]
    changed = [name for name in kinds.guessed if other.ranks[name] != kinds.ranks[name]]
    name = changed[0]
    axes = "ijklmn"[: other.ranks[name]]
    return f"{name}: {axes}".rstrip() + ";"


def _write(target: Path, text: str) -> None:
    try:
        write_in_one_step(target, text)
    except OSError as e:
        raise EinderivError(
            f"the file {str(target)[:100]!r} cannot be written: {e.strerror}"
        ) from None


def _check(arguments: argparse.Namespace) -> int:
    from .checking import check

    y, targets = _written(arguments)
    report = check(y, targets, order=arguments.order, sizes=_sizes(arguments.sizes))
    _say_reading(y, arguments, aside=False)
    _print(str(report))
    return 0 if report.ok else 1


def _port(text: str) -> int:
    number = int(text)
    if not 0 < number < 2**16:
        raise ValueError(text)
    return number


def _serve(arguments: argparse.Namespace) -> int:
    from .page import serve

    serve(arguments.port, browser=arguments.open)
    return 0


def _site(arguments: argparse.Namespace) -> int:
    from .page import build

    for line in build(Path(arguments.folder), Path(arguments.pyodide)):
        _print(line)
    return 0


def _is_own(words: list[str]) -> bool:
    """Is an expression to be timed, or help asked for? All else is for the repository's own."""
    if not words:
        return False
    has_wrt = any(word == "--wrt" or word.startswith("--wrt=") for word in words)
    return has_wrt or words[0] in ("-h", "--help", "-") or not words[0].startswith("-")


def _time(arguments: argparse.Namespace) -> int:
    """Time derivatives, in a process whose libraries are imported with their number of threads."""
    from .checking import (
        LIBRARIES,
        Rounds,
        WrongAnswer,
        environment,
        limit_torch,
        pin,
        time_derivative,
    )

    against = [name.strip() for name in (arguments.against or "").split(",") if name.strip()]
    for name in against:
        if name not in LIBRARIES:
            raise EinderivError(
                f"--against knows no library {name[:40]!r}; there is {', '.join(LIBRARIES)}"
            )
    y, targets = _written(arguments)
    sizes = _sizes(arguments.sizes)
    for wrt in targets:  # what is wrong with them is said before a process is started
        solved([_chain(y, wrt, arguments.order, None)[-1]], {}, sizes)
    threads = arguments.threads
    if os.environ.get(MEASURES) != str(threads):
        variables = {**os.environ, **environment(threads), MEASURES: str(threads)}
        command = [sys.executable, "-m", "einderiv", *arguments.words]
        return subprocess.run(command, check=False, env=variables).returncode
    pin(threads)
    limit_torch(threads)
    _say_reading(y, arguments, aside=False)
    texts = []
    for wrt in targets:
        try:
            timing = time_derivative(
                partial(_chain, y, wrt, arguments.order, None),
                sizes=sizes,
                against=against,
                rounds=Rounds(rounds=arguments.rounds),
            )
        except WrongAnswer as e:
            print(_printable(f"einderiv: {e}", sys.stderr), file=sys.stderr)
            return 1
        texts.append("\n".join(timing.lines(WIDTH)))
    _print("\n\n".join(texts))
    return 0


def _bench(words: list[str]) -> int:
    """Hand over to the benchmarks of the repository: they need other libraries, and stay out of
    what is installed.
    """
    for root in (Path(__file__).parents[1], Path.cwd()):
        files = (root / "bench" / "__main__.py", root / "einderiv" / "cli.py")
        if all(file.is_file() for file in files):
            path = os.pathsep.join(filter(None, [str(root), os.environ.get("PYTHONPATH")]))
            command = [sys.executable, "-m", "bench", *words]
            done = subprocess.run(command, check=False, env={**os.environ, "PYTHONPATH": path})
            return done.returncode
    print(
        "einderiv: the benchmarks are not installed with the package: clone its repository, "
        "pip install -e '.[bench]' there, and call einderiv bench again; to time a derivative of "
        "your own, give it: einderiv bench 'ij,jk->ik' --wrt 0",
        file=sys.stderr,
    )
    return 2


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
