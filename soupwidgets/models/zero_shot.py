"""Any open_clip model as an image classifier: zero-shot, or with a given head."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path

import torch
from torch import Tensor

from soupwidgets.checkpoints import CheckpointFile, as_classifier, locate, write_checkpoint
from soupwidgets.folders import cache_folder
from soupwidgets.models.architecture import Architecture
from soupwidgets.models.heads import quietly, zero_shot_head


def open_clip_classifier(
    name: str,
    pretrained: str | Path | None = None,
    *,
    class_names: Sequence[str] = (),
    templates: Sequence[str] = ("a photo of a {}.",),
    head: Tensor | str | Path | CheckpointFile | None = None,
    tokenizer: Callable[[list[str]], Tensor] | None = None,
    seed: int = 0,
    part: str | None = None,
) -> CheckpointFile:
    """An open_clip model as a classifier, to open in a pool: ``Pool.open([this, "fine-tuned.pt"])``.

    Nothing is copied: the image tower stays in its file, and the head is built
    from prompts once per model, list of names and list of templates.

    Parameters
    ----------
    name
        open_clip's name of the model, for example ``"ViT-B-32"``.
    pretrained
        open_clip's tag of published weights (downloaded once), or a file with
        both towers. None gives random weights, which need no network.
    class_names, templates
        Names of the classes, and prompts; those of a suite are
        ``suite.classes`` and ``suite.templates``.
    head
        Instead of prompts: weights ``[classes, features]``, or a checkpoint whose head is taken.
    tokenizer
        Converts texts to token numbers; the model's own tokenizer when None. (Some models'
        tokenizers are downloaded.)
    seed
        Seed of random weights.
    part
        Which weights of ``pretrained`` to use, if it is a training checkpoint with several sets.

    Returns
    -------
    CheckpointFile
        Named ``zero-shot``, in that role, with the architecture on its card.

    Raises
    ------
    ValueError
        When open_clip has no such model, or there are neither names nor a head.
    CheckpointError
        When weights cannot be downloaded or read.

    Examples
    --------
    >>> file = open_clip_classifier("ViT-S-32-alt", class_names=["coat", "bag"], templates=["a {}."])
    >>> file.card.role, file.tensors["head.weight"].shape
    ('zero_shot', (2, 256))
    """
    if head is None and not class_names:
        raise ValueError("a zero-shot classifier is built from its classes' names: give class_names, or a head")
    tag = str(pretrained) if pretrained is not None and not Path(pretrained).exists() else None
    # Looked up first: an unknown name should fail before anything is downloaded.
    architecture = Architecture.from_open_clip(name, max(len(class_names), 1), pretrained=tag)
    if pretrained is None:
        file = CheckpointFile(_random_weights(name, seed))
    else:
        file = CheckpointFile(locate(f"{name}/{pretrained}" if tag else pretrained), part)
    bias = None
    if head is None:
        made = _cached_head(file, name, class_names, templates, tokenizer)
        head, bias = made["weight"], made.get("bias")
    classifier = as_classifier(file, head, head_bias=bias if bias is not None else False)
    shape = classifier.tensors["head.weight"].shape
    if shape[1] != architecture.embed_dim:
        raise ValueError(f"the head takes {shape[1]} features, but {name} gives {architecture.embed_dim}")
    with_bias = "head.bias" in classifier.tensors
    architecture = replace(architecture, classes=shape[0], head_bias=with_bias)
    classifier.card = replace(file.card, name="zero-shot", role="zero_shot", architecture=architecture.to_json())
    return classifier


def _random_weights(name: str, seed: int) -> Path:
    import open_clip

    path = cache_folder() / "random" / f"{name}-{open_clip.__version__}-seed{seed}.safetensors"
    if not path.exists():
        with quietly(), torch.random.fork_rng(devices=[]):
            torch.manual_seed(seed)
            model = open_clip.create_model(name, pretrained=None, load_weights=False)
        write_checkpoint(path, {key: tensor.clone() for key, tensor in model.state_dict().items()}, {})
    return path


def _cached_head(
    file: CheckpointFile,
    name: str,
    class_names: Sequence[str],
    templates: Sequence[str],
    tokenizer: Callable[[list[str]], Tensor] | None,
) -> dict[str, Tensor]:
    if tokenizer is not None:
        # Not cached: there is no way to tell whether two functions give the same tokens.
        return zero_shot_head(file, name, class_names=class_names, templates=templates, tokenizer=tokenizer)
    made_of = json.dumps([file.content_hash, name, list(class_names), list(templates)])
    path = cache_folder() / "heads" / f"{hashlib.sha256(made_of.encode()).hexdigest()[:40]}.safetensors"
    if path.exists():
        return dict(CheckpointFile(path).read())
    head = zero_shot_head(file, name, class_names=class_names, templates=templates)
    write_checkpoint(path, head, {})
    return head
