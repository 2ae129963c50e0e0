from __future__ import annotations

import json
from pathlib import Path

import pytest

from soupwidgets.suites import Suite
from soupwidgets.topics.review.files import export_labels, read_labels, read_session, write_session
from soupwidgets.topics.review.label_set import label_set
from soupwidgets.topics.review.records import ReviewError
from soupwidgets.topics.review.session import ReviewSession
from soupwidgets.topics.review.storage import ReviewStore
from soupwidgets.topics.review.views import Image, Judgement


@pytest.fixture
def room(tmp_path: Path, suite: Suite) -> ReviewSession:
    return ReviewSession.create(ReviewStore(tmp_path / "room.sqlite"), suite, "room")


def copy_of(session: ReviewSession, folder: Path, name: str) -> ReviewSession:
    """Another database with the same session, as on another machine."""
    store = ReviewStore(folder / f"{name}.sqlite")
    id, state = read_session(write_session(folder / f"{name}.json", session.id, session.state))
    store.write(id, state.records.values(), taken_back=state.gone)
    return ReviewSession(store, id)


def test_copies_without_a_server_come_to_the_same(room: ReviewSession, tmp_path: Path) -> None:
    copies = [copy_of(room, tmp_path, name) for name in "abc"]
    for number, one in enumerate(copies):
        one.rename(f"person {number}")
        one.judge(Judgement(Image("test", number), note=f"{number}"))
        one.judge(Judgement(Image("test", 100), correct=frozenset({number})))
    copies[1].add_term("category", "glare")
    copies[2].take_back(Image("test", 2))
    files = [write_session(tmp_path / f"{i}.json", one.id, one.state) for i, one in enumerate(copies)]
    for order, one in zip(([0, 1, 2], [2, 1, 0, 2], [1, 1, 0, 2, 0]), copies, strict=True):
        for number in order:
            one.merge(read_session(files[number])[1])
    assert copies[0].state == copies[1].state == copies[2].state
    assert len(copies[0].view.by_image()[Image("test", 100)]) == 3
    assert Image("test", 2) not in copies[0].view.by_image()


def test_an_export_has_what_is_shared_and_says_so_first(room: ReviewSession, suite: Suite, tmp_path: Path) -> None:
    other = ReviewSession(room.store, room.id)
    other.rename("Robin")
    room.rename("unheard")
    field = room.add_term("field", "pronouns")
    other.rename("Robin", {field: "xe, xem"})
    other.judge(Judgement(Image("test", 1), correct=frozenset({1}), note="private thoughts", shared=True))
    other.judge(Judgement(Image("test", 2), correct=frozenset({2})))
    room.judge(Judgement(Image("test", 1), wrong=frozenset({1})))
    known = room.refresh()
    export = export_labels(known, suite.id_test)
    assert export.summary[0] == "1 judgements of 1 images of 'test' by 1 reviewers."
    assert export.summary[1].startswith("2 judgements are not in it")
    assert any(one.startswith("Images with one reviewer alone: 1.") for one in export.summary)
    text = export.write(tmp_path / "labels.json").read_text()
    for hidden in ("Robin", "unheard", "private", "xe, xem", other.reviewer, room.reviewer, other.code):
        assert hidden not in text
    # A name is named where its owner chose that, and nowhere else.
    assert export.content["credits"] == []
    other.rename("Robin", credit=True)
    named = export_labels(room.refresh(), suite.id_test)
    assert named.content["credits"] == ["Robin"]
    assert "Names: Robin." in named.summary
    assert read_labels(tmp_path / "labels.json", suite) == label_set(known, "test", shared=True)
    # A new name is in later exports, and what is taken back is not.
    other.rename("Robyn")
    assert export_labels(
        room.refresh(),
        suite.id_test,
    ).content["credits"] == ["Robyn"]
    other.take_back(Image("test", 1))
    assert export_labels(room.refresh(), suite.id_test).content["images"] == {}


def spoil(content: dict, *keys: object, value: object) -> dict:
    at = content
    for key in keys[:-1]:
        at = at[key]
    at[keys[-1]] = value
    return content


@pytest.mark.parametrize(
    ("keys", "value", "why"),
    [
        (["format"], "zip", "not a file of the format"),
        (["session"], "../up", "an id is invalid"),
        (["records"], 7, "malformed"),
        (["records", 0], [], "malformed"),
        (["records", 0, "id"], "'; DROP", "an id is invalid"),
        (["records", 0, "version"], 1e99, "out of range"),
        (["records", 0, "kind"], "code", "unknown kind"),
        (["gone"], ["<b>"], "is not a valid id"),
        (["gone"], [[]], "malformed"),
    ],
)
def test_hostile_session_files_are_told_apart(
    room: ReviewSession, tmp_path: Path, keys: list, value: object, why: str
) -> None:
    path = write_session(tmp_path / "s.json", room.id, room.state)
    path.write_text(json.dumps(spoil(json.loads(path.read_text()), *keys, value=value)))
    with pytest.raises(ReviewError, match=why) as told:
        read_session(path)
    assert str(path) in str(told.value)


@pytest.mark.parametrize("text", ["", "[" * 100_000, "{", '{"format": ' + "9" * 5000 + "}", "\ufeff{}", "null"])
def test_files_that_are_no_json_of_ours(tmp_path: Path, text: str, suite: Suite) -> None:
    path = tmp_path / "x.json"
    path.write_text(text, "utf-8")
    with pytest.raises(ReviewError, match=r"x\.json"):
        read_session(path)
    with pytest.raises(ReviewError, match=r"x\.json"):
        read_labels(path, suite)


@pytest.mark.parametrize(
    ("keys", "value", "why"),
    [
        (["sha256"], "0", "images or labels of 'test' that differ from the suite's"),
        (["split"], "fog", "malformed"),
        (["images"], {"20000": {"correct": [], "unclear": [], "wrong": [], "problematic": False}}, "0..9999"),
        (["images", "1", "correct"], [77], "0..9"),
        (["major"], [-1], "0..9999"),
    ],
)
def test_hostile_label_files(
    room: ReviewSession, suite: Suite, tmp_path: Path, keys: list, value: object, why: str
) -> None:
    room.judge(Judgement(Image("test", 1), correct=frozenset({1}), shared=True))
    path = export_labels(room.view, suite.id_test).write(tmp_path / "l.json")
    path.write_text(json.dumps(spoil(json.loads(path.read_text()), *keys, value=value)))
    with pytest.raises(ReviewError, match=why):
        read_labels(path, suite)
