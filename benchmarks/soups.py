"""A uniform soup of eight ViT-B/32 files (open_clip, random weights), from disk to disk."""

from __future__ import annotations

import json
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Any

import open_clip
import torch

from benchmarks.table import Row
from soupwidgets.checkpoints import CheckpointFile

FILES = 8

# Each side runs in a process of its own, so that its memory is its own too. RssAnon leaves out the
# pages of mapped files, which the system may drop at any time.
_MEASURE = """
import json, sys, threading, time, torch
paths, out = sys.argv[1:-1], sys.argv[-1]
{prepare}
def anonymous():
    return next(int(line.split()[1]) * 1024 for line in open("/proc/self/status") if line.startswith("RssAnon"))
before, peak, running = anonymous(), 0, True
def watch():
    global peak
    while running:
        peak = max(peak, anonymous())
        time.sleep(0.005)
watcher = threading.Thread(target=watch); watcher.start()
start = time.perf_counter()
{work}
seconds = time.perf_counter() - start
running = False; watcher.join()
print(json.dumps([seconds, max(0, peak - before)]))
"""
FIRST = (
    "from soupwidgets import Pool, save_mixture, uniform_soup\n"
    "pool = Pool.open(paths)\n"
    "[file.content_hash for file in pool.checkpoints.values()]",
    "save_mixture(pool, uniform_soup(pool), out, progress=False, overwrite=True)",
)
# What a process has read once it has compared with its hash, and does so no more.
OURS = (FIRST[0] + "\nfor file in pool.checkpoints.values():\n    for _ in file.pieces(): pass", FIRST[1])
HASHED = (
    "import hashlib",
    "for path in paths:\n    with open(path, 'rb') as file:\n        hashlib.file_digest(file, 'sha256')",
)
# The loop of the released script: load, scale, add.
RELEASED = (
    "",
    "for i, path in enumerate(paths):\n"
    "    state = torch.load(path, map_location='cpu', weights_only=True)\n"
    "    if i == 0: soup = {k: v * (1.0 / len(paths)) for k, v in state.items()}\n"
    "    else: soup = {k: v * (1.0 / len(paths)) + soup[k] for k, v in state.items()}\n"
    "torch.save(soup, out)",
)
# The same without a file: what the one pass over the files takes.
MIXED = (
    OURS[0] + "\nfrom soupwidgets.mixing import mix_streamed",
    "for _ in mix_streamed(pool, uniform_soup(pool)): pass",
)
READ = (
    "buffer = bytearray(1 << 24)",
    "for path in paths:\n    with open(path, 'rb', buffering=0) as file:\n        while file.readinto(buffer): pass",
)
READ_AND_WRITE = (
    READ[0] + "\nimport os\nsoup = open(paths[0], 'rb').read()",
    READ[1] + "\nwith open(out, 'wb') as file:\n    file.write(soup)\n    file.flush()\n    os.fsync(file.fileno())",
)
# A virtual environment of its own beside ours, because its pins are not ours; `make bench` makes it.
MERGEKIT_PYTHON = Path(__file__).parents[1] / ".venv" / "mergekit" / "bin" / "python"
MERGEKIT = (
    "from mergekit.scripts.merge_raw_pytorch import main\n"
    "models = ''.join(f'- {{model: {path}, parameters: {{weight: {1 / len(paths)}}}}}\\n' for path in paths)\n"
    "open(out + '.yml', 'w').write(f'merge_method: linear\\ndtype: float32\\nmodels:\\n{models}')",
    "main([out + '.yml', out, '--quiet'], standalone_mode=False)",
)


def soup_rows() -> list[Row]:
    """Ours beside the released loop, and beside reading the same bytes and nothing more."""
    with tempfile.TemporaryDirectory() as folder:
        paths = [str(Path(folder) / f"model_{i}.pt") for i in range(FILES)]
        torch.manual_seed(0)
        state = open_clip.create_model("ViT-B-32").state_dict()
        size = sum(tensor.numel() * tensor.element_size() for tensor in state.values())
        for i, path in enumerate(paths):
            torch.save({name: tensor + i for name, tensor in state.items()}, path)
        outs = {
            "ours": "ours.safetensors",
            "first": "first.safetensors",
            "released": "released.pt",
            "mergekit": "mergekit",
        }
        sides = {"read": READ, "both": READ_AND_WRITE, "mixed": MIXED, "ours": OURS, "released": RELEASED}
        sides |= {"first": FIRST, "hashed": HASHED}
        if MERGEKIT_PYTHON.exists():
            sides["mergekit"] = MERGEKIT
        runs: dict[str, list[list[float]]] = {name: [] for name in sides}
        for _ in range(3):
            for name, side in sides.items():
                out = str(Path(folder) / outs.get(name, name))
                runs[name].append(
                    _run(side, paths, out, MERGEKIT_PYTHON if name == "mergekit" else Path(sys.executable))
                )
        best = {name: min(times) for name, times in runs.items()}
        mine = dict(CheckpointFile(Path(folder) / outs["ours"]).read())
        written = {"released": outs["released"], "mergekit": "mergekit/model.safetensors"}
        for name in written.keys() & sides.keys():
            for tensor, theirs in CheckpointFile(Path(folder) / written[name]).read():
                torch.testing.assert_close(mine[tensor], theirs, rtol=1e-5, atol=1e-5)
    ours, memory = best["ours"]
    what = f"uniform soup of {FILES} ViT-B/32 files"
    rows = [
        Row(
            what,
            f"{ours:.1f} s, {memory / size:.1f} models of memory",
            f"the released loop: {best['released'][0]:.1f} s, {best['released'][1] / size:.1f} models",
            best["released"][0] / ours,
            ">= 4 times faster, <= 2.5 models",
            best["released"][0] / ours >= 4 and memory / size <= 2.5,
        )
    ]
    if "mergekit" in best:
        seconds, theirs = best["mergekit"]
        words = f"mergekit-pytorch, linear: {seconds:.1f} s, {theirs / size:.1f} models"
        rows.append(Row(what, f"{ours:.1f} s", words, seconds / ours, ">= 4 times faster", seconds / ours >= 4))
    for name, seconds, floor, words, goal in (
        ("the same, mixed and not written", best["mixed"][0], best["read"][0], "reading the files", 1.2),
        ("the same, mixed and written", ours, best["both"][0], "reading the files, writing one", 1.2),
        (
            "the first in a process: every byte is compared with its hash",
            best["first"][0],
            best["hashed"][0],
            "SHA-256 of the files",
            1.5,
        ),
    ):
        rows.append(
            Row(
                name,
                f"{seconds:.2f} s",
                f"{words}, and nothing more: {floor:.2f} s",
                seconds / floor,
                f"<= {goal} times",
                seconds / floor <= goal,
            )
        )
    return rows


def _run(side: tuple[str, str], paths: list[str], out: str, python: Path) -> Any:
    script = _MEASURE.format(prepare=side[0], work=side[1])
    done = subprocess.run([str(python), "-c", script, *paths, out], capture_output=True, text=True)
    if done.returncode:
        raise RuntimeError(done.stderr[-3000:])
    return json.loads(done.stdout.splitlines()[-1])
