"""Opening the files of a pool, and giving each a name and a head."""

from __future__ import annotations

import glob
import warnings
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from pathlib import Path

from soupwidgets.checkpoints import (
    CONFIG_NAME,
    INDEX_ENDING,
    Adapter,
    AdapterFile,
    CheckpointError,
    CheckpointFile,
    adapter_folder,
    different_heads,
    fetch,
    fetch_matching,
    head_of,
    is_url,
    locate,
    with_head_of,
    with_tensors,
)
from soupwidgets.pool.differences import HEAD
from soupwidgets.pool.errors import PoolError, SoupWarning, some
from soupwidgets.text import one_line

ENDINGS = (".safetensors", ".pt", ".pth", ".ckpt", ".bin", ".pkl", ".pth.tar", ".pt.tar", INDEX_ENDING)


def files_of(source: str | Path | Iterable[str | Path | CheckpointFile]) -> list[Path | CheckpointFile]:
    """The files that a folder, pattern, URL or list names, and adapters' folders; see `Pool.open`."""
    if not isinstance(source, str | Path):
        return [path if isinstance(path, CheckpointFile) else locate(path) for path in source]
    folder = Path(source)
    if is_url(source):
        paths = remote_files(source)
    else:
        paths = weight_files(folder) if folder.is_dir() else sorted(map(Path, glob.glob(str(source))))
    if not paths:
        endings = ", ".join(ENDINGS)
        raise PoolError(f"{source}: no weight file there ({endings}); give a folder, a pattern, or a list")
    return list(paths)


def by_name(
    known: Mapping[str, CheckpointFile],
    paths: Iterable[Path | CheckpointFile],
    part: str | None = None,
    base: str | None = None,
) -> dict[str, CheckpointFile]:
    """Open files and adapters beside those that are known, each under a name of its own."""
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
            raise PoolError(f"not in the pool: {name!r}, as the base of adapters; it has {some(whole)}")
        return checkpoints[name]
    if len(named) != 1 and len(whole) != 1:
        raise PoolError(
            f"{adapter}, and that could be any of {len(named or whole)}: {some(named or whole)}. "
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


def with_head_from(
    checkpoints: Mapping[str, CheckpointFile], lender: str, *, replacing: bool
) -> dict[str, CheckpointFile]:
    """Give checkpoints without a head that of another one; or all of them, where heads differ."""
    if lender not in checkpoints:
        raise PoolError(f"not in the pool: {lender!r}; it has {', '.join(checkpoints)}")
    if replacing:
        return _with_one_head(checkpoints, lender)
    names = [name for name in checkpoints[lender].tensors if HEAD.match(name)]
    if not names:
        raise PoolError(f"{lender!r} has no head to lend: no tensor named head.weight, classifier.weight or fc.weight")
    head = {name: tensor for name, tensor in checkpoints[lender].read() if name in names}
    having = {
        name: file if any(HEAD.match(tensor) for tensor in file.tensors) else with_tensors(file, head)
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
        raise PoolError(f"{some(adapters)} has the head of the checkpoint that it was trained on, and keeps it")
    whose = checkpoints[lender]
    return {n: file if n == lender else with_head_of(file, whose, names) for n, file in checkpoints.items()}


def name_of(path: Path) -> str:
    """The name of a file in a pool when its card has none: the file name without the suffix.

    Examples
    --------
    >>> [name_of(Path(name)) for name in ("a.b.pt", "model_best.pth.tar", "m.safetensors.index.json", "x.weights")]
    ['a.b', 'model_best', 'm', 'x']
    """
    endings = [ending for ending in (*ENDINGS, path.suffix) if path.name.endswith(ending)]
    return path.name.removesuffix(max(endings, key=len))


def remote_files(url: str | Path) -> list[Path]:
    """Local copies of the weight files of a remote folder, file or pattern; see `soupwidgets.checkpoints.fetch`."""
    last = str(url).rpartition("/")[2]
    if last.endswith(ENDINGS) or set(last) & set("*?["):
        return fetch_matching(url)
    return weight_files(fetch(url, _remote_weights))


def _remote_weights(names: Iterable[str]) -> list[str]:
    names = list(names)
    # What `weight_files` finds in a folder, and the description that names a model of transformers.
    here = [name for name in names if "/" not in name and name.endswith((*ENDINGS, "config.json"))]
    adapters = {name.rpartition("/")[0] for name in names if name.count("/") == 1 and name.endswith("/" + CONFIG_NAME)}
    return here + [name for name in names if name.rpartition("/")[0] in adapters]


def weight_files(folder: Path) -> list[Path]:
    """The weight files of a folder, sorted by name; a checkpoint in several files is given by its index.

    The folders of LoRA adapters in it come last; such a folder itself is the only one.
    """
    if adapter_folder(folder):
        return [folder]
    paths = sorted(path for path in folder.iterdir() if path.name.endswith(ENDINGS))
    # Files of a sharded checkpoint are opened through its index.
    indexed = {file for path in paths if path.name.endswith(INDEX_ENDING) for file in CheckpointFile(path).files}
    files = [path for path in paths if path not in indexed or path.name.endswith(INDEX_ENDING)]
    return files + sorted(path for path in folder.iterdir() if path.is_dir() and adapter_folder(path))
