"""What goes into a model: images, tokens, or arrays as they are."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any

import torch
from torch import Tensor

# What a model is called with: one tensor, or several by name.
Inputs = Tensor | dict[str, Tensor]
Prepare = Callable[[Mapping[str, Tensor]], Inputs]


@dataclass(frozen=True)
class Images:
    """Images: pixels are normalised, arrays of any other kind are taken as they are.

    Parameters
    ----------
    mean, std
        Normalisation of pixels in 0..1: one number, or one for each channel.
    channels
        How many channels the model takes; a grey image is repeated to fill them.
    size
        Height and width in pixels, if the model takes one size only.
    """

    mean: float | Sequence[float]
    std: float | Sequence[float]
    channels: int = 3
    size: tuple[int, int] | None = None

    def to_json(self) -> dict[str, Any]:
        """Every field, as plain JSON values."""
        return {"kind": "images", **{name: _plain(value) for name, value in asdict(self).items()}}

    def on(self, device: torch.device | str) -> Prepare:
        """The function that turns a batch of examples into what the model takes.

        Parameters
        ----------
        device
            Where to compute.
        """
        normalise = Normaliser(self, device)

        def prepare(examples: Mapping[str, Tensor]) -> Tensor:
            if "images" in examples:
                return normalise(examples["images"])
            (ready,) = examples.values()
            return ready.float()

        return prepare

    def misfit(self, arrays: Mapping[str, tuple[tuple[int, ...], str]]) -> str:
        """Why the model cannot take such examples; empty if it can.

        Parameters
        ----------
        arrays
            Shape (without the number of examples) and dtype of every array of a split.

        Examples
        --------
        >>> Images(0.5, 0.5, size=(28, 28)).misfit({"images": ((32, 32), "uint8")})
        'the model takes images of 28 x 28 pixels, these are 32 x 32'
        """
        if "images" in arrays:
            shape, _ = arrays["images"]
            pixels, channels = shape[:2], shape[2] if len(shape) == 3 else 1
        elif len(arrays) == 1:
            ((shape, _),) = arrays.values()
            if len(shape) != 3:
                return f"the model takes images [channels, height, width], these are arrays of shape {list(shape)}"
            pixels, channels = shape[1:], shape[0]
        else:
            return f"the model takes images, these are {', '.join(arrays)}"
        if channels not in (1, self.channels) or ("images" not in arrays and channels != self.channels):
            return f"the model takes images of {self.channels} channels, these have {channels}"
        if self.size is not None and tuple(pixels) != tuple(self.size):
            wanted = f"{self.size[0]} x {self.size[1]}"
            return f"the model takes images of {wanted} pixels, these are {pixels[0]} x {pixels[1]}"
        return ""


@dataclass(frozen=True)
class Tokens:
    """Texts as token numbers; what is padding is masked.

    Parameters
    ----------
    padding
        The number that fills short texts, where a split has no ``attention_mask`` of its own.
    length
        How many tokens the model takes at most.
    """

    padding: int = 0
    length: int | None = None

    def to_json(self) -> dict[str, Any]:
        """Every field, as plain JSON values."""
        return {"kind": "tokens", **asdict(self)}

    def on(self, device: torch.device | str) -> Prepare:
        """The function that turns a batch of examples into what the model takes; columns of padding are left out."""

        def prepare(examples: Mapping[str, Tensor]) -> dict[str, Tensor]:
            inputs = {name: tensor.to(torch.int64) for name, tensor in examples.items()}
            if "attention_mask" not in inputs:
                inputs["attention_mask"] = (inputs["input_ids"] != self.padding).to(torch.int64)
            # A text of nothing but padding is still a text.
            filled = inputs["attention_mask"].any(dim=0).nonzero()
            longest = int(filled.max()) + 1 if len(filled) else 1
            return {name: tensor[:, :longest].contiguous() for name, tensor in inputs.items()}

        return prepare

    def misfit(self, arrays: Mapping[str, tuple[tuple[int, ...], str]]) -> str:
        """Why the model cannot take such examples; empty if it can."""
        if "input_ids" not in arrays:
            return f"the model takes tokens (an array named input_ids), these are {', '.join(arrays)}"
        shape, dtype = arrays["input_ids"]
        if len(shape) != 1 or "int" not in dtype:
            return f"the model takes rows of whole numbers as tokens, these are {dtype} of shape {list(shape)}"
        if self.length is not None and shape[0] > self.length:
            return f"the model takes at most {self.length} tokens, these texts have {shape[0]}"
        return ""


@dataclass(frozen=True)
class Arrays:
    """Numbers as they are: one array becomes the model's argument, several are given to it by name."""

    def to_json(self) -> dict[str, Any]:
        """Its kind; there are no fields."""
        return {"kind": "arrays"}

    def on(self, device: torch.device | str) -> Prepare:
        """The function that turns a batch of examples into what the model takes: float32, or int64."""

        def prepare(examples: Mapping[str, Tensor]) -> Inputs:
            inputs = {n: x.float() if x.is_floating_point() else x.to(torch.int64) for n, x in examples.items()}
            return next(iter(inputs.values())) if len(inputs) == 1 else inputs

        return prepare

    def misfit(self, arrays: Mapping[str, tuple[tuple[int, ...], str]]) -> str:
        """Why the model cannot take such examples; empty if it can."""
        if "images" in arrays:
            return (
                "these are images of pixels 0..255, and nothing says how the model wants them normalised: "
                "give inputs=sw.Images(mean=..., std=...) with the model "
                "(to --model: a function that returns sw.models.Custom(build, sw.Images(mean=..., std=...)))"
            )
        return ""


Input = Images | Tokens | Arrays


class Normaliser:
    """Converts pixels to the input of an image model.

    Parameters
    ----------
    images
        Determines mean, standard deviation and channels.
    device
        Where to compute.
    """

    def __init__(self, images: Images, device: torch.device | str) -> None:
        # (pixel / 255 - mean) / std as one multiplication and one addition.
        std, mean = (torch.tensor(x, dtype=torch.float64) for x in (images.std, images.mean))
        self._gain = (1 / (255 * std)).float().view(-1, 1, 1).to(device)
        self._offset = (-mean / std).float().view(-1, 1, 1).to(device)
        self._channels = images.channels

    def __call__(self, pixels: Tensor) -> Tensor:
        """Pixels ``[n, height, width]`` or ``[n, height, width, 3]`` in 0..255 to ``[n, channels, height, width]``.

        The result is float32. Pixels that are float32 already may be overwritten.
        """
        images = pixels.to(torch.float32)
        grey = images.ndim == 3
        images = images[:, None] if grey else images.permute(0, 3, 1, 2)
        # In place if every image has its own channels, or one number applies to all of them.
        if grey and len(self._gain) > 1:
            return images * self._gain + self._offset
        images = images.mul_(self._gain).add_(self._offset)
        return images.expand(-1, self._channels, -1, -1) if grey else images


def _plain(value: Any) -> Any:
    return list(value) if isinstance(value, tuple | list) else value
