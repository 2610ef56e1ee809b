"""JAX's primitives that hold jaxprs: functions, branches and loops.

A function is read where it is called. A loop is unrolled; its end must be known while it is read.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

from .. import functions
from ..errors import LimitError
from ..expression import Expr
from .jax_table import Missing, Step, Value, expression, is_known, is_of_jax, operand, reads, whole

#: functions that have a derivative of their own, which is that of the function here
RULES: dict[str, Callable[..., Any]] = {
    "relu": functions.relu,
    # the slope is 0 at both ends
    "relu6": lambda x: functions.where(functions.greater_equal(x, 6), 6, functions.relu(x)),
    "logaddexp": functions.logaddexp,
    "_det": functions.det,
    "_slogdet_lu": lambda a: list(functions.slogdet(a)),
    "_slogdet_qr": lambda a: list(functions.slogdet(a)),
}


def _body(step: Step) -> Any:
    """The jaxpr that a call holds."""
    for name in ("jaxpr", "call_jaxpr", "fun_jaxpr"):
        if name in step.params:
            return step.params[name]
    raise step.refused("it holds no jaxpr that is known here")


#: functions of JAX that are functions here, where their jaxprs count bits or choose a method
NAMED: dict[str, Callable[..., Expr]] = {
    "expm": functions.expm,
    "signbit": lambda x: functions.less(x, 0),
}


def _called(step: Step, *values: Value) -> list[Value]:
    call = NAMED.get(str(step.params.get("name", "")))
    if call is not None and len(values) == 1 and isinstance(values[0], Expr) and step.calls_jax:
        return [call(values[0])]
    if any(step.params.get("donated_invars", ())):
        raise step.refused("it gives its arguments away: take donate_argnums away from jax.jit")
    body = _body(step)
    if hasattr(body, "consts"):
        return step.reading.of_closed(body, values)
    return step.reading.of(body, (), values)


reads(
    "jit", "jax.jit(jnp.sin)(x)", calls=True, also=("pjit", "closed_call", "core_call", "composite")
)(_called)
reads("remat2", "jax.checkpoint(jnp.sin)(x)", calls=True, also=("remat", "checkpoint"))(_called)


def _with_rule(step: Step, *values: Value) -> list[Value]:
    """A function with a derivative of its own: one that is a function here, or what it computes."""
    body = _body(step)
    name = getattr(getattr(body.jaxpr, "debug_info", None), "func_name", "")
    call = RULES.get(name.rpartition(".")[2])
    if not is_of_jax(body):
        step.reading.own_rules.append(step)
    if call is None or not is_of_jax(body) or all([is_known(value) for value in values]):
        return step.reading.of_closed(body, values)
    for value in values:
        if isinstance(value, Missing):
            raise value.error
    found = call(*[operand(value) for value in values])
    return found if isinstance(found, list) else [found]


reads(
    "custom_jvp_call",
    "jax.nn.relu(x - 0.5)",
    calls=True,
    says="what is computed is read and derived; its own derivative is compared with that",
)(_with_rule)
reads(
    "custom_vjp_call",
    "own_rule(x)",
    calls=True,
    also=("custom_vjp_call_jaxpr",),
    says="what is computed is read and derived; its own derivative is compared with that",
)(_with_rule)


@reads("platform_index", "lax.platform_dependent(x, cpu=jnp.sin, default=jnp.cos)", calls=True)
def _platform(step: Step) -> Any:
    import numpy as np

    for k, names in enumerate(step.params["platforms"]):
        if names is None or "cpu" in names:
            return np.asarray(k)
    raise step.refused("it has no form for the CPU")


# ---- branches
@reads(
    "cond",
    "lax.cond(jnp.sum(x) > 5, jnp.sin, jnp.cos, x)",
    calls=True,
    says="both branches, and where",
)
def _branched(step: Step, which: Value, *values: Value) -> list[Value]:
    branches = step.params["branches"]
    if is_known(which):
        k = min(max(int(which), 0), len(branches) - 1)
        return step.reading.of_closed(branches[k], values)
    condition = expression(which)
    found = step.reading.of_closed(branches[-1], values)
    for k in reversed(range(len(branches) - 1)):
        others = step.reading.of_closed(branches[k], values)
        is_here = functions.less_equal(condition, k)
        found = [_either(is_here, a, b) for a, b in zip(others, found, strict=True)]
    return found


def _either(condition: Expr, a: Value, b: Value) -> Value:
    if a is b:
        return a
    if isinstance(a, Missing) or isinstance(b, Missing):
        return a if isinstance(a, Missing) else b
    return functions.where(condition, expression(a), expression(b))


# ---- loops
@reads("scan", "lax.scan(lambda c, r: (c * r, c), x[0], x)[1]", calls=True, says="unrolled")
def _scanned(step: Step, *values: Value) -> list[Value]:
    length, constants = int(step.params["length"]), int(step.params["num_consts"])
    carried = int(step.params["num_carry"])
    held = list(values[:constants])
    carry = list(values[constants : constants + carried])
    columns = values[constants + carried :]
    results: list[list[Value]] = [[] for _ in step.outputs[carried:]]
    order = range(length)
    for t in reversed(order) if step.params["reverse"] else order:
        rows = [_entry(column, t) for column in columns]
        found = _one_more(step, step.params["jaxpr"], [*held, *carry, *rows], length)
        carry = found[:carried]
        for row, result in zip(found[carried:], results, strict=True):
            result.append(row)
    if step.params["reverse"]:
        results = [result[::-1] for result in results]
    stacked = [_stacked(r, step, k + carried) for k, r in enumerate(results)]
    return [*carry, *stacked]


def _one_more(step: Step, body: Any, values: Sequence[Value], length: int | None) -> list[Value]:
    """One turn of a loop. Raises LimitError that names the loop where the turns are too many."""
    try:
        return step.reading.of_closed(body, values)
    except LimitError as error:
        turns = "a loop" if length is None else f"a loop of {length} turns"
        raise LimitError(f"{error.reason} ({turns}, at {step.line()})") from None


def _entry(column: Value, t: int) -> Value:
    if isinstance(column, Missing):
        return column
    return functions.entries(column, t) if isinstance(column, Expr) else column[t]


def _stacked(rows: list[Value], step: Step, k: int) -> Value:
    import numpy as np

    for row in rows:
        if isinstance(row, Missing):
            return row
    if all([is_known(row) for row in rows]):
        aval = step.outputs[k]
        return np.stack(rows) if rows else np.zeros(aval.shape, aval.dtype)
    return functions.stack([expression(row) for row in rows])


@reads(
    "while",
    "lax.while_loop(lambda c: c[0] < 3, lambda c: (c[0] + 1, c[1] * x), (0, x))[1]",
    calls=True,
    says="unrolled; when it ends must be known",
)
def _while(step: Step, *values: Value) -> list[Value]:
    before, inside = int(step.params["cond_nconsts"]), int(step.params["body_nconsts"])
    asked, held = list(values[:before]), list(values[before : before + inside])
    carry = list(values[before + inside :])
    while True:
        (goes_on,) = _one_more(step, step.params["cond_jaxpr"], [*asked, *carry], None)
        if not is_known(goes_on):
            raise step.refused(
                "when the loop ends depends on values: loop a known number of times, with "
                "lax.fori_loop or lax.scan"
            )
        if not whole(goes_on):
            return carry
        carry = _one_more(step, step.params["body_jaxpr"], [*held, *carry], None)
