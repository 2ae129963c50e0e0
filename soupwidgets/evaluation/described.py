"""Which network a pool's tensors belong to: as somebody says, as its cards say, or as names and shapes say."""

from __future__ import annotations

import warnings
from collections.abc import Mapping
from typing import Any

from soupwidgets.models import Input, Model, model_of
from soupwidgets.models.guess import assumed, guess, the_one
from soupwidgets.pool import Pool, PoolError, SoupWarning


def model_for(pool: Pool, given: Any = None, inputs: Input | None = None) -> Model:
    """The network of a pool.

    Parameters
    ----------
    pool
        The checkpoints.
    given
        What a user says: a description, a module, or a function that builds one; the pool's cards decide when None.
    inputs
        For a module or a function: what goes in.

    Raises
    ------
    PoolError
        When nothing says it, what says it is not valid, or names and shapes fit several that differ.
    """
    if given is not None:
        try:
            return model_of(given, inputs)
        except TypeError as error:
            raise PoolError(str(error)) from error
    card = pool.architecture_card
    if card is None:
        return _found(pool)
    try:
        return model_of(card)
    except ValueError as error:
        raise PoolError(f"{next(iter(pool))}: {error}") from error


def says_same(card: Mapping[str, Any], model: Model) -> bool:
    """Whether a card describes this very network."""
    try:
        return model_of(card).fingerprint == model.fingerprint
    except ValueError:
        return False


def _found(pool: Pool) -> Model:
    """The model that names and shapes fit, where that leaves no doubt; it is said which line states it."""
    folders = {file.path.parent for file in pool.checkpoints.values()}
    found = guess(pool.tensors, next((one for one in folders if (one / "config.json").is_file()), None))
    one = the_one(found)
    if one is not None:
        others = "".join(f"\n  {model.code}" for model in found if model is not one)
        also = f"\nWith the same tensors, but not used, are{others}" if others else ""
        warnings.warn(
            "no checkpoint states its architecture; names and shapes of the tensors are those of the model below, "
            f"which is used with {assumed(one)}. Say it, or another, with\n"
            f"  Evaluator(pool, suite, model={one.code}){also}",
            SoupWarning,
            stacklevel=4,
        )
        return one
    if found:
        lines = "".join(f"\n  Evaluator(pool, suite, model={model.code})" for model in found)
        raise PoolError(
            "no checkpoint of the pool states its architecture, and the tensors fit models that give different "
            f"outputs (by their activations, pooling or normalisation of images). Say which one it is:{lines}"
        )
    raise PoolError(
        "no checkpoint of the pool states its architecture, so no model can be built from it. Say what they "
        "belong to: Evaluator(pool, suite, model=...) with sw.models.timm(name, classes=...), "
        "sw.models.torchvision(...), sw.models.transformers(folder), "
        "sw.Architecture.from_open_clip('ViT-B-32', classes=1000), or your own module or function"
    )
