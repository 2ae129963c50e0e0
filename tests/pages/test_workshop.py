"""The pages of a workshop's sessions: what is written, that it is safe, and what is refused."""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from soupwidgets import Evaluator
from soupwidgets.pages.workshop import _spoken, read_sessions, write_workshop
from soupwidgets.site import SiteError
from tests.command import run
from tests.fixtures import ROOT

ENGLISH = ROOT / "notebooks" / "workshop" / "en"


@pytest.fixture
def edited(tmp_path: Path) -> Callable[..., Path]:
    """A folder with one session of which something is different."""

    def edit(change: Callable[[dict[str, Any]], None]) -> Path:
        session = json.loads((ENGLISH / "1_alpha.json").read_text("utf-8"))
        change(session)
        folder = tmp_path / "sessions"
        folder.mkdir()
        (folder / "1_alpha.json").write_text(json.dumps(session))
        return folder

    return edit


def test_every_session_has_its_pages_and_every_link_leads_to_one(tiny_evaluator: Evaluator, tmp_path: Path) -> None:
    site, sessions = tmp_path / "site", read_sessions(ENGLISH)
    written = {path.name for path in write_workshop(site, [ENGLISH], tiny_evaluator)}
    expected = {
        f"{kind}.html" for s in sessions for kind in (f"session-{s.page}", f"{s.page}-predict", f"{s.page}-exercises")
    }
    assert written == expected | {"frontier.html", "workshop.html"} == {path.name for path in site.iterdir()}
    # Those of the site itself are written by `export_site`.
    there = written | {"alpha.html", "soup.html", "landscape.html"}
    for session in sessions:
        page = (site / f"session-{session.page}.html").read_text("utf-8")
        assert "{{" not in page
        assert set(re.findall(r'(?:href|src)="([^":]*\.html)"', page)) <= there
        assert page.count("<details>") == sum(bool(part.folded) for part in session.parts)


def test_what_was_measured_is_in_the_page_of_the_prediction(tiny_evaluator: Evaluator, tmp_path: Path) -> None:
    write_workshop(tmp_path, [ENGLISH], tiny_evaluator)
    for session in read_sessions(ENGLISH):
        page = (tmp_path / f"{session.page}-predict.html").read_text("utf-8")
        found = re.search(r'id="content">(.*?)</script>', page)
        assert found
        text = json.dumps(json.loads(found[1]))
        for asked in session.predict.questions:
            assert str(asked.measured[0]) in text


def test_a_session_of_others_runs_nothing(
    edited: Callable[..., Path], tiny_evaluator: Evaluator, tmp_path: Path
) -> None:
    evil = "</script><img src=x onerror=alert(1)>"

    def change(session: dict[str, Any]) -> None:
        session["title"] = session["exercises"][0]["ask"] = session["exercises"][0]["hints"][0]["say"] = evil
        session["predict"]["title"] = session["predict"]["questions"][0]["words"] = evil
        session["words"]["yours"] = evil
        session["parts"] = [
            {"markdown": f"{evil} [a](javascript:alert(1))"}, {"printed": evil}, {"folded": evil, "summary": evil},
            {"live": "alpha", "title": '" onload="alert(1)', "height": 100},
        ]  # fmt: skip

    for path in write_workshop(tmp_path / "site", [edited(change)], tiny_evaluator)[:3]:
        page = path.read_text("utf-8")
        assert "<img" not in page
        assert 'href="javascript' not in page
        assert '" onload="' not in page


@pytest.mark.parametrize(
    ("change", "words"),
    [
        (lambda s: s.update(format="another"), "not a session of a workshop"),
        (lambda s: s.update(page="../alpha"), "malformed"),
        (lambda s: s["parts"].append({"live": "../../x", "title": "", "height": 300}), "malformed"),
        (lambda s: s["exercises"][0].update(answers=[]), "malformed"),
        (lambda s: s["predict"]["questions"][0].update(measured=[1.0]), "malformed"),
    ],
)
def test_what_is_no_session_is_refused(change: Callable[[Any], None], words: str, edited: Callable[..., Path]) -> None:
    with pytest.raises(ValueError, match=rf"1_alpha\.json: .*{words}|1_alpha\.json: {words}"):
        read_sessions(edited(change))


def test_the_command_says_so_before_it_measures(tmp_path: Path) -> None:
    done = run("export", str(tmp_path / "site"), "--workshop", str(tmp_path), "--pool", str(ROOT / "data/zoo/fashion"),
               "--suite", str(ROOT / "data/suites/fashion"))  # fmt: skip
    assert done.returncode != 0
    assert "no sessions of a workshop (*.json) here" in " ".join(done.stderr.split())
    assert not (tmp_path / "site").exists()
    with pytest.raises(SiteError, match="no sessions"):
        read_sessions(tmp_path)


def test_pages_of_a_session_are_in_its_language(tiny_evaluator: Evaluator, tmp_path: Path) -> None:
    write_workshop(tmp_path, [ENGLISH.parent / "de"], tiny_evaluator)
    for name in ("session-de-alpha", "de-alpha-exercises", "de-alpha-predict"):
        page = (tmp_path / f"{name}.html").read_text("utf-8")
        assert '<html lang="de">' in page
        assert ('aria-label="Seiten"' in page) is (name != "de-alpha-predict")
    assert "Zeigen, was gemessen wurde" in page
    # The frontier is in the language that was asked for, and nobody asked.
    assert '<html lang="en">' in (tmp_path / "frontier.html").read_text("utf-8")


def test_a_language_without_a_translation_has_english_panels(edited: Callable[..., Path]) -> None:
    (session,) = read_sessions(edited(lambda session: session.update(language="fr")))
    assert session.language == "fr"
    assert _spoken(session) == "en"


@pytest.mark.slow
def test_the_command_writes_the_whole_site(tmp_path: Path) -> None:
    """Slow: it mixes, measures and records; with the models that are installed along, and eight images of a split."""
    zoo, suite = ROOT / "soupwidgets/miniature/zoo", ROOT / "soupwidgets/miniature/suite"
    done = run(
        "export", str(tmp_path / "site"), "--pool", str(zoo), "--suite", str(suite), "--fine-tuned", "ft-03",
        "--split", "noise", "--examples", "8", "--accept-mb", "20", "--workshop", str(ENGLISH),
        "--store", str(tmp_path / "store"), "--json", str(tmp_path / "out.json"),
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    told = json.loads((tmp_path / "out.json").read_text())
    assert {"workshop.html", "session-alpha.html", "alpha-predict.html", "frontier.html"} <= set(told["workshop"])
    assert all((tmp_path / "site" / name).exists() for name in [*told["workshop"], *told["megabytes"]])


def test_what_cannot_be_written_is_said_before_anything_is(tiny_evaluator: Evaluator, tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="two sessions are called 'alpha'"):
        write_workshop(tmp_path / "site", [ENGLISH, ENGLISH], tiny_evaluator)
    with pytest.raises(ValueError, match="no fine-tuned model"):
        write_workshop(tmp_path / "site", [ENGLISH], tiny_evaluator, fine_tuned=[])
    assert not (tmp_path / "site").exists()
