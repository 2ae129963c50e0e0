"""What makes a function a transform of images: one decorator, for distribution shifts and for augmentations alike."""

from __future__ import annotations

import inspect
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from typing import Any, TypeVar

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from soupwidgets.decorators import same_function

_NAME = re.compile(r"[a-z]+")
_Function = TypeVar("_Function", bound=Callable[..., Any])
# All of them, by name.
TRANSFORMS: dict[str, Transform] = {}


@dataclass(frozen=True)
class Transform:
    """Images in, images out. A `Shift` draws its parameters from a seed, an `Augmentation` has a strength.

    Parameters
    ----------
    name
        In a suite's file and on the command line.
    pixels
        A function of ``images`` (float64 ``[n, channels, height, width]`` in 0..1, one channel or three) and of
        parameters (``[n, 1, 1, 1]``, one number an image; ``standard_normal`` is noise of the images' shape), to images
        of the same shape.
    ranges
        For each parameter the value that changes nothing and the one that changes most.
    by_strength
        A function of the ``strength`` (above 0, at most 1), to what an `Augmentation` does, or to an `Augmentation`.
        It is the one that augments where there is ``pixels`` too, and shifts where there is none.
    """

    name: str
    pixels: Callable[..., Tensor] | None = None
    ranges: Mapping[str, tuple[float, float]] = field(default_factory=dict)
    by_strength: Callable[[float], Any] | None = None

    @property
    def parameters(self) -> tuple[str, ...]:
        """What a shift has to say, and ``standard_normal`` where it is noise."""
        return ("strength",) if self.pixels is None else tuple(inspect.signature(self.pixels).parameters)[1:]

    @property
    def augments(self) -> bool:
        """Whether it has a strength."""
        return self.by_strength is not None or bool(self.ranges)

    @property
    def summary(self) -> str:
        """What it does, in a sentence."""
        return (inspect.getdoc(self.pixels or self.by_strength) or "").partition("\n")[0].replace("`", "")

    def at(self, strength: float) -> Any:
        """What it does to an image at a strength (above 0, at most 1), at random."""
        if self.by_strength is not None:
            return self.by_strength(strength)
        ends = {name: (none, none + strength * (most - none)) for name, (none, most) in self.ranges.items()}
        return _Drawn(replace(self, ranges=ends))

    def changed(self, images: Tensor, parameters: Mapping[str, Tensor]) -> Tensor:
        """Change images ``[n, channels, height, width]`` (uint8) by ``pixels``.

        Raises
        ------
        ValueError
            When they come back in another shape.
        """
        assert self.pixels is not None
        # Double precision: the rounding to 256 levels then hides how a processor orders its sums.
        found = self.pixels(images.double() / 255, **parameters)
        if found.shape != images.shape:
            raise ValueError(f"transform {self.name!r} made {tuple(found.shape)} out of {tuple(images.shape)}")
        return (found.clamp(0, 1) * 255).round().to(torch.uint8)


@dataclass(frozen=True)
class _Drawn:
    """A transform of one image ``[channels, height, width]`` (uint8) that draws its parameters by torch's generator."""

    transform: Transform

    def __call__(self, image: Tensor) -> Tensor:
        drawn = {}
        for name in sorted(self.transform.parameters):
            if name == "standard_normal":
                drawn[name] = torch.randn(1, *image.shape, dtype=torch.float64)
            else:
                low, high = self.transform.ranges[name]
                drawn[name] = low + (high - low) * torch.rand(1, 1, 1, 1, dtype=torch.float64)
        return self.transform.changed(image[None], drawn)[0]


def transform(name: str, **ranges: tuple[float, float]) -> Callable[[_Function], _Function]:
    """Make a function a transform: suites shift by it, and training augments by it.

    Parameters
    ----------
    name
        In lower case letters.
    **ranges
        For each parameter of the function the value that changes nothing and the one that changes most; the strength
        of an augmentation goes from the one to the other. Without them a function of ``images`` is for shifts alone.

    Returns
    -------
    Callable
        Gives the function back as it is. Its first parameter is ``images`` or ``strength``, as in `Transform`.

    Raises
    ------
    ValueError
        When another function has the name, or the ranges are not those of its parameters.

    Examples
    --------
    >>> from soupwidgets.suites import Shift, augmentation
    >>> @transform("fog", thickness=(0, 0.8))
    ... def fog(images, thickness):
    ...     "Lay white fog over the image."
    ...     return images + thickness * (1 - images)
    >>> black = np.zeros((1, 2, 2), np.uint8)
    >>> Shift("fog", seed=0, uniform={"thickness": (0.2, 0.2)}).apply(black).tolist()
    [[[51, 51], [51, 51]]]
    >>> int(augmentation("fog").once(black).max()) <= 204
    True
    >>> del TRANSFORMS["fog"]
    """

    def offer(function: _Function) -> _Function:
        first, *rest = inspect.signature(function).parameters
        if not _NAME.fullmatch(name) or name == "identity":
            raise ValueError(f"{name!r} cannot be a transform's name: lower case letters, and not identity")
        if first not in ("images", "strength"):
            raise ValueError(f"{function.__name__} cannot be a transform: its first parameter is images or strength")
        face = "pixels" if first == "images" else "by_strength"
        known = TRANSFORMS.get(name, Transform(name))
        before = getattr(known, face)
        if before is not None and not same_function(before, function):
            raise ValueError(f"there is a transform {name!r} already, in {before.__module__}")
        wanted = {one for one in rest if one != "standard_normal"} if face == "pixels" else set()
        if ranges and set(ranges) != wanted:
            raise ValueError(f"{name}: ranges are given of {', '.join(ranges)}, it takes {', '.join(wanted) or 'none'}")
        made = {"pixels": function, "ranges": ranges} if face == "pixels" else {"by_strength": function}
        TRANSFORMS[name] = replace(known, **made)
        return function

    return offer


def to_channels(images: NDArray[Any]) -> Tensor:
    """Pictures ``[n, height, width]`` or ``[n, height, width, 3]`` as ``[n, channels, height, width]``."""
    plain = torch.from_numpy(np.array(images))
    return plain[:, None] if plain.ndim == 3 else plain.permute(0, 3, 1, 2)


def from_channels(images: Tensor, grey: bool) -> NDArray[np.uint8]:
    """What `to_channels` made, as pictures again."""
    found: NDArray[np.uint8] = (images[:, 0] if grey else images.permute(0, 2, 3, 1)).numpy()
    return found
