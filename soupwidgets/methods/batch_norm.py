"""Batch normalisation after averaging: statistics of the mixture instead of averaged statistics."""

from __future__ import annotations

from dataclasses import asdict
from pathlib import Path

from soupwidgets.evaluation import Evaluator, Recalibration, recalibrated
from soupwidgets.mixing import check_target, save_stream
from soupwidgets.recipe import Recipe


def recalibrate_batch_norm(
    ev: Evaluator,
    recipe: Recipe,
    path: str | Path,
    images: int = 2048,
    seed: int = 0,
    progress: bool = True,
    overwrite: bool = False,
) -> Path:
    """Measure mean and variance of every batch normalisation anew for a mixture, and write it to a file.

    A recipe averages the ingredients' running statistics like weights. They are
    those of no model: activations of averaged weights are smaller.

    Parameters
    ----------
    ev
        Evaluator of the pool. Images of its validation split are looked at, labels are not.
    recipe
        The mixture.
    path
        Where to write: ``.safetensors`` or ``.pt``.
    images
        How many images are averaged over, with equal weights (``momentum=None``).
    seed
        Decides which.
    progress
        Whether to show a progress bar.
    overwrite
        Whether to replace a file that is there already.

    Returns
    -------
    Path
        The same path; see `ties` for how it joins the pool.

    Raises
    ------
    ValueError
        When the model has no batch normalisation with running statistics, or the path is an ingredient's own.
    PoolError
        When the recipe names a checkpoint that the pool lacks.

    Notes
    -----
    Izmailov et al., arXiv 1803.05407, section 3.2; by `torch.optim.swa_utils.update_bn`.
    """
    check_target(ev.pool, list(recipe), path, overwrite)
    recalibration = Recalibration(min(images, len(ev.suite.validation)), seed)
    model = recalibrated(ev, recipe, recalibration)
    content = [
        {"ingredient": n, "sha256": ev.pool.checkpoints[n].content_hash, "coefficient": c} for n, c in recipe.items()
    ]
    card = {"merge": {"method": "recalibrated batch normalisation", **asdict(recalibration), "of": content}}
    state = {name: tensor.cpu() for name, tensor in model.state_dict().items()}
    return save_stream(ev.pool, path, iter(state.items()), card, progress)
