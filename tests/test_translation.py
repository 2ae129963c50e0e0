"""Words in other languages: complete, as their catalogues say, and nothing that is shown is without one."""

from __future__ import annotations

import ast
import json
import re
import threading
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from babel.messages import Catalog

import soupwidgets as sw
from soupwidgets import Evaluator, Pool, PoolError, translation
from soupwidgets.pages.html import STATIC
from soupwidgets.panel.front_end import front_end, phrases
from soupwidgets.serving.engine import Engine
from soupwidgets.serving.visits import Room, Visit
from soupwidgets.translation import ENGLISH, current_language, gettext, said_in, speaking
from soupwidgets.widgets import AlphaExplorer
from tests.messages import (
    KEYWORDS,
    catalogues,
    compiled,
    extracted,
    mirrored,  # noqa: F401 - a fixture
    nameless,
    opened,
    phrases_of,
    python_files,
    script_files,
)
from tests.messages import translated as has_translation

PLACES = re.compile(r"\{\w*\}")
# In hover texts, and where alpha has a value: symbols, which are the same in every language.
SYMBOLS = {"alpha", "ID", "OOD"}


def ids(catalogue: Catalog) -> set[str]:
    found = (message.id for message in catalogue if message.id)
    return {one for each in found for one in ([each] if isinstance(each, str) else each)}


def pairs(catalogue: Catalog) -> list[tuple[str, str]]:
    """Phrases with their translations, each form for itself."""
    found = []
    for message in catalogue:
        if isinstance(message.id, tuple):
            found += [(message.id[min(form, 1)], said) for form, said in enumerate(message.string)]
        elif message.id:
            found.append((message.id, message.string))
    return found


# What is said in which language.


def test_english_unless_asked(monkeypatch: pytest.MonkeyPatch) -> None:
    for variable in ("LANG", "LANGUAGE", "LC_ALL", "LC_MESSAGES"):
        monkeypatch.setenv(variable, "de_DE.UTF-8")
    assert (current_language(), gettext("images")) == ("en", "images")
    monkeypatch.setenv("SOUPWIDGETS_LANGUAGE", "de")
    assert (current_language(), gettext("images")) == ("de", "Bilder")
    with sw.language("en"):
        assert gettext("images") == "images"
    assert gettext("images") == "Bilder"
    monkeypatch.setenv("SOUPWIDGETS_LANGUAGE", "")
    assert gettext("images") == "images"


@pytest.mark.parametrize("name", ["xx", "../de", "", "DE"])
def test_a_language_that_there_is_not(name: str) -> None:
    with pytest.raises(ValueError, match="there is no such translation; there are de, en"):
        sw.language(name)
    assert current_language() == "en"


def test_a_wrong_environment_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SOUPWIDGETS_LANGUAGE", "xx")
    with pytest.raises(ValueError, match=r"^SOUPWIDGETS_LANGUAGE=xx: there is no such translation"):
        gettext("images")


def test_from_now_on_or_for_a_block_and_in_every_thread() -> None:
    def elsewhere() -> None:
        heard.append(gettext("images"))

    heard: list[str] = []
    with sw.language("de"):
        thread = threading.Thread(target=elsewhere)
        thread.start()
        thread.join()
        # What is said in this thread alone is not heard in others.
        with speaking(ENGLISH):
            assert gettext("images") == "images"
            thread = threading.Thread(target=elsewhere)
            thread.start()
            thread.join()
    assert heard == ["Bilder", "Bilder"]
    assert current_language() == "en"


def test_steps_keep_their_language_and_leave_it_between_them() -> None:
    def work() -> Iterator[str]:
        yield gettext("images")
        yield gettext("texts")

    steps = said_in("de", work())
    assert next(steps) == "Bilder"
    assert gettext("images") == "images"
    assert [*steps] == ["Texte"]


def test_thousands_are_not_taken_for_decimals() -> None:
    assert translation.grouped(1234567) == "1,234,567"
    with speaking("de"):
        assert translation.grouped(1234567) == "1\u202f234\u202f567"


# Catalogues.


def test_every_phrase_that_is_written_in_the_package_is_collected() -> None:
    """Babel does not see what stands within other texts; here Python's own parser looks."""
    known, missing = ids(extracted()), []
    for path in python_files():
        for node in ast.walk(ast.parse(path.read_text("utf-8"))):
            if not (isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id in KEYWORDS):
                continue
            written = [one.value for one in node.args if isinstance(one, ast.Constant) and isinstance(one.value, str)]
            missing += [one for one in written if one not in known]
    assert missing == []


def test_the_front_end_is_told_what_it_says() -> None:
    collected = Counter(message.id for path in script_files() for message in phrases_of(path))
    script = "\n".join(path.read_text("utf-8") for path in script_files())
    assert len(collected) > 70
    # Every use of the function is one of a phrase that is written out.
    assert sum(collected.values()) == len(re.findall(r"(?<![\w.])_\(", re.sub(r"(?m)^ *//.*$", "", script)))
    with speaking("de"):
        told = phrases(script)
    german = {one: gettext_in("de", one) for one in collected}
    assert told == {one: said for one, said in german.items() if one != said}


def gettext_in(name: str, phrase: str) -> str:
    with speaking(name):
        return gettext(phrase)


@pytest.mark.parametrize("path", catalogues(), ids=lambda path: path.parts[-3])
def test_a_catalogue_is_complete(path: Path) -> None:
    catalogue = opened(path)
    assert ids(catalogue) == ids(extracted()), "make messages brings them up to date"
    assert not catalogue.obsolete
    assert [one.id for one in catalogue if one.id and (not has_translation(one) or one.fuzzy)] == []


@pytest.mark.parametrize("path", catalogues(), ids=lambda path: path.parts[-3])
def test_names_and_numbers_keep_their_places(path: Path) -> None:
    for phrase, said in pairs(opened(path)):
        assert Counter(PLACES.findall(said)) == Counter(PLACES.findall(phrase)), phrase
        # A sentence goes on where another one ends.
        assert (said[:1] == " ", said[-1:] == " ") == (phrase[:1] == " ", phrase[-1:] == " "), phrase
        assert not re.search(r"[<>]", said), "phrases get into templates of hover texts"


@pytest.mark.parametrize("path", catalogues(), ids=lambda path: path.parts[-3])
def test_what_is_read_is_what_was_written(path: Path) -> None:
    assert path.with_suffix(".mo").read_bytes() == compiled(opened(path)), "make messages compiles it"


# What an explorer shows.


def texts(value: Any) -> Iterator[str]:
    if isinstance(value, str):
        yield value
    elif isinstance(value, list | tuple):
        for one in value:
            yield from texts(one)


def shown(panel: AlphaExplorer, **state: Any) -> list[str]:
    """All that is read of a view and of the controls."""
    asked = {**panel.state, **state}
    view = panel._json(panel.ask(**state), asked)
    found: list[Any] = [panel.title, view["words"], view["notes"]]
    for control in panel.controls:
        found += [control["label"], control.get("low_label"), control.get("high_label")]
        found += [said for _, said in control.get("options", [])]
    for figure in view["figures"]:
        layout, data = figure["layout"], figure["data"]
        found += [figure.get("label", figure["name"]), figure["words"], layout["title"]["text"]]
        found += [layout[side]["title"]["text"] for side in ("xaxis", "yaxis")]
        found += [trace.get(key) for trace in data for key in ("name", "meta", "text", "hovertemplate")]
        found += [trace["y"] for trace in data if isinstance(trace["y"][0], str)]
    for strip in view["strips"]:
        found += [strip["title"], strip["empty"]]
        found += [picture[key] for picture in strip["pictures"] for key in ("alt", "label", "said", "verdict", "text")]
    for table in view["tables"]:
        found += [table["title"], table["columns"], table["note"], *table["rows"]]
    templates = (re.sub(r"%\{[^}]*\}|<[^>]*>|&#?\w+;", " ", one) for one in texts(found))
    return [one for one in templates if one.strip()]


def states(panel: AlphaExplorer) -> list[dict[str, Any]]:
    """What there is to see: both looks, with and without a shift, an image, an end, and a place between."""
    return [
        {"look": look, "shift": shift, "image": image, "alpha": alpha}
        for look in ("splits", "classes")
        for shift in (None, panel.ev.suite.axes[0])
        for image, alpha in ((-1, 0.25), (3, 1.0))
    ]


def test_nothing_that_the_alpha_explorer_shows_is_left_out(
    tiny_evaluator: Evaluator, mirrored: str  # noqa: F811
) -> None:  # fmt: skip
    with sw.language(mirrored):
        explorer = AlphaExplorer(tiny_evaluator, "ft-a", alphas=3)
    try:
        explorer.wait(background=True)
        seen = [one for state in states(explorer) for one in shown(explorer, **state)]
        coarse = [view.words for view in explorer._answers({**explorer.state, "alpha": 0.111}) if view is not None]
        found = [*seen, *coarse, explorer.filled["words"]]
        assert len(set(found)) > 150
        left = {word for one in found for word in re.findall(r"[A-Za-z]{2,}", nameless(one, tiny_evaluator))}
        assert left <= SYMBOLS
        with pytest.raises(ValueError) as error:
            explorer.ask(fine_tuned="ft-c")
        assert re.findall(r"[A-Za-z]{2,}", nameless(str(error.value), tiny_evaluator)) == ["fine", "tuned", "ft"]
    finally:
        explorer.close()


def test_the_alpha_explorer_is_german(tiny_evaluator: Evaluator) -> None:
    (path,) = [one for one in catalogues() if one.parts[-3] == "de"]
    known = pairs(opened(path))
    german = [said for _, said in known]
    # Of a phrase that is the same in German, or part of what is said there, nobody can tell which it is.
    english = [phrase for phrase, _ in known if not any(says(one, phrase) for one in german)]
    assert len(english) > 150
    with sw.language("de"):
        explorer = AlphaExplorer(tiny_evaluator, "ft-a", alphas=3)
    try:
        explorer.wait(background=True)
        for one in {nameless(one, tiny_evaluator) for state in states(explorer) for one in shown(explorer, **state)}:
            assert [phrase for phrase in english if says(one, phrase)] == [], one
        assert explorer.title == "Fashion-MNIST: von zero-shot zu einem feinabgestimmten Modell"
        view = explorer.ask(look="classes", alpha=1.0)
        assert view.words == "alpha 1: exakt, 2\u202f400 von 2\u202f400 Bildern"
        assert view.figures["frontier"].layout["xaxis"]["title"]["text"] == "Genauigkeit, ID (in der Verteilung), %"
        # The panel's language is its own, whatever is spoken around it.
        assert current_language() == "en"
        explorer.state = {"alpha": 0.75}
        explorer.wait()
        assert explorer.view["words"].startswith("alpha 0.75: exakt")
        # Data is not words.
        assert explorer.code(explorer.state).splitlines()[-1] == "print(evaluation.to_frame())"
        (table,) = explorer._json(view, explorer.state)["tables"]
        assert table["columns"][:2] == ["Klasse", "Bilder"]
        assert table["saved_columns"] == [
            "class", "images", "zero-shot", "alpha 1", "points (95% interval)", "p, adjusted",
        ]  # fmt: skip
        assert [*explorer.state] == ["fine_tuned", "shift", "look", "alpha", "image"]
    finally:
        explorer.close()


def says(text: str, phrase: str) -> bool:
    """Whether a text has a phrase, with anything in its places, as words of their own."""
    parts = PLACES.split(phrase)
    pattern = rf"(?<!\w){'.+?'.join(map(re.escape, parts))}(?!\w)"
    # The pattern alone would take a minute.
    return all(part in text for part in parts) and bool(re.search(pattern, text))


def test_errors_are_said_in_the_language_of_the_panel(tiny_evaluator: Evaluator, tiny_pool: Pool) -> None:
    with sw.language("de"):
        explorer = AlphaExplorer(tiny_evaluator, "ft-a", alphas=3)
        alone = Evaluator(Pool.open([tiny_pool.checkpoints["zero-shot"].path]), tiny_evaluator.suite, device="cpu")
        with pytest.raises(PoolError, match="der Pool hat keines"):
            AlphaExplorer(alone)
        with pytest.raises(TypeError, match="erkundet, was ein Evaluator misst, und bekam ein Pool: Schreiben Sie"):
            AlphaExplorer(tiny_pool)  # type: ignore[arg-type]
    with pytest.raises(ValueError, match=r"^fine_tuned kann nicht 'ft-c' sein\. Meinten Sie ft-"):
        explorer.ask(fine_tuned="ft-c")
    with pytest.raises(KeyError, match=r"AlphaExplorer hat kein Bedienelement 'alhpa'\. Meinten Sie alpha"):
        explorer.ask(alhpa=1)
    explorer.close()


def test_nothing_is_different_for_whoever_does_not_ask(tiny_evaluator: Evaluator) -> None:
    explorer = AlphaExplorer(tiny_evaluator, "ft-a", alphas=3)
    explorer.wait(background=True)
    assert (explorer.language, explorer.phrases) == ("en", {})
    view = explorer._json(explorer.ask(look="classes", alpha=1.0), explorer.state)
    assert {*view["tables"][0]} == {"title", "columns", "rows", "note", "drawn"}
    assert not [figure for figure in view["figures"] if "label" in figure]
    explorer.close()


def test_a_recorded_page_says_in_which_language_it_is(tiny_evaluator: Evaluator, tmp_path: Path) -> None:
    with sw.language("de"):
        explorer = AlphaExplorer(tiny_evaluator, "ft-a", alphas=3)
    page = explorer.to_html(tmp_path / "seite.html", shift=None, look="splits").read_text("utf-8")
    explorer.close()
    assert page.startswith('<!doctype html>\n<html lang="de">')
    content = json.loads(page.split('id="content">')[1].split("</script>")[0])
    assert content["phrases"]["Undo"] == "Rückgängig"
    assert [content["shared"][answer["$"]]["words"] for answer in content["answers"].values()] == [
        f"alpha {alpha}: exakt, 2\u202f400 von 2\u202f400 Bildern" for alpha in ("0", "0.5", "1")
    ]


def test_visitors_of_a_room_read_its_language(tiny_evaluator: Evaluator, tmp_path: Path) -> None:
    visit = Visit(Room(Engine(tiny_evaluator, tmp_path / "reviews.sqlite"), 1))
    made: list[Any] = []
    with sw.language("de"):
        # A visitor's session is a thread of its own.
        session = threading.Thread(target=lambda: made.extend([visit.panel("AlphaExplorer"), *visit.names]))
        session.start()
        session.join()
    panel, *tabs = made
    assert panel.language == "de"
    assert tabs[:2] == ["Alpha-Explorer", "Soup-Mixer"]
    visit.close()
    assert [*visit.names][:2] == ["Alpha explorer", "Soup mixer"]


def test_scripts_of_a_page_are_told_their_words() -> None:
    scripts = "\n".join(STATIC.joinpath(f"{name}.js").read_text("utf-8") for name in ("numbers", "alpha", "live"))
    with speaking("de"):
        assert phrases(front_end() + scripts)["this alpha"] == "dieses alpha"
        assert "this alpha" not in phrases(front_end())
