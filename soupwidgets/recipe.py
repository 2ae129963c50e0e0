"""A recipe: the coefficients of a point in the span of some checkpoints."""

from __future__ import annotations

import hashlib
import json
import math
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cached_property
from html import escape
from typing import Any

import msgspec

# A slider gives 0.04999999999999982 and a linspace gives 0.05; both mean the same point.
_DECIMALS = 12
# A thousand ingredients with separate coefficients for every tensor take less.
_LONGEST = 16_000_000


_Items = tuple[tuple[str, float], ...]


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
    by_tensor
        Name of a tensor to the coefficients that apply to it instead, for
        methods that choose layer by layer.

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
    >>> layered = Recipe({"zero-shot": 1}, by_tensor={"head.weight": {"ft-07": 1}})
    >>> (0.5 * layered).at("head.weight"), (0.5 * layered).at("visual.proj")
    ({'ft-07': 0.5}, {'zero-shot': 0.5})
    """

    _items: _Items
    _by_tensor: tuple[tuple[str, _Items], ...]

    def __init__(
        self, coefficients: Mapping[str, float], by_tensor: Mapping[str, Mapping[str, float]] | None = None
    ) -> None:
        items = _normal(coefficients)
        # Tensors with the same coefficients as the rest of the model are not exceptions.
        exceptions = {str(tensor): _normal(own) for tensor, own in (by_tensor or {}).items()}
        kept = tuple(sorted((tensor, own) for tensor, own in exceptions.items() if own != items))
        named = {name for own in exceptions.values() for name, _ in own} - {name for name, _ in items}
        if kept and named:
            items = tuple(sorted([*items, *((name, 0.0) for name in named)]))
        object.__setattr__(self, "_items", items)
        object.__setattr__(self, "_by_tensor", kept)

    def __getitem__(self, name: str) -> float:
        return dict(self._items)[name]

    def __iter__(self) -> Iterator[str]:
        return (name for name, _ in self._items)

    def __len__(self) -> int:
        return len(self._items)

    def __repr__(self) -> str:
        return f"Recipe({dict(self._items)}{f', by_tensor={self.by_tensor}' if self._by_tensor else ''})"

    def __hash__(self) -> int:
        return hash((self._items, self._by_tensor))

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Recipe) and (self._items, self._by_tensor) == (other._items, other._by_tensor)

    @property
    def by_tensor(self) -> dict[str, dict[str, float]]:
        """Tensors with separate coefficients, and those coefficients; empty for a plain recipe."""
        return {tensor: dict(own) for tensor, own in self._by_tensor}

    def at(self, tensor: str) -> dict[str, float]:
        """The coefficients that apply to one tensor, without zeros."""
        return self._exceptions.get(tensor, self._plain)

    @cached_property
    def _exceptions(self) -> dict[str, dict[str, float]]:
        return self.by_tensor

    @cached_property
    def _plain(self) -> dict[str, float]:
        return {name: value for name, value in self._items if value}

    @property
    def leader(self) -> str:
        """The name with the largest coefficient; among equals the first by name, independent of their order.

        Raises
        ------
        ValueError
            When the recipe is empty.
        """
        if not self._items:
            raise ValueError("the recipe is empty: it has no coefficient other than zero")
        return max(self, key=lambda name: self[name])

    def __add__(self, other: Recipe) -> Recipe:
        tensors = {**self._exceptions, **other._exceptions}
        return Recipe(_sum(self, other), {tensor: _sum(self.at(tensor), other.at(tensor)) for tensor in tensors})

    def __mul__(self, factor: float) -> Recipe:
        own = {tensor: {name: factor * value for name, value in items} for tensor, items in self._by_tensor}
        return Recipe({name: factor * value for name, value in self._items}, own)

    __rmul__ = __mul__

    def __sub__(self, other: Recipe) -> Recipe:
        return self + -1.0 * other

    def __truediv__(self, divisor: float) -> Recipe:
        own = {tensor: {name: value / divisor for name, value in items} for tensor, items in self._by_tensor}
        return Recipe({name: value / divisor for name, value in self._items}, own)

    @property
    def hash(self) -> str:
        """A stable hash: the same in every process and on every machine (64 hexadecimal digits)."""
        return hashlib.sha256(self.to_json().encode()).hexdigest()

    def to_json(self) -> str:
        """One line of JSON with sorted names; `from_json` restores the recipe exactly."""
        card: dict[str, Any] = {"coefficients": dict(self._items)}
        if self._by_tensor:
            card["by_tensor"] = self.by_tensor
        return json.dumps(card, sort_keys=True)

    @classmethod
    def of(cls, thing: RecipeLike) -> Recipe:
        """Convert a recipe, the name of a checkpoint, or a dictionary of coefficients to a recipe.

        Raises
        ------
        TypeError
            When it is anything else.
        ValueError
            When a coefficient is not a finite number.

        Examples
        --------
        >>> Recipe.of("ft-03") == Recipe.of({"ft-03": 1.0}) == Recipe({"ft-03": 1})
        True
        """
        if isinstance(thing, Recipe):
            return thing
        if isinstance(thing, str):
            return cls({thing: 1.0})
        if isinstance(thing, Mapping):
            return cls(thing)
        raise TypeError(
            f"a recipe is expected, not {type(thing).__name__}: a Recipe, the name of a checkpoint, "
            "or a dictionary such as {'ft-03': 0.5, 'zero-shot': 0.5}"
        )

    def _repr_html_(self) -> str:
        rows = "".join(f"<tr><td>{escape(name)}</td><td>{value:g}</td></tr>" for name, value in self._items)
        note = f"<p>with separate coefficients for {len(self._by_tensor)} of the tensors</p>" if self._by_tensor else ""
        return f"<table><tr><th>checkpoint</th><th>coefficient</th></tr>{rows}</table>{note}"

    @classmethod
    def from_json(cls, text: str) -> Recipe:
        """Read what `to_json` wrote.

        Raises
        ------
        ValueError
            When the text is not the JSON of a recipe, or longer than 16 million characters.
        """
        if isinstance(text, str) and len(text) > _LONGEST:
            raise ValueError(
                f"not the JSON of a recipe: it has {len(text):,} characters, at most {_LONGEST:,} are allowed"
            )
        try:
            card = msgspec.json.decode(text, type=_Card)
            return cls(card.coefficients, card.by_tensor)
        except (ValueError, TypeError, RecursionError) as error:
            raise ValueError(f"not the JSON of a recipe: {str(error)[:200]}") from error


class _Card(msgspec.Struct):
    coefficients: dict[str, float]
    by_tensor: dict[str, dict[str, float]] = {}


# What is accepted where a recipe is expected.
RecipeLike = Recipe | str | Mapping[str, float]


def _normal(coefficients: Mapping[str, float]) -> _Items:
    rounded = {}
    for name, value in coefficients.items():
        # NumPy numbers and one-element tensors are accepted too, but not strings that look like numbers.
        if isinstance(value, str | bytes) or not hasattr(value, "__float__"):
            raise ValueError(f"the coefficient of {name!r} is {value!r:.50}; it must be a finite number")
        if not math.isfinite(value):
            raise ValueError(f"the coefficient of {name!r} is {value}; it must be a finite number")
        rounded[str(name)] = round(float(value), _DECIMALS)
    return tuple(sorted((name, value) for name, value in rounded.items() if value != 0))


def _sum(a: Mapping[str, float], b: Mapping[str, float]) -> dict[str, float]:
    return {name: a.get(name, 0.0) + b.get(name, 0.0) for name in {**a, **b}}
