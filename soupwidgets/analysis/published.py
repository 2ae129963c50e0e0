"""Accuracies that others published, as evaluations that the plots take."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from soupwidgets.analysis.frontier_point import FrontierPoint, frontier_point
from soupwidgets.evaluation import Evaluation, SplitScore
from soupwidgets.evaluation.metrics import Figure
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
_TOP1 = ":top1"
_COLUMNS = ("model", "dataset", "accuracy")
_SAME = {
    "imagenetv2matchedfrequency": "imagenetv2",
    "imagenetval": "imagenet",
    "imagenet1k": "imagenet",
    "val": "imagenet",
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


def read_results_jsonl(path: str | Path) -> PublishedModels:
    """Read what the WiSE-FT release's evaluation writes: ``results.jsonl``.

    Parameters
    ----------
    path
        One JSON object a line, with ``"ImageNet:top1"`` and others of that form
        (0..1), ``alpha``, and the options of the run.

    Returns
    -------
    PublishedModels
        Named by experiment and alpha; options are hyper-parameters.

    Raises
    ------
    ValueError
        When a line is not such a record; the message names the file and the line.

    Notes
    -----
    Wortsman et al., arXiv 2109.01903 (repository mlfoundations/wise-ft).
    """
    evaluations: dict[str, Evaluation] = {}
    known: dict[str, Mapping[str, Any]] = {}
    for number, record in _records(path):
        accuracies = {key.removesuffix(_TOP1): value for key, value in record.items() if key.endswith(_TOP1)}
        if not accuracies:
            raise ValueError(f"{path}, line {number}: no entry that ends in {_TOP1!r}")
        alpha = record.get("alpha")
        of = str(record.get("exp_name") or record.get("model") or "model")
        name = f"{of} alpha {alpha:g}" if isinstance(alpha, int | float) else of
        scores = {data: _any_score(path, number, data, value) for data, value in accuracies.items()}
        # The release appends: the last of several runs counts.
        evaluations[name] = Evaluation(Recipe({name: 1}), scores)
        known[name] = {
            k: v
            for k, v in record.items()
            if isinstance(v, str | int | float) and not k.endswith(_TOP1) and ":" not in k
        }
    return _published(path, evaluations, known)


def read_accuracy_table(path: str | Path, id_test: str | None = None) -> PublishedModels:
    """Read a table of accuracies of others: a CSV file with the columns ``model``, ``dataset``, ``accuracy``.

    Parameters
    ----------
    path
        One row for each model and data set. Accuracies are shares or, when one is
        larger than 1, percentages. A column ``images`` (how many there were)
        gives intervals where the data set's size is not known.
    id_test
        The data set of the in-distribution test; ImageNet's own names and ``test`` are known.

    Returns
    -------
    PublishedModels
        Other columns are taken as hyper-parameters of the model.

    Raises
    ------
    ValueError
        When a column is missing or an accuracy is none; the message names the file and the row.

    Notes
    -----
    The long form of the tables of Taori et al., arXiv 2007.00644 (repository modestyachts/imagenet-testbed).
    """
    import csv

    try:
        with open(path, newline="", encoding="utf-8-sig") as file:
            rows = list(csv.DictReader(file))
    except (OSError, UnicodeDecodeError, csv.Error) as error:
        raise ValueError(f"{path}: cannot be read as a table ({error})") from error
    lacking = [column for column in _COLUMNS if not rows or column not in rows[0]]
    if lacking:
        raise ValueError(f"{path}: it has no column {lacking[0]!r}; model, dataset and accuracy are needed")
    values = [_number(path, i, row["accuracy"]) for i, row in enumerate(rows, 2)]
    factor = 100 if max(values) > 1 else 1
    scores: dict[str, dict[str, SplitScore]] = {}
    known: dict[str, Mapping[str, Any]] = {}
    for number, (row, value) in enumerate(zip(rows, values, strict=True), 2):
        name, data = str(row["model"]), str(row["dataset"])
        if data in scores.get(name, {}):
            raise ValueError(f"{path}, line {number}: {name!r} has two accuracies on {data!r}")
        images = round(_number(path, number, row["images"])) if row.get("images") else 0
        role: Role | None = "id_test" if data == id_test else None
        scores.setdefault(name, {})[data] = _any_score(path, number, data, value / factor, images, role)
        known[name] = {k: v for k, v in row.items() if k and v and k not in (*_COLUMNS, "images")}
    evaluations = {name: Evaluation(Recipe({name: 1}), found) for name, found in scores.items()}
    return _published(path, evaluations, known)


def _published(
    path: str | Path, evaluations: dict[str, Evaluation], known: dict[str, Mapping[str, Any]]
) -> PublishedModels:
    if not evaluations:
        raise ValueError(f"{path}: no record in it")
    return PublishedModels(evaluations, known)


def _records(path: str | Path) -> Iterator[tuple[int, dict[str, Any]]]:
    for number, line in enumerate(Path(path).read_text("utf-8").splitlines(), 1):
        if not line.strip():
            continue
        try:
            record = json.loads(line)
        except (ValueError, RecursionError) as error:
            raise ValueError(f"{path}, line {number}: not JSON ({error})") from error
        if not isinstance(record, dict):
            raise ValueError(f"{path}, line {number}: not an object")
        yield number, record


def _number(path: str | Path, number: int, text: Any) -> float:
    try:
        value = float(text)
    except (TypeError, ValueError):
        value = float("nan")
    if not 0 <= value < float("inf"):
        raise ValueError(f"{path}, line {number}: {text!r} is no accuracy or number of images")
    return value


def canonical(name: str) -> str:
    """A data set's name without what people write differently: ``ImageNet-V2`` and ``imagenetv2`` are one.

    Examples
    --------
    >>> canonical("ImageNet-V2"), canonical("imagenetv2-matched-frequency")
    ('imagenetv2', 'imagenetv2')
    """
    plain = "".join(c for c in name.lower() if c.isalnum())
    return _SAME.get(plain, plain)


def matching_points(models: PublishedModels, shifts: Sequence[str], shift: str | None) -> dict[str, FrontierPoint]:
    """Where models of others lie on the axes of one's own suite, data sets matched by name.

    Parameters
    ----------
    models
        Of others.
    shifts
        One's own shifts that the vertical axis is made of.
    shift
        As in `frontier_point`.

    Returns
    -------
    dict[str, FrontierPoint]
        Those models that were measured in distribution and on all of these shifts.
    """
    found = {}
    for name, evaluation in models.evaluations.items():
        by_name = {canonical(data): score for data, score in evaluation.scores.items() if score.role == "shift"}
        scores = {data: score for data, score in evaluation.scores.items() if score.role == "id_test"}
        scores |= {own: by_name[canonical(own)] for own in shifts if canonical(own) in by_name}
        if len(scores) == 1 + len(shifts):
            found[name] = frontier_point(Evaluation(evaluation.recipe, scores), shift)
    return found


def _any_score(
    path: str | Path, number: int, data: str, accuracy: Any, images: int = 0, role: Role | None = None
) -> SplitScore:
    if isinstance(accuracy, bool) or not isinstance(accuracy, int | float) or not 0 <= accuracy <= 1:
        raise ValueError(f"{path}, line {number}: the accuracy on {data!r} is {accuracy!r}; 0 to 1 is expected")
    known_role, known_images = _BY_CANONICAL.get(canonical(data), ("shift", 0))
    n = images or known_images
    if n:
        return SplitScore(role or known_role, n, n, round(accuracy * n), float("nan"))
    # Nobody knows how many images there were, so there is no interval.
    nothing = Figure("accuracy", float(accuracy), float("nan"), float("nan"))
    return SplitScore(role or known_role, 1, 1, 0, float("nan"), figure=nothing)


def _score(role: Role, images: int, accuracy: Any) -> SplitScore:
    if isinstance(accuracy, bool) or not isinstance(accuracy, int | float) or not 0 <= accuracy <= 1:
        raise ValueError(f"an accuracy is {accuracy!r}; it must lie between 0 and 1")
    correct = round(accuracy * images)
    if abs(correct - accuracy * images) > 0.01:
        raise ValueError(f"{accuracy} is no share of {images} images")
    return SplitScore(role, images, images, correct, float("nan"))


_BY_CANONICAL: dict[str, tuple[Role, int]] = {
    **{canonical(name): stated for name, stated in _DATASETS.items()},
    "test": ("id_test", 0),
}
