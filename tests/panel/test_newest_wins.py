from __future__ import annotations

import asyncio
import gc
import threading
import time
from functools import partial

import pytest

from soupwidgets.evaluation.turns import Turns
from soupwidgets.panel import newest_wins
from soupwidgets.panel.newest_wins import NewestWins, Steps


def counting(shown: list[str], name: str, steps: int, seconds: float = 0.0) -> Steps:
    for step in range(steps):
        time.sleep(seconds)
        yield f"{name}{step}", lambda step=step: shown.append(f"{name}{step}")


def test_the_newest_request_wins_and_nothing_queues_up() -> None:
    work = NewestWins(pytest.fail)
    shown: list[str] = []
    computed: list[int] = []
    begun, go_on = threading.Event(), threading.Event()

    def steps(number: int) -> Steps:
        for step in range(5):
            computed.append(number)
            begun.set()
            go_on.wait(60)
            yield f"{number}-{step}", partial(shown.append, f"{number}-{step}")

    work.request(steps(0))
    assert begun.wait(60)
    for number in range(1, 60):
        work.request(steps(number))
    go_on.set()
    work.wait()
    assert computed == [0, 59, 59, 59, 59, 59]  # the step at hand, and the newest request
    assert shown[-1] == "59-4"
    work.close()


def test_what_an_action_led_to_does_not_override_a_newer_request() -> None:
    work = NewestWins(pytest.fail)
    shown: list[str] = []
    finished = threading.Event()

    def acting() -> Steps:
        for what in ("state", "done"):
            yield what, partial(shown.append, what)
        finished.set()

    work.request(acting())
    assert finished.wait(60)  # nobody has shown anything so far
    work.request(counting(shown, "newer", 1))
    work.wait()
    assert shown == ["newer0"]
    work.close()


def test_a_background_job_that_was_replaced_shows_nothing_more() -> None:
    work = NewestWins(pytest.fail)
    shown: list[str] = []
    begun, go_on = threading.Event(), threading.Event()

    def replaced() -> Steps:
        begun.set()
        go_on.wait(60)
        yield "filled", partial(shown.append, "the curve of the model before")

    work.in_background(replaced())
    assert begun.wait(60)
    work.in_background(counting(shown, "new", 2))
    go_on.set()
    work.wait(background=True)
    assert shown == ["new0", "new1"]
    work.close()


def test_what_was_not_shown_yet_is_replaced_by_the_newer_about_the_same_thing() -> None:
    work = NewestWins(pytest.fail)
    shown: list[str] = []
    answers = [("answer", "coarse"), ("flips", "few"), ("answer", "exact"), ("flips", "many")]
    finished = threading.Event()

    def steps() -> Steps:
        for what, words in answers:
            yield what, lambda words=words: shown.append(words)
        finished.set()

    work.request(steps())
    assert finished.wait(120)  # nobody has shown anything so far
    work.wait()
    assert shown == ["exact", "many"]
    work.close()


def test_the_background_goes_on_when_the_request_is_done() -> None:
    work = NewestWins(pytest.fail)
    shown: list[str] = []
    begun, go_on = threading.Event(), threading.Event()

    def background() -> Steps:
        for step in counting(shown, "b", 20):
            begun.set()
            go_on.wait(60)
            yield step

    work.in_background(background())
    assert begun.wait(60)
    work.request(counting(shown, "r", 3))
    go_on.set()
    work.wait(background=True)
    assert [s for s in shown if s[0] == "b"] == [f"b{i}" for i in range(20)]  # each exactly once, in order
    assert "r2" in shown
    assert shown[-1] == "b19"
    work.close()


def test_errors_are_reported_and_the_loop_goes_on() -> None:
    errors: list[BaseException] = []
    work = NewestWins(errors.append)

    def broken() -> Steps:
        yield "nothing", lambda: None
        raise ValueError("while computing")

    def broken_show() -> Steps:
        def show() -> None:
            raise KeyError("while showing")

        yield "show", show

    work.request(broken())
    work.wait()
    work.request(broken_show())
    work.wait()
    assert [type(error) for error in errors] == [ValueError, KeyError]
    shown: list[str] = []
    work.request(counting(shown, "r", 1))
    work.wait()
    assert shown == ["r0"]
    work.close()


def test_results_are_shown_on_the_loop() -> None:
    async def main() -> list[int]:
        work = NewestWins(pytest.fail)
        threads: list[int] = []
        work.request(iter([("ident", lambda: threads.append(threading.get_ident()))]))
        for _ in range(6000):
            await asyncio.sleep(0.01)
            if threads:
                break
        work.close()
        return threads

    assert asyncio.run(main()) == [threading.get_ident()]


def test_close_ends_the_thread_and_forgets_the_rest() -> None:
    work = NewestWins(pytest.fail)
    begun, go_on = threading.Event(), threading.Event()
    computed: list[int] = []

    def steps() -> Steps:
        for step in range(1000):
            computed.append(step)
            begun.set()
            go_on.wait(60)
            yield "step", lambda: pytest.fail("shown after it was closed")

    work.request(steps())
    assert begun.wait(60)
    thread = work._thread
    assert thread is not None

    def let_go() -> None:
        while not work._closed:
            time.sleep(0.001)
        go_on.set()

    threading.Thread(target=let_go, daemon=True).start()
    work.close()
    assert not thread.is_alive()
    assert computed == [0]
    # What comes later is not begun.
    work.request(steps())
    work.in_background(steps())
    work.wait()
    assert computed == [0]
    assert work._thread is thread


def test_a_long_job_is_waited_for_as_long_as_it_goes_on() -> None:
    work = NewestWins(pytest.fail)
    shown: list[str] = []
    work.request(counting(shown, "r", 50, 0.04))
    work.wait(idle_seconds=0.9)  # less than it takes
    assert shown[-1] == "r49"
    work.close()


def test_no_progress_is_an_error() -> None:
    work = NewestWins(pytest.fail)
    stuck = threading.Event()

    def steps() -> Steps:
        stuck.wait(60)
        yield "nothing", lambda: None

    work.request(steps())
    with pytest.raises(TimeoutError, match=r"no progress for 0\.2 s"):
        work.wait(0.2)
    stuck.set()
    work.close()


def test_the_thread_goes_when_there_is_nothing_to_do_and_comes_again(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(newest_wins, "_LINGER", 0.05)
    work = NewestWins(pytest.fail)
    assert work._thread is None
    shown: list[str] = []
    for name in ("a", "b"):
        work.request(counting(shown, name, 2))
        thread = work._thread
        assert thread is not None
        work.wait()
        thread.join(60)
        assert not thread.is_alive()
    assert shown == ["a0", "a1", "b0", "b1"]
    work.close()


def test_what_was_dropped_ends_its_thread(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(newest_wins, "_LINGER", 600)
    idle, busy = NewestWins(pytest.fail), NewestWins(pytest.fail)
    begun, go_on = threading.Event(), threading.Event()

    def steps(of: NewestWins) -> Steps:
        for _ in range(3):
            begun.set()
            go_on.wait(60)
            # As a job of an explorer does, it holds what it works for.
            yield "step", of.close

    idle.request(iter(()))
    idle.wait()
    busy.request(steps(busy))
    assert begun.wait(60)
    threads = [idle._thread, busy._thread]
    del idle, busy
    go_on.set()
    for thread in threads:
        assert thread is not None
        while thread.is_alive():
            gc.collect()
            thread.join(0.05)


@pytest.mark.parametrize("background", [True, False])
def test_a_step_that_waits_for_others_makes_way_for_a_new_request(background: bool) -> None:
    # As in a room: others measure without end, and this visitor's next wish must not wait for the last one's turn.
    turns, work, shown = Turns(), NewestWins(pytest.fail), list[str]()

    def late() -> Steps:
        with turns.of(9000):
            pass
        yield "late", partial(shown.append, "late")

    with turns:
        (work.in_background if background else work.request)(late())
        while not turns._waiting:
            time.sleep(0.001)
        work.request(counting(shown, "wanted", 1))
        # It goes before everybody else, who could keep it waiting otherwise.
        while list(turns._waiting.values()) != [(False, -1, 0)]:
            time.sleep(0.001)
    work.wait(background=True)
    assert "wanted0" in shown
    work.close()
