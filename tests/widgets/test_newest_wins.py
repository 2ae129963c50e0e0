from __future__ import annotations

import asyncio
import threading
import time

import pytest

from soupwidgets.widgets.newest_wins import NewestWins, Steps


def counting(shown: list[str], name: str, steps: int, seconds: float = 0.0) -> Steps:
    for step in range(steps):
        time.sleep(seconds)
        yield f"{name}{step}", lambda step=step: shown.append(f"{name}{step}")


def test_the_newest_request_wins_and_nothing_queues_up() -> None:
    errors: list[BaseException] = []
    work = NewestWins(errors.append)
    shown: list[str] = []
    for i in range(60):
        work.request(counting(shown, f"r{i}-", 5, 0.02))
        time.sleep(0.005)
    start = time.monotonic()
    work.wait(10)
    assert time.monotonic() - start < 0.5  # a queue of 60 would take 6 s
    assert shown[-1] == "r59-4"
    assert errors == []
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
    assert finished.wait(5)  # nobody has shown anything so far
    work.wait(5)
    assert shown == ["exact", "many"]
    work.close()


def test_the_background_goes_on_when_the_request_is_done() -> None:
    work = NewestWins(pytest.fail)
    shown: list[str] = []
    work.in_background(counting(shown, "b", 20, 0.01))
    time.sleep(0.05)
    work.request(counting(shown, "r", 3, 0.01))
    work.wait(10, background=True)
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
    work.wait(5)
    work.request(broken_show())
    work.wait(5)
    assert [type(error) for error in errors] == [ValueError, KeyError]
    shown: list[str] = []
    work.request(counting(shown, "r", 1))
    work.wait(5)
    assert shown == ["r0"]
    work.close()


def test_results_are_shown_on_the_loop() -> None:
    async def main() -> list[int]:
        work = NewestWins(pytest.fail)
        threads: list[int] = []
        work.request(iter([("ident", lambda: threads.append(threading.get_ident()))]))
        for _ in range(100):
            await asyncio.sleep(0.01)
            if threads:
                break
        work.close()
        return threads

    assert asyncio.run(main()) == [threading.get_ident()]


def test_close_ends_the_thread_and_forgets_the_rest() -> None:
    work = NewestWins(pytest.fail)
    shown: list[str] = []
    work.request(counting(shown, "r", 1000, 0.005))
    time.sleep(0.05)
    work.close()
    assert not work._thread.is_alive()
    assert len(shown) < 50


def test_waiting_too_long_is_an_error() -> None:
    work = NewestWins(pytest.fail)
    work.request(counting([], "r", 100, 0.05))
    with pytest.raises(TimeoutError, match=r"0\.2 s"):
        work.wait(0.2)
    work.close()
