"""A pool: checkpoints that can be mixed, with their roles."""

from __future__ import annotations

import glob
import warnings
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import replace
from functools import cached_property
from pathlib import Path
from typing import Any

from soupwidgets.checkpoints import INDEX_ENDING, CheckpointFile, TensorInfo, locate
from soupwidgets.recipe import Recipe

_ENDINGS = (".safetensors", ".pt", ".pth", ".ckpt", ".bin", ".pkl", INDEX_ENDING)


class PoolError(ValueError):
    """Checkpoints do not belong together, or one that was asked for is not there."""


class SoupWarning(UserWarning):
    """Something about an ingredient or a soup that is allowed, and seldom meant."""


class Pool:
    """Compatible checkpoints by name.

    Parameters
    ----------
    checkpoints
        Name to file, in the order in which they are listed. Names, shapes and
        dtypes of all tensors must be those of the first.

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
        if not self.checkpoints:
            raise PoolError("a pool needs at least one checkpoint")
        _check(self.checkpoints)

    @classmethod
    def open(
        cls,
        source: str | Path | Iterable[str | Path | CheckpointFile],
        zero_shot: str | None = None,
        prepare: Callable[[CheckpointFile], CheckpointFile] | None = None,
    ) -> Pool:
        """Open a folder, a glob pattern, or a list of weight files of any format.

        Only names and shapes are read. A checkpoint's name is the one on its card,
        or else its file's name without the ending; its role comes from its card.

        Parameters
        ----------
        source
            For example ``"data/zoo/fashion"``, ``"runs/*.safetensors"``, or a list of files. A list may also
            name published weights: ``"hf-hub:owner/repository"``, or ``"ViT-B-32/laion2b_s34b_b79k"``, an
            open_clip model and the tag of its weights; they are downloaded once. What is opened already
            (of `open_clip_classifier`) is taken as it is.
        zero_shot
            Name of the zero-shot model, the ancestor of the others, where no card says which one it is.
        prepare
            What is done to every file, for example `as_classifier`.

        Returns
        -------
        Pool
            The checkpoints that were found, sorted by file name when they come from a folder or a pattern.

        Raises
        ------
        PoolError
            When nothing is found, two checkpoints have one name, or they differ.
        CheckpointError
            When a file cannot be read.
        """
        if isinstance(source, str | Path):
            folder = Path(source)
            paths: list[Path | CheckpointFile] = []
            paths += weight_files(folder) if folder.is_dir() else sorted(map(Path, glob.glob(str(source))))
            if not paths:
                endings = ", ".join(_ENDINGS)
                raise PoolError(f"{source}: no weight file there ({endings}); give a folder, a pattern, or a list")
        else:
            paths = [path if isinstance(path, CheckpointFile) else locate(path) for path in source]
        checkpoints = _by_name({}, paths)
        if prepare is not None:
            checkpoints = {name: prepare(file) for name, file in checkpoints.items()}
        if zero_shot is not None:
            if zero_shot not in checkpoints:
                raise PoolError(f"not in the pool: {zero_shot!r}; it has {', '.join(checkpoints)}")
            for name, file in checkpoints.items():
                if name == zero_shot or file.card.role == "zero_shot":
                    file.card = replace(file.card, role="zero_shot" if name == zero_shot else "fine_tuned")
        return cls(checkpoints)

    def including(self, *paths: str | Path) -> Pool:
        """The pool with more weight files, for example with what `ties` wrote: another point to mix with.

        Parameters
        ----------
        paths
            Files, not folders.

        Returns
        -------
        Pool
            A new one; this one stays as it is.

        Raises
        ------
        PoolError, CheckpointError
            As in `open`.
        """
        with warnings.catch_warnings():
            # What was mixed in float32 is written in float32, whatever the ingredients are stored in.
            warnings.filterwarnings("ignore", message="checkpoints are stored in different precisions")
            return Pool(_by_name(self.checkpoints, [Path(path) for path in paths]))

    def __repr__(self) -> str:
        return f"Pool({len(self)} checkpoints: {', '.join(self.checkpoints)})"

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
            raise PoolError(f"the pool has {len(names)} zero-shot models ({', '.join(names) or 'none'}), one is needed")
        return names[0]

    @property
    def fine_tuned(self) -> list[str]:
        """The names of the ingredients: fine-tuned from the zero-shot model."""
        return self._with_role("fine_tuned")

    @property
    def bad_ingredients(self) -> list[str]:
        """The names of the checkpoints that are there because they spoil a soup."""
        return self._with_role("bad_ingredient")

    def _with_role(self, role: str) -> list[str]:
        return [name for name, file in self.checkpoints.items() if file.card.role == role]

    def require(self, names: Iterable[str]) -> None:
        """Raise `PoolError` unless every name is in the pool, and for a recipe every tensor that it names."""
        unknown = [name for name in names if name not in self.checkpoints]
        if unknown:
            raise PoolError(f"not in the pool: {', '.join(map(repr, unknown))}; it has {', '.join(self.checkpoints)}")
        if isinstance(names, Recipe):
            lacking = [tensor for tensor in names.by_tensor if tensor not in self.tensors]
            if lacking:
                raise PoolError(f"the recipe names {len(lacking)} tensors that the pool lacks, first {lacking[0]!r}")

    def hyperparameters(self, name: str) -> Mapping[str, Any]:
        """How a checkpoint was fine-tuned, as far as its card says."""
        self.require([name])
        return self.checkpoints[name].card.hyperparameters

    @cached_property
    def architecture_card(self) -> Mapping[str, Any] | None:
        """The architecture that the checkpoints name; None when none does.

        Raises
        ------
        PoolError
            When two checkpoints name different architectures.
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
        """The coefficients with content hashes for names: what measurements are filed under."""
        self.require(recipe)
        return sorted((self.checkpoints[name].content_hash, value) for name, value in recipe.items() if value)


def _by_name(known: Mapping[str, CheckpointFile], paths: Iterable[Path | CheckpointFile]) -> dict[str, CheckpointFile]:
    checkpoints = dict(known)
    for source in paths:
        file = source if isinstance(source, CheckpointFile) else CheckpointFile(source)
        path = file.path
        name = file.card.name or path.name.removesuffix(INDEX_ENDING).removesuffix(path.suffix)
        if name in checkpoints:
            raise PoolError(f"{checkpoints[name].path} and {path} are both named {name!r}; rename one")
        checkpoints[name] = file
    return checkpoints


def weight_files(folder: Path) -> list[Path]:
    """The weight files of a folder, sorted by name; of a checkpoint in several files its index."""
    paths = sorted(path for path in folder.iterdir() if path.name.endswith(_ENDINGS))
    # The parts of a checkpoint in several files are opened through their index.
    indexed = {file for path in paths if path.name.endswith(INDEX_ENDING) for file in CheckpointFile(path).files}
    return [path for path in paths if path not in indexed or path.name.endswith(INDEX_ENDING)]


def differences(checkpoints: Mapping[str, CheckpointFile]) -> tuple[list[str], list[str]]:
    """Every difference of names, shapes and dtypes from the first checkpoint, in sentences.

    Parameters
    ----------
    checkpoints
        At least one, by name.

    Returns
    -------
    wrong, precision
        What forbids mixing, one sentence for each tensor; and what does not, floating-point numbers of another
        precision: one sentence for all tensors of a checkpoint that differ in the same way.
    """
    first_name, first = next(iter(checkpoints.items()))
    wrong: list[str] = []
    precision: list[str] = []
    for name, file in list(checkpoints.items())[1:]:
        missing, extra = first.tensors.keys() - file.tensors.keys(), file.tensors.keys() - first.tensors.keys()
        wrong += [f"{name}: lacks {tensor}" for tensor in sorted(missing)]
        wrong += [f"{name}: has {tensor}, which {first_name} lacks" for tensor in sorted(extra)]
        others: dict[tuple[str, str], list[str]] = {}
        for tensor in sorted(first.tensors.keys() & file.tensors.keys()):
            mine, reference = file.tensors[tensor], first.tensors[tensor]
            if mine.shape != reference.shape:
                wrong.append(f"{name}: {tensor} has shape {mine.shape}, in {first_name} {reference.shape}")
            if mine.dtype != reference.dtype:
                dtypes = _short(mine.dtype), _short(reference.dtype)
                if mine.dtype.is_floating_point and reference.dtype.is_floating_point:
                    others.setdefault(dtypes, []).append(tensor)
                else:
                    wrong.append(f"{name}: {tensor} is {dtypes[0]}, in {first_name} {dtypes[1]}")
        for (mine_is, reference_is), tensors in others.items():
            which = f"{tensors[0]} is" if len(tensors) == 1 else f"{tensors[0]} and {len(tensors) - 1} more are"
            precision.append(f"{name}: {which} {mine_is}, in {first_name} {reference_is}")
    return wrong, precision


def _check(checkpoints: Mapping[str, CheckpointFile]) -> None:
    wrong, precision = differences(checkpoints)
    if wrong:
        first_name, first = next(iter(checkpoints.items()))
        raise PoolError(
            f"these checkpoints cannot be mixed; {_count(wrong)} from {first_name} ({first.path}):\n" + _lines(wrong)
        )
    if precision:
        warnings.warn(
            "checkpoints are stored in different precisions (they are mixed in float32):\n" + _lines(precision),
            stacklevel=3,
        )


def _short(dtype: object) -> str:
    return str(dtype).removeprefix("torch.")


def _count(lines: Sequence[str]) -> str:
    return f"{len(lines)} difference{'s' if len(lines) != 1 else ''}"


def _lines(lines: Sequence[str]) -> str:
    return "\n".join(f"  {line}" for line in lines)
