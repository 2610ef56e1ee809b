"""The laws of the house: packages in one order, arrows that point down, a surface for each package.

An arrow is an import, also one inside a function or for the type checker, or the use of an attribute that
`operators.py` installs on expressions: whoever writes ``e.subscripts`` uses the package that implements it.
"""

import ast
import functools
import subprocess
import sys
from pathlib import Path

import pytest

import einderiv as ed
from einderiv.expression import Expr
from einderiv.operators import ATTRIBUTES

ROOT = Path(ed.__file__).parent
#: the floors, lowest first; what stands on one floor does not import its neighbours
FLOORS = (
    ("errors",),
    ("expression",),
    ("functions",),
    ("autodiff", "parsing"),
    ("simplifying",),
    ("printing", "planning"),
    ("rewriting",),
    ("backends",),
    ("reports",),
    ("runtime",),
    ("checking", "fitting", "interop", "large"),
    ("page",),
    ("cli", "operators"),
    ("",),
    ("__main__",),
)
LEVEL = {room: level for level, rooms in enumerate(FLOORS) for room in rooms}
#: rooms that import no array library when they are loaded
SYMBOLIC = {
    "errors",
    "expression",
    "functions",
    "autodiff",
    "parsing",
    "simplifying",
    "printing",
    "planning",
    "operators",
    "",
}
HEAVY = {"numpy", "opt_einsum", "scipy", "torch", "jax", "dask", "cupy"}


def module_name(path):
    """``expression.nodes`` of a file; ``expression`` of the surface of a package."""
    parts = path.relative_to(ROOT).with_suffix("").parts
    return ".".join(parts).removesuffix("__init__").rstrip(".")


MODULES = {module_name(path): path for path in sorted(ROOT.rglob("*.py"))}
PACKAGES = sorted(name for name, path in MODULES.items() if name and path.name == "__init__.py")


def room(module):
    """The package that a module is in, or the module itself at the top."""
    return module.partition(".")[0]


@functools.cache
def parsed(module):
    return ast.parse(MODULES[module].read_text(encoding="utf-8"))


@functools.cache
def imports(module):
    """Triples of what a module imports: the module or library, the name, and whether it happens when it is loaded."""
    return list(imported(module))


def imported(module):
    path, tree = MODULES[module], parsed(module)
    at_load = {id(node) for node in tree.body}
    parents = module.split(".") if module else []
    package = parents if path.name == "__init__.py" else parents[:-1]
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            for alias in node.names:
                yield alias.name.partition(".")[0], None, id(node) in at_load
        elif isinstance(node, ast.ImportFrom) and not node.level:
            yield node.module.partition(".")[0], None, id(node) in at_load
        elif isinstance(node, ast.ImportFrom):
            base = package[: len(package) - node.level + 1]
            stem = ".".join([*base, *filter(None, [node.module])])
            for alias in node.names:
                inner = f"{stem}.{alias.name}".lstrip(".")
                whole = inner in MODULES
                yield inner if whole else stem, None if whole else alias.name, id(node) in at_load


def ours(module):
    """Pairs of a module of ours and the name that is taken from it."""
    return [(target, name) for target, name, _ in imports(module) if target in MODULES]


def test_every_room_has_a_floor():
    assert {room(module) for module in MODULES} == set(LEVEL)


@pytest.mark.parametrize("module", MODULES)
def test_imports_point_down(module):
    level = LEVEL[room(module)]
    up = [
        target
        for target, name in ours(module)
        if room(target) != room(module) and LEVEL[room(target)] >= level and name != "__version__"
    ]
    assert up == []


@pytest.mark.parametrize("module", [m for m in MODULES if m])
def test_packages_are_entered_by_their_surface(module):
    past = [target for target, _ in ours(module) if room(target) != room(module) and "." in target]
    assert past == []


def used_of(package):
    """The names that other rooms take from a package: by import, or as attributes of the imported package."""
    found = set()
    for module in MODULES:
        if room(module) == package:
            continue
        for target, name in ours(module):
            if target == package and name is not None:
                found.add(name)
            elif target == package:
                found |= {
                    node.attr
                    for node in ast.walk(parsed(module))
                    if isinstance(node, ast.Attribute)
                    and isinstance(node.value, ast.Name)
                    and node.value.id == package
                }
    return found


@pytest.mark.parametrize("package", PACKAGES)
def test_a_surface_is_what_others_use(package):
    surface = __import__(f"einderiv.{package}", fromlist=["__all__"])
    promised = {"answer"} if package == "page" else set()  # `einderiv.page.engine.answer` is public
    assert set(surface.__all__) == used_of(package) | promised
    assert sorted(surface.__all__) == list(surface.__all__)
    assert all(hasattr(surface, name) for name in surface.__all__)


def test_no_name_means_two_things_in_two_packages():
    surfaces = {p: __import__(f"einderiv.{p}", fromlist=["__all__"]).__all__ for p in PACKAGES}
    owners = {}
    for package, names in surfaces.items():
        for name in names:
            owners.setdefault(name, []).append(package)
    assert {name: packages for name, packages in owners.items() if len(packages) > 1} == {}


def reached(start):
    """The modules that a module imports, directly or through others of its room."""
    seen, stack = set(), [start]
    while stack:
        for target, _ in ours(stack.pop()):
            if room(target) == room(start) and target not in seen:
                seen.add(target)
                stack.append(target)
    return seen


@pytest.mark.parametrize("module", [m for m in MODULES if "." in m])
def test_no_circle_inside_a_package(module):
    assert module not in reached(module)


@pytest.mark.parametrize("module", [m for m in MODULES if room(m) in SYMBOLIC])
def test_symbolic_rooms_load_no_array_library(module):
    assert [target for target, _, at_load in imports(module) if at_load and target in HEAVY] == []


def test_the_walk_sees_imports_inside_functions():
    # The tests above would be worthless if it did not: paths imports opt_einsum inside a function.
    assert ("opt_einsum", None, False) in set(imports("planning.paths"))


def test_importing_and_deriving_loads_no_array_library():
    code = (
        "import sys, einderiv as ed; print(ed.explain('is,st,tj->ij', 0)); "
        "print(sorted({'numpy', 'opt_einsum'} & set(sys.modules)))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.splitlines()[-1] == "[]"


def implementer(attribute):
    """The room that implements an installed attribute, or None where there is nothing behind it but an error."""
    function = attribute.fget if isinstance(attribute, property) else attribute
    name = function.__module__
    if name == "einderiv.operators":
        return None
    return room(name.removeprefix("einderiv."))


class Watch:
    """Notes every use of an installed attribute by a room below the one that implements it."""

    def __init__(self):
        self.uses = 0
        self.up = set()

    def note(self, name, frame):
        user = frame.f_globals.get("__name__", "")
        if not user.startswith("einderiv.") or user == "einderiv.operators":
            return
        self.uses += 1
        above = implementer(ATTRIBUTES[name])
        here = room(user.removeprefix("einderiv."))
        if above != here and LEVEL[above] >= LEVEL[here]:
            self.up.add((user, name, above))

    def watched(self, name, function):
        @functools.wraps(function)
        def wrapper(*arguments, **options):
            self.note(name, sys._getframe(1))
            return function(*arguments, **options)

        return wrapper


def work():
    """Something of everything: build, derive twice, print, explain, plan, evaluate, structured, check."""
    import numpy as np

    A, B, x, y = (
        ed.tensor("A", "ij"),
        ed.tensor("B", "jk"),
        ed.tensor("x", "j"),
        ed.tensor("y", "i"),
    )
    residual = y - ed.tanh(A @ x)
    loss = (
        ed.sum(residual**2) / 2
        + ed.logsumexp(A @ x, 0)
        - 3 * ed.norm(x) ** 2
        - 2 * ed.norm(x)
        + ed.sum((1 + ed.cos(A @ x)) * y)
        + 1 / (1 + ed.sum(x * x))
    )
    arrays = {"A": np.ones((3, 4)), "B": np.ones((4, 2)), "x": np.ones(4), "y": np.arange(3.0)}
    J = ed.derive(A @ B, "A")
    expressions = {
        "AB": (A @ B, (A @ B).T, J),
        "Axy": (residual, loss, ed.grad(loss, "A"), ed.hessian(loss, "x")),
    }
    for e, names in ((e, names) for names, several in expressions.items() for e in several):
        str(e), repr(e), hash(e), e == e
        for term in e.terms:
            for form in ("subscripts", "operands", "compact", "interleaved", "coefficient"):
                getattr(term, form)
        (
            ed.formula(e),
            ed.latex(e),
            ed.formula(e, style="matrix"),
            ed.diagram(e),
            e._repr_mimebundle_(),
        )
        ed.plan(e), ed.source(e), ed.source(e, "torch"), ed.source(e, "jax")
        given = {name: arrays[name] for name in names}
        ed.evaluate(e, given), ed.evaluate(e, given, dense=False)
    assert J.inserted
    ed.sparsity(J), ed.strip(A @ B, "A"), str(ed.explain(A @ B, "A"))
    ed.parse("y: i\nA: ij\nx: j\nsum(log(1 + exp(-y * (A @ x))))")
    ed.substitute(loss, x=2 * ed.tensor("q", "j"))
    ed.check(loss, "x", **{name: arrays[name] for name in "Axy"})
    ed.minimize(ed.sum((y - A @ x) ** 2), "x", np.zeros(4), A=arrays["A"], y=arrays["y"])


def test_attributes_point_down(monkeypatch):
    watch = Watch()
    for name, attribute in ATTRIBUTES.items():
        if implementer(attribute) is None:
            continue
        if isinstance(attribute, property):
            monkeypatch.setattr(Expr, name, property(watch.watched(name, attribute.fget)))
        else:
            monkeypatch.setattr(Expr, name, watch.watched(name, attribute))
    work()
    assert watch.uses > 50  # it does see them
    assert watch.up == set()


def test_the_watch_sees_an_arrow_up(monkeypatch):
    watch = Watch()
    monkeypatch.setattr(
        Expr, "subscripts", property(watch.watched("subscripts", ATTRIBUTES["subscripts"].fget))
    )
    scope = {"__name__": "einderiv.planning.lowering"}
    exec("def peek(e): return e.subscripts", scope)
    assert scope["peek"](ed.einsum("ij,jk->ik")) == "ij,jk->ik"
    assert watch.up == {("einderiv.planning.lowering", "subscripts", "printing")}


def test_top_level_names_are_no_public_functions():
    assert not {module for module in MODULES if "." not in module} & set(ed.__all__)


def test_few_files_stand_at_the_top():
    assert len([module for module, path in MODULES.items() if path.parent == ROOT]) <= 12


def test_dir_is_the_api():
    assert dir(ed) == sorted(ed.__all__)


def test_types_are_shipped():
    assert (ROOT / "py.typed").is_file()


@pytest.mark.parametrize("name", ed.__all__)
def test_public_names_exist_and_say_what_they_are(name):
    assert getattr(ed, name).__doc__


def test_installed_attributes_are_complete():
    # What the type checker is told in `Expr`, and the rest that users meet, is what `operators` installs.
    source = ast.parse(MODULES["expression.nodes"].read_text(encoding="utf-8"))
    expr = next(
        node for node in source.body if isinstance(node, ast.ClassDef) and node.name == "Expr"
    )
    block = next(node for node in expr.body if isinstance(node, ast.If))
    told = {
        node.name if isinstance(node, ast.FunctionDef) else node.target.id for node in block.body
    }
    assert told <= set(ATTRIBUTES)
    assert all(name in vars(Expr) for name in ATTRIBUTES)
