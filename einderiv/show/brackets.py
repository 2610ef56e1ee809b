"""Matrix notation as text: where brackets are needed, what is turned, what is divided by."""

from __future__ import annotations

SUPERSCRIPTS = str.maketrans("0123456789-", "⁰¹²³⁴⁵⁶⁷⁸⁹⁻")


def added(parts: list[str]) -> str:
    text = parts[0]
    for part in parts[1:]:
        text += " − " + part.removeprefix("−") if part.startswith("−") else " + " + part
    return text


def bracketed(text: str) -> str:
    """`text`, in brackets unless it is one symbol."""
    return text if text.isidentifier() or whole(text) else f"({text})"


def whole(text: str) -> bool:
    """Is all of `text` in one pair of brackets?"""
    depth = 0
    for place, character in enumerate(text):
        depth += (character == "(") - (character == ")")
        if depth == 0:
            return character == ")" and place == len(text) - 1
    return False


def bare(text: str) -> str:
    """`text` without brackets around all of it, where other brackets follow."""
    return text[1:-1] if whole(text) else text


def called(text: str) -> bool:
    """Is all of `text` one function of something?"""
    name, opening, _ = text.partition("(")
    return bool(opening) and (name == "√" or name.isidentifier()) and whole(text.removeprefix(name))


def transposed(text: str) -> str:
    if text.endswith("⁻ᵀ"):
        return text.removesuffix("⁻ᵀ") + "⁻¹"
    if text.endswith("ᵀ"):
        inner = text.removesuffix("ᵀ")
        return inner[1:-1] if whole(inner) and inner[-2] in "⁰¹²³⁴⁵⁶⁷⁸⁹⁺" else inner
    if text.endswith("⁻¹"):
        return text.removesuffix("⁻¹") + "⁻ᵀ"
    return (f"({text})" if text[-1] in "⁰¹²³⁴⁵⁶⁷⁸⁹⁺" else text) + "ᵀ" * (text != "I")


def divided(parts: list[str]) -> str:
    """`` / (…)``, equal parts as powers."""
    if not parts:
        return ""
    shown = []
    for text in dict.fromkeys(parts):
        power = str(parts.count(text)).translate(SUPERSCRIPTS) if parts.count(text) > 1 else ""
        shown.append((text if text.startswith("‖") or called(text) else bracketed(text)) + power)
    return " / " + (shown[0] if len(shown) == 1 else f"({' '.join(shown)})")


def entrywise(chains: list[list[str]], sign: str = "∘") -> str:
    """Chains multiplied entry by entry."""
    shown = [" ".join(pieces) for pieces in chains]
    if len(shown) == 1:
        return shown[0]
    return f" {sign} ".join(f"({text})" if " " in text and not (whole(text) or called(text)) else text
                            for text in shown)  # fmt: skip


def as_row(chains: list[list[str]]) -> str:
    """A column as a row."""
    if len(chains) == 1:
        return " ".join(transposed(piece) for piece in reversed(chains[0]))
    return f"({entrywise(chains)})ᵀ"
