"""What the text zoo shows, computed with torch and transformers alone: numbers to hold the engine against."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from soupwidgets.checkpoints import CheckpointFile
from soupwidgets.checkpoints.card import Card
from soupwidgets.zoo.text.model import TextClassifier, load
from soupwidgets.zoo.text.suite import read_split, split_names

# The first texts of the test whose predictions are kept one by one, and the first of those whose logits are.
PREDICTIONS, LOGITS = 200, 4
_BATCH = 256
Logits = dict[str, NDArray[np.float32]]


def logits_of(model: TextClassifier, ids: NDArray[np.uint16]) -> NDArray[np.float32]:
    """Logits ``[n, classes]`` for token ids ``[n, length]``."""
    batches = (torch.from_numpy(ids[i : i + _BATCH].astype(np.int64)) for i in range(0, len(ids), _BATCH))
    with torch.inference_mode():
        parts = [model(batch) for batch in batches]
    return np.asarray(torch.cat(parts).numpy(), dtype=np.float32)


def mix(weights: Mapping[str, float], folder: Path) -> TextClassifier:
    """The classifier whose weights are these multiples of checkpoints, added in float64.

    Parameters
    ----------
    weights
        Coefficient by the name of a checkpoint.
    folder
        The zoo.
    """
    total: dict[str, Tensor] = {}
    for name, weight in weights.items():
        for tensor_name, tensor in CheckpointFile(folder / f"{name}.safetensors").read():
            total[tensor_name] = total.get(tensor_name, 0) + weight * tensor.double()
    model = TextClassifier()
    model.bert.load_state_dict({name: tensor.float() for name, tensor in total.items()})
    return model.eval()


def soup(names: Sequence[str], folder: Path) -> TextClassifier:
    """The mean of some checkpoints (arXiv 2203.05482, section 2)."""
    return mix(dict.fromkeys(names, 1 / len(names)), folder)


def measure(zoo: Path, suite: Path) -> dict[str, Any]:
    """Measure every checkpoint, the uniform and the greedy soup, WiSE-FT, and the ensemble of logits.

    Parameters
    ----------
    zoo
        The pool's folder.
    suite
        The written suite.

    Returns
    -------
    dict[str, Any]
        ``texts``: size of each split. ``correct``: for each checkpoint and mixture the number of right texts by split.
        ``greedy``: names that the greedy soup kept, in order; validation alone decides, an ingredient stays when
        accuracy does not fall, of equals the first by name comes first (arXiv 2203.05482, recipe 1). ``best``: the
        fine-tuned model with the highest validation accuracy. ``predictions`` and ``logits``: of the first texts of
        the test.
    """
    data = {name: read_split(suite, name) for name in split_names(suite)}
    cards = {path.stem: Card.from_metadata(CheckpointFile(path).metadata) for path in sorted(zoo.glob("*.safetensors"))}
    logits = {name: _all_logits(load(zoo / f"{name}.safetensors"), data) for name in cards}
    correct = {name: _correct(one, data) for name, one in logits.items()}
    tuned = [name for name, card in cards.items() if card.role == "fine_tuned"]
    ranked = sorted(tuned, key=lambda name: -correct[name]["val"])
    kept, held = [ranked[0]], correct[ranked[0]]["val"]
    for name in ranked[1:]:
        tried = int((logits_of(soup([*kept, name], zoo), data["val"][0]).argmax(1) == data["val"][1]).sum())
        if tried >= held:
            kept, held = [*kept, name], tried
    mixtures = {"uniform soup": soup(tuned, zoo), "greedy soup": soup(kept, zoo)}
    for start in (name for name, card in cards.items() if card.role == "zero_shot"):
        mixtures["WiSE-FT 0.5"] = mix({start: 0.5, ranked[0]: 0.5}, zoo)
    for bad in (name for name, card in cards.items() if card.role == "bad_ingredient"):
        mixtures[f"uniform soup with {bad}"] = soup([*tuned, bad], zoo)
    for name, model in mixtures.items():
        correct[name] = _correct(_all_logits(model, data), data)
    mean = {name: np.mean([logits[one][name] for one in tuned], axis=0) for name in data}
    correct["ensemble of logits"] = _correct(mean, data)
    return {
        "texts": {name: len(labels) for name, (_, labels) in data.items()},
        "correct": correct,
        "best": ranked[0],
        "greedy": kept,
        "predictions": {name: one["test"][:PREDICTIONS].argmax(1).tolist() for name, one in logits.items()},
        "logits": {name: one["test"][:LOGITS].round(4).astype(float).round(4).tolist() for name, one in logits.items()},
    }


def _all_logits(model: TextClassifier, data: Mapping[str, tuple[NDArray[np.uint16], Any]]) -> Logits:
    return {name: logits_of(model, ids) for name, (ids, _) in data.items()}


def _correct(logits: Logits, data: Mapping[str, tuple[Any, NDArray[np.uint8]]]) -> dict[str, int]:
    return {name: int((one.argmax(1) == data[name][1]).sum()) for name, one in logits.items()}


def to_markdown(measured: Mapping[str, Any]) -> str:
    """The accuracies as a table of percentages, one row for each checkpoint and mixture."""
    texts = measured["texts"]
    lines = ["| model | " + " | ".join(texts) + " |", "|---" * (len(texts) + 1) + "|"]
    for name, right in measured["correct"].items():
        lines.append(f"| {name} | " + " | ".join(f"{100 * right[split] / n:.1f}" for split, n in texts.items()) + " |")
    return "\n".join(lines) + "\n"
