"""Matrix notation as numbers: `"2 Aᵀ (A X B + C) Bᵀ"` at given arrays, to test the texts of the generated pages.

Vectors are columns and numbers 1×1 matrices, so that one rule multiplies all: matrices that fit, and numbers with all.
Tensors with four axes are matrices with two of them for the rows, the first of them running fastest, as `vec` stacks
columns; `K vec(X) = vec(Xᵀ)`, `minors(X)` is the second derivative of det(X), and `L(A, E)` the derivative of the
exponential at A in the direction E.
"""

import re

import numpy as np
from scipy.linalg import expm_frechet
from scipy.special import softmax

TOKEN = re.compile(
    r"\s*(ln \|det|conj|\d+(?:\.\d+)?j?|[A-Za-z]+\d*|√|\^\(\d+/\d+\)|⁻¹|⁻ᵀ|[⁺ᵀ²³⁴]|[+−∘⊗/()|‖,])"
)
POWERS = {"²": 2, "³": 3, "⁴": 4}
CALLS = {
    "tr": lambda a: np.array([[np.trace(a)]]),
    "det": lambda a: np.array([[np.linalg.det(a)]]),
    "adj": lambda a: np.linalg.det(a) * np.linalg.inv(a),
    "diag": lambda a: np.diag(a[:, 0]) if a.shape[1] == 1 else np.diag(a)[:, None],
    "conj": np.conj,
    "vec": lambda a: a.reshape(-1, 1, order="F"),
    "unvec": lambda a: a,  # `value` has the shape
    "minors": lambda a: (
        np.linalg.det(a) * (outer(np.linalg.inv(a).T) - crossed(np.linalg.inv(a).T))
    ),
    "√": np.sqrt,
    "log": np.log,
    "sigmoid": lambda a: 1 / (1 + np.exp(-a)),
    "heaviside": lambda a: (a > 0) * 1.0,
    "softmax": lambda a: softmax(a, axis=1 if a.shape[1] > 1 else 0),  # of rows, or of a vector
    **{name: getattr(np, name) for name in ("sin", "cos", "exp", "sign", "tanh")},
}
ENTRIES = {
    "√",
    "log",
    "sigmoid",
    "softmax",
    "sin",
    "cos",
    "exp",
    "tanh",
}  # a power is one of entries


def outer(a):
    return a.reshape(-1, 1, order="F") * a.reshape(1, -1, order="F")


def crossed(a):
    """∂²ln det / ∂X[i,j]∂X[k,l] with the other sign, of ``a = X⁻ᵀ``."""
    return np.einsum("il,kj->ijkl", a, a).reshape(a.size, a.size, order="F")


def commutation(rows, columns):
    units = np.eye(rows * columns).reshape(rows, columns, -1, order="F")
    return units.swapaxes(0, 1).reshape(rows * columns, -1, order="F")


def matrix(a):
    a = np.asarray(a)
    if a.ndim == 4:
        return a.reshape(a.shape[0] * a.shape[1], -1, order="F")
    return a.reshape(1, 1) if not a.ndim else a[:, None] if a.ndim == 1 else a


class Text:
    """One text, read from left to right."""

    def __init__(self, text, arrays, shape):
        self.tokens, self.right, self.shape = TOKEN.findall(text), False, shape or ()
        assert "".join(self.tokens) == "".join(text.split()).replace("ln|det", "ln |det"), text
        self.arrays = {name: matrix(a) for name, a in arrays.items()}
        if len(self.shape) == 4:
            self.arrays["K"] = commutation(*shape[2:])

    def peek(self):
        return self.tokens[0] if self.tokens else ""

    def take(self, wanted=None):
        token = self.tokens.pop(0)
        assert wanted in (None, token)
        return token

    def sum(self):
        total = self.signed()
        while self.peek() in ("+", "−"):
            sign = 1 if self.take() == "+" else -1
            total = total + sign * self.quotient()
        return total

    def signed(self):
        if self.peek() == "−":
            self.take()
            return -self.quotient()
        return self.quotient()

    def quotient(self):
        value = self.entrywise()
        if self.peek() == "/":
            self.take()
            value = value / self.factor()
        return value

    def entrywise(self):
        value = self.product()
        while self.peek() in ("∘", "⊗"):
            self.right = self.take() == "⊗"
            value = np.kron(value, self.product()) if self.right else value * self.product()
            self.right = False
        return value

    def product(self):
        value = self.factor()
        while self.peek() and self.peek() not in ("+", "−", "/", "∘", "⊗", ")", "|", "‖", ","):
            other = self.factor()
            value = value * other if 1 in (value.size, other.size) else value @ other
        return value

    def factor(self):
        is_of_entries = self.peek() in ENTRIES
        value = self.atom()
        while self.peek() in ("ᵀ", "⁻¹", "⁻ᵀ", "⁺", *POWERS) or self.peek().startswith("^"):
            token = self.take()
            if token.startswith("^"):
                above, below = token[2:-1].split("/")
                value = value ** (int(above) / int(below))
                continue
            if token == "ᵀ":
                value = value.T
            elif token == "⁺":
                value = np.linalg.pinv(value)
            elif token in POWERS and (is_of_entries or value.shape[0] != value.shape[1]):
                value = value ** POWERS[token]
            elif token in POWERS:
                value = np.linalg.matrix_power(value, POWERS[token])
            else:
                value = np.linalg.inv(value) if token == "⁻¹" else np.linalg.inv(value).T
        return value

    def atom(self):
        token = self.take()
        if token == "I":
            return np.eye(self.size_of_identity())
        if token == "L":
            return self.direction()
        if token in ("(", "‖", "ln |det"):
            value = self.sum()
            self.take({"(": ")", "‖": "‖"}.get(token, "|"))
            if token == "(":
                return value
            return matrix(
                np.linalg.norm(value) if token == "‖" else np.log(abs(np.linalg.det(value)))
            )
        if token in CALLS:
            self.take("(")
            value = CALLS[token](self.sum())
            self.take(")")
            return value
        return (
            matrix(complex(token) if "j" in token else float(token))
            if token[0].isdigit()
            else self.arrays[token]
        )

    def size_of_identity(self):
        """The first axis; of a product with four axes, I ⊗ A has the second and B ⊗ I the first."""
        return self.shape[int(not self.right and len(self.shape) == 4)] if self.shape else 1

    def direction(self):
        self.take("(")
        a = self.sum()
        self.take(",")
        e = self.sum()
        self.take(")")
        return expm_frechet(a, e, compute_expm=False)


def value(text, arrays, shape):
    """The value of `text`, in `shape`."""
    reader = Text(text, arrays, shape)
    found = reader.sum()
    assert not reader.tokens
    if shape is None:  # of a part, which is a matrix for those that read it
        return found
    return found.reshape(shape, order="F" if len(shape) == 4 or "unvec" in text else "C")
