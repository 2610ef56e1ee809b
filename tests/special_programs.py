"""Random programs at special points, in three languages: ours, PyTorch's, and mpmath's for limits.

A program is a tree of vectors x and y that ends in a number. A point has ties, zeros, equal entries, infinities, axes
of one entry and of none.
"""

import numpy as np
import pytest

import einderiv as ed

mp = pytest.importorskip("mpmath")
torch = pytest.importorskip("torch")

DIGITS = 400
HUGE = mp.mpf(10) ** 100  # beyond, an exponential has no use of its digits


def exp(x):
    if abs(x) > HUGE:
        return mp.inf if x > 0 else mp.mpf(0)
    return mp.exp(x)


def log(x):
    """Of what is negative there is no limit: mpmath's answer would be complex."""
    if x < 0:
        raise ValueError("log of a negative number")
    return mp.log(x)


def sigmoid(x):
    return 1 / (1 + exp(-x))


def logaddexp(x, y):
    top = max(x, y)
    return top + log(exp(x - top) + exp(y - top))


def tanh(x):
    return mp.sign(x) * (1 - exp(-2 * abs(x))) / (1 + exp(-2 * abs(x)))


def root(x):
    if x < 0:
        raise ValueError("root of a negative number")
    return mp.sqrt(x)


def half(x):
    """Φ(x)."""
    return mp.erfc(-x / mp.sqrt(2)) / 2 if abs(x) < 1000 else mp.mpf(x > 0)


def arctan2(y, x):
    return mp.atan2(y, x) if x or y else mp.mpf(0)


#: functions of entries, by name: ours, PyTorch's, mpmath's
UNARY = {
    "exp":        (ed.exp, torch.exp, exp),
    "expm1":      (ed.expm1, torch.expm1, lambda x: exp(x) - 1),
    "log":        (ed.log, torch.log, log),
    "log1p":      (ed.log1p, torch.log1p, lambda x: log(1 + x)),
    "log2":       (ed.log2, torch.log2, lambda x: log(x) / mp.log(2)),
    "sqrt":       (ed.sqrt, torch.sqrt, root),
    "1/x":        (lambda x: 1 / x, lambda x: 1 / x, lambda x: 1 / x),
    "x**-2":      (lambda x: x**-2, lambda x: x**-2, lambda x: x**-2),
    "x**1.5":     (lambda x: x**1.5, lambda x: x**1.5, lambda x: root(x) ** 3),
    "tan":        (ed.tan, torch.tan, mp.tan),
    "arcsin":     (lambda x: ed.arcsin(ed.tanh(x)), lambda x: torch.arcsin(torch.tanh(x)), lambda x: mp.asin(tanh(x))),
    "arcsinh":    (ed.arcsinh, torch.arcsinh, mp.asinh),
    "arctanh":    (lambda x: ed.arctanh(x / 4), lambda x: torch.arctanh(x / 4), lambda x: (log(1 + x / 4) - log(1 - x / 4)) / 2),
    "arccosh":    (lambda x: ed.arccosh(2 + x * x), lambda x: torch.arccosh(2 + x * x), lambda x: mp.acosh(2 + x * x)),
    "tanh":       (ed.tanh, torch.tanh, tanh),
    "sigmoid":    (ed.sigmoid, torch.sigmoid, sigmoid),
    "logsigmoid": (ed.log_sigmoid, torch.nn.functional.logsigmoid, lambda x: -logaddexp(-x, mp.mpf(0))),
    "softplus":   (ed.softplus, lambda x: torch.logaddexp(x, torch.zeros_like(x)), lambda x: logaddexp(x, mp.mpf(0))),
    "relu":       (ed.relu, torch.relu, lambda x: max(x, mp.mpf(0))),
    "leaky":      (lambda x: ed.leaky_relu(x, 0.25), lambda x: torch.nn.functional.leaky_relu(x, 0.25), lambda x: x if x > 0 else x / 4),
    "abs":        (ed.abs, torch.abs, abs),
    "|x|²":       (lambda x: ed.abs(x) ** 2, lambda x: x * x, lambda x: x * x),
    "sign":       (ed.sign, lambda x: torch.where(x.isnan(), x, torch.sign(x)), mp.sign),
    "heaviside":  (ed.heaviside, lambda x: (x > 0) + 0 * x.nan_to_num(0, 0, 0), lambda x: mp.mpf(x > 0)),
    "sin":        (ed.sin, torch.sin, mp.sin),
    "cos":        (ed.cos, torch.cos, mp.cos),
    "arctan":     (ed.arctan, torch.arctan, mp.atan),
    "square":     (ed.square, torch.square, lambda x: x * x),
    "silu":       (ed.silu, torch.nn.functional.silu, lambda x: x * sigmoid(x)),
    "gelu":       (ed.gelu, torch.nn.functional.gelu, lambda x: x * half(x)),
    "elu":        (ed.elu, torch.nn.functional.elu, lambda x: x if x > 0 else exp(x) - 1),
    "erf":        (ed.erf, torch.erf, lambda x: 2 * half(x * mp.sqrt(2)) - 1),
    "sinh":       (ed.sinh, torch.sinh, lambda x: (exp(x) - exp(-x)) / 2),
    "cosh":       (ed.cosh, torch.cosh, lambda x: (exp(x) + exp(-x)) / 2),
    "3x":         (lambda x: 3 * x, lambda x: 3 * x, lambda x: 3 * x),
    "-x":         (lambda x: -x, lambda x: -x, lambda x: -x),
    "0x":         (lambda x: 0 * x, lambda x: 0 * x, lambda x: 0 * x),
    "x³":         (lambda x: x**3, lambda x: x**3, lambda x: x**3),
    "x + 1":      (lambda x: x + 1, lambda x: x + 1, lambda x: x + 1),
    "exp/exp":    (lambda x: ed.exp(x) * (1 / ed.exp(x)), lambda x: 1 + 0 * x.nan_to_num(0, 0, 0), lambda x: mp.mpf(1)),
    "log σ":      (lambda x: ed.log(ed.sigmoid(x)), torch.nn.functional.logsigmoid, lambda x: -logaddexp(-x, mp.mpf(0))),
    "log eˣ":     (lambda x: ed.log(ed.exp(x)), lambda x: 1 * x, lambda x: x),
}  # fmt: skip


def _masked(condition, f):
    """``where(condition, f, 0)`` for PyTorch, which needs an argument that is safe."""

    def masked(x):
        chosen = condition(x)
        return torch.where(chosen, f(torch.where(chosen, x, 1.0)), 0.0)

    return masked


#: masks over what is infinite or nan where they do not choose
MASKS = {
    "log where > 0":  (lambda x: ed.where(ed.greater(x, 0), ed.log(x), 0), _masked(lambda x: x > 0, torch.log), lambda x: log(x) if x > 0 else mp.mpf(0)),
    "√ where > 0":    (lambda x: ed.where(ed.greater(x, 0), ed.sqrt(x), 0), _masked(lambda x: x > 0, torch.sqrt), lambda x: root(x) if x > 0 else mp.mpf(0)),
    "1/x where ≠ 0":  (lambda x: ed.where(ed.not_equal(x, 0), 1 / x, 0), _masked(lambda x: x != 0, lambda x: 1 / x), lambda x: 1 / x if x else mp.mpf(0)),
    "0 where ≤ 0":    (lambda x: ed.where(ed.less_equal(x, 0), 0, ed.log(x)), _masked(lambda x: ~(x <= 0), torch.log), lambda x: mp.mpf(0) if x <= 0 else log(x)),
    "eˣ where < 1":   (lambda x: ed.where(ed.less(x, 1), ed.exp(x), 0), _masked(lambda x: x < 1, torch.exp), lambda x: exp(x) if x < 1 else mp.mpf(0)),
    "x where finite": (lambda x: ed.where(ed.less(ed.abs(x), 1e4), x**3, 0), _masked(lambda x: x.abs() < 1e4, lambda x: x**3), lambda x: x**3 if abs(x) < 1e4 else mp.mpf(0)),
}  # fmt: skip
BINARY = {
    "+":         (lambda x, y: x + y,) * 3,
    "-":         (lambda x, y: x - y,) * 3,
    "*":         (lambda x, y: x * y,) * 3,
    "maximum":   (ed.maximum, torch.maximum, max),
    "minimum":   (ed.minimum, torch.minimum, min),
    "logaddexp": (np.logaddexp, torch.logaddexp, logaddexp),
    "arctan2":   (ed.arctan2, torch.arctan2, arctan2),
    "hypot":     (ed.hypot, torch.hypot, lambda x, y: root(x * x + y * y)),
    "where(>)":  (lambda x, y: ed.where(x > y, x, y * y), lambda x, y: torch.where(x > y, x, y * y), lambda x, y: x if x > y else y * y),
    "where(≥)":  (lambda x, y: ed.where(x >= 0, x * y, y), lambda x, y: torch.where(x >= 0, x * y, y), lambda x, y: x * y if x >= 0 else y),
    "x/(1+y²)":  (lambda x, y: x / (1 + y * y),) * 3,
}  # fmt: skip


def _length(x):
    return root(sum(e * e for e in x))


def _mean(x):
    return sum(x) / len(x)


def _variance(x):
    return _mean([(e - _mean(x)) ** 2 for e in x])


def _logsumexp(x):
    top = max(x)
    return top + log(sum(exp(e - top) for e in x))


def _product(x):
    found = mp.mpf(1)
    for e in x:
        found *= e
    return found


#: vectors to numbers
REDUCTIONS = {
    "sum":       (ed.sum, torch.sum, sum),
    "mean":      (ed.mean, torch.mean, _mean),
    "Σx²":       (ed.norm_squared, lambda x: (x * x).sum(), lambda x: sum(e * e for e in x)),
    "max":       (ed.max, lambda x: torch.amax(x, 0), max),
    "min":       (ed.min, lambda x: torch.amin(x, 0), min),
    "logsumexp": (ed.logsumexp, lambda x: torch.logsumexp(x, 0), _logsumexp),
    "log Σ eˣ":  (lambda x: ed.log(ed.sum(ed.exp(x))), lambda x: torch.logsumexp(x, 0), _logsumexp),
    "prod":      (ed.prod, torch.prod, _product),
    "norm":      (ed.norm, torch.linalg.vector_norm, _length),
    "norm²":     (lambda x: ed.norm(x) ** 2, lambda x: (x * x).sum(), lambda x: sum(e * e for e in x)),
    "norm₁":     (lambda x: ed.norm(x, 1), lambda x: torch.linalg.vector_norm(x, 1), lambda x: sum(map(abs, x))),
    "var":       (ed.var, lambda x: torch.var(x, correction=0), _variance),
    "std":       (ed.std, lambda x: torch.std(x, correction=0), lambda x: root(_variance(x))),
}  # fmt: skip
#: vectors to vectors, which mix their entries
MIXING = {
    "softmax":     (lambda x: ed.softmax(x, 0), lambda x: torch.softmax(x, 0), lambda x: [exp(e - _logsumexp(x)) for e in x]),
    "log_softmax": (lambda x: ed.log_softmax(x, 0), lambda x: torch.log_softmax(x, 0), lambda x: [e - _logsumexp(x) for e in x]),
    "log softmax": (lambda x: ed.log(ed.softmax(x, 0)), lambda x: torch.log_softmax(x, 0), lambda x: [e - _logsumexp(x) for e in x]),
    "x·max":       (lambda x: x * ed.max(x), lambda x: x * torch.amax(x, 0), lambda x: [e * max(x) for e in x]),
    "x−mean":      (lambda x: x - ed.mean(x), lambda x: x - x.mean(), lambda x: [e - _mean(x) for e in x]),
    "x·norm":      (lambda x: x * ed.norm(x), lambda x: x * torch.linalg.vector_norm(x), lambda x: [e * _length(x) for e in x]),
    "pairs":       (lambda x: ed.sum(ed.abs(ed.einsum("i->ij", x, sizes={"j": "n"}) - ed.einsum("j->ij", x, sizes={"i": "n"})), 1),
                    lambda x: (x[:, None] - x).abs().sum(1), lambda x: [sum(abs(e - f) for f in x) for e in x]),
}  # fmt: skip
TABLES = {
    "unary": UNARY,
    "masks": MASKS,
    "binary": BINARY,
    "reductions": REDUCTIONS,
    "mixing": MIXING,
}
#: how often a node is of a table; the rest are x and y themselves
SHARES = (("unary", 0.38), ("masks", 0.12), ("binary", 0.27), ("mixing", 0.12))
ORDINARY = [0.0, 0.0, 1.0, -1.0, 0.5, 2.0]
EXTREME = [np.inf, -np.inf, 800.0, -800.0]
OURS, TORCH, LIMIT = range(3)


def program(seed):
    """A random program: a name, or a table, a row and parts."""
    random = np.random.default_rng(seed)

    def row(table):
        return list(TABLES[table])[random.integers(len(TABLES[table]))]

    def vector(depth):
        left = random.random()
        for table, share in SHARES if depth else ():
            left -= share
            if left < 0:
                parts = [vector(depth - 1) for _ in range(2 if table == "binary" else 1)]
                return (table, row(table), *parts)
        return "xy"[random.integers(2)]

    return ("reductions", row("reductions"), vector(1 + random.integers(3)))


def shown(tree):
    """The program as text."""
    if isinstance(tree, str):
        return tree
    _, name, *parts = tree
    return f"{name}({', '.join(map(shown, parts))})"


def functions_of(tree):
    """The names of the functions in a program."""
    if isinstance(tree, str):
        return set()
    _, name, *parts = tree
    return {name}.union(*map(functions_of, parts))


def point(seed):
    """x and y, of 0 to 3 entries."""
    random = np.random.default_rng([seed, 1])
    n = random.choice([0, 1, 2, 3], p=[0.05, 0.2, 0.35, 0.4])
    pool = ORDINARY + EXTREME * (random.random() < 0.25)
    x = random.choice(pool, n)
    y = x.copy() if random.random() < 0.3 else random.choice(pool, n)
    return x, y


def applied(tree, language, values):
    """The program in a language, of its values for x and y."""
    if isinstance(tree, str):
        return values[tree]
    table, name, *parts = tree
    function = TABLES[table][name][language]
    arguments = [applied(part, language, values) for part in parts]
    if language == LIMIT and table in ("unary", "masks", "binary"):
        return [function(*entries) for entries in zip(*arguments, strict=True)]
    return function(*arguments)


def expressions(tree):
    """Value, gradient by x, second derivatives by x and x, x and y."""
    values = {name: ed.tensor(name, "n") for name in "xy"}
    loss = applied(tree, OURS, values)
    # x and y are part of every program, whatever it is made of
    loss = loss + 0 * ed.sum(values["x"]) + 0 * ed.sum(values["y"])
    return [loss, ed.grad(loss, "x"), ed.hessian(loss, "x"), ed.hessian(loss, "x", "y")]


def ours(tree, x, y, backend="numpy"):
    """The four arrays by a backend of ours."""
    return [np.asarray(a) for a in ed.compile(expressions(tree), backend=backend)(x=x, y=y)]


def theirs(tree, x, y):
    """The same by PyTorch."""
    x, y = (torch.tensor(a, requires_grad=True) for a in (x, y))
    loss = applied(tree, TORCH, {"x": x, "y": y})
    (slope,) = _slopes(loss, [x])
    rows = [_slopes(entry, [x, y]) for entry in slope]
    second = [torch.stack([row[k] for row in rows]) if rows else x.new_zeros(0, 0) for k in (0, 1)]
    return [a.detach().numpy() for a in (loss, slope, *second)]


def _slopes(value, of):
    """Gradients that can be differentiated again; zeros where there are none."""
    if not value.requires_grad:
        return [torch.zeros_like(a) for a in of]
    return torch.autograd.grad(
        value, of, create_graph=True, allow_unused=True, materialize_grads=True
    )


class Limits:
    """Value and derivatives of a program in the limit: infinite entries are far out, slopes are differences over
    steps that are tiny; where they differ from side to side, or on another way, there is no limit: None.
    """

    #: digits of the step, and powers of ten of the infinite entries of x and y
    WAYS = ((15, (20, 23, 29, 21, 25, 28)), (25, (49, 42, 40, 47, 45, 41)))

    def __init__(self, tree, x, y):
        self.tree = tree
        self.n = len(x)
        self.at = [*map(float, x), *map(float, y)]

    def value(self):
        return self._agreed(lambda f, h: [f({})])

    def slope(self, i):
        def differences(f, h):
            here = f({})
            return [(f({i: h}) - here) / h, (here - f({i: -h})) / h]

        return self._agreed(differences)

    def second(self, i, j):
        """By entry i of x and entry j of both."""

        def differences(f, h):
            found = []
            for s, t in ((h, h), (h, -h), (-h, h), (-h, -h)):
                if i != j:
                    found.append((f({i: s, j: t}) - f({i: s}) - f({j: t}) + f({})) / (s * t))
                elif s == t:
                    found.append((f({i: 2 * s}) - 2 * f({i: s}) + f({})) / (h * h))
            if i == j:  # across a kink too
                found.append((f({i: h}) - 2 * f({}) + f({i: -h})) / (h * h))
            return found

        return self._agreed(differences)

    def _agreed(self, differences):
        found = []
        with mp.workdps(DIGITS):
            for digits, powers in self.WAYS:
                base = [
                    self._number(e, power)
                    for e, power in zip(self.at, powers[-len(self.at) :], strict=False)
                ]

                def shifted(steps, base=base):
                    moved = [e + steps.get(k, 0) for k, e in enumerate(base)]
                    values = {"x": moved[: self.n], "y": moved[self.n :]}
                    return +applied(self.tree, LIMIT, values)

                try:
                    found += differences(shifted, mp.mpf(10) ** -digits)
                except (
                    ValueError,
                    ZeroDivisionError,
                    OverflowError,
                    TypeError,
                    mp.libmp.NoConvergence,
                ):
                    return None
        return _one(found, not np.isfinite(self.at).all())

    @staticmethod
    def _number(entry, power):
        return mp.sign(entry) * mp.mpf(10) ** power if np.isinf(entry) else mp.mpf(entry)


def _one(found, far):
    """The number that all are, as a float; infinite, if all that is `far` out grows on one side."""
    if any(mp.isnan(a) or isinstance(a, mp.mpc) for a in found):
        return None
    first = found[0]
    if all(abs(a - first) <= 1e-7 * abs(first) + 1e-11 for a in found):
        return float(first)
    grows = all(abs(a) > 1e12 and mp.sign(a) == mp.sign(first) for a in found)
    return float(mp.sign(first) * mp.inf) if far and grows else None
