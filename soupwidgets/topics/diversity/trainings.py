"""How a model was trained, and how differently two of them were."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import replace
from fnmatch import fnmatchcase
from typing import TYPE_CHECKING

from soupwidgets.checkpoints import CheckpointFile

if TYPE_CHECKING:
    from soupwidgets.topics.diversity.members import Member

# From models that hardly differ to models with nothing in common.
LEVELS = ("siblings", "reinit", "hyper-parameters", "architecture", "framework", "data set")


def training_of(file: CheckpointFile) -> dict[str, str]:
    """How a checkpoint was trained according to its card, in the form that `divergence` compares."""
    card = file.card
    known = {"architecture": json.dumps(card.architecture, sort_keys=True)} if card.architecture else {}
    if card.hyperparameters:
        own = {key: value for key, value in card.hyperparameters.items() if key != "seed"}
        known["hyper-parameters"] = json.dumps(own, sort_keys=True)
    if "seed" in card.hyperparameters:
        known["reinit"] = str(card.hyperparameters["seed"])
    return {**known, **card.training}


def divergence(first: Mapping[str, str], second: Mapping[str, str]) -> str:
    """How differently two models were trained: the last of `LEVELS` in which they differ.

    Two models with the same ancestor are siblings, whatever was done to them since.
    It is ``"siblings"`` also if they differ in nothing.

    Parameters
    ----------
    first, second
        As in `training_of`; an entry that only one of them states counts as a difference.

    Notes
    -----
    Gontijo-Lopes, Dauphin and Cubuk, arXiv 2110.12899, section 3.1 (categories of training methodology);
    the level of siblings, which share their pre-training, is our addition.

    Examples
    --------
    >>> divergence({"framework": "contrastive"}, {"framework": "supervised"})
    'framework'
    >>> divergence({"ancestor": "a", "hyper-parameters": "1"}, {"ancestor": "a", "hyper-parameters": "2"})
    'siblings'
    """
    ancestor = first.get("ancestor")
    if ancestor is not None and ancestor == second.get("ancestor"):
        return "siblings"
    level: str
    for level in reversed(LEVELS[2:]):
        if first.get(level) != second.get(level):
            return level
    apart = ancestor != second.get("ancestor") or first.get("reinit") != second.get("reinit")
    return "reinit" if apart else "siblings"


def stated_training(models: Sequence[Member], stated: Mapping[str, Mapping[str, str]]) -> list[Member]:
    """The same models, with what is known of their training beyond their cards.

    Parameters
    ----------
    stated
        By the name of a model, or a pattern such as ``"ft-*"``: what to state, as strings keyed by the names in
        `LEVELS` and ``ancestor``; it replaces what the card says. Later patterns win.

    Raises
    ------
    ValueError
        When no model has such a name, or there is no such level.

    Examples
    --------
    Which objective a model was trained with is seldom on its card: ``stated_training(models, {"zero-shot":
    {"framework": "contrastive"}, "vit-*": {"framework": "supervised"}})``.
    """
    known = ("ancestor", *LEVELS[1:])
    for pattern, entries in stated.items():
        if not any(fnmatchcase(one.name, pattern) for one in models):
            raise ValueError(f"no model is called {pattern!r}; there are {', '.join(one.name for one in models)}")
        for level in entries:
            if level not in known:
                raise ValueError(f"{level!r} of {pattern!r} is no level of training; these are: {', '.join(known)}")
    found = []
    for one in models:
        more = {k: v for pattern, of in stated.items() if fnmatchcase(one.name, pattern) for k, v in of.items()}
        found.append(replace(one, training={**one.training, **more}))
    return found
