"""End-to-end fine-tuning of the text classifier, to make the ingredients of a soup."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from soupwidgets.training import train
from soupwidgets.zoo.text.model import TextClassifier
from soupwidgets.zoo.text.tokens import MASK, SPECIAL


@dataclass(frozen=True)
class TextTuneConfig:
    """One draw of hyper-parameters.

    Parameters
    ----------
    seed
        Determines the order of the texts, dropout, and which tokens are hidden.
    learning_rate, weight_decay, label_smoothing
        As in `torch.optim.AdamW` and `torch.nn.functional.cross_entropy`.
    epochs
        Passes over the training texts.
    dropout
        As in BERT, within the trunk and before the head.
    hidden_share
        Share of the tokens that each text is shown without (``[MASK]`` instead), drawn for each epoch.
    mixup
        Always 0: token ids cannot be mixed.
    """

    seed: int
    learning_rate: float
    epochs: int
    weight_decay: float = 0.01
    label_smoothing: float = 0.0
    dropout: float = 0.1
    hidden_share: float = 0.0
    batch_size: int = 64
    mixup: float = 0.0


def draw_text_config(seed: int) -> TextTuneConfig:
    """Draw the hyper-parameters of ingredient ``seed`` from the search space of the text zoo."""
    rng = np.random.default_rng([seed, 3])
    return TextTuneConfig(
        seed=seed,
        learning_rate=round(math.exp(rng.uniform(math.log(1e-3), math.log(2.5e-3))), 7),
        epochs=int(rng.integers(10, 15)),
        weight_decay=round(10 ** rng.uniform(-3, -1), 5),
        label_smoothing=round(float(rng.uniform(0, 0.1)), 3),
        dropout=round(float(rng.uniform(0.05, 0.2)), 3),
        hidden_share=round(float(rng.uniform(0, 0.2)), 3),
    )


def fine_tune_text(
    model: TextClassifier,
    ids: NDArray[np.uint16],
    labels: NDArray[np.uint8],
    *,
    config: TextTuneConfig,
    progress: Callable[[int, int, float], None] = lambda *_: None,
) -> float:
    """Train all weights of ``model`` in place.

    Parameters
    ----------
    model
        The start, made with the dropout of ``config``.
    ids, labels
        Token ids ``[n, length]`` and classes ``[n]``.
    config
        Seed and hyper-parameters.
    progress
        Called with the steps done, the total number of steps, and the last loss in nats.

    Returns
    -------
    float
        Accuracy (0..1) on the training texts as they were shown in the last epoch.
    """
    shown = torch.from_numpy(ids.astype(np.int64))

    def show(rows: NDArray[np.int64], rng: np.random.Generator) -> Tensor:
        batch = shown[torch.from_numpy(rows)]
        hidden = torch.from_numpy(rng.random(batch.shape) < config.hidden_share) & (batch >= len(SPECIAL))
        return torch.where(hidden, MASK, batch)

    torch.manual_seed(config.seed)
    history = train(
        model,
        model.parameters(),
        labels=torch.from_numpy(labels.astype(np.int64)),
        classes=model.bert.classifier.out_features,
        settings=config,
        show=show,
        normalise=lambda batch: batch,
        progress=progress,
    )
    return history[-1]["accuracy"]
