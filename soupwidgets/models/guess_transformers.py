"""Classifiers of transformers that the names and shapes of tensors suggest."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from importlib.util import find_spec
from math import isqrt
from typing import Any

from soupwidgets.models.model import Model
from soupwidgets.models.sources import Head, Transformers

Shapes = Mapping[str, tuple[int, ...]]
# Widths of published networks whose attention has heads of 64; others are not guessed.
_OF_64 = (128, 256, 512, 768, 1024)


def transformers_candidates(shapes: Shapes) -> Iterator[Model]:
    """BERT, RoBERTa, DistilBERT and ViT with the sizes of these tensors.

    Parameters
    ----------
    shapes
        By name.
    """
    if find_spec("transformers") is None:
        return
    for kind, read in {"bert": _bert, "roberta": _bert, "distilbert": _distilbert, "vit": _vit}.items():
        if any(name.startswith(f"{kind}.") for name in shapes):
            try:
                config = read(shapes, kind)
            except (KeyError, ValueError, IndexError, StopIteration):
                # Some tensor is missing, or has another number of axes.
                continue
            if config is not None:
                head: Head = "image-classification" if kind == "vit" else "sequence-classification"
                yield Transformers({"model_type": kind, **config}, head)


def _bert(shapes: Shapes, kind: str) -> dict[str, Any] | None:
    vocabulary, width = shapes[f"{kind}.embeddings.word_embeddings.weight"]
    if width not in _OF_64:
        return None
    # Published RoBERTas have these two, which no shape shows.
    own = {"pad_token_id": 1, "layer_norm_eps": 1e-5} if kind == "roberta" else {}
    return {
        "vocab_size": vocabulary,
        "hidden_size": width,
        "num_hidden_layers": _layers(shapes, f"{kind}.encoder.layer."),
        "num_attention_heads": width // 64,
        "intermediate_size": shapes[f"{kind}.encoder.layer.0.intermediate.dense.weight"][0],
        "max_position_embeddings": shapes[f"{kind}.embeddings.position_embeddings.weight"][0],
        "type_vocab_size": shapes[f"{kind}.embeddings.token_type_embeddings.weight"][0],
        "num_labels": shapes["classifier.out_proj.weight" if kind == "roberta" else "classifier.weight"][0],
        **own,
    }


def _distilbert(shapes: Shapes, kind: str) -> dict[str, Any] | None:
    vocabulary, width = shapes["distilbert.embeddings.word_embeddings.weight"]
    if width not in _OF_64:
        return None
    return {
        "vocab_size": vocabulary,
        "dim": width,
        "n_layers": _layers(shapes, "distilbert.transformer.layer."),
        "n_heads": width // 64,
        "hidden_dim": shapes["distilbert.transformer.layer.0.ffn.lin1.weight"][0],
        "max_position_embeddings": shapes["distilbert.embeddings.position_embeddings.weight"][0],
        "num_labels": shapes["classifier.weight"][0],
    }


def _vit(shapes: Shapes, kind: str) -> dict[str, Any] | None:
    width, channels, patch, _ = shapes["vit.embeddings.patch_embeddings.projection.weight"]
    if width not in (192, 384, *_OF_64):
        return None
    _, places, _ = shapes["vit.embeddings.position_embeddings"]
    layers = next(p for p in ("vit.encoder.layer.", "vit.layers.") if any(n.startswith(p) for n in shapes))
    first = [name for name in shapes if name.startswith(f"{layers}0.")]
    up = next(name for name in first if name.endswith(("intermediate.dense.weight", "fc1.weight")))
    return {
        "image_size": patch * isqrt(max(places - 1, 0)),
        "patch_size": patch,
        "num_channels": channels,
        "hidden_size": width,
        "num_hidden_layers": _layers(shapes, layers),
        "num_attention_heads": width // 64,
        "intermediate_size": shapes[up][0],
        "num_labels": shapes["classifier.weight"][0],
    }


def _layers(shapes: Shapes, before: str) -> int:
    return len({name.removeprefix(before).split(".")[0] for name in shapes if name.startswith(before)})
