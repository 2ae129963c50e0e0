"""A pool: checkpoints that can be mixed, with their roles."""

from __future__ import annotations

import shlex
import warnings
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import replace
from functools import cached_property
from pathlib import Path
from typing import Any, Literal

from soupwidgets.checkpoints import CheckpointFile, TensorInfo
from soupwidgets.pool.differences import require_alike
from soupwidgets.pool.errors import PoolError, some
from soupwidgets.pool.opening import by_name, files_of, with_head_from
from soupwidgets.pool.recorded import with_hyperparameters
from soupwidgets.pool.shown import html_table
from soupwidgets.recipe import Recipe
from soupwidgets.records import read_records


class Pool:
    """Compatible checkpoints by name.

    Parameters
    ----------
    checkpoints
        Name to file, in the order of listing. Names, shapes and
        dtypes of all tensors must match the first one's.

    Raises
    ------
    PoolError
        When there is no checkpoint, or when files differ; the message lists
        every difference of every file.

    Examples
    --------
    >>> pool = Pool.open("data/zoo/fashion")
    >>> pool.zero_shot
    'zero-shot'
    >>> pool.fine_tuned[:2]
    ['ft-00', 'ft-01']
    """

    def __init__(self, checkpoints: Mapping[str, CheckpointFile]) -> None:
        self.checkpoints = dict(checkpoints)
        # The Python that opens it again, where that is known.
        self.opened = ""
        if not self.checkpoints:
            raise PoolError("a pool needs at least one checkpoint")
        require_alike(self.checkpoints)

    @classmethod
    def open(
        cls,
        source: str | Path | Iterable[str | Path | CheckpointFile],
        zero_shot: str | None = None,
        *,
        prepare: Callable[[CheckpointFile], CheckpointFile] | None = None,
        part: str | None = None,
        head_from: str | None = None,
        heads: Literal["keep", "replace"] = "keep",
        base: str | None = None,
    ) -> Pool:
        """Open a folder, a glob pattern, or a list of weight files of any format.

        Only names and shapes are read. A checkpoint's name is the one on its card,
        or else its file name without the suffix (that of its folder, for files of the same name); its role comes
        from its card.
        Control characters in names are escaped.

        The folder of a LoRA adapter, as PEFT saves it, is a checkpoint too, named after the folder: the base with the
        adapter merged. It is kept, and mixed, as the low-rank factors that it is.

        Parameters
        ----------
        source
            For example ``"data/zoo/fashion"``, ``"runs/*.safetensors"``, or a list of files. A list may also
            name published weights: ``"hf-hub:owner/repository"``, or ``"ViT-B-32/laion2b_s34b_b79k"``, an
            open_clip model and the tag of its weights; they are downloaded once. Opened checkpoints
            (such as those of `open_clip_classifier`) are used as they are. ``"s3://bucket/zoo"`` (``gs://``,
            ``memory://``, ``file://``) is a folder, pattern or file on another file system: copied to a local cache,
            verified, and copied again when it has changed there.
        zero_shot
            Name of the zero-shot model, the ancestor of the others, if no card says which one it is.
        prepare
            Function applied to every file, for example `as_classifier`.
        part
            Which weights to use from files that hold several sets, such as ``"ema"`` or ``"student.backbone"``.
            Has no effect on files with one set of weights.
        head_from
            Name of the checkpoint whose head is used for those without one, such as a zero-shot file.
        heads
            ``"replace"`` takes the head of ``head_from`` for all checkpoints, whatever their own heads are: of
            checkpoints that were fine-tuned for different classes, only the trunks are mixed.
        base
            Name of the checkpoint that the LoRA adapters were trained on. If not given, it is the zero-shot
            model, or the only checkpoint that is not an adapter; without another zero-shot model, it becomes that.

        Returns
        -------
        Pool
            The checkpoints that were found, sorted by file name when they come from a folder or a pattern.

        Raises
        ------
        PoolError
            When nothing is found, two checkpoints have the same name, or they differ.
        CheckpointError
            When a file cannot be read.
        """
        checkpoints = by_name({}, files_of(source), part, base or zero_shot)
        if head_from is not None:
            checkpoints = with_head_from(checkpoints, head_from, replacing=heads == "replace")
        elif heads == "replace":
            one = next(iter(checkpoints))
            raise PoolError(f"heads='replace' needs to know whose head to take: head_from={one!r}, for example")
        if prepare is not None:
            checkpoints = {name: prepare(file) for name, file in checkpoints.items()}
        if zero_shot is not None:
            if zero_shot not in checkpoints:
                raise PoolError(f"not in the pool: {zero_shot!r}; it has {', '.join(checkpoints)}")
            for name, file in checkpoints.items():
                if name == zero_shot or file.card.role == "zero_shot":
                    file.card = replace(file.card, role="zero_shot" if name == zero_shot else "fine_tuned")
        pool = cls(checkpoints)
        options = {"zero_shot": zero_shot, "part": part, "head_from": head_from, "base": base}
        options["heads"] = None if heads == "keep" else heads
        if isinstance(source, str | Path) and prepare is None:
            said = [repr(str(source)), *(f"{key}={value!r}" for key, value in options.items() if value is not None)]
            pool.opened = f"sw.Pool.open({', '.join(said)})"
        return pool

    def including(self, *paths: str | Path) -> Pool:
        """The pool with more weight files, for example the output of `ties`, as further points to mix with.

        Parameters
        ----------
        paths
            Files, or folders of LoRA adapters of the zero-shot model.

        Returns
        -------
        Pool
            A new pool; this one is unchanged.

        Raises
        ------
        PoolError, CheckpointError
            As in `open`.
        """
        with warnings.catch_warnings():
            # Mixtures are written in float32, whatever precision the ingredients are stored in.
            warnings.filterwarnings("ignore", message="checkpoints are stored in different precisions")
            return Pool(by_name(self.checkpoints, [Path(path) for path in paths]))

    def with_records(self, source: str | Path, by: str | None = None) -> Pool:
        """The pool with hyper-parameters and notes from what was written down about the training runs.

        Explorers treat them like those on cards; of two by one name that of the record counts.

        Parameters
        ----------
        source
            A CSV file with a row for each run, the SQLite file of an Optuna study, an export of Weights & Biases, or
            ``mlflow.db`` or ``mlruns``; see `soupwidgets.records.read_records`.
        by
            The entry that names a run's checkpoint by its name, file or folder, on whatever machine that was, or by
            the number at the end of its name (``"number"`` for Optuna's trials). If not given, the one that names most.

        Returns
        -------
        Pool
            A new pool; nothing is written. A warning lists runs without a checkpoint, and checkpoints without a run.

        Raises
        ------
        PoolError
            When no run names a checkpoint, or two name the same one.
        ValueError
            When the file cannot be read.
        """
        pool = Pool(with_hyperparameters(self.checkpoints, read_records(source), source, by=by))
        if self.opened:
            said = repr(str(source)) + (f", by={by!r}" if by is not None else "")
            pool.opened = f"{self.opened}.with_records({said})"
        return pool

    def __repr__(self) -> str:
        roles = {
            "zero-shot": self._with_role("zero_shot"),
            "fine-tuned": self.fine_tuned,
            "bad ingredients": self.bad_ingredients,
            "landmarks": self._with_role("landmark"),
        }
        return f"Pool({'; '.join(f'{role}: {some(names)}' for role, names in roles.items() if names)})"

    def _repr_html_(self) -> str:
        """A table with a row for each checkpoint; everything from files is escaped."""
        return html_table(self.checkpoints)

    def __iter__(self) -> Iterator[str]:
        """The names, in order."""
        return iter(self.checkpoints)

    def __getitem__(self, name: str) -> CheckpointFile:
        """The checkpoint with that name; raises `PoolError` if there is none."""
        self.require([name])
        return self.checkpoints[name]

    def __len__(self) -> int:
        return len(self.checkpoints)

    def __contains__(self, name: object) -> bool:
        return name in self.checkpoints

    @property
    def names(self) -> list[str]:
        """All names, in order."""
        return list(self.checkpoints)

    @property
    def tensors(self) -> Mapping[str, TensorInfo]:
        """Shape and dtype of every tensor, as in the first checkpoint."""
        return next(iter(self.checkpoints.values())).tensors

    @property
    def zero_shot(self) -> str:
        """The name of the zero-shot model.

        Raises
        ------
        PoolError
            When no checkpoint, or more than one, has that role.
        """
        names = self._with_role("zero_shot")
        if len(names) != 1:
            one = names[0] if names else next(iter(self.checkpoints))
            raise PoolError(
                f"the pool has {len(names)} zero-shot models ({', '.join(names) or 'none'}), but one is needed: "
                f"Pool.open(..., zero_shot={one!r}) or --zero-shot {shlex.quote(one)} says which it is. "
                f"It has {some(self.names)}"
            )
        return names[0]

    @property
    def fine_tuned(self) -> list[str]:
        """The names of the ingredients, which are fine-tuned from the zero-shot model; empty if there are none."""
        return self._with_role("fine_tuned")

    @property
    def bad_ingredients(self) -> list[str]:
        """The names of the checkpoints that are included because they spoil a soup."""
        return self._with_role("bad_ingredient")

    def _with_role(self, role: str) -> list[str]:
        return [name for name, file in self.checkpoints.items() if file.card.role == role]

    def require(self, names: Iterable[str]) -> None:
        """Raise `PoolError` unless every name is in the pool and, for a recipe, every tensor that it names."""
        unknown = [name for name in names if name not in self.checkpoints]
        if unknown:
            raise PoolError(f"not in the pool: {', '.join(map(repr, unknown))}; it has {', '.join(self.checkpoints)}")
        if isinstance(names, Recipe):
            lacking = [tensor for tensor in names.by_tensor if tensor not in self.tensors]
            if lacking:
                raise PoolError(
                    f"the recipe names {len(lacking)} tensors that the pool does not have, first {lacking[0]!r}"
                )

    def hyperparameters(self, name: str) -> Mapping[str, Any]:
        """How a checkpoint was fine-tuned, as far as its card states it."""
        self.require([name])
        return self.checkpoints[name].card.hyperparameters

    @cached_property
    def architecture_card(self) -> Mapping[str, Any] | None:
        """The architecture that the checkpoints' cards state; None when none does.

        Raises
        ------
        PoolError
            When two checkpoints state different architectures.
        """
        stated = [(n, f.card.architecture) for n, f in self.checkpoints.items() if f.card.architecture]
        if not stated:
            return None
        first_name, first = stated[0]
        for name, architecture in stated[1:]:
            if architecture != first:
                raise PoolError(f"{first_name!r} and {name!r} state different architectures")
        return first

    def content_key(self, recipe: Recipe) -> list[tuple[str, float]]:
        """The coefficients with content hashes instead of names; part of the key of a measurement."""
        self.require(recipe)
        return sorted((self.checkpoints[name].content_hash, value) for name, value in recipe.items() if value)
