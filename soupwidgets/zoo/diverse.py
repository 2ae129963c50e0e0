"""Models for the same task with increasingly different training, for error inconsistency and ensembles."""

from __future__ import annotations

from dataclasses import asdict, dataclass, replace
from pathlib import Path

import numpy as np
import torch
from tqdm import tqdm

from soupwidgets.checkpoints import write_checkpoint
from soupwidgets.models import Architecture
from soupwidgets.zoo import styles
from soupwidgets.zoo.finetune import FineTuneConfig, fine_tune
from soupwidgets.zoo.pretrain import ARCHITECTURE
from soupwidgets.zoo.raw import DEFAULT_FOLDER, LabelledImages, RawData, read_raw

# timm's small residual network within open_clip: as many weights as the transformer, but convolutional.
RESNET = replace(
    ARCHITECTURE,
    vision_cfg={
        "image_size": 28,
        "timm_model_name": "test_resnet",
        "timm_model_pretrained": False,
        "timm_pool": "avg",
        "timm_proj": "linear",
    },
)
# With this many images a model trained from scratch is about as good as the fine-tuned ones it is paired with.
IMAGES = 5000
_PLAIN = FineTuneConfig(seed=0, learning_rate=1e-3, epochs=24, weight_decay=0.1, images=IMAGES)
_CLEAN, _STYLED = "clean images", "other images, in many styles"
_STYLE_SEED = 9


@dataclass(frozen=True)
class DiverseModel:
    """One model that is trained from scratch, with labels."""

    name: str
    architecture: Architecture
    config: FineTuneConfig
    data: str = _CLEAN


def diverse_models() -> list[DiverseModel]:
    """The models that are part of the repository, in `data/zoo/fashion-diverse`."""
    other = replace(_PLAIN, learning_rate=3e-4, epochs=40, weight_decay=0.3, label_smoothing=0.1, augmentation=0.5)
    again = replace(_PLAIN, seed=1)
    # Styled images are harder: it takes more of them to reach the same clean accuracy.
    styled = replace(_PLAIN, images=4 * IMAGES, epochs=12)
    return [
        DiverseModel("vit-a", ARCHITECTURE, _PLAIN),
        DiverseModel("vit-b", ARCHITECTURE, again),
        DiverseModel("vit-c", ARCHITECTURE, replace(other, seed=2)),
        DiverseModel("resnet-a", RESNET, _PLAIN),
        DiverseModel("resnet-b", RESNET, again),
        DiverseModel("vit-styles", ARCHITECTURE, styled, _STYLED),
        DiverseModel("resnet-styles", RESNET, styled, _STYLED),
    ]


def build_diverse(out: Path, raw_folder: Path = DEFAULT_FOLDER, *, models: list[DiverseModel] | None = None) -> Path:
    """Train the models; existing ones are not trained again.

    Parameters
    ----------
    out
        Folder for the models.
    raw_folder
        The four Fashion-MNIST files.
    models
        The models to train; `diverse_models` when None.

    Returns
    -------
    Path
        ``out``.

    Raises
    ------
    FileNotFoundError
        When the raw data is not in ``raw_folder``.

    Notes
    -----
    Follows the categories of arXiv 2110.12899, section 3: reinitialisation, hyper-parameters, architecture,
    framework and data set, as far as 60,000 images allow.
    """
    raw = read_raw(raw_folder)
    for one in tqdm(diverse_models() if models is None else models, desc="models", unit="model"):
        path = out / f"{one.name}.safetensors"
        if path.exists():
            continue
        torch.manual_seed(one.config.seed)
        model = one.architecture.build()
        fine_tune(model, _data(raw, one), config=one.config, progress=lambda *_: None)
        card = {
            "name": one.name,
            "note": "Trained from scratch with labels, to be compared and not mixed.",
            "architecture": one.architecture.to_json(),
            "hyperparameters": asdict(one.config),
            "training": {"framework": "supervised from scratch", "data set": one.data},
        }
        half = {
            name: tensor.to(torch.float16) if tensor.is_floating_point() else tensor
            for name, tensor in model.state_dict().items()
        }
        write_checkpoint(path, half, card)
    return out


def _data(raw: RawData, one: DiverseModel) -> LabelledImages:
    if one.data == _CLEAN:
        return raw.fine_tuning
    rows = np.arange(one.config.images)
    images = torch.from_numpy(raw.pretraining.images[rows]).float() / 255
    styled, _ = styles.draw(images, np.random.default_rng(_STYLE_SEED))
    shown = (styled.clamp(0, 1) * 255).round().to(torch.uint8).numpy()
    return LabelledImages(shown, raw.pretraining.labels[rows])
