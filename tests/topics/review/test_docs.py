"""The guide is true: its code runs, and what it names is there."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from soupwidgets.suites import Suite
from soupwidgets.topics import review
from soupwidgets.topics.review.session import ReviewSession
from soupwidgets.topics.review.storage import ReviewStore
from tests.fixtures import ROOT

GUIDE = (ROOT / "docs" / "participatory-review.md").read_text()


def test_its_code_runs(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(ROOT)
    blocks = re.findall(r"```python\n(.*?)```", GUIDE, re.DOTALL)
    assert blocks
    known: dict[str, object] = {}
    # The page for Voila is served and visited in tests/browser/test_voila.py.
    for block in (block for block in blocks if "# for voila" not in block):
        exec(block.replace("reviews.sqlite", str(tmp_path / "reviews.sqlite")), known)
    session = known["session"]
    assert isinstance(session, ReviewSession)
    assert session.view.facts is not None
    assert session.view.facts.title == "Shirts and coats"


def test_what_it_names_is_there(tmp_path: Path, suite: Suite) -> None:
    session = ReviewSession.create(ReviewStore(tmp_path / "r.sqlite"), suite, "x")
    named = set(re.findall(r"\bsession\.(\w+)", GUIDE))
    assert named >= {"agree", "withdraw", "take_back", "rename", "add_term", "add_slice", "fell_short"}
    assert [name for name in named if not hasattr(session, name)] == []
    assert [name for name in re.findall(r"\breview\.(\w+)\(", GUIDE) if not hasattr(review, name)] == []
