from __future__ import annotations

import threading
import time
import weakref
from collections.abc import Callable
from pathlib import Path

import pytest

from soupwidgets import Evaluator, Pool, Store
from soupwidgets.panel.panel import Panel
from soupwidgets.serving.engine import Engine
from soupwidgets.serving.server import room, web_app
from soupwidgets.serving.visits import Room
from soupwidgets.topics.alpha.panel import AlphaExplorer
from soupwidgets.topics.review.panel import MistakeReviewer
from soupwidgets.topics.soup.panel import SoupMixer


def until(true: Callable[[], bool], seconds: float = 20) -> None:
    end = time.monotonic() + seconds
    while not true():
        assert time.monotonic() < end
        time.sleep(0.01)


@pytest.fixture
def served(tiny_evaluator: Evaluator, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Room:
    monkeypatch.setattr(Panel, "writes_files", True)
    monkeypatch.setattr("soupwidgets.serving.server._room", None)
    shared = Room(Engine(tiny_evaluator, tmp_path / "reviews.sqlite"), most=2)
    web_app(shared, "token")
    return shared


def test_every_explorer_is_a_tab(served: Room) -> None:
    visit = served.enter()
    assert visit is not None
    assert list(visit.names) == [
        "Alpha explorer", "Soup mixer", "Frontier explorer", "Pareto explorer", "Landscape explorer",
        "Diagnosis explorer", "Diversity explorer", "Mistake reviewer", "Spectrum explorer",
    ]  # fmt: skip
    for name in visit.names.values():
        assert isinstance(visit.panel(name), Panel), visit.panel(name)
        assert visit.panel(name) is visit.panel(name)


def test_what_one_visitor_measured_is_there_for_the_next(served: Room) -> None:
    first, second = served.enter(), served.enter()
    assert first is not None
    assert second is not None
    one, other = first.panel("AlphaExplorer"), second.panel("AlphaExplorer")
    assert isinstance(one, AlphaExplorer)
    assert isinstance(other, AlphaExplorer)
    assert one is not other
    for end in (0.0, 0.35, 1.0):
        one.ask(alpha=end)
    before = served.engine.ev.forward_images
    other.ask(alpha=0.35)
    assert served.engine.ev.forward_images == before


def test_who_leaves_makes_room_and_takes_the_panels_along(served: Room, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("soupwidgets.serving.visits._LOOKS", 0.01)
    stay, came = threading.Event(), threading.Event()
    gone: list[weakref.ref[Panel]] = []

    def session() -> None:
        visit = served.enter()
        assert visit is not None
        panel = visit.panel("SoupMixer")
        assert isinstance(panel, Panel)
        panel.wait()
        gone.append(weakref.ref(panel))
        del panel
        came.set()
        stay.wait(30)

    thread = threading.Thread(target=session)
    thread.start()
    assert came.wait(30)
    assert served.enter() is not None
    assert served.enter() is None
    assert gone[0]() is not None
    stay.set()
    thread.join()
    until(lambda: served.visitors == 1 and gone[0]() is None)
    assert served.enter() is not None


def test_visitors_review_in_one_session_under_codes_of_their_own(served: Room) -> None:
    first, second = served.enter(), served.enter()
    assert first is not None
    assert second is not None
    one, other = first.panel("MistakeReviewer"), second.panel("MistakeReviewer")
    assert isinstance(one, MistakeReviewer)
    assert isinstance(other, MistakeReviewer)
    assert one.session.id == other.session.id == served.engine.session
    assert one.session.code in first.note("MistakeReviewer")
    assert one.session.code != other.session.code
    assert first.note("AlphaExplorer") == ""


def test_visitors_write_no_files(served: Room, tmp_path: Path) -> None:
    visit = served.enter()
    assert visit is not None
    mixer = visit.panel("SoupMixer")
    assert isinstance(mixer, SoupMixer)
    mixer.wait()
    told = {one["name"]: one for one in mixer.controls}
    assert told["save"]["hidden"]
    assert told["file"]["hidden"]
    assert told["ties"]["hidden"]
    assert not told["uniform"]["hidden"]
    # A page may send anything.
    mixer.set_trait("file", str(tmp_path / "taken.safetensors"))
    mixer.set_trait("save", mixer.save + 1)
    mixer.wait()
    assert "writes no files" in mixer.error
    assert not (tmp_path / "taken.safetensors").exists()
    assert mixer.running == ""


def test_files_can_be_written_where_nobody_is_served(tiny_evaluator: Evaluator) -> None:
    told = {one["name"]: one for one in SoupMixer(tiny_evaluator).controls}
    assert not told["save"]["hidden"]


def test_an_explorer_that_cannot_show_such_a_pool_says_why(
    small_suite: object, write_checkpoint: object, tmp_path: Path, tiny_pool: Pool
) -> None:
    alone = Pool.open([tiny_pool.checkpoints["ft-a"].path])
    ev = Evaluator(alone, small_suite, device="cpu", store=Store(tmp_path / "other"))  # type: ignore[arg-type]
    visit = Room(Engine(ev, tmp_path / "reviews.sqlite"), most=1).enter()
    assert visit is not None
    said = visit.panel("AlphaExplorer")
    assert isinstance(said, str)
    assert said.startswith("Alpha explorer cannot be shown: ")
    assert "zero-shot" in said


def test_the_page_knows_no_room_elsewhere(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("soupwidgets.serving.server._room", None)
    with pytest.raises(RuntimeError, match="soupwidgets serve"):
        room()
