"""Zero-shot heads: classifiers built from prompts."""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from functools import partial
from typing import Any

import torch
from torch import Tensor

from soupwidgets.checkpoints import CheckpointFile
from soupwidgets.models.prompts import fill

# Sizes that OpenAI's archives store among the weights.
NO_WEIGHTS = frozenset({"input_resolution", "context_length", "vocab_size"})


@contextmanager
def quietly() -> Iterator[None]:
    """Silence open_clip's warning about random weights when they are intended, or replaced at once."""
    before = logging.root.manager.disable
    logging.disable(logging.WARNING)
    try:
        yield
    finally:
        logging.disable(before)


def zero_shot_head(
    file: CheckpointFile,
    model_name: str,
    *,
    class_names: Sequence[str],
    templates: Sequence[str],
    tokenizer: Callable[[list[str]], Tensor] | None = None,
) -> dict[str, Tensor]:
    """Make the zero-shot head of a CLIP checkpoint with its own text tower.

    Parameters
    ----------
    file
        A checkpoint with both towers, under open_clip's names.
    model_name
        open_clip's name of the model.
    class_names
        Names of the classes.
    templates
        Prompts with a placeholder for the class's name, for example ``"a photo of a {}."``.
    tokenizer
        Converts texts to token numbers; the model's own tokenizer when None.

    Returns
    -------
    dict[str, Tensor]
        ``weight`` ``[classes, features]``: per class the mean of the normalised
        prompt embeddings, normalised again, times exp(logit_scale). Also ``bias``
        ``[classes]`` if the model has a logit bias, as SigLIP does.

    Raises
    ------
    CheckpointError
        When the file is damaged.
    ValueError
        When its tensors do not fit the model, or a template has no placeholder for a name.

    Notes
    -----
    Radford et al., arXiv 2103.00020, section 3.1.4; arXiv 2109.01903, section 2.
    """
    import open_clip

    with quietly():
        model: Any = open_clip.create_model(model_name, pretrained=None, load_weights=False).eval()
    try:
        model.load_state_dict({name: tensor for name, tensor in file.read() if name not in NO_WEIGHTS})
    except RuntimeError as error:
        raise ValueError(f"{file.path} is not a {model_name}: {error}") from error
    tokens = tokenizer or open_clip.get_tokenizer(model_name)
    return head_of(model, tokens, class_names=class_names, templates=templates)


def head_of(
    model: Any, tokenizer: Callable[[list[str]], Tensor], *, class_names: Sequence[str], templates: Sequence[str]
) -> dict[str, Tensor]:
    """The zero-shot head of a CLIP model in memory, in evaluation mode; otherwise as `zero_shot_head`."""
    import open_clip

    prompts = [partial(fill, template) for template in templates]
    device = model.logit_scale.device
    with torch.inference_mode():
        columns: Tensor = open_clip.build_zero_shot_classifier(
            model, tokenizer, list(class_names), prompts, device=device
        )
        head = {"weight": (columns.T * model.logit_scale.exp()).clone()}
        if getattr(model, "logit_bias", None) is not None:
            head["bias"] = model.logit_bias.expand(len(class_names)).clone()
    return head


def prompt_head(
    file: CheckpointFile, model_name: str, *, class_names: Sequence[str], templates: Sequence[str]
) -> Tensor:
    """The weights ``[classes, features]`` of `zero_shot_head`, for `as_classifier`."""
    return zero_shot_head(file, model_name, class_names=class_names, templates=templates)["weight"]
