"""Many small trainings to compare: in parallel, resumable, with an estimate of the time before they start."""

from __future__ import annotations

import contextlib
import multiprocessing
import queue
import time
from collections.abc import Callable, Sequence
from concurrent.futures import FIRST_COMPLETED, Future, ProcessPoolExecutor, wait
from dataclasses import dataclass
from multiprocessing.context import SpawnContext, SpawnProcess
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import torch
from tqdm.auto import tqdm

from soupwidgets.checkpoints import CheckpointFile
from soupwidgets.suites import Augmentation, Suite
from soupwidgets.training.checks import check_training
from soupwidgets.training.errors import TrainingError
from soupwidgets.training.finetune import fine_tune
from soupwidgets.training.hyperparameters import Hyperparameters
from soupwidgets.training.identity import require_same_run, run_identity
from soupwidgets.training.label_noise import LabelNoise
from soupwidgets.training.loop import Epoch

_TIMED_STEPS = 3


@dataclass(frozen=True)
class Plan:
    """One training of a study.

    Parameters
    ----------
    name
        Name of the run, and of its file.
    settings
        Seed and hyper-parameters.
    augmentation
        Augmentation of the images, if any.
    noise
        Noise on the labels, if any.
    augmented_epochs
        Number of epochs with the augmentation, from the first on; all when None.
    teacher
        A checkpoint whose probabilities are learnt instead of labels, if any.
    snapshots
        Folder for the model after every epoch, as in `fine_tune`, if any.
    """

    name: str
    settings: Hyperparameters
    augmentation: Augmentation | None = None
    noise: LabelNoise | None = None
    augmented_epochs: int | None = None
    teacher: Path | None = None
    snapshots: Path | None = None

    @property
    def trained_with(self) -> dict[str, Any]:
        """What `fine_tune` and its identity are told of it, beside the settings."""
        return {
            "augmentation": self.augmentation,
            "noise": self.noise,
            "augmented_epochs": self.augmented_epochs,
            "teacher": None if self.teacher is None else CheckpointFile(self.teacher),
        }


@dataclass(frozen=True)
class Run:
    """One finished training.

    Parameters
    ----------
    plan
        The plan that was carried out.
    path
        The checkpoint.
    history
        Numbers of every epoch: ``loss`` and ``accuracy`` in training, and those measured on validation.
    """

    plan: Plan
    path: Path
    history: tuple[Epoch, ...]

    def __repr__(self) -> str:
        last = ", ".join(f"{name} {value:.4g}" for name, value in self.history[-1].items()) if self.history else "none"
        return f"Run({self.plan.name!r}, {len(self.history)} epochs, at the end {last})"

    def curve(self, number: str) -> list[float]:
        """One number by epoch.

        Raises
        ------
        KeyError
            When it was not recorded; the message lists what was.
        """
        if number not in self.history[0]:
            raise KeyError(f"{self.plan.name} has no {number!r}; it has {', '.join(self.history[0])}")
        return [epoch[number] for epoch in self.history]


def run_study(
    plans: Sequence[Plan],
    start: CheckpointFile,
    *,
    suite: Suite,
    suite_folder: str | Path,
    folder: str | Path,
    fresh: bool = True,
    watch: int = 2000,
    workers: int = 2,
    device: str = "cpu",
    progress: bool = True,
    tell: Callable[[str], None] = print,
) -> list[Run]:
    """Train every plan. To resume an interrupted study, start it again: finished runs are only read.

    Parameters
    ----------
    plans
        What to train, each with a distinct name.
    start
        States the architecture, and is what training starts from unless ``fresh``.
    suite, suite_folder
        The suite with the training images, and its folder, from which every process opens it.
    folder
        Receives one checkpoint per run, with its history on the card.
    fresh
        Start from random weights given by each plan's seed.
    watch
        Number of validation images to measure after each epoch.
    workers
        Number of parallel processes, with one thread each on a CPU; 1 trains in this process, with all threads.
    device
        ``"cpu"`` or ``"cuda"``.
    progress
        Whether to show a progress bar.
    tell
        Called with the estimated duration, before training starts.

    Returns
    -------
    list[Run]
        In the order of the plans.

    Raises
    ------
    ValueError
        When two plans have the same name, or a name is not valid for a file.
    TrainingError, ValueError
        When a run in the folder was started differently; the message says what differs. As in `fine_tune`, when a run
        fails; finished runs are kept.
    """
    folder = Path(folder)
    names = [plan.name for plan in plans]
    if len(set(names)) < len(names) or any(Path(name).name != name or name.startswith(".") for name in names):
        raise ValueError(f"every run needs a distinct name that is valid for a file: {', '.join(names)}")
    check_training(start, suite)
    waiting = [plan for plan in plans if _done(plan, start, suite, folder, watch, fresh) is None]
    if waiting:
        seconds = estimate_seconds(
            waiting, start, suite=suite, fresh=fresh, watch=watch, workers=workers, device=device
        )
        tell(
            f"{len(waiting)} of {len(plans)} trainings to do: about {_duration(seconds)} with "
            f"{workers} at a time. Finished ones are kept in {folder}; start again to resume"
        )
        steps = sum(_steps(plan, suite) for plan in waiting)
        with tqdm(total=steps, desc="training", unit="step", disable=not progress) as bar:
            if workers == 1:
                for plan in waiting:
                    _train(plan, start.path, suite, folder, fresh, watch, device, bar.update)
            else:
                _in_parallel(waiting, start.path, Path(suite_folder), folder, fresh, watch, workers, device, bar)
    found = [_done(plan, start, suite, folder, watch, fresh) for plan in plans]
    return [run for run in found if run is not None]


def estimate_seconds(
    plans: Sequence[Plan],
    start: CheckpointFile,
    *,
    suite: Suite,
    fresh: bool = True,
    watch: int = 2000,
    workers: int = 2,
    device: str = "cpu",
) -> float:
    """Estimate how long a study will take, from a few timed steps of each kind of plan; no result is kept.

    Parameters
    ----------
    plans, start, suite, fresh, watch, workers, device
        As in `run_study`.

    Returns
    -------
    float
        Seconds.
    """
    check_training(start, suite)
    known: dict[tuple[str, int], float] = {}
    threads = torch.get_num_threads()
    if workers > 1:
        torch.set_num_threads(1)
    try:
        for plan in plans:
            kind = plan.augmentation.name if plan.augmentation else "", plan.settings.batch_size
            if kind not in known:
                known[kind] = _seconds_a_step(plan, start, suite, fresh, watch, device)
    finally:
        torch.set_num_threads(threads)
    total = sum(
        _steps(plan, suite) * known[plan.augmentation.name if plan.augmentation else "", plan.settings.batch_size]
        for plan in plans
    )
    return total / max(1, min(workers, len(plans)))


class _EnoughError(Exception):
    """A few steps were timed."""


def _seconds_a_step(plan: Plan, start: CheckpointFile, suite: Suite, fresh: bool, watch: int, device: str) -> float:
    times: list[float] = []

    def clock(_what: str, _done: int, steps: int, _loss: float) -> None:
        times.append(time.perf_counter())
        if len(times) > min(_TIMED_STEPS, steps - 1):
            raise _EnoughError

    begun = time.perf_counter()
    with TemporaryDirectory() as nowhere, contextlib.suppress(_EnoughError):
        fine_tune(
            start, suite, settings=plan.settings, target=Path(nowhere) / "x.safetensors", device=device, progress=clock,
            fresh=fresh, **plan.trained_with,
        )  # fmt: skip
    # The first step is slower, because caches are cold; a training of one step has no other.
    step = (times[-1] - times[0]) / (len(times) - 1) if len(times) > 1 else times[0] - begun
    # Measuring an image costs about a third of training on it.
    looked_at = watch * plan.settings.epochs / plan.settings.batch_size
    return step * (1 + looked_at / 3 / max(1, _steps(plan, suite)))


def _steps(plan: Plan, suite: Suite) -> int:
    assert suite.training is not None
    images = min(plan.settings.images or len(suite.training), len(suite.training))
    return images // plan.settings.batch_size * plan.settings.epochs


def _duration(seconds: float) -> str:
    if seconds < 90:
        return f"{max(1, round(seconds))} s"
    return f"{seconds / 60:.0f} minutes" if seconds < 5400 else f"{seconds / 3600:.1f} hours"


def _done(plan: Plan, start: CheckpointFile, suite: Suite, folder: Path, watch: int, fresh: bool) -> Run | None:
    path = folder / f"{plan.name}.safetensors"
    if not path.exists():
        return None
    card = require_same_run(
        path,
        run_identity(
            start,
            suite,
            settings=plan.settings,
            watch=watch,
            fresh=fresh,
            **plan.trained_with,
        ),
    )
    if not card.get("history"):
        raise TrainingError(f"{path} has no history of its training: use another folder, or delete it")
    return Run(plan, path, tuple(card["history"]))


def _train(
    plan: Plan,
    start: Path,
    suite: Suite,
    folder: Path,
    fresh: bool,
    watch: int,
    device: str,
    step: Callable[[int], Any],
) -> None:
    done = 0

    def progress(_what: str, now: int, _steps: int, _loss: float) -> None:
        nonlocal done
        # A resumed run has done its first steps already.
        step(now - done)
        done = now

    fine_tune(
        CheckpointFile(start),
        suite,
        settings=plan.settings,
        target=folder / f"{plan.name}.safetensors",
        name=plan.name,
        device=device,
        progress=progress,
        state=folder / ".training" / f"{plan.name}.pt",
        watch=watch,
        fresh=fresh,
        snapshots=plan.snapshots,
        **plan.trained_with,
    )


class _OwnProcesses(SpawnContext):
    """Keeps track of the processes it starts: the caller may have other child processes, which must be left alone."""

    def __init__(self) -> None:
        self.started: list[SpawnProcess] = []

    def Process(self, *args: Any, **kwargs: Any) -> SpawnProcess:  # type: ignore[override]  # noqa: N802
        """A new process of this context."""
        self.started.append(SpawnProcess(*args, **kwargs))
        return self.started[-1]


def _in_parallel(
    plans: Sequence[Plan],
    start: Path,
    suite_folder: Path,
    folder: Path,
    fresh: bool,
    watch: int,
    workers: int,
    device: str,
    bar: Any,
) -> None:
    context = _OwnProcesses()
    # The manager's process belongs to another context: it ends by itself, after the workers.
    with (
        multiprocessing.get_context("spawn").Manager() as manager,
        ProcessPoolExecutor(workers, context, _start_worker, (suite_folder, steps := manager.Queue())) as pool,
    ):
        waiting: set[Future[None]] = {pool.submit(_job, plan, start, folder, fresh, watch, device) for plan in plans}
        try:
            while waiting:
                done, waiting = wait(waiting, timeout=0.5, return_when=FIRST_COMPLETED)
                while True:
                    try:
                        bar.update(steps.get_nowait())
                    except queue.Empty:
                        break
                for future in done:
                    future.result()
        except KeyboardInterrupt:
            # On an interrupt, do not wait: these runs resume from their saved states.
            for process in context.started:
                process.terminate()
            raise
        finally:
            # After an error nothing new is started, and runs in progress are finished.
            pool.shutdown(cancel_futures=True)


_suite: Suite
_queue: Any


def _start_worker(suite_folder: Path, steps: Any) -> None:
    global _suite, _queue
    torch.set_num_threads(1)
    _suite, _queue = Suite.open(suite_folder), steps


def _job(plan: Plan, start: Path, folder: Path, fresh: bool, watch: int, device: str) -> None:
    _train(plan, start, _suite, folder, fresh, watch, device, _queue.put)
