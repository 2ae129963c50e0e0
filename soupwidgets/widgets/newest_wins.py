"""The loop behind every explorer: the newest wish first, then whatever runs in the background."""

from __future__ import annotations

import asyncio
import threading
import time
from collections.abc import Callable, Iterator
from typing import Any

Step = tuple[str, Callable[[], None]]
Steps = Iterator[Step]


class NewestWins:
    """One worker thread that does small steps of the newest request, else of the background job.

    A job is an iterator. Each of its steps computes a little, off the main
    thread, and yields what it is about and a function that shows the result;
    that function is called on the kernel's loop, where widgets may be touched.
    A new request replaces the one before between two steps, and a result
    replaces one about the same thing that was not shown yet: nothing queues up.

    Parameters
    ----------
    on_error
        Called on the kernel's loop with any exception that a job or a function
        raised. The job is dropped; the loop goes on.
    """

    def __init__(self, on_error: Callable[[BaseException], None]) -> None:
        self._on_error = on_error
        self._wake = threading.Condition()
        self._request: Steps | None = None
        self._background: Steps | None = None
        self._to_show: dict[str, Callable[[], None]] = {}
        self._busy = False
        self._closed = False
        try:
            self._loop: asyncio.AbstractEventLoop | None = asyncio.get_running_loop()
        except RuntimeError:
            # Not in a kernel: results are shown when somebody waits for them.
            self._loop = None
        self._thread = threading.Thread(target=self._work, name="soupwidgets", daemon=True)
        self._thread.start()

    def request(self, steps: Steps) -> None:
        """Do these steps next, in place of any request that is not finished."""
        with self._wake:
            self._request = steps
            self._wake.notify_all()

    def in_background(self, steps: Steps) -> None:
        """Do these steps whenever there is no request, in place of the background job before."""
        with self._wake:
            self._background = steps
            self._wake.notify_all()

    def wait(self, timeout: float = 600, background: bool = False) -> None:
        """Block until the request (and the background job) is done and shown.

        Raises
        ------
        TimeoutError
            When that takes longer than ``timeout`` seconds.
        """

        def settled() -> bool:
            return self._closed or not (
                self._busy or self._to_show or self._request or (background and self._background)
            )

        end = time.monotonic() + timeout
        while not settled():
            self._show()
            with self._wake:
                if not settled() and not self._to_show:
                    self._wake.wait(0.05)
            if time.monotonic() > end:
                raise TimeoutError(f"still at work after {timeout:g} s")

    def close(self) -> None:
        """Stop after the step at hand and forget everything else."""
        with self._wake:
            self._closed = True
            self._request = self._background = None
            self._to_show.clear()
            self._wake.notify_all()
        if threading.current_thread() is not self._thread:
            self._thread.join()

    def _work(self) -> None:
        while True:
            with self._wake:
                while not (self._closed or self._request or self._background):
                    self._wake.wait()
                if self._closed:
                    return
                steps = self._request or self._background
                foreground = self._request is not None
                self._busy = True
            assert steps is not None
            step: Step | None = None
            finished = False
            try:
                step = next(steps)
            except StopIteration:
                finished = True
            except BaseException as error:
                finished = True
                step = ("error", self._reporter(error))
            with self._wake:
                superseded = foreground and self._request is not steps
                if finished:
                    if self._request is steps:
                        self._request = None
                    if self._background is steps:
                        self._background = None
                if step is not None and not self._closed and not superseded:
                    what, show = step
                    # Taken out first: it is shown after what was ready before it.
                    self._to_show.pop(what, None)
                    self._to_show[what] = show
                    if self._loop is not None:
                        self._schedule(self._loop)
                self._busy = False
                self._wake.notify_all()

    def _schedule(self, loop: asyncio.AbstractEventLoop) -> None:
        try:
            loop.call_soon_threadsafe(self._show)
        except RuntimeError:
            # The kernel's loop was closed: there is nobody left to show anything to.
            self._closed = True

    def _show(self) -> None:
        with self._wake:
            ready = list(self._to_show.values())
            self._to_show.clear()
        for show in ready:
            try:
                show()
            except BaseException as error:
                self._on_error(error)

    def _reporter(self, error: BaseException) -> Callable[[], Any]:
        return lambda: self._on_error(error)
