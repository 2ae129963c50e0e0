"""Rows of the benchmark table: both sides of every ratio come from one run."""

from __future__ import annotations

import json
import platform
import re
import statistics
import time
from collections.abc import Callable
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from pathlib import Path

import torch

from soupwidgets.checkpoints import atomic_path

RESULTS = Path(__file__).parent / "results"


@dataclass(frozen=True)
class Row:
    """One comparison. ``ratio`` is what the goal is about; ``met`` says whether it was reached."""

    name: str
    ours: str
    reference: str
    ratio: float
    goal: str
    met: bool


def median_seconds(work: Callable[[], object], repeats: int = 7) -> float:
    """Median wall time of ``work`` after one run to warm up."""
    work()
    times = []
    for _ in range(repeats):
        start = time.perf_counter()
        work()
        times.append(time.perf_counter() - start)
    return statistics.median(times)


def interleaved_seconds(*works: Callable[[], object], repeats: int = 9) -> list[float]:
    """Median wall time of several works, taken in turns so that a slow spell of the machine hits all of them."""
    for work in works:
        work()
    times: list[list[float]] = [[] for _ in works]
    for _ in range(repeats):
        for work, taken in zip(works, times, strict=True):
            start = time.perf_counter()
            work()
            taken.append(time.perf_counter() - start)
    return [statistics.median(taken) for taken in times]


def write(groups: dict[str, list[Row]], name: str, device: str) -> Path:
    """Write the rows of each group to ``benchmarks/results/<name>.json`` and print them."""
    content = {
        "device": device,
        "torch": torch.__version__,
        "python": platform.python_version(),
        "made_at": datetime.now(UTC).isoformat(timespec="seconds"),
        "rows": [{"group": group, **asdict(row)} for group, rows in groups.items() for row in rows],
    }
    path = RESULTS / f"{name}.json"
    with atomic_path(path) as temporary:
        temporary.write_text(json.dumps(content, indent=1) + "\n")
    rows = [row for rows in groups.values() for row in rows]
    print(f"\n{device}, torch {torch.__version__}\n\n{markdown(rows)}")
    return path


# Between two runs of a quiet machine ratios move by less.
_A_LOSS = 1.1


def remember(rows: list[Row], device: str, group: str) -> None:
    """Append rows to the history of all machines, and say what changed since the last time on this one."""
    path = RESULTS / "history.jsonl"
    lines = path.read_text().splitlines() if path.exists() else []
    before = {
        _same_row(entry["group"], entry["name"], entry["reference"]): entry
        for entry in map(json.loads, lines)
        if entry["device"] == device
    }
    made = {"device": device, "torch": torch.__version__, "made_at": datetime.now(UTC).isoformat(timespec="seconds")}
    for row in rows:
        last = before.get(_same_row(group, row.name, row.reference))
        if last is not None:
            worse = ": WORSE" if _is_worse(row, last["ratio"]) else ""
            print(f"{row.name}: ratio {last['ratio']:.3g} on {last['made_at'][:10]}, {row.ratio:.3g} now{worse}")
    with path.open("a") as file:
        file.writelines(json.dumps({**made, "group": group, **asdict(row)}) + "\n" for row in rows)


def _same_row(group: str, name: str, reference: str) -> tuple[str, str, str]:
    """What a row is known by: what it is about, and what it is compared with, without this run's numbers."""
    return group, name, reference.partition(":")[0]


def _is_worse(row: Row, last: float) -> bool:
    """By more than a tenth, where the goal says which way is better."""
    wanted = re.search("[<>]=", row.goal)
    worse, better = (row.ratio, last) if wanted and wanted[0] == "<=" else (last, row.ratio)
    return wanted is not None and worse > _A_LOSS * better


def kept_rows(name: str, device: str) -> dict[str, list[Row]]:
    """What was measured before by group, where it was on the same machine with the same torch; else nothing."""
    path = RESULTS / f"{name}.json"
    content = json.loads(path.read_text()) if path.exists() else {}
    groups: dict[str, list[Row]] = {}
    if (content.get("device"), content.get("torch")) == (device, torch.__version__):
        for row in content["rows"]:
            groups.setdefault(row.pop("group"), []).append(Row(**row))
    return groups


def markdown(rows: list[Row]) -> str:
    """The table that docs/how-fast-it-is.md shows."""
    lines = ["| what | soupwidgets | compared with | ratio | goal | met |", "|---|---|---|---|---|---|"]
    for row in rows:
        verdict = "yes" if row.met else "no"
        lines.append(f"| {row.name} | {row.ours} | {row.reference} | {row.ratio:,.2f} | {row.goal} | {verdict} |")
    return "\n".join(lines)


def read(name: str) -> tuple[str, list[Row]]:
    """The device and the rows of ``benchmarks/results/<name>.json``."""
    content = json.loads((RESULTS / f"{name}.json").read_text())
    return content["device"], [Row(**{k: v for k, v in row.items() if k != "group"}) for row in content["rows"]]


if __name__ == "__main__":
    for stored in sorted(RESULTS.glob("*.json")):
        device, rows = read(stored.stem)
        print(f"{device}\n\n{markdown(rows)}\n")
