"""Where reviewers agree: by hand, and without a word of who."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from soupwidgets.suites import Suite
from soupwidgets.topics.review.consensus import QUESTIONS, consensus
from soupwidgets.topics.review.results import consensus_table
from soupwidgets.topics.review.session import ReviewSession
from soupwidgets.topics.review.storage import ReviewStore
from soupwidgets.topics.review.views import Image, Judgement


def test_by_hand_and_without_names(tmp_path: Path, small_suite: Suite) -> None:
    split, classes = small_suite.id_test, small_suite.class_names("test")
    first, second = (int(row) for row in np.flatnonzero(split.labels == 2)[:2])
    session = ReviewSession.create(ReviewStore(tmp_path / "r.sqlite"), small_suite, "x")
    assert consensus(session.view, split, classes) == []
    people = [session, *(ReviewSession(session.store, session.id) for _ in range(2))]
    major, minor = session.view.severities
    for person, (c, bad, severity) in zip(people, ((2, False, major), (2, False, minor), (6, True, None)), strict=True):
        person.rename("Robin")
        person.judge(Judgement(Image("test", first), correct=frozenset({c}), problematic=bad, severity=severity))
        if c == 2:
            person.judge(Judgement(Image("test", second), correct=frozenset({2})))
    # What is still being made up, blind, is nobody's answer yet.
    people[2].judge(Judgement(Image("test", second), correct=frozenset({5}), blind=True, filed=False))
    found = {one.question: one for one in consensus(session.refresh(), split, classes)}
    # Of three people one differs: one pair of three agrees on the first image, and the only pair on the second.
    assert found["labels"].agreement == pytest.approx((1 / 3 + 1) / 2)
    assert (found["labels"].of, found["labels"].images, found["labels"].all_agree) == (classes[2], 2, 1)
    assert found["problematic"].agreement == pytest.approx((1 / 3 + 1) / 2)
    assert (found["severity"].images, found["severity"].agreement, found["severity"].all_agree) == (1, 0.0, 0)
    assert "kind of mistake" not in found
    table = consensus_table(consensus(session.view, split, classes))
    assert table.rows == [[classes[2], "67% of 2 images", "67% of 2 images", None, "0% of 1 image"]]
    assert list(table.columns[1:]) == list(QUESTIONS)
    assert "Robin" not in str(table)
    assert not any(person.reviewer[:6] in str(table) for person in people)
