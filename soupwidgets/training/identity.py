"""What a run was started from, so that a different run is never resumed or reused by mistake."""

from __future__ import annotations

import json
import warnings
from collections.abc import Mapping
from dataclasses import asdict
from pathlib import Path
from typing import Any

from soupwidgets.checkpoints import CARD_KEY, CheckpointFile
from soupwidgets.models import Architecture
from soupwidgets.pool import SoupWarning
from soupwidgets.suites import Augmentation, Suite
from soupwidgets.training.errors import TrainingError
from soupwidgets.training.flyp import flyp_identity
from soupwidgets.training.hyperparameters import Hyperparameters
from soupwidgets.training.label_noise import LabelNoise

Identity = Mapping[str, Any]
# Cards without it were written by a version that recorded less.
_NOTED_LAST = "training_images"


def run_identity(
    start: CheckpointFile,
    suite: Suite,
    *,
    settings: Hyperparameters,
    augmentation: Augmentation | None = None,
    noise: LabelNoise | None = None,
    watch: int = 0,
    fresh: bool = False,
    clip: str | None = None,
    augmented_epochs: int | None = None,
    teacher: CheckpointFile | None = None,
) -> Identity:
    """Everything that determines the result of `fine_tune`, in the form recorded on its card.

    Parameters
    ----------
    start, suite, settings, augmentation, noise, watch, fresh, clip, augmented_epochs, teacher
        As in `fine_tune`; the suite must have a training split, and the start must state its architecture.

    Returns
    -------
    Mapping
        JSON values: content hashes of the start and of the images, all hyper-parameters, and so on. None means
        not used.
    """
    assert suite.training is not None
    settings_given = asdict(settings)
    if augmentation is not None and augmentation.mixup:
        settings_given["mixup"] = augmentation.mixup
    identity = {
        "hyperparameters": settings_given,
        "started_from": None if fresh else start.content_hash,
        "fresh": True if fresh else None,
        "architecture": Architecture.from_json(dict(start.card.architecture or {})).to_json(),
        "training_images": suite.training.content_hash,
        "augmentation": None if augmentation is None else augmentation.name,
        # Cards of earlier versions lack these, which says the same as None.
        "static_augmentation": True if augmentation is not None and augmentation.static else None,
        "augmented_epochs": augmented_epochs,
        "teacher": None if teacher is None else teacher.content_hash,
        "label_noise": None if noise is None else asdict(noise),
        "captions": flyp_identity(start, suite, clip) if settings.mode == "flyp" else None,
        "watched": {"images": watch, "of": suite.validation.content_hash} if watch else None,
    }
    return plain(identity)


def plain(identity: Mapping[str, Any]) -> Identity:
    """An identity in the form in which it is read back from a file."""
    found: dict[str, Any] = json.loads(json.dumps(identity))
    return found


def differences(found: Identity, wanted: Identity) -> list[str]:
    """Describe what differs.

    Examples
    --------
    >>> differences({"hyperparameters": {"seed": 0, "epochs": 3}}, {"hyperparameters": {"seed": 1, "epochs": 3}})
    ['seed 0 there, 1 now']
    """
    words = []
    for key, new in wanted.items():
        old = found.get(key)
        if isinstance(old, dict) and isinstance(new, dict) and key != "architecture":
            inner = {**old, **new}
            words += [
                f"{name} {_said(old.get(name))} there, {_said(new.get(name))} now"
                for name in inner
                if old.get(name) != new.get(name)
            ]
        elif old != new:
            words.append(f"{key.replace('_', ' ')} {_said(old)} there, {_said(new)} now")
    return words


def card_of(path: Path) -> dict[str, Any]:
    """The whole card of a checkpoint written by this package; raises `TrainingError` if it has none."""
    try:
        card = json.loads(CheckpointFile(path).metadata.get(CARD_KEY, "{}"))
    except (OSError, ValueError, RecursionError) as error:
        raise TrainingError(f"{path}: cannot be read as one of these runs ({error}): move it away") from error
    return card if isinstance(card, dict) else {}


def require_same_run(path: Path, wanted: Identity) -> dict[str, Any]:
    """The card of a finished run, if it is the wanted run.

    Parameters
    ----------
    path
        The checkpoint.
    wanted
        From `run_identity`.

    Raises
    ------
    TrainingError
        When something differs, or the card does not say what it was started from.

    Warns
    -----
    SoupWarning
        When it was written by a version that did not record everything: it is accepted if what was recorded agrees.
    """
    card = card_of(path)
    what_to_do = "use another folder, or delete it to train it again"
    if "started_from" not in card and "fresh" not in card:
        raise TrainingError(f"{path} does not say what it was started from, so it may be another run: {what_to_do}")
    noted = wanted if _NOTED_LAST in card else {k: v for k, v in wanted.items() if k not in (_NOTED_LAST, "watched")}
    other = differences(card, noted)
    if other:
        raise TrainingError(f"{path} is another run ({'; '.join(other)}): {what_to_do}")
    if _NOTED_LAST not in card:
        warnings.warn(
            f"{path} is from a version that did not record its training images: everything else agrees, and it is kept",
            SoupWarning,
            stacklevel=3,
        )
    return card


def require_same_ancestor(folder: Path, start: CheckpointFile) -> None:
    """Check that everything fine-tuned in a folder started from the same model.

    Raises
    ------
    TrainingError
        Names the first file that started from another model.
    """
    first = folder / "zero-shot.safetensors"
    if first.exists() and (there := CheckpointFile(first).content_hash) != start.content_hash:
        raise TrainingError(
            f"{first} is another model ({_said(there)}) than the one to start from ({_said(start.content_hash)}), and "
            "models with different ancestors make no soup: use another folder"
        )
    for path in sorted(folder.glob("*.safetensors")):
        try:
            card = card_of(path)
        except TrainingError:
            # Not one of our runs; those are checked when their turn comes.
            continue
        ancestor = card.get("started_from")
        if card.get("fresh") or (ancestor is not None and ancestor != start.content_hash):
            began = "random weights" if card.get("fresh") else _said(ancestor)
            raise TrainingError(
                f"{path} was started from {began}, not from {_said(start.content_hash)} ({start.path}), and models of "
                "different ancestors make no soup: use another folder"
            )


def _said(value: object) -> str:
    if isinstance(value, str) and len(value) == 64:
        return f"{value[:12]}..."
    return "none" if value is None else f"{value!r:.60}" if not isinstance(value, dict) else "another"
