"""Ordinary NumPy programs, as people of many fields write them: a function and the axes of its arguments.

A program is NumPy code and knows nothing of us. ``np`` is looked up when it runs, so that a judge may put another
library in its place.
"""

from dataclasses import dataclass

import numpy as np

SIZES = {"n": 5, "d": 3, "o": 2, "k": 4, "m": 4, "t": 6, "b": 2, "h": 3, "p": 7, "q": 5}


@dataclass(frozen=True, eq=False)
class Program:
    """A function and the axes of its arguments, letter by letter.

    `named` says whether it can be read with names of axes; the others need sizes, for they ask for numbers. `low` and
    `high` are where its arguments lie.
    """

    function: object
    axes: dict
    named: bool = True
    low: float = 0.4
    high: float = 1.6

    @property
    def name(self):
        return self.function.__name__

    def shapes(self):
        return {name: tuple(SIZES[letter] for letter in axes) for name, axes in self.axes.items()}


PROGRAMS = []


def program(axes, **options):
    """``@program("X:nd w:d s")``: a row of the table."""
    parted = dict(part.split(":") if ":" in part else (part, "") for part in axes.split())

    def enter(function):
        PROGRAMS.append(Program(function, parted, **options))
        return function

    return enter


# ---- losses and regressions
@program("X:nd w:d y:n")
def least_squares(X, w, y):
    r = X @ w - y
    return 0.5 * np.dot(r, r) / X.shape[0]


@program("X:nd w:d b y:n lam")
def ridge_with_intercept(X, w, b, y, lam):
    r = X @ w + b - y
    return np.mean(r**2) + lam * np.sum(w**2)


@program("X:nd w:d y:n")
def logistic(X, w, y):
    z = X.dot(w)
    return np.mean(np.log1p(np.exp(-y * z)))


@program("X:nd W:do y:no")
def cross_entropy(X, W, y):
    z = X @ W
    z = z - z.max(axis=1, keepdims=True)
    p = np.exp(z) / np.exp(z).sum(axis=1, keepdims=True)
    return -(y * np.log(p)).sum(axis=1).mean()


@program("x:n y:n")
def huber(x, y):
    r = x - y
    small = np.abs(r) < 0.3
    return np.where(small, 0.5 * r**2, 0.3 * (np.abs(r) - 0.15)).sum()


@program("x:n y:n")
def hinge(x, y):
    return np.maximum(0, 1 - x * (y - 1)).mean()


@program("x:n tau")
def pinball(x, tau):
    e = x - 1
    return np.mean(np.maximum(tau * e, (tau - 1) * e))


@program("X:nd w:d y:n")
def poisson_regression(X, w, y):
    eta = np.matmul(X, w)
    return np.sum(np.exp(eta) - y * eta)


@program("w:d l1 l2")
def elastic_net(w, l1, l2):
    return l1 * np.linalg.norm(w, 1) + l2 * np.linalg.norm(w) ** 2


@program("X:nd y:n")
def normal_equations(X, y):
    return np.linalg.solve(X.T @ X + 0.1 * np.eye(3), X.T @ y)


@program("x:n y:n")
def line_fit(x, y):
    xm, ym = x.mean(), y.mean()
    slope = ((x - xm) * (y - ym)).sum() / ((x - xm) ** 2).sum()
    return slope, ym - slope * xm


@program("X:nd beta:d y:n")
def negative_binomial(X, beta, y):
    mu = np.exp(X @ beta)
    r = 2.0
    return -np.sum(y * np.log(mu / (r + mu)) + r * np.log(r / (r + mu)))


@program("logits:no t:no")
def focal_loss(logits, t):
    p = 1.0 / (1.0 + np.exp(-logits))
    return -np.mean(t * (1 - p) ** 2 * np.log(p) + (1 - t) * p**2 * np.log(1 - p))


# ---- networks
@program("X:nd W1:dh b1:h W2:ho b2:o")
def two_layers(X, W1, b1, W2, b2):
    hidden = np.tanh(X @ W1 + b1)
    return hidden @ W2 + b2


@program("X:nd W:dk b:k")
def dense_relu(X, W, b):
    return np.maximum(X @ W + b - 2, 0)


@program("x:d W:kd U:kk h:k b:k")
def recurrent_cell(x, W, U, h, b):
    return np.tanh(np.dot(W, x) + np.dot(U, h) + b)


@program("X:nd g:d c:d")
def layer_norm(X, g, c):
    mu = X.mean(axis=-1, keepdims=True)
    var = X.var(axis=-1, keepdims=True)
    return g * (X - mu) / np.sqrt(var + 1e-5) + c


@program("X:nd g:d c:d")
def batch_norm(X, g, c):
    mu = np.mean(X, axis=0)
    var = np.var(X, axis=0)
    return g * (X - mu) / np.sqrt(var + 1e-5) + c


@program("Q:nd K:md V:mk")
def attention(Q, K, V):
    s = Q @ K.T / np.sqrt(K.shape[-1])
    a = np.exp(s - s.max(-1, keepdims=True))
    a /= a.sum(-1, keepdims=True)
    return a @ V


@program("Q:bnd K:bmd V:bmk")
def batched_attention(Q, K, V):
    s = Q @ K.swapaxes(-1, -2) / np.sqrt(Q.shape[-1])
    a = np.exp(s) / np.sum(np.exp(s), axis=-1, keepdims=True)
    return np.matmul(a, V)


@program("x:p w:d")
def convolution(x, w):
    return np.convolve(x, w, mode="valid")


@program("x:n")
def gelu(x):
    return 0.5 * x * (1 + np.tanh(np.sqrt(2 / np.pi) * (x + 0.044715 * x**3)))


@program("x:n a")
def swish(x, a):
    return x / (1 + np.exp(-a * x))


@program("X:nd W:do b:o")
def highway(X, W, b):
    gate = 1 / (1 + np.exp(-(X @ W + b)))
    return gate * X[:, :2] + (1 - gate) * np.ones_like(gate)


@program("E:kd", named=True)
def embedding(E):
    ids = np.array([0, 2, 2, 1])
    return E[ids].mean(axis=0)


# ---- columns and tables
@program("X:nd")
def centred(X):
    return X - X.mean(0)


@program("X:nd")
def standardised(X):
    return (X - X.mean(axis=0)) / X.std(axis=0)


@program("X:nd")
def standardised_sample(X):
    return (X - np.mean(X, axis=0, keepdims=True)) / np.std(X, axis=0, ddof=1, keepdims=True)


@program("X:nd")
def min_max(X):
    low, high = X.min(axis=0), X.max(axis=0)
    return (X - low) / (high - low)


@program("X:nd")
def unit_rows(X):
    return X / np.linalg.norm(X, axis=1, keepdims=True)


@program("X:nd")
def unit_rows_with_none(X):
    return X / np.sqrt((X**2).sum(axis=1))[:, None]


@program("X:nd")
def softmax_rows(X):
    e = np.exp(X - np.max(X, axis=1, keepdims=True))
    return e / e.sum(axis=1, keepdims=True)


@program("x:n")
def softmax_vector(x):
    e = np.exp(x - x.max())
    return e / e.sum()


@program("X:nd")
def logsumexp(X):
    top = X.max(axis=1)
    return top + np.log(np.exp(X - top[:, None]).sum(axis=1))


@program("X:nd")
def covariance(X):
    c = X - X.mean(axis=0)
    return c.T @ c / (X.shape[0] - 1)


@program("X:nd")
def correlation(X):
    c = X - X.mean(0)
    s = c.T @ c
    d = np.sqrt(np.diag(s))
    return s / np.outer(d, d)


@program("X:nd w:n")
def weighted_mean(X, w):
    return (w[:, np.newaxis] * X).sum(axis=0) / w.sum()


@program("X:nd")
def doubly_centred(X):
    return X - X.mean(0, keepdims=True) - X.mean(1, keepdims=True) + X.mean()


@program("T:bnd")
def means_over_two_axes(T):
    return T - T.mean(axis=(0, 2), keepdims=True)


# ---- distances and kernels
@program("X:nd Y:md")
def squared_distances(X, Y):
    return ((X[:, None, :] - Y[None, :, :]) ** 2).sum(axis=-1)


@program("X:nd Y:md")
def distances_by_norms(X, Y):
    return (X**2).sum(1)[:, None] + (Y**2).sum(1) - 2 * X @ Y.T


@program("X:nd Y:md")
def euclidean(X, Y):
    return np.linalg.norm(X[:, None] - Y[None], axis=2)


@program("x:n y:m s ell")
def rbf_kernel(x, y, s, ell):
    d = x[:, None] - y[None, :]
    return s**2 * np.exp(-0.5 * (d / ell) ** 2)


@program("x:n p ell")
def periodic_kernel(x, p, ell):
    d = x.reshape(-1, 1) - x.reshape(1, -1)
    return np.exp(-2 * np.sin(np.pi * d / p) ** 2 / ell**2)


@program("X:nd Y:md c")
def polynomial_kernel(X, Y, c):
    return (np.dot(X, Y.T) + c) ** 3


@program("x:n y:n s")
def gp_likelihood(x, y, s):
    K = np.exp(-0.5 * (x[:, None] - x) ** 2) + s * np.eye(5)
    L = np.linalg.cholesky(K)
    return 0.5 * y @ np.linalg.solve(K, y) + np.log(np.diag(L)).sum()


@program("X:nd Y:md")
def cosine_similarity(X, Y):
    a = X / np.sqrt(np.sum(X * X, axis=1, keepdims=True))
    b = Y / np.sqrt(np.sum(Y * Y, axis=1, keepdims=True))
    return a @ b.T


@program("x:d y:d A:dd")
def mahalanobis(x, y, A):
    delta = x - y
    return np.sqrt(delta @ A @ delta.T + 10)


@program("X:nd C:kd tau")
def soft_assignment(X, C, tau):
    d2 = np.sum((X[:, np.newaxis] - C[np.newaxis]) ** 2, axis=-1)
    p = np.exp(-d2 / tau)
    return p / p.sum(axis=1)[:, np.newaxis]


# ---- physics
@program("r:nd")
def coulomb(r):
    i, j = np.triu_indices(5, 1)
    return np.sum(1 / np.linalg.norm(r[i] - r[j], axis=1))


@program("r:nd eps sigma")
def lennard_jones(r, eps, sigma):
    i, j = np.triu_indices(5, k=1)
    d = np.sqrt(((r[i] - r[j]) ** 2).sum(-1))
    s6 = (sigma / d) ** 6
    return np.sum(4 * eps * (s6**2 - s6))


@program("q:d v:d k m")
def oscillator_energy(q, v, k, m):
    return 0.5 * m * (v**2).sum() + 0.5 * k * np.square(q).sum()


@program("s:n J:nn h:n")
def ising(s, J, h):
    return -0.5 * np.einsum("i,ij,j->", s, J, s) - h @ s


@program("x:d v:d", named=True)
def verlet_steps(x, v):
    dt = 0.1
    for _ in range(3):
        a = -x + 0.1 * x**3
        x = x + v * dt + 0.5 * a * dt**2
        v = v + 0.5 * (a - x + 0.1 * x**3) * dt
    return x


@program("y:h sigma rho beta", named=False)
def lorenz_step(y, sigma, rho, beta):
    dy = np.array([sigma * (y[1] - y[0]), y[0] * (rho - y[2]) - y[1], y[0] * y[1] - beta * y[2]])
    return y + 0.01 * dy


@program("y:o mu")
def van_der_pol_rk4(y, mu):
    def f(u):
        return np.stack([u[1], mu * (1 - u[0] ** 2) * u[1] - u[0]])

    h = 0.1
    k1 = f(y)
    k2 = f(y + h / 2 * k1)
    k3 = f(y + h / 2 * k2)
    k4 = f(y + h * k3)
    return y + h / 6 * (k1 + 2 * k2 + 2 * k3 + k4)


@program("u:p c")
def heat_step(u, c):
    inner = u[1:-1] + c * (u[2:] - 2 * u[1:-1] + u[:-2])
    return np.concatenate([u[:1], inner, u[-1:]])


@program("u:nd")
def laplacian(u):
    return (
        np.roll(u, 1, 0)
        + np.roll(u, -1, 0)
        + np.roll(u, 1, axis=1)
        + np.roll(u, -1, axis=1)
        - 4 * u
    )


@program("u:n v:n")
def burgers(u, v):
    return -u * np.gradient(u, 0.1) + v * np.gradient(np.gradient(u, 0.1), 0.1)


@program("p:h q:h")
def cross_by_hand(p, q):
    return np.array(
        [p[1] * q[2] - p[2] * q[1], p[2] * q[0] - p[0] * q[2], p[0] * q[1] - p[1] * q[0]]
    )


@program("theta v:o")
def rotation(theta, v):
    c, s = np.cos(theta), np.sin(theta)
    R = np.array([[c, -s], [s, c]])
    return R @ v


@program("T:n A Ea")
def arrhenius(T, A, Ea):
    return A * np.exp(-Ea / (8.314 * T))


@program("lam:n T")
def planck(lam, T):
    return 2 / lam**5 / (np.exp(1 / (lam * T)) - 1)


@program("m:n r:nd v:nd")
def angular_momentum(m, r, v):
    p = m[:, None] * v
    L = r[:, [1, 2, 0]] * p[:, [2, 0, 1]] - r[:, [2, 0, 1]] * p[:, [1, 2, 0]]
    return L.sum(axis=0)


@program("S:n Vmax K hill")
def hill_curve(S, Vmax, K, hill):
    return Vmax * S**hill / (K**hill + S**hill)


# ---- statistics
@program("x:n mu sigma")
def normal_log_density(x, mu, sigma):
    return -0.5 * np.sum(((x - mu) / sigma) ** 2) - x.size * np.log(sigma * np.sqrt(2 * np.pi))


@program("x:n mu:k sigma:k w:k")
def gaussian_mixture(x, mu, sigma, w):
    z = (x[:, None] - mu) / sigma
    density = w / w.sum() * np.exp(-0.5 * z**2) / (sigma * np.sqrt(2 * np.pi))
    return np.log(density.sum(axis=1)).sum()


@program("x:d mu:d A:dd")
def multivariate_normal(x, mu, A):
    S = A @ A.T + np.eye(3)
    d = x - mu
    return -0.5 * (
        d @ np.linalg.inv(S) @ d + np.log(np.linalg.det(S)) + d.shape[0] * np.log(2 * np.pi)
    )


@program("x:n")
def skewness(x):
    d = x - np.mean(x)
    return np.mean(d**3) / np.mean(d**2) ** 1.5


@program("x:n")
def kurtosis(x):
    z = (x - x.mean()) / x.std()
    return (z**4).mean() - 3


@program("p:n q:n")
def kl_divergence(p, q):
    p = p / np.sum(p)
    q = q / np.sum(q)
    return np.sum(p * np.log(p / q))


@program("p:nd")
def entropy(p):
    p = p / p.sum(axis=1, keepdims=True)
    return -np.sum(p * np.log(p), axis=1)


@program("x:n y:n")
def pearson(x, y):
    xc, yc = x - x.mean(), y - y.mean()
    return np.sum(xc * yc) / np.sqrt(np.sum(xc**2) * np.sum(yc**2))


@program("x:n y:n")
def t_statistic(x, y):
    return (x.mean() - y.mean()) / np.sqrt(x.var(ddof=1) / x.size + y.var(ddof=1) / y.size)


@program("x:n")
def geometric_mean(x):
    return np.exp(np.mean(np.log(x))) + np.prod(x) ** (1 / 5)


@program("x:n alpha beta")
def weibull(x, alpha, beta):
    return np.sum(np.log(alpha / beta) + (alpha - 1) * np.log(x / beta) - (x / beta) ** alpha)


@program("counts:nk")
def chi_square(counts):
    E = counts.sum(1, keepdims=True) * counts.sum(0, keepdims=True) / counts.sum()
    return ((counts - E) ** 2 / E).sum()


@program("x:t phi")
def autoregression(x, phi):
    e = x[1:] - phi * x[:-1]
    return np.sum(e**2) + np.sum((x[2:] - x[:-2]) ** 2)


@program("x:t")
def autocorrelation(x):
    c = x - x.mean()
    return np.sum(c[:-1] * c[1:]) / np.sum(c * c)


@program("x:t a")
def exponential_smoothing(x, a):
    s = x[0]
    for k in range(1, 6):
        s = a * x[k] + (1 - a) * s
    return s


# ---- finance
@program("w:d mu:d S:dd g")
def mean_variance(w, mu, S, g):
    return w @ mu - g / 2 * w @ S @ w


@program("w:d R:td")
def sharpe(w, R):
    r = R @ w
    return r.mean() / r.std(ddof=1) * np.sqrt(252)


@program("c:t r")
def present_value(c, r):
    return np.sum(c / (1 + r) ** np.arange(6))


@program("c:t r", named=False)
def present_value_of_its_length(c, r):
    t = np.arange(1, len(c) + 1)
    return (c * (1 + r) ** -t).sum()


@program("s:t")
def log_returns(s):
    return np.diff(np.log(s))


@program("s:t w:t")
def drawdown_like(s, w):
    wealth = np.exp(np.cumsum(np.log(1 + s)))
    return (wealth * w).sum()


@program("R:td w:d")
def portfolio_path(R, w):
    return np.cumsum(R @ w) / np.arange(1, 7)


@program("S K r sigma T")
def black_scholes_d(S, K, r, sigma, T):
    d1 = (np.log(S / K) + (r + sigma**2 / 2) * T) / (sigma * np.sqrt(T))
    return d1, d1 - sigma * np.sqrt(T)


# ---- images and signals
@program("img:pq k:dd")
def image_filter(img, k):
    out = 0
    for i in range(3):
        for j in range(3):
            out = out + k[i, j] * img[i : i + 5, j : j + 3]
    return out


@program("img:pq")
def total_variation(img):
    dx = img[1:, :-1] - img[:-1, :-1]
    dy = img[:-1, 1:] - img[:-1, :-1]
    return np.sqrt(dx**2 + dy**2 + 1e-6).sum()


@program("img:pq")
def sobel(img):
    p = np.pad(img, 1)
    return p[:-2, 2:] + 2 * p[1:-1, 2:] + p[2:, 2:] - p[:-2, :-2] - 2 * p[1:-1, :-2] - p[2:, :-2]


@program("img:tk", named=False)
def average_pool(img):
    return img.reshape(3, 2, 2, 2).mean(axis=(1, 3))


@program("img:tk", named=False)
def max_pool(img):
    h, w = img.shape
    return img.reshape(h // 2, 2, w // 2, 2).max(axis=(1, 3))


@program("img:pq g")
def gamma_correction(img, g):
    return np.clip(img, 0.5, 1.4) ** g


@program("x:p")
def moving_average(x):
    return np.convolve(x, np.ones(3) / 3, "same")


@program("x:t")
def moving_sum_by_cumsum(x):
    c = np.cumsum(np.concatenate([np.zeros(1), x]))
    return c[3:] - c[:-3]


@program("x:t f:k")
def fourier_sum(x, f):
    phase = 2 * np.pi * f[:, None] * np.arange(6)[None, :]
    return np.sqrt((np.cos(phase) @ x) ** 2 + (np.sin(phase) @ x) ** 2)


@program("img:pq")
def flips(img):
    return img[::-1] + img[:, ::-1] + np.flip(img)


# ---- matrices
@program("A:dd")
def quadratic_in_inverse(A):
    B = A @ A.T + 3 * np.eye(A.shape[0])
    return np.trace(np.linalg.inv(B))


@program("A:dd x:d")
def rayleigh(A, x):
    return x @ (A + A.T) @ x / (x @ x)


@program("A:dd")
def log_det(A):
    _, value = np.linalg.slogdet(A @ A.T + np.eye(3))
    return value


@program("A:dd")
def matrix_polynomial(A):
    return A @ A @ A - 2 * A @ A + 3 * np.identity(3) + np.linalg.matrix_power(A, 2)


@program("A:dd")
def taylor_of_expm(A):
    total, term = np.eye(3), np.eye(3)
    for k in range(1, 6):
        term = term @ A / k
        total = total + term
    return total


@program("A:nd B:dk")
def frobenius(A, B):
    return np.sqrt(np.sum(np.square(A @ B))) + np.linalg.norm(A @ B, "fro")


@program("U:nd V:md T:nm")
def matrix_factorisation(U, V, T):
    mask = np.eye(5, 4) == 0
    return np.sum((mask * (T - U @ V.T)) ** 2)


@program("U:nd V:md T:nm")
def observed_entries(U, V, T):
    rows, cols = np.array([0, 1, 3, 4]), np.array([1, 1, 0, 3])
    r = T[rows, cols] - np.sum(U[rows] * V[cols], axis=1)
    return (r**2).mean()


@program("A:nd")
def upper_part(A):
    return np.triu(A).sum() + np.tril(A, -1).prod(axis=1).sum()


@program("P:bnd W:dk c:k")
def stack_times_matrix(P, W, c):
    return P @ W + c


@program("A:dd v:d")
def power_iteration(A, v):
    for _ in range(4):
        v = A @ v
        v = v / np.linalg.norm(v)
    return v @ A @ v


@program("u:n v:m")
def outer_products(u, v):
    return np.outer(u, v) + u[:, None] + v[None, :]


@program("A:dd B:dd")
def commutator(A, B):
    return A @ B - B @ A


# ---- einsum
@program("A:nd B:nd")
def row_dots(A, B):
    return np.einsum("ij,ij->i", A, B)


@program("x:bn A:nm y:bm")
def bilinear(x, A, y):
    return np.einsum("bi,ij,bj->b", x, A, y) + np.einsum("bi->b", x)


@program("T:bnd U:no")
def mode_product(T, U):
    return np.tensordot(T, U, axes=([1], [0]))


@program("A:nd B:md C:kd")
def cp_model(A, B, C):
    return np.einsum("ir,jr,kr->ijk", A, B, C)


@program("x:n y:m")
def all_sums(x, y):
    return np.exp(-(x[:, None] + y)).sum(axis=(0, 1)) + np.inner(x, x) + np.vdot(y, y)


# ---- polynomials, interpolation, creation
@program("x:n c:k")
def horner(x, c):
    y = np.zeros_like(x)
    for j in range(4):
        y = y * x + c[j]
    return y


@program("x:n c:k")
def vandermonde(x, c):
    return x[:, None] ** np.arange(4) @ c


@program("x:n c:k")
def powers_stacked(x, c):
    return np.stack([x**j for j in range(4)], axis=1) @ c


@program("x:n a:d")
def chebyshev(x, a):
    T0, T1 = np.ones_like(x), x
    T2 = 2 * x * T1 - T0
    return a[0] * T0 + a[1] * T1 + a[2] * T2


@program("y:t s")
def linear_interpolation(y, s):
    k = np.array([0, 2, 4])
    f = np.array([0.25, 0.5, 0.75]) * s
    return (1 - f) * y[k] + f * y[k + 1]


@program("y:t x:t")
def trapezoid(y, x):
    return np.sum((y[1:] + y[:-1]) / 2 * (x[1:] - x[:-1]))


@program("y:p")
def simpson(y):
    return (y[0] + 4 * y[1:-1:2].sum() + 2 * y[2:-1:2].sum() + y[-1]) * 0.1 / 3


@program("x:n")
def fill(x):
    return np.full_like(x, 2.0) * x + np.zeros(x.shape) + np.ones(x.shape)


@program("x:n")
def by_places(x):
    return (x * np.arange(x.shape[0])).sum() / x.shape[0]


@program("x:n y:n")
def joined(x, y):
    both = np.vstack([x, y])
    return np.hstack((x, y)).sum() + both.T @ both.mean(axis=1)


@program("X:nd")
def with_a_column_of_ones(X):
    A = np.concatenate([np.ones((X.shape[0], 1)), X], axis=1)
    return A.T @ A


@program("x:n")
def masked_sum(x):
    mask = np.array([True, False, True, True, False])
    return x[mask].sum() + (x * mask).max() + np.sum(x, where=mask)


@program("X:nd")
def columns(X):
    a, b = X[:, 0], X[:, -1]
    return np.hypot(a, b) + np.arctan2(a, b) + X[..., 1] - X[0, 1]


@program("X:nd")
def piecewise(X):
    return np.where(X > 1, X**2, np.where(X < 0.7, -X, 0.5))


@program("X:nd")
def smooth_extremes(X):
    return np.log(np.exp(4 * X).sum(0)) / 4 + X.min(axis=1).sum()


@program("x:n y:n")
def powers_of_both(x, y):
    return x**y + np.power(y, x) + 2**x + x**-0.5 + np.float_power(x, 1.5)


@program("T:bnd")
def axes_moved(T):
    return np.moveaxis(T, 0, -1).reshape(T.shape[1], -1).sum(0) + T.transpose(1, 2, 0).ravel()[:6]


@program("x:n")
def clipped(x):
    return x.clip(0.5, 1.2).sum() + np.minimum(x, 1).sum() + np.clip(x, None, 1.3).sum()


@program("x:n w:n")
def normalised_then_cut(x, w):
    z = x - (w * x).sum() / w.sum()
    return np.squeeze(z[None, :, None]).astype(float) ** 2


@program("x:n")
def at_least(x):
    return np.atleast_2d(x).T @ np.atleast_2d(x) + np.atleast_1d(x.sum())


@program("x:n")
def copies(x):
    y = x.copy()
    y = y + np.tile(x[:1], 5) + np.repeat(x[-1:], 5)
    return y.flatten().dot(x)


@program("x:n k")
def softplus_stable(x, k):
    return np.logaddexp(0, k * x) / k + np.log1p(np.expm1(x) * 0.5)


@program("A:nd s:n")
def scaled_rows(A, s):
    return (A.T * s).T + np.diag(s) @ A


@program("x:t")
def accumulated_list(x):
    total, out = 0.0, []
    for k in range(6):
        total = 0.5 * total + x[k]
        out.append(total)
    return np.array(out)
