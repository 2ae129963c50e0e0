"""From an image file to the pixels that a model is shown, before they are normalised."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray


@dataclass(frozen=True)
class Preprocess:
    """Resizing and cropping as open_clip does it.

    Parameters
    ----------
    size
        Side of the square image that comes out, in pixels.
    resize
        ``"shortest"`` scales the shorter side to ``size`` and crops the middle,
        ``"longest"`` the longer one and pads, ``"squash"`` both.
    interpolation
        ``"bicubic"`` or ``"bilinear"``.

    Examples
    --------
    >>> Preprocess.for_model("ViT-B-32")
    Preprocess(size=224, resize='shortest', interpolation='bicubic')
    """

    size: int = 224
    resize: Literal["shortest", "longest", "squash"] = "shortest"
    interpolation: Literal["bicubic", "bilinear"] = "bicubic"

    def __post_init__(self) -> None:
        if self.size < 1:
            raise ValueError(f"images of {self.size} pixels have nothing in them")

    @classmethod
    def for_model(cls, name: str, pretrained: str | None = None) -> Preprocess:
        """What open_clip does for a model, and for the weights of a tag.

        Raises
        ------
        ValueError
            When open_clip has no such model, or its images are not square.
        """
        import open_clip

        config = open_clip.get_model_config(name)
        if config is None:
            raise ValueError(f"open_clip has no model {name!r}; open_clip.list_models() names them all")
        size = config["vision_cfg"].get("image_size", 224)
        if not isinstance(size, int):
            raise ValueError(f"{name} takes images of {size} pixels; a suite's images are square")
        tags = open_clip.list_pretrained_tags_by_model(name)
        stated = open_clip.get_pretrained_cfg(name, pretrained or (tags[0] if tags else ""))
        return cls(size, stated.get("resize_mode", "shortest"), stated.get("interpolation", "bicubic"))

    def to_json(self) -> dict[str, Any]:
        """Every field."""
        return asdict(self)

    def transform(self) -> Any:
        """Pillow image to pixels ``[size, size, 3]`` (uint8): the steps of open_clip's own transform."""
        from open_clip.transform import image_transform

        whole = image_transform(self.size, False, resize_mode=self.resize, interpolation=self.interpolation)
        # The last two make a tensor and normalise it, which a model's own mean and deviation do later.
        steps = whole.transforms[:-2]

        def pixels(image: Any) -> NDArray[np.uint8]:
            for step in steps:
                image = step(image)
            return np.asarray(image, dtype=np.uint8)

        return pixels
