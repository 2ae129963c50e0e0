"""Pre-training of the miniature CLIP on captioned images in many styles."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor

from soupwidgets.checkpoints.writing import atomic_path
from soupwidgets.models import Architecture
from soupwidgets.training import cosine_schedule
from soupwidgets.zoo import captions, styles
from soupwidgets.zoo.raw import LabelledImages

ARCHITECTURE = Architecture(
    embed_dim=64,
    vision_cfg={"image_size": 28, "patch_size": 7, "width": 96, "layers": 3, "head_width": 32},
    classes=len(captions.CLASSES),
    mean=0.286,
    std=0.353,
)
TEXT_CFG = {
    "context_length": captions.CONTEXT_LENGTH,
    "vocab_size": captions.VOCABULARY_SIZE,
    "width": 64,
    "heads": 2,
    "layers": 1,
}


@dataclass(frozen=True)
class PretrainConfig:
    """Everything that determines the pre-trained weights, apart from the data."""

    seed: int
    steps: int = 2600
    batch_size: int = 192
    learning_rate: float = 1.5e-3
    weight_decay: float = 0.1
    warm_up: int = 100
    largest_logit_scale: float = 100.0


def normalise(images: Tensor) -> Tensor:
    """Grey images in 0..1 ``[n, h, w]`` to the tower's input ``[n, 3, h, w]``."""
    mean, std = (torch.tensor(x, device=images.device) for x in (ARCHITECTURE.mean, ARCHITECTURE.std))
    grey = (images - mean) / std
    return grey[:, None].expand(-1, 3, -1, -1)


def _new_clip(seed: int) -> Any:
    from open_clip.model import CLIP

    torch.manual_seed(seed)
    return CLIP(ARCHITECTURE.embed_dim, ARCHITECTURE.vision_cfg, TEXT_CFG)


def pretrain(
    data: LabelledImages,
    config: PretrainConfig,
    *,
    resume_from: Path,
    progress: Callable[[int, float], None],
    save_every: int = 100,
) -> Any:
    """Train a tiny CLIP with the contrastive loss, from scratch or from where it was interrupted.

    Parameters
    ----------
    data
        The pre-training images.
    config
        Seed and hyper-parameters.
    resume_from
        File for the state of training; written every ``save_every`` steps.
    progress
        Called with the number of steps done and the last loss.
    save_every
        Number of steps between saved states.

    Returns
    -------
    open_clip.model.CLIP
        The trained model, in evaluation mode.

    Notes
    -----
    The random numbers of a step depend on the seed and the step alone, so a
    resumed run draws what an uninterrupted one would have drawn.
    """
    from open_clip.loss import ClipLoss

    clip = _new_clip(config.seed)
    optimizer = torch.optim.AdamW(
        clip.parameters(), config.learning_rate, betas=(0.9, 0.98), weight_decay=config.weight_decay
    )
    contrastive = ClipLoss()
    done = 0
    if resume_from.exists():
        state = torch.load(resume_from, weights_only=True)
        if state["config"] == asdict(config):
            clip.load_state_dict(state["model"])
            optimizer.load_state_dict(state["optimizer"])
            done = state["done"]
    images = torch.from_numpy(data.images)
    clip.train()
    for step in range(done, config.steps):
        rng = np.random.default_rng([config.seed, step])
        rows = rng.integers(len(data.labels), size=config.batch_size)
        batch, shown = styles.draw(images[rows].float() / 255, rng)
        texts = [captions.caption(int(data.labels[r]), s, rng) for r, s in zip(rows, shown, strict=True)]
        for group in optimizer.param_groups:
            share = cosine_schedule(step, config.steps, config.warm_up)
            group["lr"] = config.learning_rate * share
        image_features, text_features, scale = clip(normalise(batch), captions.tokenize(texts))
        loss = contrastive(image_features, text_features, scale)
        optimizer.zero_grad()
        loss.backward()
        torch.nn.utils.clip_grad_norm_(clip.parameters(), 1.0)
        optimizer.step()
        with torch.no_grad():
            clip.logit_scale.clamp_(0, math.log(config.largest_logit_scale))
        progress(step + 1, float(loss.detach()))
        if (step + 1) % save_every == 0 or step + 1 == config.steps:
            with atomic_path(resume_from) as path:
                torch.save(
                    {
                        "config": asdict(config),
                        "model": clip.state_dict(),
                        "optimizer": optimizer.state_dict(),
                        "done": step + 1,
                    },
                    path,
                )
    return clip.eval()


@torch.inference_mode()
def zero_shot_tensors(clip: Any) -> dict[str, Tensor]:
    """The zero-shot classifier of a pre-trained CLIP, under the names of `ImageClassifier`.

    Per class the mean of the normalised prompt embeddings, normalised again,
    times the logit scale (arXiv 2109.01903, section 2).
    """
    rows = []
    for label in range(len(captions.CLASSES)):
        embeddings = F.normalize(clip.encode_text(captions.tokenize(captions.prompts(label))), dim=-1)
        rows.append(F.normalize(embeddings.mean(dim=0), dim=-1))
    head = torch.stack(rows) * clip.logit_scale.exp()
    tensors = {f"visual.{name}": tensor for name, tensor in clip.visual.state_dict().items()}
    return {**tensors, "head.weight": head}
