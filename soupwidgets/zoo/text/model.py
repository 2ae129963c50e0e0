"""The classifier of the text zoo: a small BERT of transformers."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn

from soupwidgets.checkpoints import CheckpointFile, write_checkpoint
from soupwidgets.zoo.text.splits import CLASSES
from soupwidgets.zoo.text.tokens import LENGTH, PADDING, VOCABULARY

CONFIG: dict[str, Any] = {
    "model_type": "bert",
    "vocab_size": VOCABULARY,
    "hidden_size": 64,
    "num_hidden_layers": 2,
    "num_attention_heads": 2,
    "intermediate_size": 128,
    "max_position_embeddings": LENGTH,
    "type_vocab_size": 1,
    "pad_token_id": PADDING,
    "num_labels": len(CLASSES),
    "id2label": {str(label): name for label, name in enumerate(CLASSES)},
    "label2id": {name: label for label, name in enumerate(CLASSES)},
}
ARCHITECTURE: dict[str, Any] = {"source": "transformers", "config": CONFIG, "head": "sequence-classification"}


class TextClassifier(nn.Module):
    """From token ids ``[n, length]`` to logits ``[n, classes]``, with padding left out of attention."""

    def __init__(self, dropout: float = 0.1) -> None:
        from transformers import BertConfig, BertForSequenceClassification

        super().__init__()
        config = BertConfig(**CONFIG, hidden_dropout_prob=dropout, attention_probs_dropout_prob=dropout)
        self.bert = BertForSequenceClassification(config)

    def forward(self, ids: Tensor) -> Tensor:
        """Logits ``[n, classes]``."""
        logits: Tensor = self.bert(input_ids=ids, attention_mask=(ids != PADDING).long()).logits
        return logits


def load(path: Path, dropout: float = 0.1) -> TextClassifier:
    """The classifier with the weights of a checkpoint of the zoo, in float32 and evaluation mode."""
    model = TextClassifier(dropout)
    model.bert.load_state_dict({name: tensor.float() for name, tensor in CheckpointFile(path).read()})
    return model.eval()


def save(path: Path, model: TextClassifier, card: dict[str, Any]) -> None:
    """Write the weights in half precision, under the names of ``BertForSequenceClassification``."""
    halves = {name: tensor.to(torch.float16) for name, tensor in model.bert.state_dict().items()}
    write_checkpoint(path, halves, card)
