"""What commands share: the models and images that their options name, opened; and numbers as JSON or as text."""

from __future__ import annotations

import functools
import inspect
import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, fields, is_dataclass, replace
from enum import Enum, StrEnum
from pathlib import Path
from typing import Annotated, Any, Literal, get_args, get_origin, get_type_hints

import typer

from soupwidgets.commands.options import (
    BatchNorm,
    BatchNormOption,
    DeviceOption,
    HeadFromOption,
    JsonOption,
    ModelOption,
    NetworkOption,
    PartOption,
    PoolOption,
    Precision,
    PrecisionOption,
    SliceOption,
    StoreOption,
    SuiteOption,
    ZeroShotOption,
    evaluator,
    open_pool,
    show,
    write_json,
)


@dataclass(frozen=True)
class Report:
    """What a command found.

    Parameters
    ----------
    content
        For ``--json``: anything that `plain` converts.
    text
        For people.
    status
        The exit code.
    """

    content: Any
    text: str = ""
    status: int = 0


def reporting(run: Callable[..., Report]) -> Callable[..., None]:
    """Make a command of a function that returns a report, with the option ``--json``."""

    @functools.wraps(run)
    def command(*, json_file: str | None, **given: Any) -> None:
        report = run(**{name: one.value if isinstance(one, Enum) else one for name, one in given.items()})
        write_json(json_file, plain(report.content))
        if json_file != "-" and report.text:
            show(report.text)
        if report.status:
            raise typer.Exit(report.status)

    return with_options(command, [*options_of(run), _option("json_file", JsonOption, None)])


def measuring(run: Callable[..., Report]) -> Callable[..., None]:
    """Make a command of a function that begins with an evaluator ``ev``: its options open the pool and the suite."""
    return _measuring(run, [])


def measuring_slices(run: Callable[..., Report]) -> Callable[..., None]:
    """As `measuring`, with the option ``--slice``."""
    return _measuring(run, [_option("slices", SliceOption, None)])


def _measuring(run: Callable[..., Report], more: Sequence[inspect.Parameter]) -> Callable[..., None]:
    @functools.wraps(run)
    def measure(
        *,
        pool: str,
        suite: Path,
        part: str | None,
        head_from: str | None,
        zero_shot: str | None,
        device: str,
        store: Path | None,
        batch_norm: BatchNorm,
        precision: Precision,
        network: str | None,
        slices: list[Path] | None = None,
        **given: Any,
    ) -> Report:
        opened = open_pool(pool, part, head_from, zero_shot)
        ev = evaluator(
            opened, suite, device, store, slices=slices, batch_norm=batch_norm, precision=precision, model=network
        )
        report = run(ev, **given)
        if not ev.note or ev.note in report.text:
            return report
        return replace(report, text=f"{report.text.rstrip()}\n{ev.note}")

    taken = "model" in inspect.signature(run).parameters
    which = [
        _option("network", NetworkOption if taken else ModelOption, None),
        _option("part", PartOption, None),
        _option("head_from", HeadFromOption, None),
        _option("zero_shot", ZeroShotOption, None),
        _option("device", DeviceOption, "auto"),
        _option("store", StoreOption, None),
        _option("batch_norm", _enumerated("batch_norm", BatchNormOption), "auto"),
        _option("precision", _enumerated("precision", PrecisionOption), "auto"),
    ]
    what = [_option("pool", PoolOption), _option("suite", SuiteOption)]
    return reporting(with_options(measure, [*what, *options_of(run)[1:], *more, *which]))


def options_of(run: Callable[..., Any]) -> list[inspect.Parameter]:
    """A function's parameters as options; a choice of words is an enumeration, which every version of typer knows."""
    hints = get_type_hints(run, include_extras=True)
    return [
        _option(name, _enumerated(name, hints[name]), one.default)
        for name, one in inspect.signature(run).parameters.items()
    ]


def with_options(run: Callable[..., Any], options: Sequence[inspect.Parameter]) -> Callable[..., Any]:
    """Give a function the options that typer reads in place of a signature that was written down."""
    run.__signature__ = inspect.Signature(options)  # type: ignore[attr-defined]
    run.__annotations__ = {option.name: option.annotation for option in options}
    return run


def plain(value: Any) -> Any:
    """Convert to what JSON knows: dictionaries for dataclasses, lists for arrays, null for numbers that are not finite.

    Examples
    --------
    >>> plain({"path": Path("a"), "limits": (0.5, math.inf), "nothing": Report([])})
    {'path': 'a', 'limits': [0.5, None], 'nothing': {'content': [], 'text': '', 'status': 0}}
    """
    if is_dataclass(value) and not isinstance(value, type):
        return {one.name: plain(getattr(value, one.name)) for one in fields(value)}
    if isinstance(value, Mapping):
        return {str(key): plain(one) for key, one in value.items()}
    if hasattr(value, "tolist"):
        return plain(value.tolist())
    if isinstance(value, list | tuple | set | frozenset):
        return [plain(one) for one in value]
    if isinstance(value, float):
        return value if math.isfinite(value) else None
    return str(value) if isinstance(value, Path) else value


def enumeration(name: str, words: Any) -> Any:
    """What typer makes an option of where one of several words (a `Literal`) is wanted."""
    return StrEnum(name, [(word, word) for word in get_args(words)])


def _enumerated(name: str, annotation: Any) -> Any:
    words, *how = get_args(annotation) or (annotation,)
    return Annotated[enumeration(name, words), *how] if get_origin(words) is Literal else annotation


def _option(name: str, annotation: Any, default: Any = inspect.Parameter.empty) -> inspect.Parameter:
    return inspect.Parameter(name, inspect.Parameter.KEYWORD_ONLY, default=default, annotation=annotation)
