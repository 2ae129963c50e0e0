"""A recipe: the coefficients that say which point in the span of a few checkpoints is meant."""

from __future__ import annotations

import hashlib
import json
import math
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

# A slider says 0.04999999999999982 and a linspace says 0.05; both mean the same point.
_DECIMALS = 12


@dataclass(frozen=True, init=False, repr=False, eq=False)
class Recipe(Mapping[str, float]):
    """theta = sum of coefficient times checkpoint, over named checkpoints.

    Immutable and hashable; behaves as a mapping from names to coefficients.
    Coefficients are rounded to 12 decimals, and zeros are dropped.

    Parameters
    ----------
    coefficients
        Name of a checkpoint to its coefficient. They need not sum to 1: task
        arithmetic and landscapes leave the simplex.

    Raises
    ------
    ValueError
        When a coefficient is not finite.

    Examples
    --------
    >>> zero_shot, tuned = Recipe({"zero-shot": 1}), Recipe({"ft-07": 1})
    >>> 0.75 * zero_shot + 0.25 * tuned
    Recipe({'ft-07': 0.25, 'zero-shot': 0.75})
    >>> (zero_shot + tuned) / 2 == Recipe({"ft-07": 0.5, "zero-shot": 0.5})
    True
    """

    _items: tuple[tuple[str, float], ...]

    def __init__(self, coefficients: Mapping[str, float]) -> None:
        rounded = {}
        for name, value in coefficients.items():
            if not math.isfinite(value):
                raise ValueError(f"the coefficient of {name!r} is {value}; it must be a finite number")
            rounded[str(name)] = round(float(value), _DECIMALS)
        items = tuple(sorted((name, value) for name, value in rounded.items() if value != 0))
        object.__setattr__(self, "_items", items)

    def __getitem__(self, name: str) -> float:
        return dict(self._items)[name]

    def __iter__(self) -> Iterator[str]:
        return (name for name, _ in self._items)

    def __len__(self) -> int:
        return len(self._items)

    def __repr__(self) -> str:
        return f"Recipe({dict(self._items)})"

    def __hash__(self) -> int:
        return hash(self._items)

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Recipe) and self._items == other._items

    @property
    def leader(self) -> str:
        """The name with the largest coefficient; among equals the first, so that no order matters.

        Raises
        ------
        ValueError
            When the recipe is empty.
        """
        if not self._items:
            raise ValueError("the recipe is empty: it has no coefficient other than zero")
        return max(self, key=lambda name: self[name])

    def __add__(self, other: Recipe) -> Recipe:
        names = dict.fromkeys([*self, *other])
        return Recipe({name: self.get(name, 0.0) + other.get(name, 0.0) for name in names})

    def __mul__(self, factor: float) -> Recipe:
        return Recipe({name: factor * value for name, value in self._items})

    __rmul__ = __mul__

    def __sub__(self, other: Recipe) -> Recipe:
        return self + -1.0 * other

    def __truediv__(self, divisor: float) -> Recipe:
        return Recipe({name: value / divisor for name, value in self._items})

    @property
    def hash(self) -> str:
        """A stable hash: the same in every process and on every machine (64 hexadecimal digits)."""
        return hashlib.sha256(self.to_json().encode()).hexdigest()

    def to_json(self) -> str:
        """One line of JSON, names sorted; `from_json` takes it back exactly."""
        return json.dumps({"coefficients": dict(self._items)}, sort_keys=True)

    @classmethod
    def from_json(cls, text: str) -> Recipe:
        """Read what `to_json` wrote.

        Raises
        ------
        ValueError
            When the text is not the JSON of a recipe.
        """
        try:
            card: Any = json.loads(text)
            return cls({str(name): float(value) for name, value in card["coefficients"].items()})
        except (json.JSONDecodeError, KeyError, TypeError, AttributeError) as error:
            raise ValueError(f"not the JSON of a recipe: {error!r}") from error
