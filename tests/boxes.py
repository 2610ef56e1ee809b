"""Tensors at the places of a box, as networks of them are drawn."""

from itertools import product


def box(*dims: int) -> list[tuple[int, ...]]:
    """The labels of each tensor: two neighbours share one."""
    places = list(product(*map(range, dims)))
    edges = []
    for place in places:
        for d in range(len(dims)):
            beside = (*place[:d], place[d] + 1, *place[d + 1 :])
            if beside in places:
                edges.append((place, beside))
    return [tuple(k for k, edge in enumerate(edges) if place in edge) for place in places]
