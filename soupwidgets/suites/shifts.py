"""Distribution shifts as data: which transform, with which random parameters, from which seed."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from soupwidgets.suites.augmentation import augmentation
from soupwidgets.suites.transforms.transform import TRANSFORMS, from_channels, to_channels

# Numbers that are changed at once, in double precision.
_MOST_NUMBERS = 1 << 24


@dataclass(frozen=True)
class Shift:
    """A seeded function from clean images to shifted ones.

    Parameters
    ----------
    corruption
        Name of a transform.
    seed
        Seed of every random draw.
    uniform
        For each parameter of the transform the range ``[low, high]`` from which
        it is drawn for every image.
    either_sign
        Parameters whose sign is a coin toss.

    Examples
    --------
    >>> import numpy as np
    >>> black = np.zeros((1, 28, 28), dtype=np.uint8)
    >>> int(Shift("invert", seed=0).apply(black).min())
    255
    """

    corruption: str
    seed: int
    uniform: Mapping[str, tuple[float, float]] = field(default_factory=dict)
    either_sign: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        if self.corruption not in TRANSFORMS:
            known = ", ".join(TRANSFORMS)
            raise ValueError(
                f"there is no corruption named {self.corruption!r}; known are {known}. One of your own is known once "
                "the file that defines it is imported"
            )
        taken = {name for name in self._parameters() if name != "standard_normal"}
        if taken != set(self.uniform):
            given = ", ".join(sorted(self.uniform)) or "none"
            wanted = ", ".join(sorted(taken)) or "none"
            raise ValueError(f"{self.corruption} takes the parameters {wanted}, the definition gives {given:.200}")
        for name, (low, high) in self.uniform.items():
            if not -np.inf < low <= high < np.inf:
                raise ValueError(f"{self.corruption}: {name} is drawn from {low:g} to {high:g}, which is no range")
        if self.seed < 0:
            raise ValueError(f"{self.corruption}: the seed is negative")
        if TRANSFORMS[self.corruption].pixels is None:
            # Refuses what lies outside of 0..1.
            most = [augmentation(self.corruption, strength) for strength in self.uniform["strength"]][1]
            if most.mixup:
                raise ValueError(f"{self.corruption} mixes images and their labels, and is for training alone")

    def _parameters(self) -> tuple[str, ...]:
        return TRANSFORMS[self.corruption].parameters

    def apply(self, images: NDArray[np.uint8]) -> NDArray[np.uint8]:
        """Shift images ``[n, height, width]`` or ``[n, height, width, 3]``; the same always give the same pixels."""
        rng = np.random.default_rng(self.seed)
        arguments = {}
        for name in sorted(self._parameters()):
            if name == "standard_normal":
                arguments[name] = to_channels(rng.standard_normal(images.shape))
                continue
            low, high = self.uniform[name]
            drawn = rng.uniform(low, high, len(images))
            if name in self.either_sign:
                drawn = drawn * rng.choice([-1.0, 1.0], len(images))
            arguments[name] = torch.from_numpy(drawn).reshape(-1, 1, 1, 1)
        changed = np.empty_like(images)
        kind, many = TRANSFORMS[self.corruption], max(1, _MOST_NUMBERS * len(images) // max(1, images.size))
        for start in range(0, len(images), many):
            rows = slice(start, start + many)
            some, numbers = to_channels(images[rows]), {name: values[rows] for name, values in arguments.items()}
            if kind.pixels is not None:
                found = kind.changed(some, numbers)
            else:
                strengths, seeds = numbers["strength"].flatten().tolist(), rng.integers(2**62, size=len(some)).tolist()
                one_by_one = zip(some[:, None], strengths, seeds, strict=True)
                found = torch.cat([augmentation(kind.name, s).apply(one, seed) for one, s, seed in one_by_one])
            changed[rows] = from_channels(found, images.ndim == 3)
        return changed

    def to_json(self) -> dict[str, Any]:
        """The definition as plain JSON values; `from_json` takes it back."""
        return {
            "corruption": self.corruption,
            "seed": self.seed,
            "uniform": {name: list(bounds) for name, bounds in self.uniform.items()},
            "either_sign": list(self.either_sign),
        }

    @classmethod
    def from_json(cls, card: Mapping[str, Any]) -> Shift:
        """Rebuild a shift from `to_json`; an unknown or missing entry raises `ValueError`."""
        try:
            return cls(
                corruption=str(card["corruption"]),
                seed=int(card["seed"]),
                uniform={str(k): (float(v[0]), float(v[1])) for k, v in card["uniform"].items()},
                either_sign=tuple(str(name) for name in card["either_sign"]),
            )
        except (KeyError, TypeError, IndexError, AttributeError, OverflowError) as error:
            raise ValueError(f"not a definition of a shift: {error!r}") from error
