"""A pool: checkpoints that can be mixed, with their roles."""

from __future__ import annotations

import glob
import html
import math
import re
import shlex
import warnings
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import replace
from functools import cached_property
from pathlib import Path
from typing import Any, Literal

from soupwidgets.checkpoints import (
    INDEX_ENDING,
    Adapter,
    AdapterFile,
    CheckpointError,
    CheckpointFile,
    TensorInfo,
    adapter_folder,
    different_heads,
    head_of,
    locate,
    with_head_of,
    with_tensors,
)
from soupwidgets.recipe import Recipe
from soupwidgets.text import one_line

_ENDINGS = (".safetensors", ".pt", ".pth", ".ckpt", ".bin", ".pkl", ".pth.tar", ".pt.tar", INDEX_ENDING)
_HEAD = re.compile(r"^(?:(?!.*visual\.).*\.)?(?:classification_head|head|heads|classifier|fc)\.(weight|bias)$")
_SHOWN = 6


class PoolError(ValueError):
    """Checkpoints do not fit together, or a requested one does not exist."""


class SoupWarning(UserWarning):
    """Something about an ingredient or a soup that is allowed but rarely intended."""


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
        _check(self.checkpoints)

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
            (such as those of `open_clip_classifier`) are used as they are.
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
        if isinstance(source, str | Path):
            folder = Path(source)
            paths: list[Path | CheckpointFile] = []
            paths += weight_files(folder) if folder.is_dir() else sorted(map(Path, glob.glob(str(source))))
            if not paths:
                endings = ", ".join(_ENDINGS)
                raise PoolError(f"{source}: no weight file there ({endings}); give a folder, a pattern, or a list")
        else:
            paths = [path if isinstance(path, CheckpointFile) else locate(path) for path in source]
        checkpoints = _by_name({}, paths, part, base or zero_shot)
        if head_from is not None:
            checkpoints = _with_head(checkpoints, head_from, replacing=heads == "replace")
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
            return Pool(_by_name(self.checkpoints, [Path(path) for path in paths]))

    def __repr__(self) -> str:
        roles = {
            "zero-shot": self._with_role("zero_shot"),
            "fine-tuned": self.fine_tuned,
            "bad ingredients": self.bad_ingredients,
            "landmarks": self._with_role("landmark"),
        }
        return f"Pool({'; '.join(f'{role}: {_some(names)}' for role, names in roles.items() if names)})"

    def _repr_html_(self) -> str:
        """A table with a row for each checkpoint; everything from files is escaped."""
        rows = []
        for name, file in self.checkpoints.items():
            precisions = sorted({_short(info.dtype) for info in file.tensors.values() if info.dtype.is_floating_point})
            cells = [name, file.card.role.replace("_", "-"), file.card.note, ", ".join(precisions), _size(file)]
            rows.append("<tr>" + "".join(f"<td>{html.escape(cell)}</td>" for cell in cells) + "</tr>")
        titles = "".join(f"<th>{title}</th>" for title in ("name", "role", "note", "precision", "size"))
        caption = f"Pool of {len(self)} checkpoints, each {_numbers(self.tensors)} in {len(self.tensors)} tensors"
        return (
            f"<table><caption>{caption}</caption><thead><tr>{titles}</tr></thead><tbody>{''.join(rows)}</tbody></table>"
        )

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
                f"It has {_some(self.names)}"
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


def _by_name(
    known: Mapping[str, CheckpointFile],
    paths: Iterable[Path | CheckpointFile],
    part: str | None = None,
    base: str | None = None,
) -> dict[str, CheckpointFile]:
    checkpoints = dict(known)
    adapters: list[Path] = []
    opened: list[CheckpointFile] = []
    for source in paths:
        if isinstance(source, CheckpointFile):
            opened.append(source)
        elif folder := adapter_folder(source):
            adapters.append(folder)
        else:
            opened.append(_open(source, part))
    names = [name_of(file.path) for file in opened if not file.card.name]
    for file in opened:
        alike = [one.path.parent for one in opened if not one.card.name and name_of(one.path) == name_of(file.path)]
        # Saved models of transformers are all called model.safetensors: their folders tell them apart.
        by_folder = names.count(name_of(file.path)) > 1 and len(set(alike)) == len(alike)
        _add(checkpoints, file, file.path.parent.name if by_folder and not file.card.name else "")
    if adapters:
        changed = _base(checkpoints, adapters, base)
        for folder in adapters:
            _add(checkpoints, AdapterFile(changed, Adapter(folder)))
        if not any(file.card.role == "zero_shot" for file in checkpoints.values()):
            changed.card = replace(changed.card, role="zero_shot")
    return checkpoints


def _add(checkpoints: dict[str, CheckpointFile], file: CheckpointFile, name: str = "") -> None:
    # Names appear in every report, and must neither control a terminal nor fake a line of output.
    name = one_line(name or file.card.name or name_of(file.path))
    if name in checkpoints:
        raise PoolError(f"{checkpoints[name].path} and {file.path} are both named {name!r}; rename one")
    checkpoints[name] = file


def _base(checkpoints: Mapping[str, CheckpointFile], adapters: Sequence[Path], name: str | None) -> CheckpointFile:
    """The checkpoint that adapters were trained on."""
    whole = [other for other, file in checkpoints.items() if not isinstance(file, AdapterFile)]
    named = [other for other in whole if checkpoints[other].card.role == "zero_shot"]
    adapter = f"{adapters[0]} is a LoRA adapter, which only says what to add to the checkpoint that it was trained on"
    if not whole:
        raise PoolError(f"{adapter}: give that one too, Pool.open(['base.safetensors', {str(adapters[0])!r}])")
    if name is not None:
        if name not in whole:
            raise PoolError(f"not in the pool: {name!r}, as the base of adapters; it has {_some(whole)}")
        return checkpoints[name]
    if len(named) != 1 and len(whole) != 1:
        raise PoolError(
            f"{adapter}, and that could be any of {len(named or whole)}: {_some(named or whole)}. "
            f"Pool.open(..., base={(named or whole)[0]!r}) says which it is; zero_shot=... (--zero-shot) does so too"
        )
    return checkpoints[named[0] if len(named) == 1 else whole[0]]


def _open(path: Path, part: str | None) -> CheckpointFile:
    if part is None:
        return CheckpointFile(path)
    try:
        return CheckpointFile(path, part)
    except CheckpointError:
        # A file with one set of weights offers no choice; otherwise this lists the choices.
        file = CheckpointFile(path)
        if len(file.parts) > 1:
            raise
        if file.parts:
            warnings.warn(
                f"{path} has no part {part!r}: its only weights ({file.parts[0]}) are used", SoupWarning, stacklevel=4
            )
        return file


def _with_head(checkpoints: Mapping[str, CheckpointFile], lender: str, *, replacing: bool) -> dict[str, CheckpointFile]:
    if lender not in checkpoints:
        raise PoolError(f"not in the pool: {lender!r}; it has {', '.join(checkpoints)}")
    if replacing:
        return _with_one_head(checkpoints, lender)
    names = [name for name in checkpoints[lender].tensors if _HEAD.match(name)]
    if not names:
        raise PoolError(f"{lender!r} has no head to lend: no tensor named head.weight, classifier.weight or fc.weight")
    head = {name: tensor for name, tensor in checkpoints[lender].read() if name in names}
    having = {
        name: file if any(_HEAD.match(tensor) for tensor in file.tensors) else with_tensors(file, head)
        for name, file in checkpoints.items()
    }
    # An adapter stays one of the same base, whether it brings its own head or has that of the base.
    given = {id(file): having[name] for name, file in checkpoints.items()}
    for name, file in checkpoints.items():
        if isinstance(file, AdapterFile) and id(file.base) in given:
            having[name] = file.on(given[id(file.base)])
    return having


def _with_one_head(checkpoints: Mapping[str, CheckpointFile], lender: str) -> dict[str, CheckpointFile]:
    names = different_heads(checkpoints) or head_of(checkpoints[lender].tensors)
    if not names:
        raise PoolError(
            f"which tensors of {lender!r} are its head? None is named head, heads, fc, classifier or score, and the "
            "checkpoints do not differ in one layer alone"
        )
    adapters = [name for name, file in checkpoints.items() if isinstance(file, AdapterFile)]
    if adapters:
        raise PoolError(f"{_some(adapters)} has the head of the checkpoint that it was trained on, and keeps it")
    whose = checkpoints[lender]
    return {n: file if n == lender else with_head_of(file, whose, names) for n, file in checkpoints.items()}


def name_of(path: Path) -> str:
    """The name of a file in a pool when its card has none: the file name without the suffix.

    Examples
    --------
    >>> [name_of(Path(name)) for name in ("a.b.pt", "model_best.pth.tar", "m.safetensors.index.json", "x.weights")]
    ['a.b', 'model_best', 'm', 'x']
    """
    endings = [ending for ending in (*_ENDINGS, path.suffix) if path.name.endswith(ending)]
    return path.name.removesuffix(max(endings, key=len))


def weight_files(folder: Path) -> list[Path]:
    """The weight files of a folder, sorted by name; a checkpoint in several files is given by its index.

    The folders of LoRA adapters in it come last; such a folder itself is the only one.
    """
    if adapter_folder(folder):
        return [folder]
    paths = sorted(path for path in folder.iterdir() if path.name.endswith(_ENDINGS))
    # Files of a sharded checkpoint are opened through its index.
    indexed = {file for path in paths if path.name.endswith(INDEX_ENDING) for file in CheckpointFile(path).files}
    files = [path for path in paths if path not in indexed or path.name.endswith(INDEX_ENDING)]
    return files + sorted(path for path in folder.iterdir() if path.is_dir() and adapter_folder(path))


def differences(checkpoints: Mapping[str, CheckpointFile]) -> tuple[list[str], list[str]]:
    """Describe every difference of names, shapes and dtypes from the first checkpoint.

    Parameters
    ----------
    checkpoints
        At least one checkpoint, by name.

    Returns
    -------
    wrong, precision
        Differences that prevent mixing, one sentence per tensor; and those that do not, floating-point numbers of
        another precision: one sentence for all tensors of a checkpoint that differ in the same way.
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
                    # What an adapter changes is in float32, whatever its base is stored in.
                    if not isinstance(file, AdapterFile):
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
            f"these checkpoints cannot be mixed; {_count(wrong)} from {first_name} ({first.path}):\n"
            + _lines(wrong)
            + _advice(checkpoints)
        )
    if precision:
        warnings.warn(
            "checkpoints are stored in different precisions (they are mixed in float32):\n" + _lines(precision),
            stacklevel=3,
        )


def _advice(checkpoints: Mapping[str, CheckpointFile]) -> str:
    """Advice for when heads are of different classes, or some checkpoints have a head and others have none."""
    different = different_heads(checkpoints)
    if different:
        by_count: dict[int, list[str]] = {}
        for name, file in checkpoints.items():
            by_count.setdefault(file.tensors[different[0]].shape[0], []).append(name)
        counts = "; ".join(f"{classes} classes: {_some(names)}" for classes, names in by_count.items())
        most = max(by_count.values(), key=len)[0]
        return (
            f"\nonly their heads differ ({', '.join(different)}), which are for {counts}. "
            f"Pool.open(..., head_from={most!r}, heads='replace') mixes what is before the head, and uses the head of "
            f"{most} for all; with_classes(file, old_names, new_names) chooses classes that all have, by name; "
            "for CLIP, as_classifier(file, prompt_head(...)) builds all heads from the same prompts"
        )
    having = [name for name, file in checkpoints.items() if any(_HEAD.match(tensor) for tensor in file.tensors)]
    if not having or len(having) == len(checkpoints):
        return ""
    lacking = [name for name in checkpoints if name not in having]
    return (
        f"\n{_some(lacking)} without a head: Pool.open(..., head_from={having[0]!r}) or "
        f"--head-from {shlex.quote(having[0])} gives them that of {having[0]}; "
        "to build a head from prompts, see as_classifier and prompt_head"
    )


def _some(names: Sequence[str]) -> str:
    return ", ".join(names[:_SHOWN]) + (f" and {len(names) - _SHOWN} more" if len(names) > _SHOWN else "")


def _size(file: CheckpointFile) -> str:
    return f"{sum(stamp[1] for stamp in file.source.stamps) / 1e6:,.1f} MB"


def _numbers(tensors: Mapping[str, TensorInfo]) -> str:
    return f"{sum(math.prod(info.shape) for info in tensors.values()):,} numbers"


def _short(dtype: object) -> str:
    return str(dtype).removeprefix("torch.")


def _count(lines: Sequence[str]) -> str:
    return f"{len(lines)} difference{'s' if len(lines) != 1 else ''}"


def _lines(lines: Sequence[str]) -> str:
    return "\n".join(f"  {one_line(line)}" for line in lines)
