"""Whether a model and a suite can be trained on."""

from __future__ import annotations

from soupwidgets.checkpoints import CheckpointFile
from soupwidgets.models import Architecture
from soupwidgets.suites import Split, Suite
from soupwidgets.training.errors import TrainingError


def check_training(start: CheckpointFile, suite: Suite) -> tuple[Architecture, Split]:
    """The architecture of a model and the images to train it on.

    Raises
    ------
    TrainingError
        When the suite has no training split, or the model does not fit it.
    """
    split = training_split(suite)
    if start.card.architecture is None:
        raise TrainingError(f"{start.path}: its architecture is not stated; start from open_clip_classifier")
    architecture = Architecture.from_json(dict(start.card.architecture))
    if architecture.classes != len(suite.classes):
        raise TrainingError(
            f"the model distinguishes {architecture.classes} classes, but the suite has {len(suite.classes)}"
        )
    if split.image_size != architecture.image_size:
        raise TrainingError(
            f"the model takes images of {architecture.image_size} pixels, but the training images are "
            f"{split.image_size}: build the suite again with --size {architecture.image_size[0]}"
        )
    return architecture, split


def training_split(suite: Suite) -> Split:
    """The images to train on; raises `TrainingError` when there are none."""
    if suite.training is None:
        raise TrainingError(
            f"the suite {suite.name!r} has no training images: build it with --train, "
            "for example soupwidgets suite build ... --train imagenet=PATH"
        )
    return suite.training
