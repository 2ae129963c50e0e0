"""The loop behind every explorer: the newest wish first, then whatever runs in the background."""

from __future__ import annotations

import asyncio
import atexit
import threading
import time
import weakref
from collections.abc import Callable, Iterator
from typing import Any

from soupwidgets.evaluation import meanwhile

Step = tuple[str, Callable[[], None]]
Steps = Iterator[Step]
# A thread that has nothing to do waits so many seconds for the next wish before it ends.
_LINGER = 10.0


class NewestWins:
    """One worker thread that does small steps of the newest request, else of the background job.

    A job is an iterator. Each of its steps computes a little, off the main
    thread, and yields what it is about and a function that shows the result;
    that function is called on the kernel's loop, where widgets may be touched.
    A new request replaces the one before between two steps, and a result
    replaces one about the same thing that was not shown yet: nothing queues up.

    The thread is there while there is something to do, and a little longer. It
    ends with the step at hand when this is closed, or dropped, or when the
    interpreter exits: a thread that is still inside torch then would abort it.

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
        # What ended the background job at hand before its time.
        self._broken: BaseException | None = None
        self._to_show: dict[str, Callable[[], None]] = {}
        self._busy = False
        self._closed = False
        # Steps done so far: by these one knows whether a long job is alive.
        self._steps = 0
        self._thread: threading.Thread | None = None
        try:
            self._loop: asyncio.AbstractEventLoop | None = asyncio.get_running_loop()
        except RuntimeError:
            # Not in a kernel: results are shown when somebody waits for them.
            self._loop = None
        _AT_WORK.add(self)
        weakref.finalize(self, _wake_all, self._wake).atexit = False

    def request(self, steps: Steps) -> None:
        """Do these steps next, in place of any request that is not finished."""
        with self._wake:
            self._request = steps
            # What went wrong before, what it led to and that it ended, and was not shown yet, is no answer to this.
            for what in ("error", "state", "done"):
                self._to_show.pop(what, None)
            self._set_to_work()

    def in_background(self, steps: Steps) -> None:
        """Do these steps whenever there is no request, in place of the background job before."""
        with self._wake:
            self._background, self._broken = steps, None
            self._set_to_work()

    def wait(self, idle_seconds: float = 120, background: bool = False) -> None:
        """Block until the request (and the background job) is done and shown, however long that takes.

        Raises
        ------
        TimeoutError
            When no step was finished for ``idle_seconds``.
        BaseException
            What the background job raised, if it was to be waited for.
        """

        def settled() -> bool:
            # Together, for the worker may be done between two looks.
            with self._wake:
                return self._closed or not (
                    self._busy or self._to_show or self._request or (background and self._background)
                )

        steps, since = self._steps, time.monotonic()
        while not settled():
            self._show()
            with self._wake:
                if not settled() and not self._to_show:
                    self._wake.wait(0.05)
            if self._steps != steps:
                steps, since = self._steps, time.monotonic()
            elif time.monotonic() - since > idle_seconds:
                raise TimeoutError(f"no progress for {idle_seconds:g} s")
        if background and self._broken is not None:
            raise self._broken

    def close(self) -> None:
        """Stop after the step at hand and forget everything else."""
        with self._wake:
            self._closed = True
            self._request = self._background = None
            self._to_show.clear()
            self._wake.notify_all()
            thread = self._thread
        if thread is not None and thread is not threading.current_thread():
            thread.join()

    @property
    def busy(self) -> bool:
        """Whether a request is waiting, being answered, or something of it is still to be shown."""
        # Together, for the worker may be done between two looks.
        with self._wake:
            return self._request is not None or bool(self._to_show)

    @property
    def _idle(self) -> bool:
        return not (self._closed or self._request or self._background)

    def _set_to_work(self) -> None:
        if self._closed:
            self._request = self._background = None
        elif self._thread is None:
            self._thread = threading.Thread(
                target=_work, args=(weakref.ref(self), self._wake), name="soupwidgets", daemon=True
            )
            self._thread.start()
        self._wake.notify_all()

    def _step(self) -> None:
        """One step of the job that comes first; called by the worker."""
        with self._wake:
            steps = self._request or self._background
            if steps is None:
                return
            foreground = self._request is not None
            self._busy = True
        step: Step | None = None
        finished, broken = False, None
        try:
            # Where others measure too, a step that waits for its turn makes way for what is wanted meanwhile.
            with meanwhile(background=not foreground, until=lambda: self._request not in (None, steps)):
                step = next(steps)
        except StopIteration:
            finished = True
        except BaseException as error:
            finished, broken = True, error
            step = ("error", self._reporter(error))
        with self._wake:
            superseded = steps is not (self._request if foreground else self._background)
            if finished:
                if self._request is steps:
                    self._request = None
                if self._background is steps:
                    self._background, self._broken = None, broken
            if step is not None and not self._closed and not superseded:
                what, show = step
                # Taken out first: it is shown after what was ready before it.
                self._to_show.pop(what, None)
                self._to_show[what] = show
                if self._loop is not None:
                    self._schedule(self._loop)
            self._busy = False
            self._steps += 1
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


_AT_WORK: weakref.WeakSet[NewestWins] = weakref.WeakSet()


def _work(ref: weakref.ref[NewestWins], wake: threading.Condition) -> None:
    """What the thread does. While it waits it holds nothing of what it works for."""
    while True:
        with wake:
            owner = ref()
            if owner is not None and owner._idle:
                owner = None
                # That may have been the last hold on it.
                woken = ref() is None or wake.wait(_LINGER)
                owner = ref()
                if owner is not None and owner._idle and not woken:
                    owner._thread = None
                    return
            if owner is None or owner._closed:
                return
        owner._step()
        del owner


def _wake_all(wake: threading.Condition) -> None:
    with wake:
        wake.notify_all()


@atexit.register
def _stop_all() -> None:
    for owner in list(_AT_WORK):
        owner.close()
