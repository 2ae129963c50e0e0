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
OURS = (
    "from soupwidgets import Pool, save_mixture, uniform_soup\n"
    "pool = Pool.open(paths)\n"
    "[file.content_hash for file in pool.checkpoints.values()]",
    "save_mixture(pool, uniform_soup(pool), out, progress=False)",
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
READ = (
    "buffer = bytearray(1 << 24)",
    "for path in paths:\n    with open(path, 'rb', buffering=0) as file:\n        while file.readinto(buffer): pass",
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
        outs = {"ours": "ours.safetensors", "released": "released.pt", "read": ""}
        runs: dict[str, list[list[float]]] = {"ours": [], "released": [], "read": []}
        for _ in range(3):
            for name, side in (("read", READ), ("ours", OURS), ("released", RELEASED)):
                runs[name].append(_run(side, paths, str(Path(folder) / outs[name])))
        best = {name: min(times) for name, times in runs.items()}
        mine, theirs = (dict(CheckpointFile(Path(folder) / outs[name]).read()) for name in ("ours", "released"))
        for name, tensor in theirs.items():
            torch.testing.assert_close(mine[name], tensor, rtol=1e-5, atol=1e-5)
    (ours, memory), (released, their_memory), (read, _) = best["ours"], best["released"], best["read"]
    return [
        Row(
            f"uniform soup of {FILES} ViT-B/32 files",
            f"{ours:.1f} s, {memory / size:.1f} models of memory",
            f"the released loop: {released:.1f} s, {their_memory / size:.1f} models",
            released / ours,
            ">= 4 times faster",
            released / ours >= 4,
        ),
        Row(
            "the same, beside reading the files and nothing more",
            f"{ours:.1f} s",
            f"plain read: {read:.1f} s",
            ours / read,
            "<= 1.2 times the read",
            ours / read <= 1.2,
        ),
    ]


def _run(side: tuple[str, str], paths: list[str], out: str) -> Any:
    script = _MEASURE.format(prepare=side[0], work=side[1])
    done = subprocess.run([sys.executable, "-c", script, *paths, out], capture_output=True, text=True, check=True)
    return json.loads(done.stdout)
