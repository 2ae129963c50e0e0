"""Which recipes the coverage simulation predicts, and from which others."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np

from soupwidgets import Recipe

# What predictions are meant for; the others are where they are tempted to lie.
MEANT = (
    "path, alphas 0.1 apart",
    "soup beside known soups",
    "soup of which a coefficient was moved",
    "plane, nodes 0.25 apart",
)


@dataclass(frozen=True)
class Case:
    """A recipe, and those whose logits are known."""

    regime: str
    target: Recipe
    known: tuple[Recipe, ...]


def _line(start: str, end: str, alphas: Sequence[float]) -> tuple[Recipe, ...]:
    return tuple(Recipe({start: 1 - round(a, 6), end: round(a, 6)}) for a in alphas)


_TENTHS = [k / 10 for k in range(11)]


def path_cases(start: str, end: str, targets: Sequence[float], what: str = "path") -> Iterator[Case]:
    """Between alphas that are known 0.1 apart, only at the ends and in the middle, and only at the ends."""
    for target in _line(start, end, targets):
        yield Case(f"{what}, alphas 0.1 apart", target, _line(start, end, _TENTHS))
        yield Case(f"{what}, alphas 0.5 apart", target, _line(start, end, [0, 0.5, 1]))
        yield Case(f"{what}, only its ends", target, _line(start, end, [0, 1]))


def beyond_cases(start: str, end: str, targets: Sequence[float]) -> Iterator[Case]:
    """Outside of what is known."""
    for target in _line(start, end, targets):
        yield Case("extrapolation from alphas 0.1 apart", target, _line(start, end, _TENTHS))
        yield Case("extrapolation from the ends", target, _line(start, end, [0, 1]))


def soup_cases(members: Sequence[str], size: int) -> Iterator[Case]:
    """Soups that grow, in which one member is replaced, and whose coefficients are moved a little."""
    rng = np.random.default_rng(0)
    base = [members[i] for i in rng.permutation(len(members))]
    alone = tuple(Recipe({name: 1}) for name in base)
    growing = tuple(Recipe(dict.fromkeys(base[:n], 1 / n)) for n in range(2, size + 3))
    replaced = tuple(Recipe(dict.fromkeys([*base[: size - 1], other], 1 / size)) for other in base[size + 2 :][:6])
    moved = [
        Recipe({name: round(float(x), 4) for name, x in zip(base, rng.dirichlet(np.full(size, 8.0)), strict=False)})
        for _ in range(6)
    ]
    for i, soup in enumerate(growing):
        yield Case("soup, only its members", soup, alone)
        if i:
            yield Case("soup beside known soups", soup, alone + growing[:i])
    for soup in replaced:
        others = tuple(other for other in replaced if other != soup)
        yield Case("soup beside known soups", soup, alone + growing + others)
    for soup in moved:
        yield Case("soup of which a coefficient was moved", soup, alone + growing)


def plane_cases(corners: Sequence[str], step: float = 0.25) -> Iterator[Case]:
    """The middles of a grid's fields."""

    def at(u: float, v: float) -> Recipe:
        return Recipe(dict(zip(corners, (1 - u - v, u, v), strict=True)))

    axis = np.arange(-step, 1 + 1.5 * step, step)
    nodes = tuple(at(float(u), float(v)) for u in axis for v in axis)
    coarse = tuple(at(u, v) for u in (0.0, 0.5, 1.0) for v in (0.0, 0.5, 1.0))
    for u in np.arange(step / 2, 1, step):
        for v in np.arange(step / 2, 1 - step, step):
            yield Case("plane, nodes 0.25 apart", at(float(u), float(v)), nodes)
            yield Case("plane, nodes 0.5 apart", at(float(u), float(v)), coarse)


def fashion_cases() -> Iterator[Case]:
    """The largest pool: every regime."""
    twentieths = [k / 20 for k in range(1, 20, 2)]
    for end in ("ft-03", "ft-12"):
        yield from path_cases("zero-shot", end, twentieths)
        yield from beyond_cases("zero-shot", end, [-0.3, 1.2, 1.5])
    yield from path_cases("zero-shot", "bad-lr", twentieths, "path to a diverged model")
    for target in _line("ft-03", "other-seed", [0.1, 0.3, 0.5, 0.7, 0.9]):
        known = _line("ft-03", "other-seed", [0, 0.2, 0.4, 0.6, 0.8, 1])
        yield Case("path to another pre-training, alphas 0.2 apart", target, known)
        yield Case("path to another pre-training, only its ends", target, (known[0], known[-1]))
    yield from soup_cases([f"ft-{k:02d}" for k in range(22)], 6)
    yield from plane_cases(["zero-shot", "ft-03", "ft-12"])


def other_cases(start: str, end: str, members: Sequence[str]) -> Iterator[Case]:
    """A smaller pool: a path, what lies beyond its end, soups."""
    yield from path_cases(start, end, [0.15, 0.45, 0.75])
    yield from beyond_cases(start, end, [1.3])
    yield from soup_cases(members, 4)
