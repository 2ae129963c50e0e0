"""Whether checkpoints can be mixed, and what to do if not."""

from __future__ import annotations

import re
import shlex
import warnings
from collections.abc import Mapping, Sequence

from soupwidgets.checkpoints import AdapterFile, CheckpointFile, different_heads
from soupwidgets.pool.errors import PoolError, some
from soupwidgets.text import one_line

HEAD = re.compile(r"^(?:(?!.*visual\.).*\.)?(?:classification_head|head|heads|classifier|fc)\.(weight|bias)$")


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
                dtypes = short(mine.dtype), short(reference.dtype)
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


def require_alike(checkpoints: Mapping[str, CheckpointFile]) -> None:
    """Raise `PoolError` unless checkpoints can be mixed; warn if they are stored in different precisions."""
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
        counts = "; ".join(f"{classes} classes: {some(names)}" for classes, names in by_count.items())
        most = max(by_count.values(), key=len)[0]
        return (
            f"\nonly their heads differ ({', '.join(different)}), which are for {counts}. "
            f"Pool.open(..., head_from={most!r}, heads='replace') mixes what is before the head, and uses the head of "
            f"{most} for all; with_classes(file, old_names, new_names) chooses classes that all have, by name; "
            "for CLIP, as_classifier(file, prompt_head(...)) builds all heads from the same prompts"
        )
    having = [name for name, file in checkpoints.items() if any(HEAD.match(tensor) for tensor in file.tensors)]
    if not having or len(having) == len(checkpoints):
        return ""
    lacking = [name for name in checkpoints if name not in having]
    return (
        f"\n{some(lacking)} without a head: Pool.open(..., head_from={having[0]!r}) or "
        f"--head-from {shlex.quote(having[0])} gives them that of {having[0]}; "
        "to build a head from prompts, see as_classifier and prompt_head"
    )


def short(dtype: object) -> str:
    """The name of a precision without the library's."""
    return str(dtype).removeprefix("torch.")


def _count(lines: Sequence[str]) -> str:
    return f"{len(lines)} difference{'s' if len(lines) != 1 else ''}"


def _lines(lines: Sequence[str]) -> str:
    return "\n".join(f"  {one_line(line)}" for line in lines)
