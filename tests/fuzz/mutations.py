"""Texts that are nearly right: seeds whose tokens are exchanged, doubled, wrapped or cut; and some that are not."""

import re

SEEDS = {
    "einsum": (
        "is,st,tj->ij",
        "ij,jk->ik",
        "...ij,jk->...ik",
        "batch feature,feature out->batch out",
        "i->ii",
        "ii->",
        "i,i->",
        "ij->",
        "->",
        "a b,b c,c->a",
        "ijk,kl,lm->ijm",
        ",i->i",
        "ij,ij,ij->j",
        "bij,bjk->bik",
        "ab,cd",
        "n(i+k)c,kcd->nid",
        "i+k,k->i",
        "k->i(i+k)",
        "(2i+1)->i",
        "-i+3,i-k->ik",
        "(i-j),j->i",
        "(h w)c->hwc",
        "batch (time+lag),lag c->batch time c",
        "(r[e])k,(c[e])k->e",
        "v->r[v]",
        "x[e,k+1]+2*i-1->ei",
        "\u03b1\u03b2,\u03b2\u00e9->\u03b1\u00e9",
    ),
    "text": (
        "T: n m\nU: n k\nV: m k\nsum((T - U @ V.T)**2)",
        "X: i j\nw: j\np = sigmoid(X @ w)\nsum(log(p))",
        "einsum('ij,j->i', A, x)",
        "x: i\ny: i\nexp(x) * y + 3",
        "X: i j\nsoftmax(X, axis=1)",
        "x: i\nsum(x * x) / 2",
        "A: i j\nsum(tanh(A))",
        "x: i\nlogsumexp(x)",
        "A: i i\ntrace(A @ A)",
        "x: i\nnorm(x)",
        "X: i j\nw: j\ny: i\nmean(softplus(X @ w)) - mean(y * (X @ w))",
        "x: i\nA: i i\nx.T @ A @ x",
        "A: i i\nb: i\ninv(A) @ b",
        "x: i\nmaximum(x, 0) + where(x > 0, x, 1)",
        "A: i i\nlogdet(A)",
        "x: i\nf = x**2\nsum(f) + sum(f * x)",
        "x:\nsqrt(1 + x**2)",
        "einsum('i,i->', x, x) * x",
        "A: i j\nA.T @ A",
    ),
    "foreign": (
        "#(ij,j->i; A, x)",
        "sum((T - U @ V)**2)",
        "x^2",
        "sum(abs(x))",
        "exp(#(i,i->; x, x))",
    ),
    "matlab": (
        "x'*A*x + norm2(x)^2",
        "tr(A*X)",
        "exp(-x .* x)",
        "log(det(X))",
        "inv(A)*b",
        "sum(x.^2)",
        "x'*x",
    ),
}
TOKEN = re.compile(r"[A-Za-z_]\w*|\d+(?:\.\d+)?|\*\*|->|\.\.\.|==|\s+|.", re.DOTALL)
OPERATORS = ("+", "-", "*", "/", "@", "**", ",", ".T", ">", ".*", "^", "'", "==", ";")
FUNCTIONS = (
    "exp",
    "sum",
    "log",
    "tanh",
    "softmax",
    "inv",
    "det",
    "mean",
    "abs",
    "sqrt",
    "trace",
    "max",
    "einsum",
)
ODD = (
    *",.->()[]{}'\"#@*^+-/:;= \n\tijkXYAx019_|&~\\$%é→\u200b\0\ud800",
    "->",
    "...",
    "**",
    "1e999",
    "sum(",
    ".T",
    "lambda",
    "__import__",
    "=",
    "axis=",
    "9" * 30,
    "(" * 40,
    "x" * 300,
)
LONGEST = 1500


def tokens(text):
    return TOKEN.findall(text)


def kind(token):
    return (
        "name"
        if token[0].isalpha() or token[0] == "_"
        else "number"
        if token[0].isdigit()
        else "sign"
    )


def gentle(rng, text, others):
    """One small change between tokens."""
    parts = tokens(text) or [""]
    k = rng.randrange(len(parts))
    match rng.randrange(9):
        case 0:  # a letter of a word or of a term, by another of the text
            letters = [c for c in text if c.isalpha()] or ["i"]
            places = [m.start() for m in re.finditer("[A-Za-z]", text)] or [0]
            p = rng.choice(places)
            return text[:p] + rng.choice(letters) + text[p + 1 :]
        case 1:  # a token by one of its kind
            same = [t for t in parts if t and parts[k] and kind(t) == kind(parts[k])] or [""]
            parts[k] = rng.choice(same)
        case 2:
            j = rng.randrange(len(parts))
            parts[k], parts[j] = parts[j], parts[k]
        case 3:  # a term or an argument twice
            j = rng.randrange(k, min(k + 6, len(parts)))
            parts[j:j] = [*parts[k:j], rng.choice((",", "+", "*", ""))]
        case 4:
            del parts[k]
        case 5:
            parts[k] = (
                rng.choice((str(rng.randrange(4)), "2.5", "1e3", "0"))
                if parts[k][:1].isdigit()
                else parts[k]
            )
        case 6:
            parts[k] = f"{rng.choice(FUNCTIONS)}({parts[k]})"
        case 7:
            parts[k] = rng.choice(OPERATORS) if kind(parts[k] or "+") == "sign" else parts[k]
        case 8:  # the beginning of one and the end of another
            other = tokens(rng.choice(others))
            return "".join(parts[:k] + other[rng.randrange(len(other)) :])
    return "".join(parts)


def harsh(rng, text, others):
    """A piece of anything, anywhere."""
    a, b = sorted((rng.randint(0, len(text)), rng.randint(0, len(text))))
    piece = rng.choice(
        ("", rng.choice(ODD), rng.choice(ODD) * rng.randint(1, 40), rng.choice(others)[:b])
    )
    return text[:a] + piece + text[b if rng.random() < 0.4 else a :]


def mutated(rng, family, corpus=()):
    others = (*SEEDS[family], *corpus)
    text = rng.choice(others)
    for _ in range(rng.choice((0, 1, 1, 2, 3))):
        text = gentle(rng, text, others)
    if rng.random() < 0.2:
        for _ in range(rng.randint(1, 4)):
            text = harsh(rng, text, others)
    return text[:LONGEST]
