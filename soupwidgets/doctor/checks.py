"""Checks of Python, torch, threads, cards, disk, data, extras, ports and browser."""

from __future__ import annotations

import importlib.util
import os
import shutil
import socket
import subprocess
import sys
import tempfile
import time
import webbrowser
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

import torch

from soupwidgets.evaluation import Evaluator
from soupwidgets.folders import cache_folder
from soupwidgets.miniature import demo
from soupwidgets.store import Store, StoreError

Verdict = Literal["good", "warning", "bad"]
_MIB = 1 << 20
# A store of a workshop takes some megabytes, an environment with everything five gigabytes.
_LITTLE, _TOO_LITTLE = 2048 * _MIB, 100 * _MIB
# How many of the 1,000 bundled validation images the bundled zero-shot model gets right.
_RIGHT = 756
_EXTRAS = {
    "lab": ("jupyterlab", "ipywidgets", "plotly", "anywidget", "voila"),
    "serve": ("marimo",),
    "site": ("onnx",),
    "workshop": ("ipytest", "jupytext", "markdown_it"),
    "pareto": ("pymoo", "cma"),
    "text": ("transformers",),
    "cluster": ("ray",),
    "remote": ("fsspec", "s3fs"),
    "postgresql": ("psycopg",),
    "datasets": ("datasets",),
    "label-errors": ("cleanlab",),
}
# Without these there is nothing to look at; the others are for some tasks only.
_FOR_EVERYBODY = ("lab",)
_PORTS = {8888: "jupyter lab", 8765: "soupwidgets serve"}


@dataclass(frozen=True)
class Finding:
    """One thing that was looked at.

    Parameters
    ----------
    what
        Its name.
    verdict
        ``"good"``, ``"warning"`` (works, but something is missing or slow) or ``"bad"`` (will not work).
    found
        What was found.
    mend
        What to do; empty where nothing is.
    """

    what: str
    verdict: Verdict
    found: str
    mend: str = ""


def examine(store: Path | None = None) -> Iterator[Finding]:
    """Look at everything, one thing after the other.

    Parameters
    ----------
    store
        Folder of the store; the user's default store when None.

    Yields
    ------
    Finding
        As soon as it is known; a check that fails by itself is a finding too.
    """
    checks: dict[str, Callable[[], Iterator[Finding]]] = {
        "Python": _python,
        "torch": _torch,
        "threads": _threads,
        "GPU": _gpu,
        "disk": lambda: _disk(store),
        "store": lambda: _store(store),
        "data": _data,
        "extras": _extras,
        "ports": _ports,
        "browser": _browser,
    }
    for what, check in checks.items():
        try:
            yield from check()
        except Exception as error:
            # Whatever is broken here must not hide what else is.
            yield Finding(what, "bad", f"{type(error).__name__}: {error}", "this should not happen: please report it")


def _python() -> Iterator[Finding]:
    yield Finding("Python", "good", f"{sys.version.split()[0]} in {sys.prefix}")


def _torch() -> Iterator[Finding]:
    one = torch.arange(6.0).view(2, 3)
    if (one @ one.T).tolist() != [[5.0, 14.0], [14.0, 50.0]]:
        yield Finding(
            "torch", "bad", f"{torch.__version__} computes a wrong product", "pip install --force-reinstall torch"
        )
        return
    yield Finding("torch", "good", torch.__version__)


def _threads() -> Iterator[Finding]:
    threads, cores = torch.get_num_threads(), _usable_cores()
    found = f"{threads} for torch, {cores} processor{'s' * (cores != 1)} usable"
    if threads < cores and "OMP_NUM_THREADS" in os.environ:
        yield Finding(
            "threads", "warning", found, f"unset OMP_NUM_THREADS, or set it to {cores}: it is read at the start"
        )
    elif threads > cores:
        yield Finding("threads", "warning", found, f"export OMP_NUM_THREADS={cores}: more threads than processors wait")
    else:
        yield Finding("threads", "good", found)


def _usable_cores() -> int:
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1


def _gpu() -> Iterator[Finding]:
    if torch.cuda.is_available():
        free, total = torch.cuda.mem_get_info()
        name = torch.cuda.get_device_name()
        yield Finding("GPU", "good", f"{name}, {free / 1e9:.1f} of {total / 1e9:.1f} GB free")
        return
    driver = shutil.which("nvidia-smi")
    if driver and subprocess.run([driver, "-L"], capture_output=True, check=False, timeout=20).stdout.strip():
        why = "this torch was built without CUDA" if torch.version.cuda is None else "torch cannot use it"
        mend = "install torch for the driver's CUDA version (pytorch.org says how), or update the driver"
        yield Finding("GPU", "warning", f"there is one, but {why}", mend)
        return
    yield Finding("GPU", "good", "none: everything runs on the processor")


def _disk(store: Path | None) -> Iterator[Finding]:
    places = {"store": store or Store.default().folder, "cache": cache_folder()}
    for what, folder in places.items():
        there = next(one for one in (folder, *folder.parents) if one.exists())
        try:
            with tempfile.TemporaryFile(dir=there):
                pass
        except OSError as error:
            variable = f"SOUPWIDGETS_{what.upper()}"
            yield Finding(
                f"disk ({what})", "bad", f"{folder}: nothing can be written there ({error.strerror})",
                f"export {variable}=a folder of yours",
            )  # fmt: skip
            continue
        free = shutil.disk_usage(there).free
        verdict: Verdict = "bad" if free < _TOO_LITTLE else "warning" if free < _LITTLE else "good"
        mend = "" if verdict == "good" else f"make room, or export SOUPWIDGETS_{what.upper()}=a folder on another disk"
        yield Finding(f"disk ({what})", verdict, f"{free / 1e9:.1f} GB free in {folder}", mend)


def _store(folder: Path | None) -> Iterator[Finding]:
    try:
        opened = Store.default() if folder is None else Store(folder)
        number = len(opened)
    except StoreError as error:
        yield Finding("store", "bad", str(error), "move the folder away: it is made again, and measurements with it")
        return
    yield Finding("store", "good", f"{number:,} measurements; soupwidgets store check reads them all")


def _data() -> Iterator[Finding]:
    pool, suite = demo()
    with tempfile.TemporaryDirectory() as folder:
        ev = Evaluator(pool, suite, device="cpu", store=Store(folder), precision="float32")
        start = time.perf_counter()
        score = ev.evaluate(pool.zero_shot, suite.validation.name)[suite.validation.name]
        seconds = time.perf_counter() - start
    found = f"the bundled model gets {score.correct} of {score.total:,} images right, in {seconds:.1f} s"
    # Rounding may turn an image or two.
    if abs(score.correct - _RIGHT) > 2:
        yield Finding("data", "bad", f"{found}; {_RIGHT} are expected", "install soupwidgets again, and torch with it")
    else:
        yield Finding("data", "good", found)


def _extras() -> Iterator[Finding]:
    lacking = {}
    for extra, modules in _EXTRAS.items():
        missing = [module for module in modules if importlib.util.find_spec(module) is None]
        if missing:
            lacking[extra] = missing
    for extra in _FOR_EVERYBODY:
        if extra in lacking:
            yield Finding(
                "notebooks", "bad", f"{', '.join(lacking[extra])} not installed", f"pip install 'soupwidgets[{extra}]'"
            )
    optional = [extra for extra in lacking if extra not in _FOR_EVERYBODY]
    there = [extra for extra in _EXTRAS if extra not in lacking]
    found = f"installed: {', '.join(there) or 'none'}"
    if optional:
        found += f"; not: {', '.join(optional)}"
    mend = f"for what they do: pip install 'soupwidgets[{','.join(optional)}]'" if optional else ""
    yield Finding("extras", "good", found, mend)


def _ports() -> Iterator[Finding]:
    for port, what in _PORTS.items():
        with socket.socket() as probe:
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            try:
                probe.bind(("127.0.0.1", port))
                yield Finding(f"port {port}", "good", f"free, for {what}")
            except OSError:
                yield Finding(f"port {port}", "warning", "taken", f"{what} --port another one")


def _browser() -> Iterator[Finding]:
    try:
        name = type(webbrowser.get()).__name__ if not (path := _chromium()) else Path(path).name
        yield Finding("browser", "good", name)
    except webbrowser.Error:
        yield Finding(
            "browser", "warning", "none on this machine", "open the link in a browser elsewhere, by way of ssh -L"
        )


def _chromium() -> str | None:
    names = ("firefox", "chromium", "chromium-browser", "google-chrome")
    return next((path for name in names if (path := shutil.which(name))), None)
