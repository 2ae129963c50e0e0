"""The base of all panels, with panels of a few lines."""

from __future__ import annotations

import contextlib
import gc
import re
import threading
import time
import weakref
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import ipywidgets
import numpy as np
import plotly.graph_objects as go
import pytest
import traitlets

from soupwidgets.panel.controls import (
    Button,
    Choice,
    Coefficients,
    Events,
    Handle,
    Number,
    Selection,
    Slider,
    Text,
    Toggle,
)
from soupwidgets.panel.front_end import STATIC, front_end
from soupwidgets.panel.live_figure import LiveFigure
from soupwidgets.panel.panel import Filled, Panel, State
from soupwidgets.panel.view import Picture, Strip, Table, View

CONTROLS = (
    Slider(name="x", label="x", value=1.0, low=0.0, high=4.0, step=1.0),
    Choice(name="power", label="Power", value=2, options=[(1, "line"), (2, "square")]),
    Button(name="largest", label="Largest"),
)


class Powers(Panel):
    """What is x to a power?"""

    def __init__(self, slow: float = 0.0, controls: tuple[Any, ...] = CONTROLS) -> None:
        super().__init__("powers", controls)
        self.slow = slow
        self.seen: list[float] = []
        self.known = 0

    def answer(self, state: State) -> Iterator[View]:
        self.seen.append(state["x"])
        for done in (1, 2):
            time.sleep(self.slow)
            y = state["x"] ** state["power"]
            figure = go.Figure(go.Scatter(x=[state["x"]], y=[y], uid="here", customdata=[[y]]))
            figure.update_layout(title={"text": "powers"}, meta={"text": f"{y:g}"})
            yield View(
                figures={"power": figure},
                tables=[Table("numbers", ["x", "y"], [[state["x"], y]])],
                words=f"{state['x']:g} to {state['power']} is {y:g}, known {self.known}",
                done=done,
                total=2,
                clicks={"power": "x"},
                controls={"x": {"high_label": f"up to 4 to {state['power']}"}},
            )

    def fill(self, state: State) -> Iterator[Filled | None]:
        for self.known in (1, 2):
            yield None
            yield Filled("learning", self.known, 2, fresh=True)

    def fill_key(self, state: State) -> Any:
        return state["power"]

    def act(self, name: str, state: State) -> Iterator[View | State]:
        for done in range(3):
            time.sleep(self.slow)
            yield View(words=f"{name} {done}", done=done, total=3)
        yield {"x": 4.0}

    def code(self, state: State) -> str:
        return f"print({state['x']} ** {state['power']})"


@pytest.fixture
def panel() -> Iterator[Powers]:
    made = Powers()
    yield made
    made.close()


def test_state_in_view_out(panel: Powers) -> None:
    view = panel.ask(x=3)
    assert view.words == "3 to 2 is 9, known 0"
    assert list(view.figures["power"].data[0].y) == [9]
    assert panel.state == {"x": 1.0, "power": 2}
    panel.state = {"x": 2, "power": 1}
    assert (panel.x, panel.power) == (2.0, 1)
    assert panel.ask().words.startswith("2 to 1 is 2")  # a thread is learning by now
    assert panel.do("largest") == {"x": 4.0, "power": 1}
    assert panel.x == 2.0  # nothing that is asked moves what is on screen


def test_what_is_filled_in_does_not_bring_back_what_was_asked_before(panel: Powers) -> None:
    filling = panel._fill_steps(panel.state)
    steps = [next(filling) for _ in range(3)]  # nothing, that it learns, and the first of two views at x = 1
    assert [what for what, _ in steps] == ["nothing", "filled", "view"]
    panel.x = 3.0
    panel.wait(background=True)
    assert panel.view["words"].startswith("3 to 2 is 9")
    said = []
    for _, show in filling:
        show()
        said.append(panel.view["words"])
    assert {words.partition(",")[0] for words in said} == {"3 to 2 is 9"}
    assert said[-1] == "3 to 2 is 9, known 2"


def test_wrong_states_are_answered(panel: Powers) -> None:
    with pytest.raises(KeyError, match=r"Powers has no control 'powr'. Did you mean power\?"):
        panel.ask(powr=1)
    with pytest.raises(ValueError, match=r"power cannot be 3. It is one of \[1, 2\]"):
        panel.ask(power=3)
    with pytest.raises(traitlets.TraitError, match="x is a finite number, not nan"):
        panel.x = float("nan")
    panel.x = 17
    assert panel.x == 4.0
    with pytest.raises(ValueError, match="a control cannot be called 'view'"):
        Panel("wrong", [Number(name="view", value=1)])
    with pytest.raises(NotImplementedError, match="nothing happens at 'go'"):
        Panel("idle", [Button(name="go")]).do("go")


def test_what_is_shown_follows(panel: Powers) -> None:
    panel.wait(background=True)
    assert panel.view["words"] == "1 to 2 is 1, known 2"  # what was filled in meanwhile is in the answer
    assert panel.view["state"] == {"x": 1.0, "power": 2}
    assert panel.view["code"] == "print(1.0 ** 2)"
    assert panel.filled == {"words": "learning", "done": 2, "total": 2}
    assert panel.controls[0]["high_label"] == "up to 4 to 2"
    (figure,) = panel.view["figures"]
    assert (figure["name"], figure["sets"], figure["words"]) == ("power", "x", "1")
    assert "template" not in figure["layout"]
    panel.x = 3
    panel.wait()
    assert panel.shown.words == "3 to 2 is 9, known 2"


def test_filling_begins_again_with_its_key_alone(panel: Powers) -> None:
    panel.wait(background=True)
    panel.known = 0
    panel.x = 2
    panel.wait(background=True)
    assert panel.known == 0
    panel.power = 1
    panel.wait(background=True)
    assert panel.known == 2


def test_the_newest_state_wins(monkeypatch: pytest.MonkeyPatch) -> None:
    begun, go_on = threading.Event(), threading.Event()
    plain = Powers.answer

    def answer(panel: Powers, state: State) -> Iterator[View]:
        begun.set()
        go_on.wait(60)
        yield from plain(panel, state)

    monkeypatch.setattr(Powers, "answer", answer)
    monkeypatch.setattr(Powers, "fill", lambda *_: iter(()))
    panel = Powers()
    panel.x = 0
    assert begun.wait(60)
    for x in range(1, 5):
        panel.x = x
    go_on.set()
    panel.wait()
    assert panel.shown.words.startswith("4 to 2 is 16")
    assert panel.view["state"]["x"] == 4.0
    assert panel.seen == [0, 4]  # the one that was being answered, and the newest
    panel.close()


def test_a_button_leads_to_a_state_and_can_be_stopped() -> None:
    panel = Powers(slow=0.05)
    panel.wait(background=True)
    panel.largest += 1
    assert panel.running == "largest"
    panel.wait()
    assert (panel.x, panel.running) == (4.0, "")
    assert panel.shown.words.startswith("4 to 2")
    panel.x = 1
    panel.wait()
    panel.largest += 1
    panel._on_message(panel, {"kind": "stop"}, [])
    panel.wait()
    assert (panel.x, panel.running) == (1.0, "")
    panel.close()


def test_what_a_button_led_to_is_not_lost_where_nobody_has_shown_the_panel_yet() -> None:
    panel = Powers()
    panel.largest += 1
    while panel._work._request is not None:
        time.sleep(0.01)
    panel.wait()
    assert (panel.x, panel.running) == (4.0, "")
    assert panel.shown.words.startswith("4 to 2")
    panel.close()


def test_a_state_that_is_half_set_is_not_answered() -> None:
    panel = Powers()
    panel.wait(background=True)
    answered: list[float] = []
    plain = panel.answer
    panel.answer = lambda state: answered.append(state["x"]) or plain(state)
    with panel.hold_trait_notifications():
        panel.x = 3.0  # as a state of several controls is set one by one
        for _ in panel._answering_again():
            pass
    assert answered == [1.0]
    panel.close()


def test_errors_are_said_and_go_with_the_next_answer(panel: Powers, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(Powers, "answer", lambda *_: 1 / 0)
    panel.x = 2
    panel.wait()
    assert panel.error == "ZeroDivisionError: division by zero"
    monkeypatch.undo()
    panel.x = 3
    panel.wait()
    assert panel.error == ""


def test_what_is_filled_in_meanwhile_hides_no_error() -> None:
    panel = Powers(slow=0.02)
    panel.act = lambda *_: 1 / 0
    panel.wait()
    panel.largest += 1
    panel.wait(background=True)
    assert panel.shown.words.endswith("known 2")
    assert panel.error == "ZeroDivisionError: division by zero"
    panel.close()


def test_waiting_for_what_is_filled_in_says_that_it_failed(panel: Powers, monkeypatch: pytest.MonkeyPatch) -> None:
    def half(self: Powers, _state: State) -> Iterator[Filled]:
        yield Filled("learning", 1, 2)
        raise OSError("the disk is full")

    monkeypatch.setattr(Powers, "fill", half)
    panel.wait()
    for _ in range(2):
        with pytest.raises(OSError, match="the disk is full"):
            panel.wait(background=True)
    assert panel.error == "OSError: the disk is full"
    panel.x = 2
    panel.wait()
    assert panel.shown.words == "2 to 2 is 4, known 0"
    monkeypatch.undo()
    panel.power = 1
    panel.wait(background=True)
    assert panel.known == 2


def test_a_figure_in_a_cell_is_a_panel_without_controls() -> None:
    figure = go.Figure(
        go.Scatter(x=[1], y=[2]), layout={"title": {"text": "a &lt;b&gt;"}, "meta": {"text": "in words"}}
    )
    made = LiveFigure(figure)
    assert "model_id" in str(made._repr_mimebundle_())
    made.wait()
    assert repr(made) == "<a <b>: run this cell to see it>"
    assert (made.view["figures"][0]["words"], made.error, made.state) == ("in words", "", {})
    made.close()


def test_a_panel_that_nobody_shows_goes_when_it_is_dropped() -> None:
    before = set(ipywidgets.widgets.widget._instances)
    panel = Powers()
    panel.wait(background=True)
    gone = weakref.ref(panel)
    del panel
    # Its thread may be about to let it go.
    for _ in range(600):
        gc.collect()
        if gone() is None:
            break
        time.sleep(0.1)
    assert gone() is None
    # Layouts are all that ipywidgets keeps of it, and they hold nothing.
    left = [ipywidgets.widgets.widget._instances[i] for i in set(ipywidgets.widgets.widget._instances) - before]
    assert all(isinstance(one, ipywidgets.Layout) for one in left)
    for one in left:
        one.close()


def test_closing_leaves_nothing_behind() -> None:
    before, threads = set(ipywidgets.widgets.widget._instances), threading.active_count()
    for _ in range(5):
        panel = Powers()
        panel._repr_mimebundle_()
        panel.wait()
        panel.close()
    assert set(ipywidgets.widgets.widget._instances) == before
    assert threading.active_count() <= threads + 1


def test_panels_can_be_linked_in_the_page() -> None:
    first, second = Powers(), Powers()
    link = ipywidgets.jslink((first, "x"), (second, "x"))
    assert link.source[0] is first
    assert first.comm is not None
    for one in (link, first, second):
        one.close()


def test_silence_can_be_told_from_work(panel: Powers) -> None:
    panel.asked = 3
    assert panel.heard == 3


def test_a_page_holds_every_answer_once(panel: Powers, tmp_path: Path) -> None:
    page = panel.to_html(tmp_path / "page.html").read_text()
    content = page.split('id="content">')[1].split("</script>")[0]
    assert content.count(" is 16, known") == 1  # 4 to 2; as words, and not once per figure
    assert content.count('"words": ') >= 10
    assert "known 0" not in content  # whatever is filled in meanwhile is known to all answers
    assert "<" not in content
    fixed = panel.to_html(tmp_path / "fixed.html", power=1).read_text()
    assert "is 16, known" not in fixed
    wide = Powers(controls=(Slider(name="x", value=0, high=4, step=0.001), CONTROLS[1]))
    with pytest.raises(ValueError, match=r"4,001.*|8,002 answers, and 1,000 are the most.*to_html\(path, x=...\)"):
        wide.to_html(tmp_path / "wide.html")


def test_views_are_plain_data() -> None:
    pixels = np.zeros((2, 2), np.uint8)
    strip = Strip("images", [Picture(pixels, "black", "b", key=1)], sets="image")
    figure = go.Figure(go.Scatter(x=[1.0, float("nan")], y=(1, 2), uid="a b"))
    json = View(figures={"f": figure}, strips=[strip], card={"n": np.int64(3)}).to_json()
    assert json["figures"][0]["data"][0]["x"] == [1.0, None]
    assert json["card"] == {"n": 3}
    assert json["strips"][0]["pictures"][0]["image"].startswith("data:image/png;base64,")
    # plotly looks for ``.cb`` and the uid in the page: a name with a point and a digit is no selector.
    with pytest.raises(ValueError, match=r"'shift-cifar10\.1' cannot be the uid of a trace"):
        View(figures={"f": go.Figure(go.Scatter(uid="shift-cifar10.1"))}).to_json()
    with pytest.raises(ValueError, match="None cannot be the uid"):
        View(figures={"f": go.Figure(go.Scatter())}).to_json()


@pytest.mark.parametrize(
    ("control", "given", "held"),
    [
        (Slider(name="c", low=-1, high=1), "0.5", 0.5),
        (Slider(name="c", low=-1, high=1), -7, -1),
        (Number(name="c"), 3, 3.0),
        (Text(name="c"), 3, "3"),
        (Toggle(name="c"), 1, True),
        (Choice(name="c", options=[None, "a"]), None, None),
        (Selection(name="c", options=["a", "b", "c"]), ["c", "x", "a", "c"], ["a", "c"]),
        (Selection(name="c", options=["a", "b"]), "b", ["b"]),
        (Coefficients(name="c"), {"a": 1}, {"a": 1.0}),
        (Handle(name="c", limits=(0, 2, 0, 1)), (5, -1), [5, -1]),
        (Handle(name="c"), None, None),
        (Events(name="c"), [{"number": 1}], [{"number": 1}]),
    ],
)
def test_controls_hold_what_they_can(control: Any, given: Any, held: Any) -> None:
    assert control.checked(given) == held
    assert control.to_json()["kind"] == type(control).__name__.lower()


class Led(Panel):
    """A choice brings a number along; events are counted."""

    def __init__(self) -> None:
        controls = [Choice(name="kind", value="a", options="abc"), Number(name="much", value=1), Events(name="did")]
        super().__init__("led", controls)
        self.taken: list[int] = []

    def answer(self, state: State) -> Iterator[View]:
        yield View(words=f"{state['kind']} {state['much']:g}")

    def led(self, name: str, value: Any) -> State:
        return {"much": "abc".index(value) + 1} if name == "kind" else {}

    def receive(self, name: str, events: Sequence[Mapping[str, Any]]) -> None:
        self.taken += [one["number"] for one in events]
        if self.taken[-1] == 5:
            raise RuntimeError("the disk is full")


def test_a_control_may_lead_another() -> None:
    panel = Led()
    panel.kind = "b"
    assert panel.state == {"kind": "b", "much": 2}
    panel.much = 7
    # What is set at the same time stays, in whatever order it is given.
    panel.state = {"much": 5, "kind": "c"}
    assert panel.state == {"kind": "c", "much": 5}
    panel.state = {"kind": "a"}
    assert panel.state == {"kind": "a", "much": 1}
    assert panel.ask(kind="b").words == "b 2"
    assert panel.ask(kind="b", much=9).words == "b 9"
    panel.close()


def test_each_event_is_taken_up_once_and_in_order() -> None:
    panel = Led()
    for numbers in ([1], [1, 3, 2], [2, 3], [3, 4]):
        panel.did = [{"number": number} for number in numbers]
    panel.wait()
    assert panel.taken == [1, 2, 3, 4]
    assert panel.view["received"] == {"did": 4}
    assert "did" not in panel.state
    for numbers in ([5], [5, 6]):
        with contextlib.suppress(RuntimeError):
            panel.did = [{"number": number} for number in numbers]
    assert panel.taken == [1, 2, 3, 4, 5, 6]
    panel.close()


def test_sliders_have_positions() -> None:
    assert Slider(name="c", low=0, high=1, step=0.25).grid() == [0, 0.25, 0.5, 0.75, 1]
    assert Toggle(name="c").grid() == [False, True]
    assert Choice(name="c", options=[("a", "A"), "b"]).grid() == ["a", "b"]
    assert Number(name="c").grid() is None


def test_the_front_end_keeps_to_the_contract_of_anywidget() -> None:
    """What VS Code, Colab and marimo offer is this, and no more."""
    # One part asks for more, and says what to do where there is none.
    opened = (STATIC / "opened.js").read_text()
    assert "if (!manager) {" in opened
    script = front_end().replace(opened, "")
    assert set(re.findall(r"\bmodel\.(\w+)", script)) <= {"get", "set", "save_changes", "on", "off", "send"}
    assert "widget_manager" not in script
    assert re.findall(r"^import |\bimport\(|require\(", script, re.M) == []
    assert script.count("export default") == 1
    assert "innerHTML" not in script
    assert "https://" not in script.replace("http://www.w3.org", "")
