"""The same augmentation in other ways: each image changed once before training, or none any more towards its end."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any, Literal, get_args

import pandas as pd

from soupwidgets.checkpoints import CheckpointFile
from soupwidgets.stats.estimate import Estimate
from soupwidgets.suites import Augmentation, Suite
from soupwidgets.topics.augmentation.trainings import CLEAN, Kind, train_kinds
from soupwidgets.training import Hyperparameters
from soupwidgets.training.study_files import (
    curve,
    estimate,
    over_seeds,
    provenance,
    read_study,
    same_lengths,
    text,
    whole,
    write_study,
)

FORMAT = "soupwidgets augmentation variants 1"
Variant = Literal["dynamic", "static", "switched off"]


@dataclass(frozen=True)
class VariantResult:
    """One augmentation in one way, over all seeds.

    Parameters
    ----------
    augmentation
        Name of the augmentation.
    variant
        ``"dynamic"``: images are changed anew in every epoch; ``"static"``: once, before training;
        ``"switched off"``: anew in every epoch, and no more in the last ones.
    diversity
        Final training loss over that of the clean training; None if it was switched off by then.
    accuracy
        Test accuracy (0..1).
    to_clean
        ``accuracy`` minus that of the clean training of the same seed.
    to_dynamic
        ``accuracy`` minus that of the dynamic training of the same seed; None for the dynamic one.
    losses, accuracies
        Means over the seeds, by epoch: training loss (nats), and validation accuracy (0..1).
    """

    augmentation: str
    variant: Variant
    diversity: Estimate | None
    accuracy: Estimate
    to_clean: Estimate
    to_dynamic: Estimate | None
    losses: tuple[float, ...]
    accuracies: tuple[float, ...]


@dataclass(frozen=True)
class VariantStudy:
    """Results of one study of variants.

    Parameters
    ----------
    results
        For each augmentation its dynamic variant, and the others that were trained.
    augmented_epochs
        Number of epochs with an augmentation that is then switched off; None if none is.
    accuracy
        Test accuracy of the clean-trained models.
    losses, accuracies
        Loss and validation accuracy of the clean-trained models, by epoch.
    seeds
        Number of trainings of each variant.
    provenance
        What the numbers come from.
    """

    results: tuple[VariantResult, ...]
    augmented_epochs: int | None
    accuracy: Estimate
    losses: tuple[float, ...]
    accuracies: tuple[float, ...]
    seeds: int
    provenance: Mapping[str, Any]

    def __repr__(self) -> str:
        return f"VariantStudy({', '.join(self.augmentations)}; {self.seeds} seeds)"

    def _repr_html_(self) -> str:
        return str(self.to_frame().to_html(index=False, float_format="{:.4g}".format))

    @property
    def augmentations(self) -> list[str]:
        """Names of the augmentations."""
        return list(dict.fromkeys(result.augmentation for result in self.results))

    def of(self, augmentation: str) -> dict[Variant, VariantResult]:
        """What there is of one augmentation, by variant; empty if nothing."""
        return {result.variant: result for result in self.results if result.augmentation == augmentation}

    def to_frame(self) -> pd.DataFrame:
        """One row for each variant: every number with its interval."""
        rows = []
        for result in self.results:
            row: dict[str, object] = {"augmentation": result.augmentation, "variant": result.variant}
            for key in ("diversity", "accuracy", "to_clean", "to_dynamic"):
                found: Estimate = getattr(result, key) or _NONE
                row |= {key: found.value, f"{key} low": found.low, f"{key} high": found.high}
            rows.append(row)
        return pd.DataFrame(rows)

    def write(self, path: str | Path) -> Path:
        """Write the results to a JSON file, which `read_variant_study` reads."""
        return write_study(path, {"format": FORMAT, **asdict(self)})


_NONE = Estimate(float("nan"), float("nan"), float("nan"))


def run_variant_study(
    start: CheckpointFile,
    suite_folder: str | Path,
    *,
    folder: str | Path,
    settings: Hyperparameters,
    static: Sequence[Augmentation] = (),
    switched_off: Sequence[Augmentation] = (),
    share: float = 0.75,
    seeds: int = 3,
    workers: int = 2,
    device: str = "cpu",
    progress: bool = True,
    tell: Callable[[str], None] = print,
) -> VariantStudy:
    """Train models from scratch with augmentations that stand still, or end early, beside the same that do not.

    Intervals are 95% limits over the seeds; differences are between trainings of the same seed.

    Parameters
    ----------
    start, suite_folder, settings, seeds
        As in `run_augmentation_study`.
    folder
        As there; in the same folder, with the same settings, its clean and dynamic trainings are not repeated.
    static
        Augmentations with which each image is changed once, before training.
    switched_off
        Augmentations that are switched off towards the end of training; mixup too.
    share
        Share of the epochs until then, rounded to whole ones.
    workers, device, progress, tell
        As in `training.run_study`.

    Raises
    ------
    ValueError
        When there is no augmentation or no seed, two have the same name in one list, one that mixes images should be
        static, the share leaves no epoch with the augmentation or none without, or as in `training.run_study`.

    Notes
    -----
    arXiv 2002.08973: a static augmentation against a dynamic one, and augmentation that is turned off late in training.
    """
    if not (static or switched_off) or seeds < 1:
        raise ValueError("a study of variants needs an augmentation that is static or switched off, and one seed")
    epochs = round(share * settings.epochs) if 0 < share < 1 else 0
    if switched_off and not 0 < epochs < settings.epochs:
        raise ValueError(
            f"a share of {share:g} of {settings.epochs} epochs leaves none with augmentation, or none without: "
            "choose one between 0 and 1, or more epochs"
        )
    dynamic = {one.name: one for one in (*static, *switched_off)}
    wanted: list[tuple[Augmentation, Variant, str, Kind]] = [
        *((one, "dynamic", name, Kind(one)) for name, one in dynamic.items()),
        *((one, "static", f"{one.name} static", Kind(replace(one, static=True))) for one in static),
        *((one, "switched off", f"{one.name} off after {epochs}", Kind(one, epochs)) for one in switched_off),
    ]
    kinds = {CLEAN: Kind()}
    for one, _, called, kind in wanted:
        # Two transforms of one kind with the same settings are not equal, but read alike.
        if called in kinds or repr(one) != repr(dynamic[one.name]):
            raise ValueError(f"two trainings would be named {called!r}: give every augmentation its name, and once")
        kinds[called] = kind
    suite = Suite.open(suite_folder)
    trained = train_kinds(
        kinds, start, suite=suite, suite_folder=suite_folder, folder=folder, settings=settings, seeds=seeds,
        workers=workers, device=device, progress=progress, tell=tell,
    )  # fmt: skip
    results = [
        VariantResult(
            one.name,
            variant,
            None if variant == "switched off" else over_seeds(trained.loss_ratio(called)),
            over_seeds(trained.accuracy[called]),
            over_seeds(trained.change(called)),
            None if variant == "dynamic" else over_seeds(trained.change(called, one.name)),
            trained.mean_curve(called, "loss"),
            trained.mean_curve(called, "validation accuracy"),
        )
        for one, variant, called, _ in wanted
    ]
    return VariantStudy(
        tuple(results),
        epochs if switched_off else None,
        over_seeds(trained.accuracy[CLEAN]),
        trained.mean_curve(CLEAN, "loss"),
        trained.mean_curve(CLEAN, "validation accuracy"),
        seeds,
        provenance(start, suite, settings=trained.settings),
    )


def read_variant_study(path: str | Path) -> VariantStudy:
    """Read the file of a study of variants.

    Raises
    ------
    ValueError
        When it is not the file of such a study.
    """
    return read_study(path, FORMAT, build=_study)


def _study(content: dict[str, Any]) -> VariantStudy:
    results = tuple(
        VariantResult(
            augmentation=text(one["augmentation"]),
            variant=_variant(one["variant"]),
            losses=_curve(one["losses"]),
            accuracies=_curve(one["accuracies"]),
            diversity=_perhaps(one["diversity"]),
            accuracy=estimate(one["accuracy"]),
            to_clean=estimate(one["to_clean"]),
            to_dynamic=_perhaps(one["to_dynamic"]),
        )
        for one in content["results"]
    )
    if len({(one.augmentation, one.variant) for one in results}) < len(results):
        raise ValueError("two results of one variant")
    losses, accuracies = _curve(content["losses"]), _curve(content["accuracies"])
    same_lengths(losses, accuracies, *(c for r in results for c in (r.losses, r.accuracies)))
    augmented = content["augmented_epochs"]
    return VariantStudy(
        results, None if augmented is None else whole(augmented), estimate(content["accuracy"]), losses, accuracies,
        whole(content["seeds"]), dict(content["provenance"]),
    )  # fmt: skip


def _curve(found: Any) -> tuple[float, ...]:
    numbers = curve(found)
    if not numbers or not all(map(math.isfinite, numbers)):
        raise ValueError(f"expected a number for each epoch, found {found!r:.50}")
    return numbers


def _perhaps(found: Any) -> Estimate | None:
    return None if found is None else estimate(found)


def _variant(found: Any) -> Variant:
    if found not in get_args(Variant):
        raise ValueError(f"there is no variant {found!r:.50}; known are {', '.join(get_args(Variant))}")
    return found  # type: ignore[no-any-return]
