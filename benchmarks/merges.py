"""The merges that mergekit has too, beside mergekit's: the same files in, one safetensors file out, in turns."""

from __future__ import annotations

import json
import subprocess
import sys
import tempfile
import time
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch

from benchmarks.soups import MERGEKIT_PYTHON
from benchmarks.table import Row
from soupwidgets.checkpoints import CheckpointFile, write_checkpoint
from soupwidgets.models import Architecture

INGREDIENTS = 4
VIT_S_16 = Architecture(
    embed_dim=384, vision_cfg={"image_size": 224, "layers": 12, "width": 384, "head_width": 64, "patch_size": 16},
    classes=10, mean=0.45, std=0.27,
)  # fmt: skip
_REPEATS = 3

# Each side is one process, which is told a merge in a line and answers with the seconds that it took.
_SERVE = """
import json, sys, time
answers = sys.stdout
sys.stdout = sys.stderr
{prepare}
print("ready", file=answers, flush=True)
for line in sys.stdin:
    how, out = json.loads(line)
    start = time.perf_counter()
    {work}
    print(time.perf_counter() - start, file=answers, flush=True)
"""
_OURS = (
    "from soupwidgets import Pool, Recipe, methods, model_stock, save_mixture, slerp, uniform_soup\n"
    "from soupwidgets.methods import task_arithmetic\n"
    "pool = Pool.open(sys.argv[1])\n"
    # Every byte is compared with its hash when a process first reads it; mergekit has no hashes.
    "for file in pool.checkpoints.values():\n    for _ in file.pieces(): pass\n"
    "options = dict(progress=False, overwrite=True)",
    "made = eval(how)\n    if isinstance(made, Recipe): save_mixture(pool, made, out, **options)",
)
_THEIRS = (
    "from pathlib import Path\nfrom mergekit.scripts.merge_raw_pytorch import main",
    "Path(out + '.yml').write_text(how); main([out + '.yml', out, '--quiet'], standalone_mode=False)",
)


@dataclass(frozen=True)
class Merge:
    """One merge as both sides are asked for it.

    Parameters
    ----------
    name
        As the papers call it.
    ours
        An expression that gives a recipe, or writes the file ``out``.
    theirs
        The method's name, the parameters of every ingredient, and all else at the top of mergekit's configuration.
    why
        Why the results differ, where they do.
    """

    name: str
    ours: str
    theirs: tuple[str, Mapping[str, float], Mapping[str, Any]]
    why: str = ""


_EACH = 1 / INGREDIENTS
MERGES = (
    Merge("linear", "uniform_soup(pool)", ("linear", {"weight": _EACH}, {})),
    Merge("task arithmetic", "task_arithmetic(pool, scale=0.3)", ("task_arithmetic", {"weight": 0.3}, {"base": True})),
    Merge(
        "TIES", "methods.ties(pool, out, density=0.2, **options)",
        ("ties", {"weight": 1.0, "density": 0.2}, {"base": True}), "it trims each tensor, not the whole task vector",
    ),
    Merge(
        "DARE", "methods.dare(pool, out, drop=0.9, **options)",
        ("dare_linear", {"weight": _EACH, "density": 0.1}, {"base": True}),
        "other entries are dropped at random, and it restores each tensor's L1 norm",
    ),
    Merge(
        "DELLA", "methods.della(pool, out, drop=0.5, epsilon=0.15, **options)",
        ("della", {"weight": 1.0, "density": 0.5, "epsilon": 0.15}, {"base": True}),
        "other entries are dropped at random, and it restores each tensor's L1 norm",
    ),
    Merge(
        "breadcrumbs", "methods.breadcrumbs(pool, out, density=0.15, gamma=0.006, **options)",
        ("breadcrumbs", {"weight": _EACH, "density": 0.15, "gamma": 0.006}, {"base": True}),
        "it rounds numbers of entries down, and leaves equal magnitudes in another order",
    ),
    Merge("model stock", "model_stock(pool)", ("model_stock", {}, {"base": True})),
    Merge("SLERP", "slerp(pool, 'ft-0', 'ft-1', 0.5)", ("slerp", {}, {"pair": True, "parameters": {"t": 0.5}}),
        "it goes straight where two tensors are nearly parallel, cosine above 0.9995"),
    Merge("NuSLERP", "slerp(pool, 'ft-0', 'ft-1', 0.5)", ("nuslerp", {"weight": 0.5}, {"pair": True})),
)  # fmt: skip


def merge_rows(architecture: Architecture = VIT_S_16, repeats: int = _REPEATS) -> list[Row]:
    """A row for each merge, and one for the start of the processes; none where mergekit is not installed.

    Parameters
    ----------
    architecture
        Of the models.
    repeats
        Each side does each merge so many times, in turns; the fastest counts.
    """
    if not MERGEKIT_PYTHON.exists():
        print("mergekit is not installed (make .venv/mergekit/installed): its merges are not run")
        return []
    with tempfile.TemporaryDirectory() as temporary:
        folder = Path(temporary)
        _write_pool(folder / "pool", architecture)
        ours, start = _started(sys.executable, _OURS, folder)
        theirs, their_start = _started(str(MERGEKIT_PYTHON), _THEIRS, folder)
        numbers = sum(tensor.numel() for _, tensor in CheckpointFile(folder / "pool" / "ft-0.safetensors").read())
        what = f"{{}} of {{}} models of {numbers / 1e6:,.0f} million parameters"
        rows = []
        try:
            for merge in MERGES:
                mine, out = [], [folder / "ours.safetensors", folder / "theirs"]
                other = []
                for _ in range(repeats):
                    mine.append(_asked(ours, merge.ours, out[0]))
                    other.append(_asked(theirs, _config(folder / "pool", merge), out[1]))
                said = _compared(out[0], out[1] / "model.safetensors", merge.why)
                number = 2 if merge.theirs[2].get("pair") else INGREDIENTS
                name = what.format(merge.name, number)
                rows.append(_row(name, min(mine), min(other), f"mergekit, {merge.theirs[0]}", f"; {said}"))
        finally:
            for process in (ours, theirs):
                process.stdin.close()  # type: ignore[union-attr]
                process.wait()
    name = "start of the process, with all imports (ours compares the files with their hashes)"
    return [*rows, _row(name, start, their_start, "mergekit", "")]


def _row(name: str, mine: float, other: float, who: str, said: str) -> Row:
    return Row(name, f"{mine:.2f} s", f"{who}: {other:.2f} s{said}", other / mine, ">= 1", other >= mine)


def _write_pool(folder: Path, architecture: Architecture) -> None:
    torch.manual_seed(0)
    base = architecture.build().state_dict()
    card = {"architecture": architecture.to_json()}
    write_checkpoint(folder / "zero-shot.safetensors", base, {"name": "zero-shot", "role": "zero_shot", **card})
    for number in range(INGREDIENTS):
        # What fine-tuning from one start has in common, and what it has not.
        shared = torch.Generator().manual_seed(1)
        moved = {
            name: tensor + 0.01 * (torch.randn(tensor.shape, generator=shared) + torch.randn_like(tensor))
            for name, tensor in base.items()
        }
        name = f"ft-{number}"
        write_checkpoint(folder / f"{name}.safetensors", moved, {"name": name, "role": "fine_tuned", **card})


def _started(python: str, side: tuple[str, str], folder: Path) -> tuple[subprocess.Popen[str], float]:
    script = _SERVE.format(prepare=side[0], work=side[1])
    log = (folder / f"{Path(python).parts[-3]}.log").open("w")
    start = time.perf_counter()
    process = subprocess.Popen(
        [python, "-c", script, str(folder / "pool")],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=log,
        text=True,
    )
    _heard(process, Path(log.name))
    process.log = Path(log.name)  # type: ignore[attr-defined]
    return process, time.perf_counter() - start


def _asked(process: subprocess.Popen[str], how: str, out: Path) -> float:
    assert process.stdin is not None
    process.stdin.write(json.dumps([how, str(out)]) + "\n")
    process.stdin.flush()
    return float(_heard(process, process.log))  # type: ignore[attr-defined]


def _heard(process: subprocess.Popen[str], log: Path) -> str:
    assert process.stdout is not None
    line = process.stdout.readline()
    if not line:
        raise RuntimeError(log.read_text()[-3000:])
    return line


def _config(pool: Path, merge: Merge) -> str:
    method, each, more = merge.theirs
    models = [f"ft-{number}" for number in range(2 if more.get("pair") else INGREDIENTS)]
    config: dict[str, Any] = {
        "merge_method": method,
        "dtype": "float32",
        "models": [{"model": str(pool / f"{name}.safetensors"), "parameters": dict(each)} for name in models],
        "parameters": more.get("parameters", {}),
    }
    if more.get("base"):
        config["base_model"] = str(pool / "zero-shot.safetensors")
    if method == "slerp":
        config["base_model"] = config["models"][0]["model"]
    # JSON is YAML.
    return json.dumps(config)


def _compared(mine: Path, other: Path, why: str) -> str:
    """Whether two files hold the same numbers, in words."""
    expected = dict(CheckpointFile(other).read())
    largest, apart, total = 0.0, 0, 0
    for name, tensor in CheckpointFile(mine).read():
        gaps = (tensor - expected.pop(name)).abs()
        largest = max(largest, float(gaps.max()))
        apart += int((gaps > 1e-6).sum())
        total += gaps.numel()
    assert not expected, f"only mergekit wrote {', '.join(expected)}"
    if not largest:
        return "identical"
    if not apart:
        return "within 1e-6"
    return f"{apart / total:.2%} of the numbers differ, by up to {largest:.1g}: {why or 'nobody knows why'}"
