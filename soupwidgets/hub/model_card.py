"""The model card of a soup: metadata that the Hub reads, and text for people."""

from __future__ import annotations

import math
import platform
import re
from collections.abc import Mapping, Sequence
from importlib.metadata import version

import torch
from huggingface_hub import EvalResult, ModelCardData
from huggingface_hub.utils import validate_repo_id  # type: ignore[attr-defined] # as documented, but loaded lazily

from soupwidgets.evaluation import Evaluator, SplitScore
from soupwidgets.hub.markdown import python, table, words
from soupwidgets.models import Arrays, Images, Tokens
from soupwidgets.recipe import Recipe, RecipeLike
from soupwidgets.stats.intervals import LEVEL
from soupwidgets.text import one_line

# The Hub's own words (huggingface.co/tasks); "other" is one of them.
_TASKS = {
    (Images, "single-label"): "image-classification",
    (Images, "multi-label"): "image-classification",
    (Images, "segmentation"): "image-segmentation",
    (Tokens, "single-label"): "text-classification",
    (Tokens, "multi-label"): "text-classification",
    (Arrays, "single-label"): "tabular-classification",
    (Arrays, "regression"): "tabular-regression",
}
_TAGS = ["soupwidgets", "model-soup", "merge"]


def model_card(
    ev: Evaluator, recipe: RecipeLike, *, license: str | None = None, base_models: Sequence[str] | None = None
) -> str:
    """The text of a soup's ``README.md`` on the Hugging Face Hub; nothing is measured and nothing is sent.

    Parameters
    ----------
    license
        As the Hub names it, such as ``"mit"``.
    base_models
        Repositories of the Hub that the ingredients were fine-tuned from, or the ingredients' own.

    Returns
    -------
    str
        Markdown after a YAML header with the tags, the base models, and the accuracies that are in the store as
        ``model-index``. Names from files are escaped, and no path of this machine is in it.

    Raises
    ------
    PoolError
        When the recipe names a checkpoint that the pool lacks.
    ValueError
        When a base model is no name of a repository.
    """
    recipe = Recipe.of(recipe)
    ev.pool.require(recipe)
    scores = ev.kept.scores(recipe, list(ev.suite.splits.values()))
    title = f"Soup of {len(recipe)} checkpoint{'s' if len(recipe) != 1 else ''}"
    header = _metadata(ev, scores, f"{title} ({recipe.hash[:8]})", license=license, base_models=base_models)
    sections = [_ingredients(ev, recipe), _accuracies(ev, scores), _versions(), _loading(), _again(ev, recipe)]
    return f"---\n{header}\n---\n\n# {title}\n\n" + "\n\n".join(sections) + "\n"


def _metadata(
    ev: Evaluator,
    scores: Mapping[str, SplitScore],
    name: str,
    *,
    license: str | None,
    base_models: Sequence[str] | None,
) -> str:
    for base in base_models or ():
        validate_repo_id(base)
    results = [_result(ev, split, score) for split, score in scores.items() if math.isfinite(score.accuracy)]
    data = ModelCardData(
        license=None if license is None else one_line(license),
        base_model=list(base_models) if base_models else None,
        base_model_relation="merge" if base_models else None,
        library_name="soupwidgets",
        tags=list(_TAGS),
        model_name=name if results else None,
        eval_results=results or None,
    )
    text: str = data.to_yaml()
    return text


def _result(ev: Evaluator, split: str, score: SplitScore) -> EvalResult:
    low, high = score.interval
    interval = {"interval": [low, high], "level": LEVEL} if math.isfinite(low) and math.isfinite(high) else {}
    return EvalResult(
        task_type=_TASKS.get((type(ev.architecture.inputs), score.task), "other"),
        dataset_name=one_line(ev.suite.name),
        dataset_type=re.sub("[^a-z0-9]+", "-", ev.suite.name.lower()).strip("-") or "dataset",
        dataset_split=one_line(split),
        metric_type=one_line(score.metric),
        metric_value=score.accuracy,
        metric_args={**interval, "examples": score.total},
    )


def _ingredients(ev: Evaluator, recipe: Recipe) -> str:
    rows = [[words(n), f"{c:.12g}", f"`{ev.pool.checkpoints[n].content_hash}`"] for n, c in recipe.items()]
    own = len(recipe.by_tensor)
    more = f"\n\n{own} of the tensors have coefficients of their own, which are in `recipe.json`." if own else ""
    return (
        "The weights are the sum of these checkpoints' weights, each times its coefficient.\n\n"
        + table(["checkpoint", "coefficient", "SHA-256 of its tensors"], rows)
        + more
    )


def _accuracies(ev: Evaluator, scores: Mapping[str, SplitScore]) -> str:
    if not scores:
        return "## Accuracy\n\nIt was not measured before this card was written."
    rows = [[words(split), score.role.replace("_", "-"), words(score.words)] for split, score in scores.items()]
    note = f"\n\n{words(ev.note)}" if ev.note else ""
    return (
        f"## Accuracy\n\nOn {words(ev.suite.name)}, with {100 * LEVEL:g}% intervals. Validation may have been used to "
        "choose the soup.\n\n" + table(["split", "used as", "measured"], rows) + note
    )


def _versions() -> str:
    made_with = f"soupwidgets {version('soupwidgets')}, torch {torch.__version__}, Python {platform.python_version()}"
    return f"## Versions\n\n{words(made_with)}"


def _loading() -> str:
    return "## How to load it\n\n" + python(
        "from safetensors.torch import load_file",
        "",
        'weights = load_file("model.safetensors")  # by the names that the ingredients have',
        "",
        "import soupwidgets as sw",
        "",
        'pool = sw.Pool.open("model.safetensors")  # its card says what network that is',
    )


def _again(ev: Evaluator, recipe: Recipe) -> str:
    # Without their folders, which are nobody else's affair.
    names = [ev.pool.checkpoints[name].path.name for name in recipe]
    lines = [
        "import soupwidgets as sw",
        "",
        f"pool = sw.Pool.open({names!r})",
        'recipe = sw.Recipe.from_json(open("recipe.json").read())',
    ]
    if ev.note:
        lines += ['sw.Evaluator(pool, sw.Suite.open("suite")).save(recipe, "again.safetensors")']
    else:
        lines += ['sw.save_mixture(pool, recipe, "again.safetensors")']
    return "## How to make it again\n\nFrom the files of the checkpoints above:\n\n" + python(*lines)
