"""Models found from the names and shapes of tensors, where no card states one."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from soupwidgets.checkpoints import TensorInfo
from soupwidgets.models.architecture import Architecture
from soupwidgets.models.clip_towers import clip_tower
from soupwidgets.models.custom import structure
from soupwidgets.models.guess_images import Shapes, torchvision_candidates
from soupwidgets.models.guess_timm import timm_candidates
from soupwidgets.models.guess_transformers import transformers_candidates
from soupwidgets.models.inputs import Images
from soupwidgets.models.model import Model
from soupwidgets.models.saved_names import under_names
from soupwidgets.models.sources import IMAGENET, Torchvision, timm, transformers

_LONGEST_CONFIG = 1 << 20
_IMAGENET = tuple(map(list, IMAGENET))
_known: dict[tuple[Any, ...], list[Model]] = {}


def guess(tensors: Mapping[str, TensorInfo], folder: str | Path | None = None) -> list[Model]:
    """Models of torchvision, timm, transformers and open_clip whose tensors are exactly these.

    Parameters
    ----------
    tensors
        Shapes by name, such as ``pool.tensors``. The number of classes is that of the head.
    folder
        Where the weights lie; a ``config.json`` beside them, as transformers and timm write it, then decides.

    Returns
    -------
    list[Model]
        Each of them, built on the meta device, has these names and shapes and no others; the plainest is first. What
        shapes do not show (activations, normalisation of images, heads of attention) is that of the library's own
        model of that name. Empty when nothing fits.

    Examples
    --------
    >>> import torchvision
    >>> from soupwidgets.checkpoints import TensorInfo
    >>> network = torchvision.models.squeezenet1_1(num_classes=7).state_dict()
    >>> [one.code for one in guess({n: TensorInfo(tuple(t.shape), t.dtype) for n, t in network.items()})]
    ["sw.models.torchvision('squeezenet1_1', classes=7)"]
    """
    stated = None if folder is None else _stated(Path(folder))
    if stated is not None:
        return [stated] if fits(stated, tensors) else []
    # Files of one pool ask the same.
    key = tuple(sorted((name, tuple(info.shape)) for name, info in tensors.items()))
    if key not in _known:
        found: dict[str, Model] = {}
        for model in _candidates(tensors):
            if model.fingerprint not in found and fits(model, tensors):
                found[model.fingerprint] = model
        _known[key] = list(found.values())
    return list(_known[key])


def fits(model: Model, tensors: Mapping[str, TensorInfo]) -> bool:
    """Whether a model has exactly these tensors.

    Parameters
    ----------
    model
        Is built on the meta device, where it takes no memory.
    tensors
        Shapes by name.
    """
    try:
        own = under_names(model.build("meta"), tensors).state_dict()
    except Exception:
        # Sizes that were read from shapes may be none that the library can build, in as many ways as it has.
        return False
    return {name: tuple(t.shape) for name, t in own.items()} == {n: tuple(i.shape) for n, i in tensors.items()}


def the_one(found: list[Model]) -> Model | None:
    """The model to use of those that fit; None when there is none, or they would compute different numbers.

    Parameters
    ----------
    found
        From `guess`. All must take the same inputs. Of networks of torchvision and timm with the same tensors,
        torchvision's is used, which has the plain network of each kind; others must be the same inside, too.
    """
    if not found:
        return None
    if any(_taken(model) != _taken(found[0]) for model in found[1:]):
        return None
    if len(found) == 1 or isinstance(found[0], Torchvision):
        return found[0]
    return found[0] if len({structure(model.build("meta")) for model in found}) == 1 else None


def assumed(model: Model) -> str:
    """What the shapes do not show and was assumed, in words."""
    inputs = model.inputs
    if isinstance(inputs, Images):
        # Most are of ImageNet; what is not may surprise.
        own = ", as for the weights published under this name" if _taken(model)[:2] != _IMAGENET else ""
        return f"images normalised with mean {_short(inputs.mean)} and standard deviation {_short(inputs.std)}{own}"
    return "heads of attention of width 64, and the library's usual settings"


def _taken(model: Model) -> Any:
    inputs = model.inputs
    if not isinstance(inputs, Images):
        return inputs

    # One number stands for all channels.
    def each(value: Any) -> list[float]:
        return [float(value)] * inputs.channels if isinstance(value, int | float) else [float(one) for one in value]

    return each(inputs.mean), each(inputs.std), inputs.channels


def _short(value: Any) -> str:
    numbers = [value] if isinstance(value, int | float) else list(value)
    return ", ".join(f"{number:.4g}" for number in numbers)


def _candidates(tensors: Mapping[str, TensorInfo]) -> Iterator[Model]:
    shapes = {name: tuple(info.shape) for name, info in tensors.items()}
    for kind in (_clip_candidates, torchvision_candidates, timm_candidates, transformers_candidates):
        try:
            yield from kind(shapes)
        except (KeyError, IndexError, ValueError, ZeroDivisionError):
            # Names of a known kind with other numbers of axes than that has: it is not one.
            continue


def _clip_candidates(shapes: Shapes) -> Iterator[Model]:
    tower = clip_tower(shapes) if "head.weight" in shapes else None
    if tower is None:
        return
    import open_clip

    for name in tower.names:
        for tag in open_clip.list_pretrained_tags_by_model(name) or [None]:
            yield Architecture.from_open_clip(
                name, shapes["head.weight"][0], head_bias="head.bias" in shapes, pretrained=tag
            )


def _stated(folder: Path) -> Model | None:
    """The model of a ``config.json`` that transformers or timm wrote; None if there is none or it says nothing."""
    file = folder / "config.json"
    try:
        if not file.is_file() or file.stat().st_size > _LONGEST_CONFIG:
            return None
        said = json.loads(file.read_text(encoding="utf-8"))
        if not isinstance(said, dict):
            return None
        if isinstance(said.get("model_type"), str):
            return transformers(folder)
        own = said.get("pretrained_cfg")
        if not (isinstance(said.get("architecture"), str) and isinstance(own, dict)):
            return None
        mean, std = own.get("mean"), own.get("std")
        if not all(value is None or _numbers(value) for value in (mean, std)):
            return None
        options = said.get("model_args") or {}
        return timm(said["architecture"], said["num_classes"], mean=mean, std=std, **dict(options))
    except (OSError, ValueError, KeyError, TypeError, RecursionError, ModuleNotFoundError):
        # What cannot be read states nothing; names and shapes may still be known.
        return None


def _numbers(value: Any) -> bool:
    return isinstance(value, list) and all(isinstance(one, int | float) and 0 <= one <= 1 for one in value)
