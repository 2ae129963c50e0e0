"""WCAG 2.2 AA: what axe-core finds, the keyboard, zoom, rest for eyes and ears, and what screen readers are given."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest

from soupwidgets import Evaluator, Pool, Store, Suite
from soupwidgets.topics.alpha import panel as alpha_panel
from tests.browser.accessibility import faint_words, violations
from tests.browser.jupyter import ARTEFACTS, fresh_page
from tests.browser.snapshot import explorers, write_snapshot
from tests.fixtures import ZOO

# Words that are not controls, and what is within a control; a cell has its headers.
SILENT = ("StaticText", "InlineTextBox", "option", "cell")
# What can be reached with the Tab key.
STOPS = ":is(button, input, select, textarea, summary, [tabindex='0']):not(:disabled)"
# Where the keys are now: whether a ring is seen around it, and whether something stands before it.
FOCUS = """() => {
  const at = document.activeElement;
  if (!at.closest(".soupwidgets-panel")) return null;
  globalThis.reached.add(at);
  let opacity = 1;
  for (let one = at; one; one = one.parentElement) opacity *= getComputedStyle(one).opacity;
  const [box, style] = [at.getBoundingClientRect(), getComputedStyle(at)];
  const ring = at.matches(":focus-visible") && style.outlineStyle !== "none" && parseFloat(style.outlineWidth) >= 2;
  const clear = [0.1, 0.3, 0.5, 0.7, 0.9].some((part) => {
    const front = document.elementFromPoint(box.left + box.width / 2, box.top + part * box.height);
    return front && (at.contains(front) || front.contains(at));
  });
  return [at.getAttribute("aria-label") ?? at.textContent, ring && opacity === 1, clear];
}"""
# Every control, and a key that gives it another value; the reader's files are chosen in a dialogue of the browser.
CONTROLS = """() => {
  globalThis.set = [];
  const key = (one) => ({ range: one.value === one.min ? "ArrowRight" : "ArrowLeft", checkbox: "Space",
    search: "a", text: "a", "select-one": one.selectedIndex > 0 ? "Home" : "End" })[one.type] ?? "Enter";
  const able = (one) => one.matches(":is(button, input, select):not(:disabled)") && one.checkVisibility();
  return [...document.querySelectorAll("[data-control]")].flatMap((part) => {
    const parts = [part, ...part.querySelectorAll("*")].filter(able);
    const first = parts.find(({ type }) => type === "range") ?? parts[0];
    if (!first || first.options?.length === 1 || part.querySelector("[type=file]")) return [];
    globalThis.set.push(first);
    return [[part.closest("#panel > *").id, part.dataset.control, key(first)]];
  });
}"""
# What stands out of the page on either side, or of its drawing. Glyphs do not fill the boxes of their letters.
OUTSIDE = """() => {
  const wide = document.documentElement.clientWidth;
  const out = document.documentElement.scrollWidth > wide ? ["the page scrolls sideways"] : [];
  const over = (inner, outer, slack) => inner.left < outer.left - slack || inner.right > outer.right + slack
    || inner.top < outer.top - slack || inner.bottom > outer.bottom + slack;
  for (const one of document.querySelectorAll(".soupwidgets-panel *")) {
    if (!one.checkVisibility() || one.closest(".soupwidgets-scroll, .modebar, svg")) continue;
    const box = one.getBoundingClientRect();
    if (box.width && (box.left < -1 || box.right > wide + 1)) out.push(one.className || one.textContent);
    const cut = getComputedStyle(one).overflowX === "hidden" && one.scrollWidth > one.clientWidth + 1;
    if (cut) out.push(one.textContent);
  }
  for (const text of document.querySelectorAll(".main-svg text")) {
    const plot = text.closest(".soupwidgets-plot").getBoundingClientRect();
    const box = text.getBoundingClientRect();
    if (box.width && over(box, plot, 5)) out.push(text.textContent);
  }
  return out;
}"""
# How many `explorers` makes.
EXPLORERS = 10


@pytest.fixture(scope="module")
def pages(small_suite: Suite, zoo_store: Store, tmp_path_factory: pytest.TempPathFactory) -> dict[str, Any]:
    """Addresses of a page with every explorer as a kernel shows it, and of one with recorded answers."""
    folder = tmp_path_factory.mktemp("panels")
    pool = Pool.open([ZOO / f"{name}.safetensors" for name in ("zero-shot", "ft-03", "bad-lr")])
    panels = explorers(Evaluator(pool, small_suite, device="cpu", store=zoo_store), folder)
    every = write_snapshot(folder / "every.html", panels)
    alpha = panels["alpha"]
    recorded = alpha.to_html(folder / "alpha.html", fine_tuned="ft-03", shift=None, look="splits")
    # Without the pace at which a kernel sends them, and measured anew, whatever the store has.
    alpha.ev = alpha.ev.with_store(Store(folder / "own-store"))
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(alpha_panel, "spaced", lambda steps, _: steps)
        steps = [alpha._json(view, alpha.state) for view in alpha.answer({**alpha.state, "alpha": 0.3}) if view]
    for panel in panels.values():
        panel.close()
    return {"every": every.as_uri(), "recorded": recorded.as_uri(), "steps": steps}


@pytest.fixture
def page(browser: Any) -> Iterator[Any]:
    errors: list[str] = []
    with fresh_page(browser) as opened:
        opened.on("pageerror", lambda error: errors.append(str(error)))
        # Nothing fades in, so nothing has to be waited for.
        opened.emulate_media(reduced_motion="reduce")
        yield opened
    assert errors == []


def drawn(page: Any, address: str) -> None:
    page.goto(address)
    settled(page)


def settled(page: Any) -> None:
    """Wait until all figures are drawn, in the size that they have now."""
    page.wait_for_function("""() => [...document.querySelectorAll(".soupwidgets-figure")].every((one) => {
      const [plot, drawing] = [one.querySelector(".soupwidgets-plot"), one.querySelector(".main-svg")];
      return one.dataset.drawn && Math.abs(drawing.clientWidth - plot.clientWidth) < 2;
    })""")
    page.wait_for_timeout(300)


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_axe_finds_nothing(page: Any, pages: dict[str, Any], scheme: str) -> None:
    page.emulate_media(color_scheme=scheme)
    drawn(page, pages["every"])
    assert page.locator(f".soupwidgets-panel[data-theme={scheme}]").count() == EXPLORERS
    assert faint_words(page, at_least=500) == []
    # With all that opens, at work, after something went wrong, and with two answers beside each other.
    page.evaluate("""() => {
      for (const one of document.querySelectorAll("details:not(.soupwidgets-menu)")) one.open = true;
      const view = { ...valuesOf("mixer").view, done: 1, total: 3 };
      tell("mixer", { view, error: "ValueError: no such soup", running: "greedy" });
      for (const one of document.querySelectorAll(".soupwidgets-tools button")) {
        if (["Compare", "Bookmark"].includes(one.textContent)) one.click();
      }
    }""")
    settled(page)
    assert page.locator(".soupwidgets-two").count() == EXPLORERS
    assert page.get_by_role("progressbar").count() == 1
    assert violations(page) == []
    # These lie over what is above them.
    page.evaluate("() => document.querySelectorAll('.soupwidgets-menu').forEach((one) => (one.open = true))")
    assert violations(page, ".soupwidgets-menu") == []
    page.locator("#alpha .soupwidgets-menu summary").click()
    page.locator("#alpha").get_by_role("button", name="Full screen").click()
    page.locator(".soupwidgets-talk").wait_for()
    settled(page)
    assert violations(page, ".soupwidgets-talk") == []
    page.screenshot(path=str(ARTEFACTS / f"axe-{scheme}.png"))


def test_the_page_itself(page: Any, pages: dict[str, Any]) -> None:
    drawn(page, pages["recorded"])
    assert violations(page, "html") == []


def test_tab_reaches_everything_both_ways(page: Any, pages: dict[str, Any]) -> None:
    page.set_viewport_size({"width": 1400, "height": 900})
    drawn(page, pages["every"])
    stops = page.evaluate(
        """(stops) => {
          globalThis.reached = new Set();
          const all = document.querySelectorAll(`.soupwidgets-panel ${stops}`);
          globalThis.stops = [...all].filter((one) => one.checkVisibility());
          return globalThis.stops.length;
        }""",
        STOPS,
    )
    assert stops > 200
    missing = "stops.filter((one) => !reached.has(one)).map((one) => one.outerHTML)"
    for key in ("Tab", "Shift+Tab"):
        page.evaluate("reached.clear()")
        walk = []
        for _ in range(stops + 2):
            page.keyboard.press(key)
            walk.append(page.evaluate(FOCUS))
        assert [one for one in walk if one and not (one[1] and one[2])] == []
        # Whatever keeps the keys to itself keeps them from the others.
        assert page.evaluate(missing) == []


def test_keys_set_every_control(page: Any, pages: dict[str, Any]) -> None:
    drawn(page, pages["every"])
    for summary in page.locator(".soupwidgets-selection summary").all():
        summary.press("Enter")
    controls = page.evaluate(CONTROLS)
    assert len(controls) > 55
    unset = []
    for number, (name, control, key) in enumerate(controls):
        value = f"JSON.stringify(valuesOf('{name}')['{control}'])"
        before = page.evaluate(f"(number) => (set[number].focus(), {value})", number)
        page.keyboard.press(key)
        if key == "a":
            page.keyboard.press("Tab")
        if page.evaluate(value) == before:
            unset.append((name, control, key))
    assert unset == []


@pytest.mark.parametrize(("width", "scale"), [(640, 2), (390, 3)])
def test_zoom_and_small_screens(browser: Any, pages: dict[str, Any], width: int, scale: int) -> None:
    context = browser.new_context(viewport={"width": width, "height": 800}, device_scale_factor=scale)
    page = context.new_page()
    try:
        drawn(page, pages["every"])
        assert page.evaluate(OUTSIDE) == []
    finally:
        context.close()


def test_nothing_moves_by_itself_and_play_still_works(page: Any, pages: dict[str, Any]) -> None:
    drawn(page, pages["recorded"])
    moving = """() => [...document.querySelectorAll(".soupwidgets-panel, .soupwidgets-panel *")].filter((one) => {
      const { transitionDuration, animationName } = getComputedStyle(one);
      return transitionDuration.split(",").some((each) => parseFloat(each)) || animationName !== "none";
    }).map((one) => one.outerHTML.slice(0, 80))"""
    assert page.evaluate(moving) == []
    slider = page.get_by_role("slider", name="alpha")
    slider.press("Home")
    page.get_by_role("button", name="Play alpha").press("Enter")
    page.get_by_text("alpha 1: exact").wait_for()
    page.get_by_role("button", name="Play alpha").wait_for()
    page.emulate_media(reduced_motion="no-preference")
    assert page.evaluate(moving) != []


def test_an_answer_is_read_aloud_once(page: Any, pages: dict[str, Any]) -> None:
    drawn(page, pages["every"])
    page.evaluate("""() => {
      [globalThis.heard, globalThis.written] = [[], 0];
      const line = document.querySelector("#alpha [role=status]");
      // What a screen reader leaves out: changes while the line is busy.
      new MutationObserver(() => {
        written += 1;
        if (!line.closest("[aria-busy=true]")) heard.push(line.textContent);
      }).observe(line, { childList: true, characterData: true, subtree: true });
    }""")
    steps = pages["steps"]
    assert len({step["words"] for step in steps}) > 2
    for step in steps:
        page.evaluate("(view) => tell('alpha', { view })", step)
        page.wait_for_timeout(50)
    page.wait_for_function("heard.length")
    # Work that goes on behind it says the same again.
    page.evaluate("(view) => tell('alpha', { view: { ...view } })", steps[-1])
    page.wait_for_timeout(600)
    assert page.evaluate("heard") == [steps[-1]["words"]]
    assert page.evaluate("written") > 2


def test_what_screen_readers_are_given(page: Any, pages: dict[str, Any]) -> None:
    drawn(page, pages["every"])
    words = page.evaluate("valuesOf('alpha').view.figures.map(({ words }) => words)")
    assert len(words) == 4
    assert all(len(one) > 60 for one in words)
    figures = [
        "Accuracy against robustness",
        "Accuracy along alpha",
        "Accuracy on every split, with 95% interval",
        "This image along alpha, labelled shirt",
    ]
    given = tree(page, "alpha")
    assert given[:8] == [
        "region Fashion-MNIST: from zero-shot to a fine-tuned model",
        "combobox Fine-tuned: ft-03",
        "combobox Shift: mean of all shifts",
        "combobox Show: accuracy on every split",
        "slider alpha: 0.5",
        "textbox alpha: 0.5",
        "button Play alpha",
        f"group {figures[0]}",
    ]
    for figure, said in zip(figures, words, strict=True):
        at = given.index(f"group {figure}")
        assert given[at + 1] == f"heading {figure}"
        assert f"image {said}" in given[at : at + 4]
        assert "DisclosureTriangle Figure in words" in given[at : at + 6]
    assert given[-8:-1] == [
        "group Tools",
        *(f"button {tool}" for tool in ("Undo", "Redo", "Bookmark", "Compare", "Full screen", "Copy Python")),
    ]
    table = tree(page, "diversity")
    at = table.index("table zero-shot and ft-03 on test, 400 images")
    assert table[at - 1] == "region zero-shot and ft-03 on test, 400 images"
    assert table[at + 1 : at + 5] == [
        "columnheader number",
        "columnheader value",
        "columnheader 95%",
        "rowheader accuracy of zero-shot, %",
    ]


def tree(page: Any, name: str) -> list[str]:
    """What Chromium gives to assistive technology of one panel: role, name and value of what has a name."""
    hide = "(name) => document.querySelectorAll('#panel > *').forEach((one) => (one.hidden = one.id !== name))"
    page.evaluate(hide, name)
    nodes = page.context.new_cdp_session(page).send("Accessibility.getFullAXTree")["nodes"]
    by_id = {node["nodeId"]: node for node in nodes}

    def lines(node: dict[str, Any]) -> Iterator[str]:
        role, said = node["role"]["value"], node.get("name", {}).get("value", "")
        if said and not node["ignored"] and role not in SILENT:
            yield ": ".join([f"{role} {said}", *filter(None, [str(node.get("value", {}).get("value", ""))])])
        for child in node.get("childIds", []):
            yield from lines(by_id[child])

    # Without the page around it.
    return [line for line in lines(nodes[0]) if line not in ("RootWebArea Panels", "heading Panels")]
