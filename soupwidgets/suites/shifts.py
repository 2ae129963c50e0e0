"""Distribution shifts as data: which corruption, with which random parameters, from which seed."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from soupwidgets.suites import corruptions

CORRUPTIONS: dict[str, Callable[..., Tensor]] = {
    function.__name__: function
    for function in (
        corruptions.rotate,
        corruptions.scale,
        corruptions.wave,
        corruptions.blur,
        corruptions.noise,
        corruptions.invert,
        corruptions.contrast,
        corruptions.sketch,
        corruptions.stripes,
    )
}


@dataclass(frozen=True)
class Shift:
    """A seeded function from clean images to shifted ones.

    Parameters
    ----------
    corruption
        Name of a function in `soupwidgets.suites.corruptions`.
    seed
        Seed of every random draw.
    uniform
        For each parameter of the function the range ``[low, high]`` from which
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
        if self.corruption not in CORRUPTIONS:
            known = ", ".join(CORRUPTIONS)
            raise ValueError(f"there is no corruption named {self.corruption!r}; known are {known}")
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

    def _parameters(self) -> list[str]:
        return list(inspect.signature(CORRUPTIONS[self.corruption]).parameters)[1:]

    def apply(self, images: NDArray[np.uint8]) -> NDArray[np.uint8]:
        """Shift grey images ``[n, height, width]``; the same images always give the same pixels."""
        rng = np.random.default_rng(self.seed)
        # Double precision: the rounding to 256 grey levels then hides how a processor orders its sums.
        exact = torch.from_numpy(np.array(images)).double() / 255
        arguments = {}
        for name in sorted(self._parameters()):
            if name == "standard_normal":
                arguments[name] = torch.from_numpy(rng.standard_normal(images.shape))
                continue
            low, high = self.uniform[name]
            drawn = rng.uniform(low, high, len(images))
            if name in self.either_sign:
                drawn = drawn * rng.choice([-1.0, 1.0], len(images))
            arguments[name] = torch.from_numpy(drawn)
        shifted = CORRUPTIONS[self.corruption](exact, **arguments)
        return (shifted.clamp(0, 1) * 255).round().to(torch.uint8).numpy()

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
