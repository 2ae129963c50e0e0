"""The common start of the text zoo: hidden tokens and matching descriptions, then a linear probe."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
import torch
import torch.nn.functional as F
from numpy.typing import NDArray
from torch import Tensor, nn

from soupwidgets.training import cosine_schedule
from soupwidgets.zoo.text.corpus import Corpus
from soupwidgets.zoo.text.model import TextClassifier
from soupwidgets.zoo.text.tokens import MASK, PADDING, SPECIAL


@dataclass(frozen=True)
class TextPretrainConfig:
    """Everything that determines the start, apart from the texts.

    Parameters
    ----------
    seed
        Determines the first weights, the order of the texts and which tokens are hidden.
    steps, batch_size, learning_rate, weight_decay, warm_up
        Of AdamW with half a cosine; the batch is in pairs of texts.
    hidden_share
        Share of the tokens to predict.
    typing_errors, capitals
        Shares of the texts that are shown in these styles.
    largest_scale
        Limit of the factor on cosines.
    probe_penalty
        Weight of the squared norm of the probe's weights.
    """

    seed: int
    steps: int = 3000
    batch_size: int = 128
    learning_rate: float = 3e-3
    weight_decay: float = 0.01
    warm_up: int = 200
    hidden_share: float = 0.15
    typing_errors: float = 0.2
    capitals: float = 0.1
    largest_scale: float = 50.0
    probe_penalty: float = 1e-3


def hide(
    ids: NDArray[np.int64], rng: np.random.Generator, share: float, vocabulary: int
) -> tuple[NDArray[np.int64], NDArray[np.bool_]]:
    """Hide some tokens as BERT does (arXiv 1810.04805, section 3.1).

    Parameters
    ----------
    ids
        Token ids ``[n, length]``; special tokens are never hidden.
    rng
        Source of all randomness.
    share
        Probability that a token is to be predicted. Of those 80% become ``[MASK]``, 10% a random piece, and
        10% stay.
    vocabulary
        Number of pieces.

    Returns
    -------
    tuple[NDArray[np.int64], NDArray[np.bool_]]
        What the model is shown, and which tokens it has to predict.
    """
    chosen = (ids >= len(SPECIAL)) & (rng.random(ids.shape) < share)
    kind = rng.random(ids.shape)
    pieces = rng.integers(len(SPECIAL), vocabulary, ids.shape)
    shown = np.where(chosen & (kind < 0.8), MASK, ids)
    return np.where(chosen & (kind >= 0.9), pieces, shown), chosen


def draw_pairs(data: Corpus, rng: np.random.Generator, config: TextPretrainConfig) -> NDArray[np.int64]:
    """Draw families, and of each a phrase and a sentence in random styles: token ids ``[2 * batch, length]``."""
    first, middle, end = data.bounds[rng.integers(len(data.bounds), size=config.batch_size)].T
    rows = np.concatenate([rng.integers(first, middle), rng.integers(middle, end)])
    chances = [1 - config.typing_errors - config.capitals, config.typing_errors, config.capitals]
    drawn: NDArray[np.uint16] = data.ids[rng.choice(3, size=len(rows), p=chances), rows]
    return drawn.astype(np.int64)


class _Predictor(nn.Module):
    """BERT's head for hidden tokens, whose output weights are the word embeddings, and the factor on cosines."""

    def __init__(self, embeddings: nn.Embedding) -> None:
        super().__init__()
        words, width = embeddings.weight.shape
        self.inner = nn.Sequential(nn.Linear(width, width), nn.GELU(), nn.LayerNorm(width))
        self.bias = nn.Parameter(torch.zeros(words))
        self.log_scale = nn.Parameter(torch.tensor(math.log(10.0)))

    def forward(self, features: Tensor, words: Tensor) -> Tensor:
        return F.linear(self.inner(features), words, self.bias)


def matching_loss(pooled: Tensor, scale: Tensor) -> Tensor:
    """How badly phrases find the sentences of their own packages, and sentences the phrases (arXiv 2103.00020).

    Parameters
    ----------
    pooled
        ``[2 * n, width]``: n phrases, then their n sentences.
    scale
        Factor on the cosines.

    Returns
    -------
    Tensor
        The mean of both cross-entropies, in nats.

    Examples
    --------
    Two pairs, all at right angles but for the right ones, with factor 1: log(1 + 1/e).

    >>> round(float(matching_loss(torch.eye(2).repeat(2, 1), torch.tensor(1.0))), 4)
    0.3133
    """
    phrases, said = F.normalize(pooled, dim=1).chunk(2)
    cosines = scale * phrases @ said.T
    own = torch.arange(len(cosines))
    return (F.cross_entropy(cosines, own) + F.cross_entropy(cosines.T, own)) / 2


def pretrain(data: Corpus, config: TextPretrainConfig, *, progress: Callable[[int, float], None]) -> TextClassifier:
    """Train trunk and pooler, from random weights, to predict hidden tokens and to match descriptions.

    Parameters
    ----------
    data
        The encoded texts.
    config
        Seed and hyper-parameters.
    progress
        Called with the number of steps done and the last loss, the sum of both, in nats.

    Returns
    -------
    TextClassifier
        Its classifier is still random.
    """
    torch.manual_seed(config.seed)
    model = TextClassifier(dropout=0.0)
    trunk = model.bert.bert
    embeddings = trunk.embeddings.word_embeddings
    predictor = _Predictor(embeddings)
    trained = [*trunk.parameters(), *predictor.parameters()]
    optimizer = torch.optim.AdamW(trained, config.learning_rate, betas=(0.9, 0.98), weight_decay=config.weight_decay)
    model.train()
    for step in range(config.steps):
        rng = np.random.default_rng([config.seed, step])
        batch = draw_pairs(data, rng, config)
        shown, chosen = hide(batch, rng, config.hidden_share, len(embeddings.weight))
        where, inputs = torch.from_numpy(chosen), torch.from_numpy(shown)
        output = trunk(input_ids=inputs, attention_mask=(inputs != PADDING).long())
        words = predictor(output.last_hidden_state[where], embeddings.weight)
        hidden = F.cross_entropy(words, torch.from_numpy(batch)[where])
        loss = hidden + matching_loss(output.pooler_output, predictor.log_scale.exp())
        for group in optimizer.param_groups:
            group["lr"] = config.learning_rate * cosine_schedule(step, config.steps, config.warm_up)
        optimizer.zero_grad()
        torch.autograd.backward(loss)
        nn.utils.clip_grad_norm_(trained, 1.0)
        optimizer.step()
        with torch.no_grad():
            predictor.log_scale.clamp_(max=math.log(config.largest_scale))
        progress(step + 1, float(loss.detach()))
    return model.eval()


def probe(model: TextClassifier, ids: NDArray[np.uint16], labels: NDArray[np.uint8], penalty: float) -> None:
    """Fit the classifier on the frozen trunk in place, by multinomial logistic regression.

    Fine-tuning from such a head distorts the trunk less than from a random one (arXiv 2202.10054, section 3).

    Parameters
    ----------
    model
        Its pooler stays as it is.
    ids, labels
        Token ids ``[n, length]`` and classes ``[n]``.
    penalty
        Weight of the squared norm of the weights.
    """
    parts = np.array_split(ids.astype(np.int64), len(ids) // 256 + 1)
    with torch.no_grad():
        features = torch.cat([_pooled(model, part) for part in parts])
    head = model.bert.classifier
    nn.init.zeros_(head.weight)
    nn.init.zeros_(head.bias)
    targets = torch.from_numpy(labels.astype(np.int64))
    optimizer: Any = torch.optim.LBFGS(head.parameters(), max_iter=500, line_search_fn="strong_wolfe")

    def closure() -> Tensor:
        optimizer.zero_grad()
        loss: Tensor = F.cross_entropy(head(features), targets) + penalty * head.weight.square().sum()
        torch.autograd.backward(loss)
        return loss

    optimizer.step(closure)


def _pooled(model: TextClassifier, ids: NDArray[np.int64]) -> Tensor:
    inputs = torch.from_numpy(ids)
    pooled: Tensor = model.bert.bert(input_ids=inputs, attention_mask=(inputs != PADDING).long()).pooler_output
    return pooled
