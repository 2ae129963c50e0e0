"""A panel: a question with controls. State in, views out, and both are plain data."""

from __future__ import annotations

import gzip
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cache, partial
from pathlib import Path
from typing import Any

import anywidget
import traitlets

from soupwidgets.panel.controls import Button, Control, Events, did_you_mean
from soupwidgets.panel.front_end import front_end, phrases, plotly_javascript, style
from soupwidgets.panel.newest_wins import NewestWins, Step, Steps
from soupwidgets.panel.notebook_cells import close_with_cell, in_a_notebook
from soupwidgets.panel.view import View
from soupwidgets.translation import ENGLISH, current_language, said_in, speaking
from soupwidgets.translation import gettext as _

State = dict[str, Any]
# A step with nothing to show.
_NOTHING: Step = ("nothing", lambda: None)


@dataclass(frozen=True)
class Filled:
    """A step of what a panel does meanwhile.

    Parameters
    ----------
    words, done, total
        What is being done, and how far it is.
    fresh
        Whether the answer to the state at hand has changed by it.
    """

    words: str
    done: int
    total: int
    fresh: bool = False


class Panel(anywidget.AnyWidget):
    """Base of every explorer.

    A subclass gives its controls to ``super().__init__`` and writes `answer`; perhaps `fill`, `act` and `code`. The
    base runs them off the main thread, in small steps, and the newest state wins.

    Each control is a trait by its name: read it, set it, observe it, or link it to that of another panel by
    ``ipywidgets.jslink((a, "alpha"), (b, "alpha"))``.

    Parameters
    ----------
    title
        What the panel is about, in a few words.
    controls
        What can be set.
    """

    # False for a whole process that serves panels to others.
    writes_files = True
    # Scripts of a recorded page, after the front end.
    _page_scripts: tuple[str, ...] = ("recorded", "page")
    _esm = front_end()
    _css = style()
    title = traitlets.Unicode("").tag(sync=True)
    controls: Any = traitlets.List().tag(sync=True)
    view = traitlets.Dict().tag(sync=True)
    filled = traitlets.Dict().tag(sync=True)
    error = traitlets.Unicode("").tag(sync=True)
    running = traitlets.Unicode("").tag(sync=True)
    bookmarks: Any = traitlets.List().tag(sync=True)
    # What words are said in, and what the front end says in it.
    language = traitlets.Unicode(ENGLISH).tag(sync=True)
    phrases = traitlets.Dict().tag(sync=True)
    # The front end counts what it asks; the kernel repeats the number, so that silence can be told from work.
    asked = traitlets.Int(0).tag(sync=True)
    heard = traitlets.Int(0).tag(sync=True)

    def __init__(self, title: str, controls: Iterable[Control]) -> None:
        language = current_language()
        super().__init__(title=title, language=language, phrases=_front_end_phrases(language))
        self.layout.width = "100%"
        self._controls = {control.name: control for control in controls}
        for name in self._controls:
            if not name.isidentifier() or hasattr(self, name):
                raise ValueError(f"a control cannot be called {name!r}: every panel has something of that name")
        self._work = NewestWins(self._show_error)
        self._filling: Any = self
        self._last: View | None = None
        # By control, the number of the last event that was taken up; the front end keeps what is beyond it.
        self._received: dict[str, int] = {}
        # Setting up may take seconds: from the first moment on it says what it is about.
        self.view = View(words=_("starting: {title}").format(title=title), done=0).to_json()
        self.controls = self._told()
        self.add_traits(**{name: _trait(c) for name, c in self._controls.items()})
        for name, control in self._controls.items():
            self.set_trait(name, control.checked(control.value))
        # The state before the change at hand, and the one that was asked for last.
        self._before = self._wanted = self.state
        # To observe no names would be to observe everything.
        if self._controls:
            self.observe(self._on_control, list(self._controls))
        self.observe(self._on_asked, "asked")
        self.on_msg(self._on_message)
        close_with_cell(self)

    # What a subclass says.

    def answer(self, state: State) -> Iterator[View | None]:
        """Yield views for a state, coarse ones first, the exact one last. Runs off the main thread.

        None is a step with nothing new to show, at which another state may cut in.
        """
        raise NotImplementedError

    def fill(self, state: State) -> Iterator[Filled | None]:
        """Do in small steps what is worth doing meanwhile; None is a step with nothing to say."""
        return iter(())

    def fill_key(self, state: State) -> Any:
        """Return what `fill` depends on: it begins again when this changes."""
        return None

    def act(self, name: str, state: State) -> Iterator[View | State | None]:
        """Do what a button starts: yield views on the way (None for nothing new), and what the state becomes."""
        raise NotImplementedError(f"nothing happens at {name!r}")

    def recorded(self, grids: dict[str, list[Any]]) -> dict[str, list[Any]]:
        """Choose what a recorded page varies, out of the controls with a small number of values."""
        return grids

    def led(self, name: str, value: Any) -> State:
        """Return what else a control sets when it is set to a value; what is set with it stays."""
        return {}

    def receive(self, name: str, events: Sequence[Mapping[str, Any]]) -> None:
        """Take up what was done: new events of a control, in order, each once. Runs on the kernel's loop."""

    def code(self, state: State) -> str:
        """Write Python that gives the same numbers without the panel; empty where there is none."""
        return ""

    # What a user has.

    @property
    def state(self) -> State:
        """The controls' values, a plain dictionary; assign one (or a part of one) to set them."""
        return {n: getattr(self, n) for n, c in self._controls.items() if not isinstance(c, Button | Events)}

    @state.setter
    def state(self, state: Mapping[str, Any]) -> None:
        checked = self._checked(state)
        with self.hold_sync(), self.hold_trait_notifications():
            # What leads is told first, so that it can see what is set with it.
            for name in sorted(checked, key=lambda name: not self.led(name, checked[name])):
                self.set_trait(name, checked[name])

    def ask(self, **state: Any) -> View:
        """Return the exact view of a state without a screen.

        Parameters
        ----------
        state
            Controls that are to be different from what they are.

        Raises
        ------
        KeyError
            When there is no such control.
        ValueError
            When a control cannot have such a value.
        """
        view = View()
        for step in self._answers({**self.state, **self._checked(state)}):
            view = step or view
        return view

    def do(self, name: str, **state: Any) -> State:
        """Do what a button starts, without a screen, and return the state that it leads to."""
        asked = {**self.state, **self._checked(state)}
        for step in said_in(self.language, self.act(name, asked)):
            if isinstance(step, dict):
                # Not checked: what a control can be may change with the views on the way, which nobody shows here.
                asked |= step
        return asked

    def wait(self, idle_seconds: float = 120, background: bool = False) -> None:
        """Block until the answer for the state is exact and shown, however long the work takes.

        Parameters
        ----------
        idle_seconds
            Give up when nothing was done for so long.
        background
            Wait for what is filled in meanwhile as well.

        Raises
        ------
        TimeoutError
            When no step was finished for ``idle_seconds``.
        Exception
            What went wrong while filling in, if that was to be waited for; the panel shows it as well.
        """
        self._start()
        self._work.wait(idle_seconds, background=background)

    @property
    def shown(self) -> View | None:
        """The view on screen; None before the first."""
        return self._last

    def to_html(self, path: str | Path, **fixed: Any) -> Path:
        """Write one self-contained page with recorded answers: no kernel, no network.

        Parameters
        ----------
        path
            The file to write.
        fixed
            Controls that keep this value in the page; those of which there are too many values keep the value that
            they have now.

        Returns
        -------
        Path
            The same path.

        Raises
        ------
        ValueError
            When the page would need more answers than a page can hold; it says which controls to fix.
        """
        from soupwidgets.panel.recording import write_page

        return write_page(self, path, self._checked(fixed))

    def close(self) -> None:
        """Stop the work and free the widget."""
        # Python also calls this for a panel whose construction failed.
        if hasattr(self, "_work"):
            self._work.close()
            self.unobserve_all()
            self.layout.close()
        super().close()

    def __repr__(self) -> str:
        # What a notebook shows in the widget's place where no kernel runs.
        how = "run this cell to use it" if in_a_notebook() else "show it in a notebook, or write .to_html(path)"
        return f"<{type(self).__name__}, {self.title}: {how}>"

    # The loop.

    def open(self) -> None:
        """Do nothing: a panel that nobody shows is not kept alive by the list of widgets."""

    @property
    def model_id(self) -> str:
        """Name of the widget to the front end; asking for it, as showing and linking do, opens the connection."""
        if self.comm is None:
            super().open()
            self._start()
        return str(super().model_id)

    def _start(self) -> None:
        if self._last is None and not self._work.busy:
            self._ask()

    def _ask(self) -> None:
        state = self._wanted = self.state
        # What went wrong is said until something else is asked: an answer that is filled in meanwhile does not hide it.
        self.running = self.error = ""
        self._work.request(self._answering(state))
        key = self.fill_key(state)
        if key != self._filling:
            self._filling = key
            self._work.in_background(self._fill_steps(state))

    def _answering(self, state: State) -> Steps:
        for view in self._answers(state):
            yield self._showing(view, state)

    def _answers(self, state: State) -> Iterator[View | None]:
        return said_in(self.language, self.answer(state))

    def _fills(self, state: State) -> Iterator[Filled | None]:
        return said_in(self.language, self.fill(state))

    def _fill_steps(self, state: State) -> Steps:
        for step in self._fills(state):
            if step is None:
                yield _NOTHING
                continue
            told = {"words": step.words, "done": step.done, "total": step.total}
            yield "filled", partial(self.set_trait, "filled", told)
            if step.fresh:
                yield from self._answering_again()

    def _answering_again(self) -> Steps:
        """Answer the state at hand with what is known by now, until there is another: that one asked by itself."""
        # Not the traits: several of them may be in the middle of being set.
        state = self._wanted
        for step in self._answering(state):
            yield step
            # Whatever was asked between two steps is on screen by now: an answer to what was before must not hide it.
            if self._wanted is not state:
                return

    def _acting(self, name: str, state: State) -> Steps:
        for step in said_in(self.language, self.act(name, state)):
            if step is None or isinstance(step, View):
                yield self._showing(step, state)
            else:
                state = state | step
                # The new state asks by itself, and so ends this.
                yield "state", partial(setattr, self, "state", step)
        yield "done", partial(self.set_trait, "running", "")
        yield from self._answering(state)

    def _showing(self, view: View | None, state: State) -> Step:
        return _NOTHING if view is None else ("view", partial(self._show, view, self._json(view, state)))

    def _json(self, view: View, state: State) -> dict[str, Any]:
        with speaking(self.language):
            return view.to_json() | {"state": state, "code": self.code(state), "received": dict(self._received)}

    def _show(self, view: View, json: dict[str, Any]) -> None:
        if view.controls:
            for name, changes in view.controls.items():
                self._controls[name] = replace(self._controls[name], **changes)
            self.controls = self._told()
        self._last = view
        self.view = json

    def _told(self) -> list[dict[str, Any]]:
        """Return the controls as the front end draws them."""
        kept_away = {"hidden": True} if not self.writes_files else {}
        return [one.to_json() | (kept_away if one.writes else {}) for one in self._controls.values()]

    def _show_error(self, error: BaseException) -> None:
        self.running = ""
        self.error = f"{type(error).__name__}: {error}"

    def _on_control(self, change: Any) -> None:
        name = change["name"]
        control = self._controls[name]
        if isinstance(control, Button):
            if control.writes and not self.writes_files:
                # It is not drawn; whoever asks for it all the same is told.
                with speaking(self.language):
                    self.error = _("this panel is served to others: it writes no files on the machine where it runs")
                return
            self.running, self.error = name, ""
            self._work.request(self._acting(name, self.state))
            return
        if isinstance(control, Events):
            self._take_up(name, change["new"])
        for led, value in self.led(name, change["new"]).items():
            if getattr(self, led) == self._before[led]:
                self.set_trait(led, value)
        self._before = self.state
        self._ask()

    def _take_up(self, name: str, events: Sequence[Mapping[str, Any]]) -> None:
        seen = self._received.get(name, 0)
        new = sorted((one for one in events if one.get("number", 0) > seen), key=lambda one: int(one["number"]))
        if new:
            # First of all: whatever becomes of them, they are not taken up again.
            self._received[name] = int(new[-1]["number"])
            self.receive(name, new)

    def _on_asked(self, change: Any) -> None:
        self.heard = change["new"]

    def _on_message(self, _widget: Any, content: Any, _buffers: Any) -> None:
        if content.get("kind") == "plotly":
            # Too large to be part of every panel's state: a page asks once.
            self.send({"kind": "plotly"}, [_packed_plotly()])
        elif content.get("kind") == "stop":
            self._ask()
        elif content.get("kind") == "hello":
            self._start()

    def _checked(self, state: Mapping[str, Any]) -> State:
        with speaking(self.language):
            unknown = [name for name in state if name not in self._controls]
            if unknown:
                there = _(" It has {names}.").format(names=", ".join(self._controls))
                words = _("{panel} has no control {name}.").format(panel=type(self).__name__, name=repr(unknown[0]))
                raise KeyError(words + (did_you_mean(unknown[0], self._controls) or there))
            led = {key: one for name, value in state.items() for key, one in self.led(name, value).items()}
            return {name: self._controls[name].checked(value) for name, value in {**led, **state}.items()}


def _trait(control: Control) -> traitlets.TraitType[Any, Any]:
    class Checked(traitlets.Any):
        def validate(self, obj: Panel, value: Any) -> Any:
            try:
                with speaking(obj.language):
                    return obj._controls[control.name].checked(value)
            except ValueError as error:
                raise traitlets.TraitError(str(error)) from None

    return Checked(control.value).tag(sync=True)


@cache
def _front_end_phrases(language: str) -> dict[str, str]:
    with speaking(language):
        return phrases(Panel._esm)


@cache
def _packed_plotly() -> bytes:
    return gzip.compress(plotly_javascript().encode(), compresslevel=6, mtime=0)
