"""FLYP: fine-tune like you pre-train, with images against captions of their labels, and the text tower as well."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any

import numpy as np
import torch
from torch import Tensor

from soupwidgets.checkpoints import CheckpointFile, as_classifier
from soupwidgets.models import Architecture, ImageClassifier
from soupwidgets.models.heads import NO_WEIGHTS, head_of, quietly
from soupwidgets.models.prompts import fill
from soupwidgets.suites import Suite
from soupwidgets.training.errors import TrainingError

# Where a suite has no prompts of its own.
_TEMPLATES = ("a photo of a {}.",)
# CLIP's limit (arXiv 2103.00020): larger scales of the logits make training unstable.
_LARGEST_LOG_SCALE = math.log(100)


class Flyp:
    """A CLIP model with both towers, its contrastive loss, and the classifier that it is.

    Parameters
    ----------
    start
        The zero-shot classifier of `open_clip_classifier`; its file has both towers.
    suite
        Has the classes' names, and prompts.
    name
        open_clip's name of the model.
    device
        Where to compute.

    Attributes
    ----------
    clip
        The model that is trained.
    classifier
        Its image tower, with the head that ``refresh`` makes of the text tower.

    Raises
    ------
    TrainingError
        When the file has no text tower, is not this model, or the model was pre-trained with another loss.

    Notes
    -----
    Goyal et al., arXiv 2212.00638. Each image of a batch is paired with a prompt of its own label, drawn at random;
    images of one label count as each other's negatives, as in the paper. The head is the zero-shot head of the
    fine-tuned text tower; what is mixed later are image towers and heads, where the paper mixes both towers.
    """

    def __init__(self, start: CheckpointFile, suite: Suite, name: str | None, device: str) -> None:
        import open_clip

        self._names, self._templates = list(suite.classes), list(suite.templates or _TEMPLATES)
        architecture = Architecture.from_json(dict(start.card.architecture or {}))
        self.clip = _with_towers(start, _require(name), architecture).to(device)
        self.classifier = ImageClassifier(
            self.clip.visual, architecture.embed_dim, classes=len(self._names), head_bias=architecture.head_bias
        ).to(device)
        if self.classifier.head.bias is not None:
            torch.nn.init.zeros_(self.classifier.head.bias)
        self._tokenizer = open_clip.get_tokenizer(_require(name))
        texts = [fill(template, label) for label in self._names for template in self._templates]
        # [classes, templates, context]
        self._captions = self._tokenizer(texts).to(device).unflatten(0, (len(self._names), len(self._templates)))
        self._loss = open_clip.loss.ClipLoss()
        self.refresh()

    def loss(self, images: Tensor, labels: Tensor, rng: np.random.Generator) -> tuple[Tensor, int]:
        """The contrastive loss of a batch, and how many images prefer a caption of their own label to all others.

        Parameters
        ----------
        images
            Normalised, ``[n, 3, height, width]``.
        labels
            Their classes, as a distribution that is 1 for one of them, ``[n, classes]``.
        rng
            Draws a prompt for each image.

        Returns
        -------
        Tensor, int
            The mean of both directions, image to caption and caption to image, in nats; and the count.
        """
        classes = labels.argmax(dim=1)
        drawn = torch.from_numpy(rng.integers(len(self._templates), size=len(classes))).to(classes.device)
        with torch.no_grad():
            self.clip.logit_scale.clamp_(max=_LARGEST_LOG_SCALE)
        pictures = self.clip.encode_image(images, normalize=True).float()
        captions = self.clip.encode_text(self._captions[classes, drawn], normalize=True).float()
        loss: Tensor = self._loss(pictures, captions, self.clip.logit_scale.exp())
        preferred = classes[(pictures.detach() @ captions.detach().T).argmax(dim=1)]
        return loss, int((preferred == classes).sum())

    def refresh(self) -> None:
        """Make the classifier's head of the text tower as it is now."""
        mode = self.clip.training
        self.clip.eval()
        head = head_of(self.clip, self._tokenizer, class_names=self._names, templates=self._templates)
        with torch.no_grad():
            self.classifier.head.weight.copy_(head["weight"])
        self.clip.train(mode)


def flyp_identity(start: CheckpointFile, suite: Suite, name: str | None) -> Mapping[str, Any]:
    """What a run with captions was started from, besides the classifier: both towers, and the prompts."""
    return {
        "clip": _require(name),
        "towers": require_towers(start).content_hash,
        "prompts": [fill(template, label) for label in suite.classes for template in suite.templates or _TEMPLATES],
    }


def require_towers(start: CheckpointFile) -> CheckpointFile:
    """The file that a classifier is seen in, with all that it has under open_clip's names.

    Raises
    ------
    TrainingError
        When it has no text tower, or was pre-trained with another loss than CLIP's.
    """
    file = as_classifier(CheckpointFile(start.path, start.part), "none", keep_text=True)
    if all(key.startswith("visual.") or key == "logit_scale" for key in file.tensors):
        raise TrainingError(
            f"{start.path} has no text tower, and mode 'flyp' trains with captions: start from a CLIP checkpoint with "
            "both towers (open_clip_classifier, on the command line --model with --pretrained), or use another mode"
        )
    if "logit_bias" in file.tensors:
        raise TrainingError(
            f"{start.path} was pre-trained with a sigmoid loss (it has a logit bias); mode 'flyp' has the contrastive "
            "loss of CLIP: use another mode"
        )
    return file


def _require(name: str | None) -> str:
    import open_clip

    if name is None:
        raise TrainingError(
            "mode 'flyp' trains the text tower as well: say which of open_clip's models the start is, for example "
            "clip='ViT-B-32' (on the command line --model), and start from open_clip_classifier"
        )
    if open_clip.get_model_config(name) is None:
        raise TrainingError(f"open_clip has no model {name!r}; open_clip.list_models() lists them all")
    return name


def _with_towers(start: CheckpointFile, name: str, architecture: Architecture) -> Any:
    """The CLIP model of a classifier's file."""
    import open_clip

    tensors = {key: tensor.float() for key, tensor in require_towers(start).read() if key not in NO_WEIGHTS}
    with quietly():
        model = open_clip.create_model(
            name, pretrained=None, load_weights=False, force_quick_gelu=architecture.quick_gelu
        )
    try:
        model.load_state_dict(tensors)
    except RuntimeError as error:
        raise TrainingError(f"{start.path} is not a {name}: {error}") from error
    return model
