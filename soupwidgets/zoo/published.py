"""Accuracies that others published, as evaluations that the plots take."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from soupwidgets.evaluation import Evaluation, SplitScore
from soupwidgets.recipe import Recipe
from soupwidgets.suites.split import Role

# Number of images of each dataset, and what it is for. The released numbers are shares of exactly these.
_DATASETS: dict[str, tuple[Role, int]] = {
    "ImageNet2p": ("validation", 26_000),
    "ImageNet": ("id_test", 50_000),
    "ImageNetV2": ("shift", 10_000),
    "ImageNetSketch": ("shift", 50_889),
    "ImageNetR": ("shift", 30_000),
    "ObjectNet": ("shift", 18_574),
    "ImageNetA": ("shift", 7_500),
}


@dataclass(frozen=True)
class PublishedModels:
    """Models of which the numbers are known and the weights are not at hand.

    Parameters
    ----------
    evaluations
        Name to exact scores without logits; losses were not published and are NaN.
    hyperparameters
        Name to how it was fine-tuned, as far as that was published.
    """

    evaluations: Mapping[str, Evaluation]
    hyperparameters: Mapping[str, Mapping[str, Any]]

    @property
    def ranking(self) -> list[str]:
        """All names, the highest accuracy on the held-out split first: the order in which greedy tries them."""
        held_out = next(name for name, (role, _) in _DATASETS.items() if role == "validation")
        return sorted(self.evaluations, key=lambda name: (-self.evaluations[name].scores[held_out].correct, name))


def read_individual_results(path: str | Path, hyperparameters: str | Path | None = None) -> PublishedModels:
    """Read the accuracies of the 72 models that were released with 'Model soups'.

    Parameters
    ----------
    path
        ``individual_model_results`` of the release: one JSON object a line, with
        ``model_name`` and the accuracy (0..1) on each of seven datasets.
    hyperparameters
        ``hparam_info`` of the release, where it is at hand: a JSON object by model.

    Returns
    -------
    PublishedModels
        ``ImageNet2p``, 2% of ImageNet's training images, is the validation split.

    Raises
    ------
    ValueError
        When a line is not such a record; the message names the file and the line.

    Notes
    -----
    Wortsman et al., arXiv 2203.05482, section 3 (CLIP ViT-B/32 fine-tuned on ImageNet).
    """
    evaluations: dict[str, Evaluation] = {}
    for number, line in enumerate(Path(path).read_text("utf-8").splitlines(), 1):
        if not line.strip():
            continue
        try:
            record = json.loads(line)
            name = str(record["model_name"])
            scores = {data: _score(role, n, record[data]) for data, (role, n) in _DATASETS.items()}
        except (KeyError, TypeError, ValueError, RecursionError) as error:
            raise ValueError(f"{path}, line {number}: not a record of published accuracies ({error!r})") from error
        if name in evaluations:
            raise ValueError(f"{path}, line {number}: {name!r} is there twice")
        evaluations[name] = Evaluation(Recipe({name: 1}), scores)
    if not evaluations:
        raise ValueError(f"{path}: no record in it")
    known: dict[str, Mapping[str, Any]] = {}
    if hyperparameters is not None:
        try:
            found = json.loads(Path(hyperparameters).read_text("utf-8"))
            known = {name: dict(found[name]) for name in evaluations if name in found}
        except (TypeError, ValueError, RecursionError) as error:
            raise ValueError(f"{hyperparameters}: not a JSON object by model ({error})") from error
    return PublishedModels(evaluations, known)


def _score(role: Role, images: int, accuracy: Any) -> SplitScore:
    if isinstance(accuracy, bool) or not isinstance(accuracy, int | float) or not 0 <= accuracy <= 1:
        raise ValueError(f"an accuracy is {accuracy!r}; it must lie between 0 and 1")
    correct = round(accuracy * images)
    if abs(correct - accuracy * images) > 0.01:
        raise ValueError(f"{accuracy} is no share of {images} images")
    return SplitScore(role, images, images, correct, float("nan"))
