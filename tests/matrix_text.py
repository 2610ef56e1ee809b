"""Matrix notation as numbers: `"2 Aᵀ (A X B + C) Bᵀ"` at given arrays, to test the texts of the generated pages.

Vectors are columns and numbers 1×1 matrices, so that one rule multiplies all: matrices that fit, and numbers with all.
"""

import re

import numpy as np

TOKEN = re.compile(r"\s*(ln \|det|conj|\d+(?:\.\d+)?j?|[A-Za-z]+|⁻¹|⁻ᵀ|[⁺ᵀ²³⁴]|[+−∘⊗/()|‖])")
POWERS = {"²": 2, "³": 3, "⁴": 4}
ADJUGATE = {
    "tr": lambda a: np.array([[np.trace(a)]]),
    "det": lambda a: np.array([[np.linalg.det(a)]]),
    "adj": lambda a: np.linalg.det(a) * np.linalg.inv(a),
    "diag": lambda a: np.diag(a[:, 0]) if a.shape[1] == 1 else np.diag(a)[:, None],
    "conj": np.conj,
    **{name: getattr(np, name) for name in ("sin", "cos", "exp", "sign")},
}


def matrix(a):
    a = np.asarray(a)
    return a.reshape(1, 1) if not a.ndim else a[:, None] if a.ndim == 1 else a


class Text:
    """One text, read from left to right."""

    def __init__(self, text, arrays, n):
        self.tokens = TOKEN.findall(text)
        assert "".join(self.tokens) == "".join(text.split()).replace("ln|det", "ln |det"), text
        self.arrays = {**{name: matrix(a) for name, a in arrays.items()}, "I": np.eye(n)}

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
            value = value * self.product() if self.take() == "∘" else np.kron(value, self.product())
        return value

    def product(self):
        value = self.factor()
        while self.peek() and self.peek() not in ("+", "−", "/", "∘", "⊗", ")", "|", "‖"):
            other = self.factor()
            value = value * other if 1 in (value.size, other.size) else value @ other
        return value

    def factor(self):
        value = self.atom()
        while self.peek() in ("ᵀ", "⁻¹", "⁻ᵀ", "⁺", *POWERS):
            token = self.take()
            if token == "ᵀ":
                value = value.T
            elif token == "⁺":
                value = np.linalg.pinv(value)
            elif token in POWERS:
                value = np.linalg.matrix_power(value, POWERS[token])
            else:
                value = np.linalg.inv(value) if token == "⁻¹" else np.linalg.inv(value).T
        return value

    def atom(self):
        token = self.take()
        if token in ("(", "‖", "ln |det"):
            value = self.sum()
            self.take({"(": ")", "‖": "‖"}.get(token, "|"))
            if token == "(":
                return value
            return matrix(np.linalg.norm(value) if token == "‖" else np.log(abs(np.linalg.det(value))))
        if token in ADJUGATE:
            self.take("(")
            value = ADJUGATE[token](self.sum())
            self.take(")")
            return value
        return matrix(complex(token) if "j" in token else float(token)) if token[0].isdigit() else self.arrays[token]


def value(text, arrays, shape):
    """The value of `text`, in `shape`."""
    reader = Text(text, arrays, shape[0] if shape else 1)
    found = reader.sum()
    assert not reader.tokens
    return found.reshape(shape)
