from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from soupwidgets.suites import Suite
from soupwidgets.topics.review.session import ReviewSession
from soupwidgets.topics.review.storage import ReviewStore


@pytest.fixture(params=["sqlite", "postgresql"])
def store(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[ReviewStore]:
    """Both databases: what one does, the other does."""
    where = tmp_path / "reviews.sqlite" if request.param == "sqlite" else request.getfixturevalue("postgresql")
    opened = ReviewStore(where)
    yield opened
    opened.close()


@pytest.fixture
def session(store: ReviewStore, suite: Suite) -> ReviewSession:
    return ReviewSession.create(store, suite, "shirts and coats")
