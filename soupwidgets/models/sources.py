"""Networks of timm, torchvision and transformers, described by name or configuration."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal

import torch
from torch import nn

from soupwidgets.models.inputs import Images, Input, Tokens
from soupwidgets.models.logits import returning_logits
from soupwidgets.models.model import Model
from soupwidgets.models.placing import built_on
from soupwidgets.models.plain import plain_options, require_moderate

Head = Literal["sequence-classification", "image-classification"]
# Mean and standard deviation of the channels of ImageNet's images, by which most published weights normalise.
IMAGENET = (0.485, 0.456, 0.406), (0.229, 0.224, 0.225)


@dataclass(frozen=True)
class _ImageNetwork(Model):
    """A network that takes images, by its name in a library."""

    name: str
    classes: int
    mean: float | Sequence[float]
    std: float | Sequence[float]
    options: Mapping[str, Any] = field(default_factory=dict)
    image_size: tuple[int, int] | None = None

    source = ""

    def __post_init__(self) -> None:
        object.__setattr__(self, "options", plain_options(self.options, f"{self.source}'s {self.name}"))

    @property
    def inputs(self) -> Images:
        """Images, normalised as the network wants them."""
        return Images(self.mean, self.std, channels=int(self.options.get("in_chans", 3)), size=self.image_size)

    @property
    def code(self) -> str:
        """The Python that makes it, with what differs from the library's own settings."""
        said = [repr(self.name), f"classes={self.classes}"]
        usual = {"timm": timm, "torchvision": torchvision}[self.source](self.name, self.classes, **self.options)
        own = (("mean", _plain), ("std", _plain), ("image_size", lambda size: size))
        for name, shown in own:
            if shown(getattr(self, name)) != shown(getattr(usual, name)):
                said.append(f"{name}={shown(getattr(self, name))!r}")
        said += [f"{name}={value!r}" for name, value in self.options.items()]
        return f"sw.models.{self.source}({', '.join(said)})"

    def to_json(self) -> dict[str, Any]:
        """Every field, as plain JSON values."""
        size = None if self.image_size is None else list(self.image_size)
        mean, std = _plain(self.mean), _plain(self.std)
        return {
            "source": self.source, "name": self.name, "classes": self.classes, "mean": mean, "std": std,
            **({"options": dict(self.options)} if self.options else {}), **({"image_size": size} if size else {}),
        }  # fmt: skip


class Timm(_ImageNetwork):
    """A network of timm; made by `timm`."""

    source = "timm"

    def build(self, device: str | torch.device = "cpu") -> nn.Module:
        """Build it as timm does, without any download."""
        import timm as library

        def make() -> nn.Module:
            network: nn.Module = library.create_model(
                self.name, pretrained=False, num_classes=self.classes, **self.options
            )
            return network

        return built_on(device, make)


class Torchvision(_ImageNetwork):
    """A network of torchvision; made by `torchvision`."""

    source = "torchvision"

    def build(self, device: str | torch.device = "cpu") -> nn.Module:
        """Build it as torchvision does, without any download."""
        from torchvision.models import get_model

        options = dict(self.options)
        # Segmentation networks would fetch a backbone's weights.
        if "." in self.name or self.name.startswith(("deeplab", "fcn", "lraspp")):
            options["weights_backbone"] = None
        if self.image_size is not None and self.name.startswith("vit_"):
            options["image_size"] = self.image_size[0]
        return returning_logits(
            built_on(device, lambda: get_model(self.name, weights=None, num_classes=self.classes, **options))
        )


@dataclass(frozen=True)
class Transformers(Model):
    """A classifier of transformers; made by `transformers`.

    Parameters
    ----------
    config
        The model's configuration: ``model_type``, and what differs from its defaults.
    head
        Which of transformers' classifiers it is.
    mean, std
        Normalisation of images, for one that takes images.
    """

    config: Mapping[str, Any]
    head: Head
    mean: float | Sequence[float] = 0.5
    std: float | Sequence[float] = 0.5

    # The folder it was read from; two of the same configuration are equal wherever they lie.
    _folder = ""

    @property
    def code(self) -> str:
        """The Python that makes it: the folder it was read from, or all of its configuration."""
        return f"sw.models.transformers({self._folder!r})" if self._folder else super().code

    def __post_init__(self) -> None:
        require_moderate(self.config, "the configuration of transformers")
        if self.head not in ("sequence-classification", "image-classification"):
            raise ValueError(f"{self.head!r:.100} is not a classifier of transformers that is known here")

    @property
    def classes(self) -> int:  # type: ignore[override]
        """How many labels the configuration has."""
        labels = self.config.get("id2label")
        return len(labels) if labels else int(self.config.get("num_labels", 2))

    @property
    def inputs(self) -> Input:
        """Tokens or images, as the configuration says."""
        config = self._config()
        if self.head == "sequence-classification":
            length = getattr(config, "max_position_embeddings", None)
            return Tokens(padding=getattr(config, "pad_token_id", None) or 0, length=length)
        size = getattr(config, "image_size", None)
        size = (size, size) if isinstance(size, int) else tuple(size) if size else None
        return Images(self.mean, self.std, channels=getattr(config, "num_channels", 3), size=size)

    def to_json(self) -> dict[str, Any]:
        """Every field, as plain JSON values."""
        said: dict[str, Any] = {"source": "transformers", "config": dict(self.config), "head": self.head}
        if self.head == "image-classification":
            mean, std = _plain(self.mean), _plain(self.std)
            said |= {"mean": mean, "std": std}
        return said

    def build(self, device: str | torch.device = "cpu") -> nn.Module:
        """Build it as transformers does, without any download and without code from anywhere else."""
        import transformers as library

        kinds = {
            "sequence-classification": library.AutoModelForSequenceClassification,
            "image-classification": library.AutoModelForImageClassification,
        }
        return returning_logits(built_on(device, lambda: kinds[self.head].from_config(self._config())))

    def _config(self) -> Any:
        library = _transformers()
        said = dict(self.config)
        kind = said.pop("model_type", None)
        if kind not in library.CONFIG_MAPPING:
            raise ValueError(f"transformers has no model of type {kind!r:.100}")
        return library.AutoConfig.for_model(kind, **said)


def _transformers() -> Any:
    try:
        import transformers
    except ModuleNotFoundError as error:
        raise ModuleNotFoundError(
            "these checkpoints are of a model of transformers, which is not installed: pip install 'soupwidgets[text]'"
        ) from error
    return transformers


def timm(
    name: str,
    classes: int,
    *,
    mean: float | Sequence[float] | None = None,
    std: float | Sequence[float] | None = None,
    image_size: tuple[int, int] | None = None,
    **options: Any,
) -> Timm:
    """Any classifier of timm.

    Parameters
    ----------
    name
        timm's name, such as ``"resnet18"`` or ``"vit_small_patch16_224.augreg_in1k"``.
    classes
        Number of classes.
    mean, std
        Normalisation of images in 0..1; what timm's own weights of that name were trained with when None.
    image_size
        Height and width in pixels; only needed for a network of one size that is not the default.
    **options
        Passed to ``timm.create_model``: plain numbers, strings, lists.

    Raises
    ------
    ValueError
        When timm has no such network, or an option would load a file or is not plain.

    Examples
    --------
    >>> model = timm("resnet18", classes=10)
    >>> model.inputs.mean
    [0.485, 0.456, 0.406]
    """
    import timm as library
    from timm.data import resolve_data_config

    if not library.is_model(name) or ":" in name:
        raise ValueError(f"timm has no model {name!r:.200}; timm.list_models() lists them all")
    config = library.models.get_pretrained_cfg(name)
    own = resolve_data_config(pretrained_cfg=config.to_dict() if config else {})
    if image_size is None and config is not None and getattr(config, "fixed_input_size", False):
        image_size = tuple(options["img_size"]) if isinstance(options.get("img_size"), list | tuple) else None
        size = options.get("img_size")
        image_size = image_size or ((size, size) if isinstance(size, int) else tuple(own["input_size"][1:]))
    return Timm(
        name,
        classes,
        mean=list(own["mean"]) if mean is None else mean,
        std=list(own["std"]) if std is None else std,
        options=options,
        image_size=image_size,
    )


def torchvision(
    name: str,
    classes: int,
    *,
    mean: float | Sequence[float] | None = None,
    std: float | Sequence[float] | None = None,
    image_size: tuple[int, int] | None = None,
    **options: Any,
) -> Torchvision:
    """Any classifier or segmentation network of torchvision.

    Parameters
    ----------
    name
        torchvision's name, such as ``"resnet18"``.
    classes, mean, std, image_size
        As in `timm`; the normalisation is that of torchvision's own weights of that name when None.
    **options
        Passed to torchvision's builder: plain numbers, strings, lists.

    Raises
    ------
    ValueError
        When torchvision has no such network, or an option would load a file or is not plain.

    Examples
    --------
    >>> torchvision("resnet18", classes=10).classes
    10
    >>> torchvision("efficientnet_v2_l", classes=10).mean
    [0.5, 0.5, 0.5]
    """
    from torchvision.models import get_model_weights, list_models

    if name not in list_models():
        raise ValueError(f"torchvision has no model {name!r:.200}; torchvision.models.list_models() lists them all")
    if image_size is None and name.startswith(("vit_", "maxvit")):
        image_size = (224, 224)
    published = getattr(get_model_weights(name), "DEFAULT", None)
    shown = None if published is None else published.transforms()
    mean, std = (
        list(getattr(shown, key, own)) if given is None else given
        for key, own, given in (("mean", IMAGENET[0], mean), ("std", IMAGENET[1], std))
    )
    return Torchvision(name, classes, mean=mean, std=std, options=options, image_size=image_size)


def transformers(source: Any, *, mean: float | Sequence[float] = 0.5, std: float | Sequence[float] = 0.5) -> Model:
    """A text or image classifier of Hugging Face transformers.

    Parameters
    ----------
    source
        A ``PretrainedConfig``, a model, or the folder (or ``config.json``) of a saved one. No code that a folder
        may hold is run.
    mean, std
        Normalisation of images; that of ``preprocessor_config.json`` where the folder has one.

    Raises
    ------
    ValueError
        When it is no classifier that is known here.
    ModuleNotFoundError
        When transformers is not installed.
    """
    library = _transformers()
    read_from = ""
    if isinstance(source, str | Path):
        read_from = str(source)
        path = Path(source)
        folder = path if path.is_dir() else path.parent
        file = folder / "config.json"
        if not file.is_file():
            raise ValueError(f"{file} is missing: name the folder of a saved model of transformers")
        said = _json(file)
        shown = folder / "preprocessor_config.json"
        if shown.is_file():
            own = _json(shown)
            mean, std = own.get("image_mean", mean), own.get("image_std", std)
    else:
        config = getattr(source, "config", source)
        said = config.to_diff_dict()
        said["model_type"] = config.model_type
        said["id2label"] = {str(number): name for number, name in config.id2label.items()}
        if not said.get("architectures"):
            said["architectures"] = [type(source).__name__]
    architectures = said.pop("architectures", None) or [""]
    said = {key: value for key, value in said.items() if key not in _NOT_KEPT and value is not None}
    if isinstance(said.get("id2label"), Mapping):
        said["label2id"] = {name: int(number) for number, name in said["id2label"].items()}
    kind = said.get("model_type")
    heads: dict[Head, Any] = {
        "sequence-classification": library.models.auto.modeling_auto.MODEL_FOR_SEQUENCE_CLASSIFICATION_MAPPING_NAMES,
        "image-classification": library.models.auto.modeling_auto.MODEL_FOR_IMAGE_CLASSIFICATION_MAPPING_NAMES,
    }
    stated = [h for h, known in heads.items() if any(a in _names(known.get(kind)) for a in architectures)]
    possible = stated or [head for head, known in heads.items() if kind in known]
    if not possible:
        raise ValueError(f"transformers has no classifier of texts or images of type {kind!r:.100}")
    found = Transformers(said, possible[0], mean=mean, std=std)
    object.__setattr__(found, "_folder", read_from)
    return found


# What says where a model came from or how it is stored, not what it computes; and what could name code.
_NOT_KEPT = ("_name_or_path", "transformers_version", "auto_map", "torch_dtype", "dtype", "quantization_config")


def _plain(value: float | Sequence[float]) -> float | list[float]:
    return value if isinstance(value, int | float) else list(value)


def _names(known: Any) -> tuple[str, ...]:
    return () if known is None else (known,) if isinstance(known, str) else tuple(known)


def _json(path: Path) -> dict[str, Any]:
    if path.stat().st_size > 1 << 20:
        raise ValueError(f"{path}: {path.stat().st_size:,} bytes are too many for a configuration")
    try:
        said = json.loads(path.read_text(encoding="utf-8"))
    except (ValueError, RecursionError) as error:
        raise ValueError(f"{path}: not JSON ({error})") from error
    if not isinstance(said, dict):
        raise ValueError(f"{path}: not a JSON object")
    return said
