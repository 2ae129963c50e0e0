"""An image tower and a linear head as one module, the form in which WiSE-FT interpolates models."""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor, nn


class ImageClassifier(nn.Module):
    """Logits = head(normalised image features).

    A zero-shot head holds one normalised prompt embedding per class, times the
    logit scale (arXiv 2109.01903, section 2), so a zero-shot and a fine-tuned
    classifier have the same tensors and can be averaged, encoder and head alike.

    Parameters
    ----------
    visual
        An image tower, of open_clip or built like one, that maps images to features ``[n, embed_dim]``.
    embed_dim
        Length of the features.
    classes
        Number of classes.
    head_bias
        Whether the head has a bias, as in the releases of both papers.
    """

    def __init__(self, visual: nn.Module, embed_dim: int, *, classes: int, head_bias: bool = False) -> None:
        super().__init__()
        self.visual = visual
        self.head = nn.Linear(embed_dim, classes, bias=head_bias)

    def forward(self, images: Tensor) -> Tensor:
        """Map normalised images ``[n, 3, height, width]`` to logits ``[n, classes]``."""
        found: Tensor = self.visual(images)
        # At least in float32: of features in bfloat16 only the head is left, and rounding them again would show.
        features = F.normalize(found.to(torch.promote_types(found.dtype, torch.float32)), dim=-1)
        if isinstance(self.head, nn.Linear):
            features = features.to(self.head.weight.dtype)
        logits: Tensor = self.head(features)
        return logits
