"""Reviewing in real JupyterLab and Chromium: the keyboard alone, fast keys, hostile texts, a killed kernel."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from soupwidgets.suites import Suite
from soupwidgets.topics.review.session import ReviewSession
from soupwidgets.topics.review.storage import ReviewStore
from soupwidgets.topics.review.views import Image, Judgement
from tests.browser.jupyter import ARTEFACTS, Lab
from tests.browser.test_drag_alpha import write_notebook

CELL = """
import soupwidgets as sw
from soupwidgets import review
suite = sw.Suite.open("../data/suites/fashion")
pool = sw.Pool.open([f"../data/zoo/fashion/{n}.safetensors" for n in ("zero-shot", "ft-03", "ft-05")])
ev = sw.Evaluator(pool, suite)
models = sw.diversity.members(ev, ["ft-03", "ft-05"], splits=["test"], progress=False)
store = review.ReviewStore("STORE")
session = review.ReviewSession(store, "SESSION", code="my code")
embedded = sw.mistakes.embeddings(ev, "test", progress=False)
reviewer = sw.widgets.MistakeReviewer(models, suite, session=session, embedded=embedded)
reviewer
"""
EVIL = "<img src=x onerror=\"document.title='owned'\"><script>document.title='owned'</script>"


def opened(lab: Lab, page: Any, name: str, store: Path, session: str) -> Any:
    cell = CELL.replace("STORE", str(store)).replace("SESSION", session)
    lab.open(page, write_notebook(lab, name, cell))
    lab.run_all(page)
    card = page.get_by_role("region", name="Image to judge")
    card.wait_for(timeout=600_000)
    page.locator("table[aria-label='accuracies after review']").wait_for()
    return card


def saved(page: Any, what: str = "saved") -> None:
    page.get_by_role("status").filter(has_text=what).first.wait_for()


def test_a_review_with_the_keyboard_alone(lab: Lab, page: Any, suite: Suite, tmp_path: Path) -> None:
    store = ReviewStore(tmp_path / "reviews.sqlite")
    session = ReviewSession.create(store, suite, "keyboard")
    page.set_viewport_size({"width": 1400, "height": 900})
    card = opened(lab, page, "review.ipynb", tmp_path / "reviews.sqlite", session.id)
    mine = lambda: ReviewSession(store, session.id, code="my code").mine()  # noqa: E731
    card.focus()
    first = card.locator("img").first.get_attribute("alt")
    row = int(first.split()[1])
    label = int(suite.id_test.labels[row])

    key = str((label + 1) % 10)
    page.keyboard.press(key)  # right
    saved(page, "You have judged 1")
    page.locator(f"button[data-focus='correct-{label}'][aria-pressed=true]").wait_for()
    for side in ("unclear", "wrong"):
        page.keyboard.press(key)
        page.locator(f"button[data-focus='{side}-{label}'][aria-pressed=true]").wait_for()
    assert mine()[Image("test", row)].wrong == {label}
    for keys, field in (("q", "category"), ("s", "severity"), ("p", "problematic"), ("h", "shared")):
        page.keyboard.press(keys)
        page.locator(f"button[data-focus^='{field}'][aria-pressed=true]").wait_for()
        if field == "severity":
            page.locator("table[aria-label='mistakes by kind'] tbody", has_text="1").wait_for()
            page.screenshot(path=str(ARTEFACTS / "reviewer-screen.png"))
            page.set_viewport_size({"width": 1400, "height": 1500})
            page.wait_for_timeout(500)
            page.locator(".soupwidgets-panel").screenshot(path=str(ARTEFACTS / "reviewer.png"))
    page.keyboard.press("n")
    page.keyboard.type("qwerty 123 z x")  # letters in a note are letters
    page.keyboard.press("Escape")
    saved(page)
    # 'Saved' may still be said of the mark before, where the machine is busy.
    for _ in range(600):
        if mine()[Image("test", row)].note:
            break
        page.wait_for_timeout(100)
    judged = mine()[Image("test", row)]
    names = ReviewSession(store, session.id).view
    assert judged.note == "qwerty 123 z x"
    assert (judged.problematic, judged.shared) == (True, True)
    assert names.categories[judged.category].name == "fine-grained"
    assert names.severities[judged.severity].name == "minor"

    page.keyboard.press("Enter")
    page.wait_for_function("old => document.querySelector('.soupwidgets-review img').alt !== old", arg=first)
    second = int(card.locator("img").first.get_attribute("alt").split()[1])
    page.keyboard.press("1")
    saved(page, "You have judged 2")
    assert mine()[Image("test", second)].correct == {0}
    page.keyboard.press("z")
    saved(page, "undone")
    assert Image("test", second) not in mine()
    page.keyboard.press("ArrowLeft")
    page.wait_for_function("alt => document.querySelector('.soupwidgets-review img').alt === alt", arg=first)
    page.keyboard.press("x")
    saved(page, "taken back")
    assert mine() == {}
    # Buttons by Tab and Space.
    button = card.get_by_role("button", name="problematic")
    button.focus()
    page.keyboard.press("Space")
    page.locator("button[data-focus='problematic'][aria-pressed=true]").wait_for()
    assert page.evaluate("document.activeElement.dataset.focus") == "problematic"
    assert mine()[Image("test", row)].problematic
    # What leaves the group is chosen, looked at, and only then written.
    page.get_by_label("share and export").check()
    page.get_by_role("button", name="Say what is in it").click()
    page.get_by_text("This would be in labels.json:").wait_for()
    page.get_by_role("button", name="Write it").wait_for()
    page.screenshot(path=str(ARTEFACTS / "reviewer-export.png"))
    # A list keeps the arrow keys.
    chooser = page.get_by_label("Queue", exact=True)
    chooser.press("ArrowDown")
    page.get_by_text("1 of", exact=False).filter(has_text=" and ").first.wait_for()
    assert page.locator("[role=alert]:visible").count() == 0


def test_texts_of_others_do_nothing(lab: Lab, page: Any, suite: Suite, tmp_path: Path) -> None:
    store = ReviewStore(tmp_path / "reviews.sqlite")
    session = ReviewSession.create(store, suite, EVIL)
    session.rename(EVIL)
    category, severity = session.add_term("category", EVIL), session.add_term("severity", EVIL)
    for row in range(len(suite.id_test)):
        if row < 400:
            body = Judgement(Image("test", row), correct=frozenset({1}), category=category, severity=severity,
                             prediction=2, note=EVIL)  # fmt: skip
            store.write(session.id, [session._new("judgement", body.to_body())])
    page.set_viewport_size({"width": 1400, "height": 1500})
    card = opened(lab, page, "hostile.ipynb", tmp_path / "reviews.sqlite", session.id)
    page.get_by_label("Show", exact=True).select_option("judged by anybody")
    card.get_by_text("What others say (1)").click()
    card.get_by_text("note: <img src=x").wait_for()
    card.get_by_role("button", name="<img src=x").first.wait_for()
    page.get_by_role("table", name="mistakes by kind").get_by_text("<img src=x").wait_for()
    card.focus()
    page.keyboard.press("2")
    saved(page, "You have judged 1")
    page.wait_for_timeout(500)
    assert "owned" not in page.title()
    assert page.locator("img[src='x']").count() == 0
    page.screenshot(path=str(ARTEFACTS / "reviewer-hostile.png"))


def test_neither_fast_keys_nor_a_killed_kernel_lose_anything(lab: Lab, page: Any, suite: Suite, tmp_path: Path) -> None:
    store = ReviewStore(tmp_path / "reviews.sqlite")
    session = ReviewSession.create(store, suite, "killed")
    card = opened(lab, page, "killed.ipynb", tmp_path / "reviews.sqlite", session.id)
    card.focus()
    # Faster than an answer can come: each key is about the image that the keys before it lead to.
    page.keyboard.type("33q\n" * 10 + "12sp", delay=5)
    saved(page, "You have judged 11")
    card.get_by_role("button", name="problematic", pressed=True).wait_for()
    *others, last = ReviewSession(store, session.id, code="my code").mine().values()
    assert len(others) == 10
    assert all(j.unclear == {2} and not j.correct and j.category for j in others)
    assert (last.correct, last.problematic, last.severity is not None) == ({0, 1}, True, True)
    (kernel,) = [one["kernel"]["id"] for one in lab.api("GET", "sessions")]
    page.keyboard.press("5")
    saved(page, "You have judged 11")
    page.locator("button[data-focus='correct-4'][aria-pressed=true]").wait_for()
    lab.api("DELETE", f"kernels/{kernel}")
    back = ReviewSession(store, session.id, code="my code")
    assert list(back.mine().values())[-1].correct == {0, 1, 4}


def test_a_blind_review_shows_nothing_before_it_is_filed(lab: Lab, page: Any, suite: Suite, tmp_path: Path) -> None:
    store = ReviewStore(tmp_path / "reviews.sqlite")
    session = ReviewSession.create(store, suite, "blind")
    page.set_viewport_size({"width": 1400, "height": 1100})
    card = opened(lab, page, "blind.ipynb", tmp_path / "reviews.sqlite", session.id)
    page.get_by_label("judge blind", exact=False).check()
    page.get_by_label("Queue", exact=True).select_option("sample: half mistakes of ft-03, half right")
    card.get_by_text("hidden until you have judged").wait_for()
    sample = next(iter(ReviewSession(store, session.id).view.samples.values()))
    assert card.locator("img").count() == 1
    row = int(card.locator("img").get_attribute("alt").split()[1])
    assert row == sample.rows[0]
    assert card.locator("table").get_by_text("%").count() == 0
    for name in ("fine-grained", "Nearest training images", "labelled", "A guess"):
        assert card.get_by_text(name).count() == 0, name
    page.locator(".soupwidgets-panel").screenshot(path=str(ARTEFACTS / "reviewer-blind.png"))
    # The first key means the first name on the screen, whatever it is.
    first = card.locator("tbody th").first.inner_text()
    card.focus()
    page.keyboard.press("1")
    saved(page, "not filed yet. You have judged 0")
    page.keyboard.press("q")
    page.keyboard.press("Enter")
    saved(page, "You have judged 1")
    card.get_by_text("You judged this blind").wait_for()
    card.get_by_role("button", name="fine-grained", exact=False).first.wait_for()
    judged = ReviewSession(store, session.id, code="my code").mine()[Image("test", row)]
    (said,) = judged.correct
    assert first.endswith(suite.class_names("test")[said])
    assert (judged.blind, judged.filed, judged.category) == (True, True, None)
    page.get_by_role("table", name="what a sample says of all images").wait_for()
    page.keyboard.press("Enter")
    card.get_by_text("hidden until you have judged").wait_for()
    # Fast: five images, each marked, filed and left behind.
    page.keyboard.type("1\n\n" * 5, delay=5)
    card.get_by_text("7 of 200").wait_for()
    mine = ReviewSession(store, session.id, code="my code").mine()
    assert {image.row for image in mine} == set(sample.rows[:6])
    assert all(judgement.filed and judgement.blind for judgement in mine.values())
    page.get_by_role("table", name="what a sample says of all images").get_by_text("mistakes (").first.wait_for()
    page.get_by_text("6 of 200 images drawn, 6 judged blind.").wait_for()
    page.locator(".soupwidgets-panel").screenshot(path=str(ARTEFACTS / "reviewer-sample.png"))
    assert page.locator("[role=alert]:visible").count() == 0
