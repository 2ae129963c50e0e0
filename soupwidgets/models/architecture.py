"""What a checkpoint's tensors belong to: an open_clip image tower with a linear head."""

from __future__ import annotations

import hashlib
import json
from dataclasses import asdict, dataclass
from typing import Any

import torch

from soupwidgets.models.classifier import ImageClassifier


@dataclass(frozen=True)
class Architecture:
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
        The grey levels (0..1) that images are normalised with before the tower.
    quick_gelu
        Whether the tower uses OpenAI's approximation of GELU.
    """

    embed_dim: int
    vision_cfg: dict[str, Any]
    classes: int
    mean: float
    std: float
    quick_gelu: bool = False

    @classmethod
    def from_json(cls, card: dict[str, Any]) -> Architecture:
        """Rebuild an architecture from `to_json`; a missing or unknown entry raises `ValueError`."""
        try:
            return cls(**card)
        except TypeError as error:
            raise ValueError(f"not an architecture card: {error}") from error

    def to_json(self) -> dict[str, Any]:
        """Every field, as plain JSON values."""
        return asdict(self)

    @property
    def fingerprint(self) -> str:
        """A short content hash: equal architectures have equal fingerprints in every process."""
        text = json.dumps(self.to_json(), sort_keys=True)
        return hashlib.sha256(text.encode()).hexdigest()[:16]

    def build(self, device: str | torch.device = "cpu") -> ImageClassifier:
        """Make the classifier with open_clip's own modules.

        Parameters
        ----------
        device
            ``"meta"`` gives shapes without memory; the mixing engine then lays
            the parameters over its own buffer.

        Returns
        -------
        ImageClassifier
            In evaluation mode, with freshly initialised weights.
        """
        from open_clip.model import CLIP

        with torch.device(device):
            # open_clip builds towers in pairs; the smallest text tower it accepts is dropped at once.
            text_cfg = {"context_length": 2, "vocab_size": 2, "width": 64, "heads": 1, "layers": 1}
            clip = CLIP(self.embed_dim, self.vision_cfg, text_cfg, quick_gelu=self.quick_gelu)
            return ImageClassifier(clip.visual, self.embed_dim, self.classes).eval()
