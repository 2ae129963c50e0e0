"""Decoding many images once, with several processes, into one array on disk; stopped work goes on later."""

from __future__ import annotations

import hashlib
import json
import multiprocessing
import os
from collections.abc import Iterable, Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor, as_completed
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from tqdm.auto import tqdm

from soupwidgets.suites.listing import Item, Listing
from soupwidgets.suites.preprocess import Preprocess
from soupwidgets.text import one_line

_CHUNK = 128
_IMAGES_PER_WORKER = 1024
_Failures = list[tuple[int, str]]


def fingerprint(listing: Listing, preprocess: Preprocess) -> str:
    """What a decoded array depends on: which images these are, their names and classes, and the preprocessing."""
    digest = hashlib.sha256(
        json.dumps([preprocess.to_json(), listing.border, listing.classes, listing.columns]).encode()
    )
    digest.update(np.ascontiguousarray(listing.labels, dtype="<i8").data)
    for item in listing.items:
        digest.update(f"{item.name}\0{item.identity}\0".encode("utf-8", "surrogateescape"))
    return digest.hexdigest()


def decode(
    listing: Listing, preprocess: Preprocess, folder: Path, name: str, workers: int | None = None, progress: bool = True
) -> tuple[NDArray[np.uint8], _Failures]:
    """Decode the images of a listing.

    Parameters
    ----------
    listing
        The images.
    preprocess
        How they are resized and cropped.
    folder
        Gets the array and a list of the parts that are done; started again with
        the same listing, the work goes on where it was stopped.
    name
        For the progress bar.
    workers
        Processes at work at once; one for each processor when None. With 1 no other process is started.
    progress
        Whether to show a progress bar.

    Returns
    -------
    images, failures
        ``[n, size, size, 3]``, mapped from disk, and the place of each image that
        could not be read, with the reason.
    """
    folder.mkdir(parents=True, exist_ok=True)
    stated = fingerprint(listing, preprocess)
    images_path, journal_path = folder / "images.npy", folder / "done.jsonl"
    starts = range(0, len(listing.items), _CHUNK)
    done = _read_journal(journal_path, stated) if images_path.exists() else None
    if done is None:
        shape = (len(listing.items), preprocess.size, preprocess.size, 3)
        np.lib.format.open_memmap(images_path, mode="w+", dtype=np.uint8, shape=shape).flush()
        journal_path.write_text(json.dumps({"fingerprint": stated}) + "\n")
        done = {}
    jobs = [(list(listing.items[s : s + _CHUNK]), s) for s in starts if s not in done]
    with (
        open(journal_path, "a") as journal,
        tqdm(total=len(listing.items), desc=one_line(name), unit="image", disable=not progress) as bar,
    ):
        bar.update(sum(min(_CHUNK, len(listing.items) - s) for s in done))
        for start, count, failures in _run(jobs, images_path, preprocess, listing.border, workers):
            journal.write(json.dumps({"start": start, "failures": failures}) + "\n")
            journal.flush()
            done[start] = failures
            bar.update(count)
    failed = sorted((row, why) for failures in done.values() for row, why in failures)
    images: NDArray[np.uint8] = np.load(images_path, mmap_mode="r")
    return images, failed


def _read_journal(path: Path, stated: str) -> dict[int, _Failures] | None:
    """What is done, or None where the journal is about something else, or unreadable."""
    try:
        first, *lines = path.read_text().splitlines()
        if json.loads(first)["fingerprint"] != stated:
            return None
    except (OSError, ValueError, KeyError, TypeError):
        return None
    done = {}
    for line in lines:
        try:
            entry = json.loads(line)
        except ValueError:
            break  # the line at which the work was stopped
        done[int(entry["start"])] = [(int(row), str(why)) for row, why in entry["failures"]]
    return done


_Job = tuple[Sequence[Item], int]


def _run(
    jobs: Sequence[_Job], images: Path, preprocess: Preprocess, border: int, workers: int | None
) -> Iterator[tuple[int, int, _Failures]]:
    # A process takes seconds to start, in which this one decodes some hundred images.
    useful = sum(len(items) for items, _ in jobs) // _IMAGES_PER_WORKER
    workers = min(workers or os.cpu_count() or 1, max(useful, 1))
    if workers <= 1:
        transform = preprocess.transform()
        yield from ((s, len(items), _decode_chunk(items, s, images, transform, border)) for items, s in jobs)
        return
    # A forked process would inherit locks of torch's threads; a fresh one does not.
    context = multiprocessing.get_context("spawn")
    with ProcessPoolExecutor(workers, context, _start_worker, (images, preprocess, border)) as pool:
        waiting = {pool.submit(_in_worker, items, start): (start, len(items)) for items, start in jobs}
        try:
            for future in as_completed(waiting):
                yield *waiting[future], future.result()
        finally:
            pool.shutdown(cancel_futures=True)


_state: tuple[Path, Any, int]


def _start_worker(images: Path, preprocess: Preprocess, border: int) -> None:
    global _state
    _state = images, preprocess.transform(), border


def _in_worker(items: Sequence[Item], start: int) -> _Failures:
    images, transform, border = _state
    return _decode_chunk(items, start, images, transform, border)


def _decode_chunk(items: Iterable[Item], start: int, path: Path, transform: Any, border: int) -> _Failures:
    images = np.lib.format.open_memmap(path, mode="r+")
    failures: _Failures = []
    for row, item in enumerate(items, start):
        try:
            with item.open() as image:
                image = image.convert("RGB")
                if border:
                    image = image.crop((border, border, image.width - border, image.height - border))
                images[row] = transform(image)
        except Exception as error:
            # Decoders fail in many ways on damaged files; whatever it is, the other images go on.
            failures.append((row, f"{item.name}: cannot be read as an image ({type(error).__name__}: {error})"[:500]))
    images.flush()
    return failures
