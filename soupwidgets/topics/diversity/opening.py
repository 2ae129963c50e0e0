"""Checkpoints of any architectures as members, each opened by itself."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any

from tqdm.auto import tqdm

from soupwidgets.evaluation import Evaluator
from soupwidgets.pool import Pool, PoolError, weight_files
from soupwidgets.store import Store
from soupwidgets.suites import Split, Suite
from soupwidgets.topics.diversity.features import Features, features_of
from soupwidgets.topics.diversity.members import Member, members


def open_members(
    source: str | Path | Iterable[str | Path],
    suite: Suite,
    *,
    splits: Sequence[str] | None = None,
    store: Store | None = None,
    device: str = "auto",
    progress: bool = True,
    part: str | None = None,
    model: Any = None,
) -> list[Member]:
    """Checkpoints of any architectures as members, even if they could not be mixed.

    They are in the order of the source. The folder is added to names that occur twice.

    Parameters
    ----------
    source
        A folder, or files and folders, of checkpoints.
    splits, store, device, progress
        As in `members` and `Evaluator`.
    part
        As in `Pool.open`.
    model
        As in `Evaluator`, for those whose card does not say what they belong to.

    Raises
    ------
    PoolError
        When there are none, or an architecture is unknown or does not fit the suite.
    """
    places = [Path(place) for place in ([source] if isinstance(source, str | Path) else source)]
    paths = [path for place in places for path in (weight_files(place) if place.is_dir() else [place])]
    if not paths:
        raise PoolError(f"no weight file in {', '.join(map(str, places))}")
    names = [Pool.open([path], part=part).names[0] for path in paths]
    # The folder is added to names that occur twice.
    shown = [f"{path.parent.name}/{n}" if names.count(n) > 1 else n for path, n in zip(paths, names, strict=True)]
    found = []
    for path, name in zip(tqdm(paths, desc="models", unit="model", disable=not progress), shown, strict=True):
        opened = partial(_alone, path, suite, part=part, model=model, device=device, store=store)
        (one,) = members(opened(), splits=splits, progress=False)
        # Opened again where it is asked for, so that not all models are held at once.
        found.append(replace(one, name=name, run=partial(_features_alone, opened)))
    return found


def _alone(path: Path, suite: Suite, *, part: str | None, model: Any, **how: Any) -> Evaluator:
    pool = Pool.open([path], part=part)
    return Evaluator(pool, suite, model=None if pool.architecture_card else model, **how)


def _features_alone(opened: Callable[[], Evaluator], split: Split) -> Features:
    ev = opened()
    (name,) = ev.pool.names
    return features_of(ev, name, split)
