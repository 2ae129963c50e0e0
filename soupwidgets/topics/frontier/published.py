"""Published accuracies, as evaluations that figures can draw."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from soupwidgets.evaluation import Evaluation, SplitScore
from soupwidgets.json_files import read_json_lines, read_json_object, read_text
from soupwidgets.recipe import Recipe
from soupwidgets.stats.figure import Figure
from soupwidgets.suites.split import Role
from soupwidgets.topics.frontier.point import FrontierPoint
from soupwidgets.topics.frontier.point import point as frontier_point

# Role and number of images of each data set. The released accuracies are shares of exactly these numbers.
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
_MOST_IMAGES = 1 << 31
_NONE = -1.0
_COLUMNS = ("model", "dataset", "accuracy")
_SAY_WHICH = (
    "name it 'test' in the file, or say which it is: --id-test NAME on the command line, in Python "
    "read_accuracy_table(path, id_test=NAME), whose result FrontierExplorer(context=...) takes as well"
)
_SAME = {
    "imagenetv2matchedfrequency": "imagenetv2",
    "imagenetval": "imagenet",
    "imagenet1k": "imagenet",
    "imagenetv2matchedfrequencyformatval": "imagenetv2",
    "objectnet10beta": "objectnet",
    "objectnet10": "objectnet",
}


@dataclass(frozen=True)
class PublishedModels:
    """Models known by their published accuracies, without weights.

    Parameters
    ----------
    evaluations
        Name to exact scores without logits; losses were not published and are NaN.
    hyperparameters
        Name to hyper-parameters, as far as they were published.
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
        ``individual_model_results`` of the release: one JSON object per line, with
        ``model_name`` and the accuracy (0..1) on each of seven datasets.
    hyperparameters
        ``hparam_info`` of the release, if available: a JSON object with an entry per model.

    Raises
    ------
    ValueError
        When a line is not such a record; the message names the file and the line.

    Notes
    -----
    Wortsman et al., arXiv 2203.05482, section 3 (CLIP ViT-B/32 fine-tuned on ImageNet).
    """
    evaluations: dict[str, Evaluation] = {}
    for number, record in read_json_lines(path):
        try:
            name = str(record["model_name"])
            scores = {data: _score(role, n, record[data]) for data, (role, n) in _DATASETS.items()}
        except (KeyError, ValueError) as error:
            raise ValueError(f"{path}, line {number}: not a record of published accuracies ({error!r})") from error
        if name in evaluations:
            raise ValueError(f"{path}, line {number}: {name!r:.100} occurs twice")
        evaluations[name] = Evaluation(Recipe({name: 1}), scores)
    if not evaluations:
        raise ValueError(f"{path}: it contains no record")
    known: dict[str, Mapping[str, Any]] = {}
    if hyperparameters is not None:
        found = read_json_object(hyperparameters)
        known = {name: found[name] for name in evaluations if name in found}
        strange = [name for name, own in known.items() if not isinstance(own, dict)]
        if strange:
            raise ValueError(f"{hyperparameters}: not a JSON object by model: {strange[0]!r:.100} is not one")
    return PublishedModels(evaluations, known)


def read_results_jsonl(path: str | Path, id_test: str | None = None) -> PublishedModels:
    """Read ``results.jsonl``, the output of the evaluation in the WiSE-FT release.

    Models are named by experiment and alpha; options are hyper-parameters.

    Parameters
    ----------
    path
        One JSON object per line, with ``"ImageNet:top1"`` and others of that form
        (0..1), ``alpha``, and the options of the run.
    id_test
        As in `read_accuracy_table`, without ``:top1``.

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
    records = list(read_json_lines(path))
    uses = _uses(path, (key.removesuffix(_TOP1) for _, r in records for key in r if key.endswith(_TOP1)), id_test)
    for number, record in records:
        accuracies = {key.removesuffix(_TOP1): value for key, value in record.items() if key.endswith(_TOP1)}
        if not accuracies:
            raise ValueError(f"{path}, line {number}: no entry that ends in {_TOP1!r}")
        alpha = record.get("alpha")
        of = str(record.get("exp_name") or record.get("model") or "model")
        name = f"{of} alpha {alpha:g}" if isinstance(alpha, int | float) else of
        scores = {data: _any_score(path, number, data, value, uses[data]) for data, value in accuracies.items()}
        # The release appends results: of several runs the last one counts.
        evaluations[name] = Evaluation(Recipe({name: 1}), scores)
        known[name] = {
            k: v
            for k, v in record.items()
            if isinstance(v, str | int | float) and not k.endswith(_TOP1) and ":" not in k
        }
    return _published(path, evaluations, known)


def read_accuracy_table(path: str | Path, id_test: str | None = None) -> PublishedModels:
    """Read published accuracies in any of several formats.

    Supported formats:

    - a CSV file with the columns ``model``, ``dataset`` and ``accuracy``, and optionally ``images`` (how many there
      were, which gives intervals if the data set's size is not known);
    - a CSV file with the models' names in its first column and a column for each data set, where an empty cell means
      that the model was not measured there;
    - one JSON object per line with ``model_name`` and an accuracy for each data set, as in the model-soups release;
    - ``results.jsonl`` of the WiSE-FT release (`read_results_jsonl`).

    Other columns, with texts or with numbers that are not accuracies, are used as hyper-parameters.

    Parameters
    ----------
    path
        The file; its content determines the format. Accuracies are shares or, if any in the table is larger
        than 1, percentages.
    id_test
        The data set of the in-distribution test. By default it is ``test``, or else ImageNet under one of its names;
        ``val`` is one of those only if ImageNet's shifts are present and neither of the two is.

    Raises
    ------
    ValueError
        When the file has none of these formats, no data set `id_test`, or an invalid accuracy; the
        message names the file and the row.

    Notes
    -----
    The long and the wide format: Taori et al., arXiv 2007.00644 (repository modestyachts/imagenet-testbed).
    """
    text = read_text(path)
    if text.lstrip().startswith("{"):
        records = list(read_json_lines(path))
        if any(key.endswith(_TOP1) for key in records[0][1]):
            return read_results_jsonl(path, id_test)
        named = [(n, record.pop("model_name", None), record) for n, record in records]
        return _wide(path, named, id_test)
    try:
        header, *lines = csv.reader(io.StringIO(text, newline=""))
    except (ValueError, csv.Error) as error:
        # A file without lines raises ValueError, as there is nothing to unpack.
        raise ValueError(f"{path}: cannot be read as a table ({error})") from error
    header = [title.strip() for title in header]
    twice = sorted({title for title in header if header.count(title) > 1})
    if twice:
        raise ValueError(f"{path}: two columns are named {twice[0]!r:.100}")
    rows: list[tuple[int, dict[str, str]]] = []
    for number, cells in enumerate(lines, 2):
        if len(cells) > len(header):
            raise ValueError(f"{path}, line {number}: {len(cells)} cells, the header has {len(header)}")
        if any(cell.strip() for cell in cells):
            rows.append((number, dict(zip(header, [*cells, *[""] * (len(header) - len(cells))], strict=True))))
    if {"dataset", "accuracy"} & set(header) or not rows or len(header) < 2:
        return _long(path, rows, id_test)
    return _wide(path, [(number, row.pop(header[0]), row) for number, row in rows], id_test)


def _long(path: str | Path, rows: Sequence[tuple[int, Mapping[str, str]]], id_test: str | None) -> PublishedModels:
    lacking = [column for column in _COLUMNS if not rows or column not in rows[0][1]]
    if lacking:
        raise ValueError(
            f"{path}: it has no column {lacking[0]!r}; model, dataset and accuracy are needed, or the models' names "
            "and a column for each data set"
        )
    values = [_number(path, number, row["accuracy"]) for number, row in rows]
    factor = 100 if max(values) > 1 else 1
    uses = _uses(path, (row["dataset"] for _, row in rows), id_test)
    scores: dict[str, dict[str, SplitScore]] = {}
    known: dict[str, Mapping[str, Any]] = {}
    for (number, row), value in zip(rows, values, strict=True):
        name, data = row["model"], row["dataset"]
        if data in scores.get(name, {}):
            raise ValueError(f"{path}, line {number}: {name!r:.100} has two accuracies on {data!r:.100}")
        images = round(_number(path, number, row["images"])) if row.get("images") else 0
        if images > _MOST_IMAGES:
            raise ValueError(f"{path}, line {number}: {row['images']!r:.100} is not a number of images")
        role, known_images = uses[data]
        scores.setdefault(name, {})[data] = _any_score(
            path, number, data, value / factor, (role, images or known_images)
        )
        known[name] = {k: v for k, v in row.items() if v and k not in (*_COLUMNS, "images")}
    evaluations = {name: Evaluation(Recipe({name: 1}), found) for name, found in scores.items()}
    return _published(path, evaluations, known)


def _wide(path: str | Path, rows: Sequence[tuple[int, Any, Mapping[str, Any]]], id_test: str | None) -> PublishedModels:
    """One row per model: line number, name, and a cell for each data set or hyper-parameter."""
    columns: dict[str, list[float | None]] = {}
    for column in dict.fromkeys(column for _, _, row in rows for column in row):
        cells = [_cell(row.get(column)) for _, _, row in rows]
        if _NONE not in cells and any(cell is not None for cell in cells):
            columns[column] = cells
        elif column == id_test or canonical(column) in _BY_CANONICAL:
            number, _, row = rows[cells.index(_NONE) if _NONE in cells else 0]
            raise ValueError(f"{path}, line {number}: {row.get(column)!r:.100} is not an accuracy on {column!r:.100}")
    uses = _uses(path, columns, id_test)
    ours = [c for c in columns if canonical(c) in _BY_CANONICAL or c == id_test]
    if not any(role == "id_test" for role, _ in uses.values()):
        raise ValueError(
            f"{path}: it has no column 'dataset', and none of a known in-distribution test (test, ImageNet) "
            f"among {', '.join(columns) or 'its columns'}"[:500]
            + f"; {_SAY_WHICH}"
        )
    # Accuracies on hard data sets are below one percent: only the whole table shows whether it is in percent.
    percent = max(cell or 0 for c in ours for cell in columns[c]) > 1
    factor = 100 if percent else 1
    data_sets = [c for c in columns if c in ours or max(cell or 0 for cell in columns[c]) <= factor]
    evaluations: dict[str, Evaluation] = {}
    known: dict[str, Mapping[str, Any]] = {}
    for place, (number, name, row) in enumerate(rows):
        if not isinstance(name, str) or not name.strip():
            raise ValueError(f"{path}, line {number}: the model has no name")
        if name in evaluations:
            raise ValueError(f"{path}, line {number}: {name!r:.100} occurs twice")
        scores = {
            data: _any_score(path, number, data, value / factor, uses[data])
            for data in data_sets
            if (value := columns[data][place]) is not None
        }
        if scores:
            evaluations[name] = Evaluation(Recipe({name: 1}), scores)
            known[name] = {
                k: v for k, v in row.items() if k not in data_sets and isinstance(v, str | int | float) and v != ""
            }
    return _published(path, evaluations, known)


def _cell(value: Any) -> float | None:
    """An accuracy; None if the cell is empty, `_NONE` if it holds something else."""
    if value is None or (isinstance(value, str) and value.strip().lower() in ("", "nan", "-", "none")):
        return None
    try:
        number = float(value) if isinstance(value, str | int | float) and not isinstance(value, bool) else _NONE
    except (ValueError, OverflowError):
        return _NONE
    if number != number:
        return None
    return number if 0 <= number <= 100 else _NONE


def _published(
    path: str | Path, evaluations: dict[str, Evaluation], known: dict[str, Mapping[str, Any]]
) -> PublishedModels:
    if not evaluations:
        raise ValueError(f"{path}: it contains no record")
    return PublishedModels(evaluations, known)


def _number(path: str | Path, number: int, text: Any) -> float:
    try:
        value = float(text)
    except (TypeError, ValueError, OverflowError):
        value = float("nan")
    if not 0 <= value < float("inf"):
        raise ValueError(f"{path}, line {number}: {text!r:.100} is not an accuracy or number of images")
    return value


def canonical(name: str) -> str:
    """A data set's name with spelling variants unified: ``ImageNet-V2`` and ``imagenetv2`` are the same.

    Examples
    --------
    >>> canonical("ImageNet-V2"), canonical("imagenetv2-matched-frequency")
    ('imagenetv2', 'imagenetv2')
    """
    plain = "".join(c for c in name.lower() if c.isalnum())
    return _SAME.get(plain, plain)


def matching_points(models: PublishedModels, shifts: Sequence[str], shift: str | None) -> dict[str, FrontierPoint]:
    """The points of published models on the axes of the user's suite, with data sets matched by name.

    They are the models that were measured in distribution and on all of these shifts.

    Parameters
    ----------
    models
        The published models.
    shifts
        The suite's shifts that make up the vertical axis.
    shift
        As in `frontier.point`.
    """
    found = {}
    for name, evaluation in models.evaluations.items():
        by_name = {canonical(data): score for data, score in evaluation.scores.items() if score.role == "shift"}
        test = next((data for data, score in evaluation.scores.items() if score.role == "id_test"), None)
        if test is None:
            continue
        scores = {test: evaluation.scores[test]}
        scores |= {own: by_name[canonical(own)] for own in shifts if canonical(own) in by_name}
        if len(scores) == 1 + len(shifts):
            found[name] = frontier_point(Evaluation(evaluation.recipe, scores), shift)
    return found


def why_unmatched(models: PublishedModels, shifts: Sequence[str]) -> str:
    """Explain why `matching_points` finds none of a table's models, and what to do.

    Parameters
    ----------
    models, shifts
        As in `matching_points`.
    """
    scores = [item for one in models.evaluations.values() for item in one.scores.items()]
    known = list(dict.fromkeys(data for data, _ in scores))
    why = f"no model in it was measured in distribution and on {', '.join(shifts)}; its data sets are "
    if any(score.role == "id_test" for _, score in scores):
        return (why + ", ".join(known))[:1000]
    return (why + ", ".join(known))[:1000] + f", none of which is known as the in-distribution test: {_SAY_WHICH}"


def _uses(path: str | Path, names: Iterable[str], id_test: str | None = None) -> dict[str, tuple[Role, int]]:
    """Role and number of images (0: unknown) of each data set of a table; one is the ID test."""
    by_name = {name: canonical(name) for name in names}
    if id_test is not None and id_test not in by_name:
        raise ValueError(f"{path}: no data set {id_test!r:.100} for the in-distribution test (id_test) in it"[:500])
    there = set(by_name.values())
    # This package's suites have a `val` next to their `test`; the testbed's `val` is ImageNet's, next to its shifts.
    if not there & {"test", "imagenet"} and there & {canonical(name) for name in _DATASETS}:
        by_name = {name: "imagenet" if plain == "val" else plain for name, plain in by_name.items()}
    test = "test" if "test" in there else "imagenet"
    uses: dict[str, tuple[Role, int]] = {}
    for name, plain in by_name.items():
        role, images = _BY_CANONICAL.get(plain, ("shift", 0))
        is_test = plain == test if id_test is None else name == id_test
        uses[name] = "id_test" if is_test else "validation" if role == "id_test" else role, images
    return uses


def _any_score(path: str | Path, number: int, data: str, accuracy: Any, use: tuple[Role, int]) -> SplitScore:
    if isinstance(accuracy, bool) or not isinstance(accuracy, int | float) or not 0 <= accuracy <= 1:
        raise ValueError(
            f"{path}, line {number}: the accuracy on {data!r:.100} is {accuracy!r:.100}; 0 to 1 is expected"
        )
    role, n = use
    if n:
        return SplitScore(role, n, n, round(accuracy * n), float("nan"))
    # The number of images is unknown, so there is no interval.
    nothing = Figure("accuracy", float(accuracy), float("nan"), float("nan"))
    return SplitScore(role, 1, 1, 0, float("nan"), figure=nothing)


def _score(role: Role, images: int, accuracy: Any) -> SplitScore:
    if isinstance(accuracy, bool) or not isinstance(accuracy, int | float) or not 0 <= accuracy <= 1:
        raise ValueError(f"an accuracy is {accuracy!r:.100}; it must lie between 0 and 1")
    correct = round(accuracy * images)
    if abs(correct - accuracy * images) > 0.01:
        raise ValueError(f"{accuracy} is not a share of {images} images")
    return SplitScore(role, images, images, correct, float("nan"))


_BY_CANONICAL: dict[str, tuple[Role, int]] = {
    **{canonical(name): stated for name, stated in _DATASETS.items()},
    "test": ("id_test", 0),
    "val": ("validation", 0),
}
