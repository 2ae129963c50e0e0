"""RegMean: linear layers that answer, in the least-squares sense, what each ingredient's own layer answers."""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor, nn
from torch.overrides import TorchFunctionMode
from tqdm.auto import tqdm

from soupwidgets.evaluation import Evaluator
from soupwidgets.evaluation.batch_norm import source_of
from soupwidgets.methods.merged_file import write_from_buffer
from soupwidgets.methods.method import soup_method
from soupwidgets.methods.uniform import average, chosen_ingredients
from soupwidgets.mixing import check_target
from soupwidgets.mixing.soundness import all_finite, not_finite
from soupwidgets.models import saved_names
from soupwidgets.recipe import Recipe

_BATCH = 128
# Relative to the mean inner product: directions in which no input lies are averaged.
_FLOOR = 1e-6


@dataclass(frozen=True, order=True)
class Rows:
    """Rows ``start`` to ``stop`` of a matrix: outputs that have the same inputs."""

    tensor: str
    start: int
    stop: int


@soup_method("regmean", "RegMean", paper="Jin et al., arXiv 2212.09849")
def regmean(
    ev: Evaluator,
    path: str | Path,
    ingredients: Sequence[str] | None = None,
    *,
    images: int = 1024,
    off_diagonal: float = 0.9,
    seed: int = 0,
    progress: bool = True,
    overwrite: bool = False,
) -> Path:
    """Merge each linear layer so that its answers come nearest to those of every ingredient's own layer.

    It is written to a file, because no recipe expresses it; see `ties`.

    Parameters
    ----------
    ev
        Evaluator of the pool. Images of the suite's training split are looked at, or of its validation split where it
        has no other; labels are not, and neither are test and shifts.
    path
        Where to write: ``.safetensors`` or ``.pt``.
    ingredients
        Names; the pool's fine-tuned models when None.
    images
        How many images pass through each ingredient, drawn at random, the same for all.
    off_diagonal
        The paper's alpha, 0..1: what inner products of different inputs are multiplied by.
    seed
        Decides the images.
    progress
        Whether to show a progress bar.
    overwrite
        Whether to replace a file that is there already.

    Returns
    -------
    Path
        The same path.

    Raises
    ------
    PoolError, ValueError
        As in `uniform_soup`; also when a number is out of its range, the network has no linear layer, an ingredient
        has values that are not finite, or the path is an ingredient's own.

    Notes
    -----
    Jin et al., arXiv 2212.09849, section 3: W = (sum G_i)^-1 sum G_i W_i with G_i = X_i^T X_i / n of ingredient i's own
    inputs X_i ``[n, in]``; all that is no linear layer is averaged. In the paper each model brings statistics of the
    data that it was trained on; ingredients of a soup have learned the same task, so all see the same images. Memory
    is that of the pool and of two inner products for each layer.
    """
    if images < 1:
        raise ValueError(f"images is {images}; at least one is needed")
    if not 0 <= off_diagonal <= 1:
        raise ValueError(f"off_diagonal is {off_diagonal}; it must lie between 0 and 1")
    names = chosen_ingredients(ev.pool, ingredients)
    check_target(ev.pool, names, path, overwrite=overwrite)
    places = ev.matrix.layout.places
    grams: dict[Rows, Tensor] = {}
    weighted: dict[Rows, Tensor] = {}
    for name in tqdm(names, desc="inputs of linear layers", unit="model", disable=not progress):
        for rows, gram in input_grams(ev, name, images=images, seed=seed).items():
            if not all_finite(gram):
                raise ValueError(not_finite(name, [rows.tensor]))
            gram = off_diagonal * gram + (1 - off_diagonal) * torch.diag(gram.diagonal())
            gram.diagonal().add_(_FLOOR * max(float(gram.diagonal().mean()), torch.finfo(torch.float32).tiny))
            weight = places[rows.tensor].view(ev.matrix.row(name))[rows.start : rows.stop].double()
            _add(grams, rows, gram)
            _add(weighted, rows, gram @ weight.T)
    if not grams:
        raise ValueError("the network has no linear layer that could be seen at work: RegMean has nothing to do")
    merged = ev.matrix.new_buffer()
    ev.matrix.mix(average(names), merged)
    for rows, gram in grams.items():
        solved = torch.linalg.solve(gram, weighted[rows]).T
        places[rows.tensor].view(merged)[rows.start : rows.stop] = solved.to(merged.dtype)
    settings = {"images": images, "off_diagonal": off_diagonal, "seed": seed, "split": source_of(ev.suite).name}
    return write_from_buffer(ev, path, names, merged, "regmean", settings, progress=progress)


def input_grams(ev: Evaluator, name: str, *, images: int, seed: int) -> dict[Rows, Tensor]:
    """Inner products of the inputs of each linear layer of one checkpoint, in the network that is measured.

    Parameters
    ----------
    ev
        Evaluator of the pool.
    name
        The checkpoint.
    images
        How many images of the training split are drawn, or of the validation split where there is no other.
    seed
        Decides which.

    Returns
    -------
    dict[Rows, Tensor]
        ``[in, in]`` float64: the mean over inputs x of x x^T, for all rows of a weight matrix or, where some of its
        outputs have other inputs than the rest, for those.

    Notes
    -----
    What a token that nobody reads would have given is no input: in the last block of a CLIP only the class token is.
    """
    split = source_of(ev.suite)
    rows = np.random.default_rng(seed).permutation(len(split))[:images]
    with ev.model(Recipe({name: 1})) as model, torch.no_grad():
        seen = _LinearInputs(model)
        for start in range(0, len(rows), _BATCH):
            batch, _ = ev.batch(split, rows[start : start + _BATCH])
            with seen:
                model(batch)
            ev.computation.images += len(rows[start : start + _BATCH])
        stored = saved_names(model)
    return {
        Rows(stored.get(rows.tensor, rows.tensor), rows.start, rows.stop): total / seen.counts[rows]
        for rows, total in seen.totals.items()
    }


class _LinearInputs(TorchFunctionMode):
    """Sees each linear product of a network, and adds up the inner products of what goes in."""

    def __init__(self, model: nn.Module) -> None:
        super().__init__()
        matrices = [(one.data_ptr(), name, one) for name, one in model.named_parameters() if one.ndim == 2]
        self._matrices = sorted(matrices, key=lambda found: found[0])
        self.totals: dict[Rows, Tensor] = {}
        self.counts: dict[Rows, int] = {}

    def __torch_function__(
        self, func: Callable[..., Any], _types: Iterable[type], args: Any = (), kwargs: Mapping[str, Any] | None = None
    ) -> Any:
        """Look at what goes into a linear product; all else passes."""
        if func is F.linear and len(args) >= 2:
            rows = self._rows(args[1])
            if rows is not None:
                inputs = args[0].reshape(-1, args[0].shape[-1]).double()
                _add(self.totals, rows, inputs.T @ inputs)
                self.counts[rows] = self.counts.get(rows, 0) + len(inputs)
        return func(*args, **(kwargs or {}))

    def _rows(self, weight: Tensor) -> Rows | None:
        """Which rows of which parameter this is, told by where it lies in memory."""
        where = bisect_right(self._matrices, weight.data_ptr(), key=lambda found: found[0]) - 1
        if where < 0:
            return None
        begin, name, whole = self._matrices[where]
        first, odd = divmod(weight.data_ptr() - begin, whole.stride(0) * whole.element_size())
        if odd or weight.stride() != whole.stride() or weight.shape[1:] != whole.shape[1:]:
            return None
        return Rows(name, first, first + len(weight)) if first + len(weight) <= len(whole) else None


def _add(totals: dict[Rows, Tensor], rows: Rows, more: Tensor) -> None:
    totals[rows] = totals[rows] + more if rows in totals else more
