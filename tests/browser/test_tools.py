"""What all panels have, on a page with a model of a few lines: groups of buttons, labels of states."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

import pytest

from soupwidgets.panel.controls import Button, Choice, Coefficients, Control, Slider, Toggle
from soupwidgets.panel.front_end import front_end, style
from soupwidgets.panel.view import View
from tests.browser.jupyter import ARTEFACTS, fresh_page

CONTROLS: list[Control] = [
    Button(name="uniform", label="Uniform", group="Methods"),
    Slider(name="alpha", label="alpha", value=0.5),
    Button(name="greedy", label="Greedy", group="Methods"),
    Button(name="save", label="Save"),
    Button(name="ties", label="TIES", group="Files", hidden=True),
    Toggle(name="odd", label="odd ones"),
    Choice(name="method", label="", value=None, options=[None, ("greedy", "Greedy")], hidden=True),
    Coefficients(name="mix", label="Coefficients", value={}, rows=[{"name": name} for name in "abcde"]),
]
MODEL = """
const controls = %s;
const values = { title: "tools", controls, bookmarks: [], asked: 0, heard: 0, filled: {}, error: "", running: "",
  ...Object.fromEntries(controls.map(({ name, value }) => [name, value])) };
const told = {};
const states = controls.filter(({ kind }) => kind !== "button");
const answer = () => ({ ...%s, state: Object.fromEntries(states.map(({ name }) => [name, values[name]])) });
values.view = answer();
globalThis.model = {
  get: (name) => values[name], set: (name, value) => (values[name] = value), send: () => {}, off: () => {},
  on: (event, tell) => (told[event] = tell),
  save_changes: () => { values.heard = values.asked; values.view = answer(); told["change:view"]?.(); },
};
globalThis.setState = (changes) => {
  Object.assign(values, changes);
  for (const name in changes) told[`change:${name}`]();
  model.save_changes();
};
render({ model, el: document.body });
"""


@pytest.fixture
def page(browser: Any) -> Iterator[Any]:
    with fresh_page(browser) as opened:
        opened.set_content(f"<!doctype html><style>{style()}</style><body></body>")
        model = MODEL % (json.dumps([one.to_json() for one in CONTROLS]), json.dumps(View(words="here").to_json()))
        script = front_end().replace("export default { render };", model)
        opened.add_script_tag(content=script, type="module")
        opened.locator(".soupwidgets-panel").wait_for()
        yield opened


def bookmarks(page: Any) -> list[str]:
    marks = page.locator(".soupwidgets-bookmark button:not([aria-label])")
    return [mark.text_content() for mark in marks.all()]


def test_buttons_of_a_group_stand_together_under_its_name(page: Any) -> None:
    methods = page.get_by_role("group", name="Methods", exact=True)
    assert methods.get_by_role("button").all_text_contents() == ["Uniform", "Greedy"]
    assert methods.locator("span").text_content() == "Methods"
    # Where the first of them would stand.
    first, second = page.locator(".soupwidgets-controls > *").all()[:2]
    assert first.get_attribute("aria-label") == "Methods"
    assert second.get_attribute("data-control") == "alpha"
    # A group of which nothing is drawn is not drawn.
    assert not page.locator("[aria-label=Files]").is_visible()
    assert not methods.get_by_role("button", name="Save").count()
    page.locator(".soupwidgets-head").screenshot(path=str(ARTEFACTS / "tools-groups.png"))


def test_bookmarks_are_told_apart_by_what_differs(page: Any) -> None:
    keep = page.get_by_role("button", name="Bookmark")
    keep.click()
    for changes in (
        {"alpha": 0.25},
        {"method": "greedy"},  # which is not drawn
        {"mix": {"a": 0.7, "b": 0.3, "c": 0}, "odd": True},
        {"mix": {"a": 0.70001, "b": 0.29999}},
        {"alpha": 0.5, "method": None, "odd": False, "mix": dict.fromkeys("abcde", 0.2)},
    ):
        page.evaluate("changes => setState(changes)", changes)
        keep.click()
    assert bookmarks(page) == [
        "as it began",
        "alpha 0.25",
        "alpha 0.25, method Greedy",
        "alpha 0.25, odd ones on, method Greedy, Coefficients a 0.7 + b 0.3",
        "alpha 0.25, odd ones on, method Greedy, Coefficients a 0.7 + b 0.3 (2)",
        "Coefficients a 0.2 + b 0.2 + c 0.2 + 2 more",
    ]
    page.locator(".soupwidgets-panel").screenshot(path=str(ARTEFACTS / "tools-bookmarks.png"))
    page.get_by_role("button", name="alpha 0.25, method Greedy", exact=True).click()
    assert page.evaluate("[model.get('alpha'), model.get('method'), model.get('mix')]") == [0.25, "greedy", {}]


def test_a_comparison_names_what_differs_between_its_sides(page: Any) -> None:
    page.evaluate("setState({ alpha: 0.75, method: 'greedy' })")
    page.get_by_role("button", name="Compare").click()
    sides = page.locator(".soupwidgets-side")
    assert sides.all_text_contents() == ["Kept: the same", "Now: the same"]
    page.evaluate("setState({ method: null, mix: { a: 1 } })")
    page.get_by_text("Now: method none, Coefficients a 1").wait_for()
    assert sides.all_text_contents()[0] == "Kept: method Greedy, Coefficients none"
