"""A worker: an evaluator on another machine, which measures what it is given and keeps nothing."""

from __future__ import annotations

import os
import tempfile
import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from functools import cached_property, partial
from importlib.metadata import version
from typing import Any

import torch

from soupwidgets.checkpoints import CheckpointError, fetch
from soupwidgets.evaluation import Evaluator, Logits, SplitScore, stream_score
from soupwidgets.evaluation.elsewhere import plain
from soupwidgets.recipe import Recipe
from soupwidgets.scale.luggage import Luggage, files_of
from soupwidgets.stats.metrics import metric_named
from soupwidgets.store import Store
from soupwidgets.suites import Split, SuiteError
from soupwidgets.suites.transforms.transform import TRANSFORMS

# News more often than this is seen by nobody.
_PACE_SECONDS = 0.1
# Score so far; logits, and images that went through the model, with the last one.
Answer = tuple[SplitScore, Logits | None, int | None]


class NodeError(RuntimeError):
    """A machine of the cluster cannot measure this pool on this suite; the message names the machine and the file."""


class Worker:
    """Measures recipes of one pool on the splits of one suite.

    Parameters
    ----------
    fetch
        Returns the luggage; called when the first question comes, so that what fails then can be told.
    name
        Of the machine, for messages.
    threads
        How many threads torch uses.
    stopped
        Returns whether the measurement in progress is no longer wanted.
    """

    def __init__(self, fetch: Callable[[], Luggage], name: str, threads: int, stopped: Callable[[], bool]) -> None:
        torch.set_num_threads(threads)
        self._fetch, self.name, self._stopped = fetch, name, stopped

    def ready(self) -> int:
        """Open pool and suite; returns the number of this process.

        Raises
        ------
        NodeError
            When a file is missing here or has another size, or what was sent cannot be used.
        """
        with self._failures():
            _ = self._evaluator
        return os.getpid()

    def measure(self, recipe: str, split: str, key: str, outputs: bool, images: int | None) -> Iterator[Answer]:
        """Measure a recipe on a split.

        Parameters
        ----------
        recipe
            Its JSON.
        split
            The split's name.
        key
            What the driver files it under: another key here means other content here.
        outputs
            Whether logits are wanted, or the numbers alone.
        images
            Stop after so many; all when None.

        Yields
        ------
        Answer
            Several partial scores a second; the last answer has the number of images that were computed.

        Raises
        ------
        NodeError
            When files here are not those of the driver.
        """
        with self._failures(), tempfile.TemporaryDirectory(prefix="soupwidgets-") as folder:
            chosen, where = Recipe.from_json(recipe), self._evaluator.suite[split]
            # The driver may want float32 of what is otherwise measured in bfloat16.
            both = (self._evaluator, self._evaluator.in_float32())
            own = next((one for one in both if one.run_key(chosen, where) == key), self._evaluator)
            # The driver keeps results. Here they would fill a disk.
            ev = own.with_store(Store(folder))
            self._check(where, key, ev.run_key(chosen, where))
            before, told = ev.forward_images, 0.0
            for score in _scores(ev, chosen, where, outputs, images):
                last = score
                if self._stopped():
                    return
                if time.monotonic() - told > _PACE_SECONDS and not score.exact:
                    told = time.monotonic()
                    yield plain(score), None, None
            logits = last.load_logits() if outputs and last.load_logits is not None else None
            yield plain(last), logits, ev.forward_images - before

    def _check(self, split: Split, key: str, own: str) -> None:
        if split.content_hash != self._luggage.hashes[split.name]:
            files = ", ".join(map(str, files_of(split))) or "sent from memory"
            raise NodeError(
                f"{self.name}: split {split.name!r} is another one there ({files}): copy the driver's files. If they "
                "are the same, a shift comes out otherwise with the versions or the processor of that machine"
            )
        if own != key:
            raise NodeError(f"{self.name}: the model or its treatment is another one there: install the same versions")

    @cached_property
    def _luggage(self) -> Luggage:
        luggage, own = self._fetch(), version("soupwidgets")
        if luggage.version != own:
            raise NodeError(f"{self.name}: soupwidgets is {own} there, here {luggage.version}: install the same")
        return luggage

    @cached_property
    def _evaluator(self) -> Evaluator:
        luggage = self._luggage
        files = luggage.files
        if any(not path.is_absolute() for path in files):
            try:
                os.chdir(luggage.folder)
            except OSError as error:
                raise NodeError(
                    f"{self.name}: no folder {luggage.folder} there, in which the pool's or the suite's files are; "
                    "open them by a path that all machines have"
                ) from error
        for folder, (url, names) in luggage.copies.items():
            if not all((folder / name).is_file() for name in names):
                fetch(url, partial(_these, names), folder)
        for path, size in files.items():
            if not path.is_file():
                raise NodeError(f"{self.name}: there is no file {path.absolute()} there; copy it, or share the folder")
            if size not in (None, path.stat().st_size):
                raise NodeError(
                    f"{self.name}: {path.absolute()} has {path.stat().st_size:,} bytes there, and {size:,} on the "
                    "driver's machine: copy the driver's file"
                )
        for metric in luggage.metrics:
            metric_named(metric)
        TRANSFORMS.update(luggage.transforms)
        with tempfile.TemporaryDirectory(prefix="soupwidgets-") as empty:
            return Evaluator(luggage.pool, luggage.suite, store=Store(empty), **luggage.options)

    @contextmanager
    def _failures(self) -> Iterator[None]:
        """What is wrong with files or code of this machine names the machine."""
        try:
            yield
        except (CheckpointError, SuiteError, OSError, ImportError, AttributeError) as error:
            raise NodeError(f"{self.name}: {error}") from error


def _these(names: Sequence[str], _there: Iterable[str]) -> Sequence[str]:
    return names


def _scores(ev: Evaluator, recipe: Recipe, split: Split, outputs: bool, images: int | None) -> Iterator[SplitScore]:
    if outputs:
        return (found[split.name] for found in ev.stream(recipe, [split.name]))
    return stream_score(ev, recipe, split, images=images)


class RayWorker:
    """A worker in a process of Ray's.

    Every call brings the reference to the luggage along: one that Ray has restarted has none yet.

    Parameters
    ----------
    name, threads
        As in `Worker`.
    """

    def __init__(self, name: str, threads: int) -> None:
        self._name, self._threads = name, threads
        self._worker: Worker | None = None

    def ready(self, sent: list[Any]) -> int:
        """As `Worker.ready`; ``sent`` is a list of one reference, which Ray resolves only when it is asked to."""
        return self._with(sent).ready()

    def measure(self, sent: list[Any], *what: Any) -> Iterator[Answer]:
        """As `Worker.measure`."""
        yield from self._with(sent).measure(*what)

    def _with(self, sent: list[Any]) -> Worker:
        import ray

        if self._worker is None:
            stopped = ray.get_runtime_context().is_canceled
            self._worker = Worker(lambda: ray.get(sent[0]), self._name, self._threads, stopped)
        return self._worker
