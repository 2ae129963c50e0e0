"""``soupwidgets soup``: make a soup and measure it. Every soup method is a command, and its options are its own."""

from __future__ import annotations

import inspect
import sys
from collections.abc import Mapping
from pathlib import Path
from types import NoneType
from typing import Annotated, Any, Literal, get_args, get_origin

import typer
from typer.core import TyperGroup

from soupwidgets.commands.inputs import known_suite
from soupwidgets.commands.options import (
    DeviceOption,
    HeadFromOption,
    ModelOption,
    PartOption,
    PoolOption,
    StoreOption,
    ZeroShotOption,
    evaluator,
    open_pool,
)
from soupwidgets.commands.places import output_file
from soupwidgets.commands.reports import Report, enumeration, options_of, reporting, with_options
from soupwidgets.methods import SoupMethod, all_methods, method_named

_PLAIN = (bool, int, float, str)


class _Methods(TyperGroup):
    """The methods there are when the command runs."""

    # The class of the context is click's own in one version of typer, and a copy of it in another.
    def list_commands(self, _ctx: Any) -> list[str]:
        """Their names."""
        return [method.name for method in all_methods()]

    def get_command(self, _ctx: Any, name: str) -> Any:
        """The command of one of them."""
        return _command(method_named(name))


soup = typer.Typer(
    cls=_Methods, no_args_is_help=True, help="Make a soup, measure it where there is a suite, and write it to a file."
)


def _soup_file(out: Path) -> Path:
    # The method may take an hour, and what writes its result looks at the ending only then.
    if out.suffix not in (".safetensors", ".pt"):
        raise ValueError(f"--out {out}: the name must end with .safetensors or .pt")
    output_file(out)
    return out


def _make(
    method: SoupMethod,
    options: Mapping[str, Any],
    *,
    pool: PoolOption,
    out: Annotated[
        Path,
        typer.Option(help="The soup: .safetensors, or .pt for a state dict of torch.save.", callback=_soup_file),
    ],
    suite: Annotated[
        Path | None,
        typer.Option(help="Folder of a suite, to choose by and to measure on.", callback=known_suite),
    ] = None,
    ingredient: Annotated[
        list[str] | None, typer.Option(help="One name, in order; else all fine-tuned models.")
    ] = None,
    overwrite: Annotated[bool, typer.Option("--overwrite", help="Replace a file that is there already.")] = False,
    part: PartOption = None,
    head_from: HeadFromOption = None,
    zero_shot: ZeroShotOption = None,
    network: ModelOption = None,
    device: DeviceOption = "auto",
    store: StoreOption = None,
) -> Report:
    from soupwidgets.topics.soup.report import make_soup, to_text

    opened = open_pool(pool, part, head_from, zero_shot)
    ev = None if suite is None else evaluator(opened, suite, device, store, model=network)
    report = make_soup(method, opened, ev, out, ingredient, options, sys.stderr.isatty(), overwrite)
    return Report(report, to_text(report))


def _command(method: SoupMethod) -> Any:
    """The command of a method: the options that all have, then its own."""
    common = options_of(_make)[2:]
    own = [option for option in _own_options(method) if option.name not in {parameter.name for parameter in common}]

    def run(**given: Any) -> Report:
        options = {option.name: given.pop(option.name) for option in own}
        return _make(method, options, **given)

    app = typer.Typer(add_completion=False)
    needs = [*["It needs a suite."] * method.needs_images, *["The order of ingredients matters."] * method.ordered]
    app.command(method.name, help=" ".join([method.summary, *needs]), epilog=f"{method.paper}.")(
        reporting(with_options(run, [*common, *own]))
    )
    return typer.main.get_command(app)


def _own_options(method: SoupMethod) -> list[inspect.Parameter]:
    """Those of a method's options that can be written on a command line."""
    found = []
    for name, parameter in method.options.items():
        kind = _kind(name, parameter.annotation)
        if kind is not None:
            option: Any = Annotated[kind, typer.Option(help=method.explained(name))]
            found.append(inspect.Parameter(name, inspect.Parameter.KEYWORD_ONLY, default=parameter.default,
                                           annotation=option))  # fmt: skip
    return found


def _kind(name: str, annotation: Any) -> Any:
    """What typer makes an option of: plain types, those or None, and one of several words; None for all else."""
    if annotation in _PLAIN:
        return annotation
    if get_origin(annotation) is Literal and all(isinstance(word, str) for word in get_args(annotation)):
        return enumeration(name, annotation)
    inner = [kind for kind in get_args(annotation) if kind is not NoneType]
    return annotation if len(inner) == 1 and inner[0] in _PLAIN and get_origin(annotation) is not list else None
