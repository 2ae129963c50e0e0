"""Run all benchmarks of this machine, or some (``python -m benchmarks soups wide``): a table, and JSON."""

from __future__ import annotations

import platform
import sys
import tempfile
from collections.abc import Callable
from pathlib import Path

import torch

from benchmarks.blocks import block_row
from benchmarks.coverage import coverage_rows
from benchmarks.gains import gain_rows
from benchmarks.greedy import greedy_rows
from benchmarks.landscape import landscape_rows, vmap_row
from benchmarks.latency import latency_rows
from benchmarks.merges import merge_rows
from benchmarks.mixing import mixing_rows
from benchmarks.own_models import own_model_rows
from benchmarks.planes import plane_rows
from benchmarks.room import room_rows
from benchmarks.scaling import run_scaling
from benchmarks.site import site_rows
from benchmarks.small import small_rows
from benchmarks.soups import soup_rows
from benchmarks.spectrum import path_row
from benchmarks.sweep import sweep_rows
from benchmarks.table import Row, kept_rows, remember, write
from benchmarks.waiting import waiting_row
from benchmarks.wide_pool import wide_row
from benchmarks.writers import writer_rows

# Measured in processes of their own, and filed by themselves: a busy machine would spoil the other rows.
_ALONE: dict[str, Callable[[], list[Row]]] = {
    "busy": lambda: [waiting_row()],
    "merges": merge_rows,
    "room": room_rows,
    "site": site_rows,
    "small": small_rows,
    "writers": writer_rows,
}


def processor() -> str:
    """How many threads of which processor: what a table of numbers is of."""
    try:
        lines = [line.partition(":") for line in Path("/proc/cpuinfo").read_text().splitlines()]
        known = {key.strip(): value.strip() for key, _, value in reversed(lines)}
        # Virtual machines call processors of several generations by one name.
        name = f"{known['model name']}, family {known['cpu family']} model {known['model']}"
    except (OSError, KeyError):
        name = platform.processor() or platform.machine()
    return f"{torch.get_num_threads()} threads, {name}"


def cpu_groups(folder: Path) -> dict[str, Callable[[], list[Row]]]:
    """The rows of ``cpu.json`` in their order, by groups that can be run alone."""
    return {
        "mixing": mixing_rows,
        "soups": soup_rows,
        "greedy": lambda: greedy_rows(folder / "greedy"),
        "sweep": lambda: sweep_rows(folder),
        # The sweep's alphas are in the store by then.
        "latency": lambda: latency_rows(folder),
        "paths": lambda: [path_row(folder / "paths")],
        "wide": lambda: [wide_row(folder / "wide")],
        "landscape": lambda: landscape_rows(folder / "landscape"),
        "blocks": lambda: [block_row(folder / "blocks")],
        "own": lambda: own_model_rows(folder / "own"),
        "vmap": lambda: [vmap_row(torch.device("cpu"))],
    }


def main() -> None:
    """Run all groups, or those that are named; rows of the others stay if they were measured on the same machine."""
    chosen = sys.argv[1:]
    with tempfile.TemporaryDirectory() as temporary:
        groups = cpu_groups(Path(temporary))
        names = [*groups, *_ALONE, "scaling", "coverage", "planes", "gains"]
        unknown = [name for name in chosen if name not in names]
        if unknown or ("latency" in chosen and "sweep" not in chosen):
            sys.exit(f"groups are {', '.join(names)}; latency comes after sweep")
        rows = kept_rows("cpu", processor()) if chosen else {}
        for name, group in groups.items():
            if not chosen or name in chosen:
                rows[name] = group()
                remember(rows[name], processor(), name)
                write({one: rows[one] for one in groups if one in rows}, "cpu", processor())
    for name, group in _ALONE.items():
        if not chosen or name in chosen:
            alone = group()
            remember(alone, processor(), name)
            # None where what it is compared with is not installed: what was measured before stays.
            if alone:
                write({name: alone}, name, processor())
    if not chosen or "scaling" in chosen:
        run_scaling(processor())
    if "coverage" in chosen:
        # Statistics, not speed: the same on every machine, and only on request, as it takes a while.
        write({"coverage": coverage_rows()}, "coverage", processor())
    if "planes" in chosen:
        write({"planes": plane_rows()}, "planes", processor())
    if "gains" in chosen:
        write({"gains": gain_rows()}, "gains", processor())


if __name__ == "__main__":
    main()
