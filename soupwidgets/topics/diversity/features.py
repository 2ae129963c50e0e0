"""A model's features: what its last layer takes."""

from __future__ import annotations

from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from soupwidgets.evaluation import Evaluator
from soupwidgets.recipe import RecipeLike
from soupwidgets.suites import Split

Features = NDArray[np.float32]
_BATCH = 256


def features_of(ev: Evaluator, recipe: RecipeLike, split: Split) -> Features:
    """Compute the input of a model's last linear layer, ``[examples, features]``, in the split's own order.

    For an open_clip image tower with a head these are the image features, normalised to length 1.

    Parameters
    ----------
    recipe
        The model.
    split
        Any, with the inputs that the model takes.

    Raises
    ------
    PoolError
        When the recipe names a checkpoint that the pool lacks.
    ValueError
        When what the network returns is not what a linear layer of it gave: then nothing says which layer's input
        the features are.
    """
    found = []
    with ev.model(recipe) as network, torch.inference_mode():
        seen: list[tuple[Tensor, Tensor]] = []

        def keep(_layer: nn.Module, inputs: tuple[Tensor, ...], output: Tensor) -> None:
            seen.append((inputs[0], output))

        hooks = [one.register_forward_hook(keep) for one in network.modules() if isinstance(one, nn.Linear)]
        try:
            for start in range(0, len(split), _BATCH):
                examples, _ = ev.batch(split, np.arange(start, min(start + _BATCH, len(split))))
                found.append(_last_input(network, examples, seen))
        finally:
            for hook in hooks:
                hook.remove()
    return np.concatenate(found)


def _last_input(network: nn.Module, examples: Any, seen: list[tuple[Tensor, Tensor]]) -> Features:
    seen.clear()
    outputs = network(examples)
    for taken, given in reversed(seen):
        if given is outputs or (given.shape == outputs.shape and torch.equal(given, outputs)):
            return taken.reshape(len(outputs), -1).float().cpu().numpy()
    raise ValueError(
        f"the outputs of {type(network).__name__} do not come straight from a linear layer, so nothing says what its "
        "features are"
    )
