"""``soupwidgets soup``: make a soup and measure it."""

from __future__ import annotations

import sys
from enum import StrEnum
from pathlib import Path
from typing import Annotated

import typer

from soupwidgets.commands.inputs import known_suite
from soupwidgets.commands.options import (
    DeviceOption,
    HeadFromOption,
    JsonOption,
    PartOption,
    PoolOption,
    StoreOption,
    ZeroShotOption,
    evaluator,
    open_pool,
    show,
    write_json,
)
from soupwidgets.commands.places import output_file


class SoupMethod(StrEnum):
    """How the ingredients are mixed."""

    uniform = "uniform"
    greedy = "greedy"
    learned = "learned"
    learned_by_layer = "learned-by-layer"
    stock = "stock"
    arithmetic = "arithmetic"
    lines = "lines"
    ties = "ties"
    dare = "dare"
    fisher = "fisher"
    wise_ft = "wise-ft"
    slerp = "slerp"
    ema = "ema"
    swa = "swa"
    lawa = "lawa"


class TieOrder(StrEnum):
    """In which order greedy tries ingredients of one score."""

    by_name = "name"
    released = "released"


def _soup_file(out: Path) -> Path:
    # The method may take an hour, and what writes its result looks at the ending only then.
    if out.suffix not in (".safetensors", ".pt"):
        raise ValueError(f"--out {out}: the name must end with .safetensors or .pt")
    output_file(out)
    return out


def soup(
    method: Annotated[SoupMethod, typer.Argument(help="How to mix; greedy, learned and fisher need a suite.")],
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
    strict: Annotated[bool, typer.Option(help="Greedy takes what raises accuracy, as the released script.")] = False,
    seed: Annotated[
        int | None, typer.Option(help="Greedy tries in this seed's random order; seed of the rest.")
    ] = None,
    scale: Annotated[float | None, typer.Option(help="Of the task vectors: arithmetic, ties, dare.")] = None,
    density: Annotated[float, typer.Option(help="Share of each task vector that ties keeps.")] = 0.2,
    drop: Annotated[float, typer.Option(help="Probability with which dare drops.")] = 0.9,
    alpha: Annotated[float, typer.Option(help="How far wise-ft goes from zero-shot to the average, or slerp.")] = 0.5,
    decay: Annotated[float, typer.Option(help="What ema keeps of the average at every step.")] = 0.9,
    last: Annotated[int, typer.Option(help="How many of the latest lawa averages.")] = 5,
    tie_order: Annotated[
        TieOrder, typer.Option(help="Which of equals greedy tries first: by name, or as the released script does.")
    ] = TieOrder.by_name,
    overwrite: Annotated[bool, typer.Option("--overwrite", help="Replace a file that is there already.")] = False,
    part: PartOption = None,
    head_from: HeadFromOption = None,
    zero_shot: ZeroShotOption = None,
    json_file: JsonOption = None,
    device: DeviceOption = "auto",
    store: StoreOption = None,
) -> None:
    """Make a soup, measure it where there is a suite, and write it to a file."""
    from soupwidgets.topics.soup.report import SoupOptions, make_soup, to_text

    options = SoupOptions(
        ingredient, strict, seed, scale, density, drop, alpha, decay, last,
        progress=sys.stderr.isatty(), tie_order=tie_order.value, overwrite=overwrite,
    )  # fmt: skip
    opened = open_pool(pool, part, head_from, zero_shot)
    ev = None if suite is None else evaluator(opened, suite, device, store)
    report = make_soup(method.value, opened, ev, out, options)
    write_json(json_file, report)
    if json_file != "-":
        show(to_text(report))
