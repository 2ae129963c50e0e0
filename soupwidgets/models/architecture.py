"""The architecture of a checkpoint: an open_clip image tower with a linear head."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import Any

import torch

from soupwidgets.models.classifier import ImageClassifier
from soupwidgets.models.inputs import Images
from soupwidgets.models.model import Model
from soupwidgets.models.streamlined import streamline
from soupwidgets.models.tower import plain_tower


@dataclass(frozen=True)
class Architecture(Model):
    """The image tower of an open_clip CLIP model, and the classifier on top of it.

    Parameters
    ----------
    embed_dim
        Length of the image embedding.
    vision_cfg
        open_clip's own description of the image tower.
    classes
        Number of classes of the head.
    mean, std
        Normalisation of images (0..1) before the tower: one number, or one for each of three channels.
    quick_gelu
        Whether the tower uses OpenAI's approximation of GELU.
    head_bias
        Whether the head has a bias.
    """

    embed_dim: int
    vision_cfg: dict[str, Any]
    classes: int
    mean: float | Sequence[float]
    std: float | Sequence[float]
    quick_gelu: bool = False
    head_bias: bool = False

    @classmethod
    def from_open_clip(
        cls, name: str, classes: int, *, head_bias: bool = False, pretrained: str | None = None
    ) -> Architecture:
        """The image tower of an open_clip model, with the normalisation that belongs to its weights.

        Parameters
        ----------
        name
            open_clip's name, such as ``"ViT-B-32"``, or ``"ViT-B-32-quickgelu"`` for OpenAI's weights.
        classes
            Number of classes of the head.
        head_bias
            Whether the head has a bias, as in the releases of WiSE-FT and model soups.
        pretrained
            open_clip's tag of the weights, which may imply a different normalisation or activation;
            the model's first tag when None.

        Raises
        ------
        ValueError
            When open_clip has no such model.

        Examples
        --------
        >>> Architecture.from_open_clip("ViT-B-32", 1000).embed_dim
        512
        """
        import open_clip

        config = open_clip.get_model_config(name)
        if config is None:
            raise ValueError(f"open_clip has no model {name!r}; open_clip.list_models() lists them all")
        tags = open_clip.list_pretrained_tags_by_model(name)
        weights = open_clip.get_pretrained_cfg(name, pretrained or (tags[0] if tags else ""))
        mean = list(weights.get("mean", open_clip.OPENAI_DATASET_MEAN))
        std = list(weights.get("std", open_clip.OPENAI_DATASET_STD))
        # Without a given tag the first one is a guess, good enough for the normalisation but not for the activation.
        quick_gelu = bool(config.get("quick_gelu", False) or (pretrained and weights.get("quick_gelu", False)))
        vision_cfg = dict(config["vision_cfg"])
        if "timm_model_name" in vision_cfg:
            # The weights come from the checkpoint, not from another download.
            vision_cfg["timm_model_pretrained"] = False
        return cls(config["embed_dim"], vision_cfg, classes, mean, std, quick_gelu, head_bias)

    @classmethod
    def from_json(cls, card: dict[str, Any]) -> Architecture:
        """Rebuild an architecture from `to_json`; a missing or unknown entry raises `ValueError`."""
        try:
            return cls(**card)
        except TypeError as error:
            raise ValueError(f"not an architecture card: {error}") from error

    def to_json(self) -> dict[str, Any]:
        """Every field, as plain JSON values."""
        fields = asdict(self)
        # Keeps cards and measurements valid that were made before this was an option.
        if not self.head_bias:
            del fields["head_bias"]
        return fields

    @property
    def code(self) -> str:
        """The Python that makes it: by open_clip's name where there is one."""
        import open_clip

        # The shortest name is that of the plain model; longer ones add a text tower.
        for name in sorted(open_clip.list_models(), key=len):
            config = open_clip.get_model_config(name) or {}
            if config.get("embed_dim") != self.embed_dim or config["vision_cfg"] != self.vision_cfg:
                continue
            for tag in [None, *open_clip.list_pretrained_tags_by_model(name)]:
                named = Architecture.from_open_clip(name, self.classes, head_bias=self.head_bias, pretrained=tag)
                if named.fingerprint == self.fingerprint:
                    bias = ", head_bias=True" if self.head_bias else ""
                    weights = "" if tag is None else f", pretrained={tag!r}"
                    return f"sw.Architecture.from_open_clip({name!r}, classes={self.classes}{bias}{weights})"
        return f"sw.Architecture.from_json({self.to_json()!r})"

    @property
    def image_size(self) -> tuple[int, int]:
        """Height and width of the images that the tower takes, in pixels."""
        size = self.vision_cfg.get("image_size", 224)
        return (int(size), int(size)) if isinstance(size, int) else (int(size[0]), int(size[1]))

    @property
    def inputs(self) -> Images:
        """Images of the tower's size, in three channels."""
        return Images(self.mean, self.std, size=self.image_size)

    def build(self, device: str | torch.device = "cpu") -> ImageClassifier:
        """Build the classifier from open_clip's own modules.

        Parameters
        ----------
        device
            ``"meta"`` gives shapes without memory; the mixing engine then places
            the parameters over its own buffer.

        Returns
        -------
        ImageClassifier
            In evaluation mode, with freshly initialised weights.
        """
        from open_clip.model import CLIP

        with torch.device(device):
            # open_clip builds towers in pairs; the text tower is as small as it accepts, and dropped at once.
            text_cfg = {"context_length": 2, "vocab_size": 2, "width": 64, "heads": 1, "layers": 1}
            clip = CLIP(self.embed_dim, self.vision_cfg, text_cfg, quick_gelu=self.quick_gelu)
            return ImageClassifier(clip.visual, self.embed_dim, classes=self.classes, head_bias=self.head_bias).eval()

    def fast(self, device: str | torch.device = "cpu") -> ImageClassifier:
        """The same network for evaluation only, to be given weights, with a faster forward pass where one is known."""
        with torch.device(device):
            tower = plain_tower(self.embed_dim, self.vision_cfg, quick_gelu=self.quick_gelu)
            if tower is None:
                model = self.build(device)
            else:
                model = ImageClassifier(tower, self.embed_dim, classes=self.classes, head_bias=self.head_bias).eval()
        streamline(model.visual)
        return model
