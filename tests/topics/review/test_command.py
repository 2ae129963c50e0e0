from __future__ import annotations

import json
import re
from pathlib import Path

import numpy as np
import pytest

import soupwidgets as sw
from soupwidgets import Suite
from soupwidgets.topics.review.files import read_labels, write_copy, write_session
from soupwidgets.topics.review.label_set import label_set
from soupwidgets.topics.review.records import State
from soupwidgets.topics.review.session import ReviewSession
from soupwidgets.topics.review.storage import ReviewStore
from soupwidgets.topics.review.views import Image, Judgement
from tests.command import run
from tests.fixtures import ROOT, SUITE

PUBLISHED = ROOT.parent / "shared" / "published" / "imagenet_mistakes_greedy_soups.json"


@pytest.fixture
def session(tmp_path: Path, suite: Suite) -> ReviewSession:
    """Two people, three images, one disagreement; one of them shares."""
    first = ReviewSession.create(ReviewStore(tmp_path / "reviews.sqlite"), suite, "cli")
    second = ReviewSession(first.store, first.id)
    fine, (major, minor) = next(iter(first.view.categories)), list(first.view.severities)
    label = int(suite.id_test.labels[0])
    said = (label + 1) % 10
    first.judge(Judgement(Image("test", 0), correct=frozenset({label, said}), prediction=said, category=fine,
                          severity=minor, shared=True))  # fmt: skip
    second.judge(Judgement(Image("test", 0), wrong=frozenset({said}), prediction=said, severity=major))
    first.judge(Judgement(Image("test", 1), problematic=True, shared=True))
    first.judge(Judgement(Image("test", 2), prediction=said, severity=major, shared=True))
    first.refresh()
    return first


@pytest.fixture
def file(session: ReviewSession, tmp_path: Path) -> Path:
    return write_session(tmp_path / "session.json", session.id, session.state)


@pytest.fixture
def logits(suite: Suite, tmp_path: Path) -> list[str]:
    """A model that is right but for the first image, which it calls the next class."""
    given = []
    for split in ("val", "test"):
        labels = suite.splits[split].labels.copy()
        if split == "test":
            labels[0] = (labels[0] + 1) % 10
        np.save(tmp_path / f"{split}.npy", np.eye(10, dtype=np.float32)[labels] * 5)
        given += ["--logits", f"model:{split}={tmp_path / split}.npy"]
    return given


def test_a_summary_of_a_session_from_its_file_and_from_its_store(
    session: ReviewSession, file: Path, tmp_path: Path
) -> None:
    done = run("mistakes", "summary", str(file), "--json", str(tmp_path / "out.json"))
    assert done.returncode == 0, done.stderr
    report = json.loads((tmp_path / "out.json").read_text())
    assert (report["judgements"], report["reviewers"]) == (4, 2)
    kinds = {row["kind"]: row for row in report["kinds"]["test"]}
    assert (kinds["all"]["major"], kinds["all"]["minor"]) == (2, 1)
    assert {row["question"] for row in report["agreement"]["test"]} >= {"the prediction is a right label"}
    assert "4 judgements by 2 reviewers" in done.stdout
    again = run("mistakes", "summary", session.id, "--reviews", session.store.where.removeprefix("sqlite:///"))
    assert again.stdout == done.stdout


def test_a_summary_of_what_was_published() -> None:
    if not PUBLISHED.exists():
        pytest.skip("the published figures are not beside this repository")
    done = run("mistakes", "summary", str(PUBLISHED))
    assert re.search(r"all\s+89\s+160\s+49\s+0\s+249\s+35\.7", done.stdout)
    assert "'Fine-grained with OOV' was read as 'fine-grained with out-of-vocabulary' (9 times)" in done.stdout


def test_scores_are_those_of_the_functions(
    session: ReviewSession, file: Path, logits: list[str], suite: Suite, tmp_path: Path
) -> None:
    done = run("mistakes", "score", str(file), "--suite", str(SUITE), *logits, "--json", str(tmp_path / "out.json"))
    assert done.returncode == 0, done.stderr
    (row,) = json.loads((tmp_path / "out.json").read_text())["models"]
    labels = suite.id_test.labels
    said = labels.copy()
    said[0] = (labels[0] + 1) % 10
    whole = label_set(session.view, "test").completed(suite.id_test)
    expected = sw.mistakes.multi_label_accuracy(said, labels, whole, 10)
    assert (row["accuracy"], row["single_label"]) == (expected.accuracy, expected.single_label)
    assert row["accuracy"] == 1.0
    assert row["later"] == {"accepted": 1, "rejected": 0, "problematic": 0, "not_reviewed": 0}
    assert (row["major"]["right"], row["major"]["images"]) == (2, 2)
    only = run("mistakes", "score", str(file), "--suite", str(SUITE), *logits, "--reviewed-only")
    assert re.search(r"mean over \d classes \(\d have no image", only.stdout)


def test_an_export_asks_first(session: ReviewSession, file: Path, suite: Suite, tmp_path: Path) -> None:
    out, major = tmp_path / "labels.json", tmp_path / "major.json"
    options = ["mistakes", "export", str(file), "--suite", str(SUITE), "--out", str(out), "--major", str(major)]
    refused = run(*options)  # nobody answers
    assert refused.returncode == 1
    assert "3 judgements of 3 images" in refused.stderr
    assert "1 judgements are not in it" in refused.stderr
    # Both files, and which of them shows few.
    assert "'major': 1 image only" in refused.stderr
    assert not out.exists()
    assert not major.exists()
    done = run(*options, "--yes")
    assert done.returncode == 0, done.stderr
    assert read_labels(out, suite) == label_set(session.view, "test", shared=True)
    assert Suite.open(SUITE, slices=[major]).splits["major"].labels.tolist() == [suite.id_test.labels[2]]


def test_copies_merge_in_any_order(session: ReviewSession, file: Path, tmp_path: Path) -> None:
    session.take_back(Image("test", 2))
    session.add_slice("mine", "it matters", split="test", rows=[1, 2])
    stranger = ReviewSession(session.store, session.id)
    stranger.add_slice("another", "it matters too", split="test", rows=[2, 3])
    session.refresh()
    later = write_session(tmp_path / "later.json", session.id, session.state)
    state = session.state
    other_way_round = State.of(reversed(list(state.records.values())), state.gone)
    assert write_copy(tmp_path / "copy.json", session.id, other_way_round).read_text() == later.read_text()
    outs = []
    for order in ([file, later], [later, file, later]):
        out = tmp_path / f"{len(order)}.json"
        done = run("mistakes", "merge", *map(str, order), "--out", str(out))
        assert "3 judgements by 2 reviewers, 1 taken back" in done.stdout
        # Before anybody gives it to others, and once.
        assert done.stderr.count("'mine': 2 images only") == 1
        outs.append(out.read_text())
    assert outs[0] == outs[1]


@pytest.mark.parametrize(
    ("arguments", "why"),
    [
        (["summary", "nowhere.json"], "cannot be read"),
        (["summary", "x", "--reviews", "REVIEWS"], "no session 'x'; it has"),
        (["summary", "x", "--reviews", "OUT"], "no such file"),
        (["score", "FILE", "--suite", "SUITE"], "no model to score"),
        (["score", "FILE", "--suite", "SUITE", "--split", "fog"], "no split 'fog'"),
        (["score", "FILE", "--suite", "SUITE", "--split", "val"], "no reviewed labels of 'val'"),
        (["export", "FILE", "--suite", "SUITE", "--out", "OUT", "--split", "fog"], "no split 'fog'"),
        (["merge", "FILE", "OTHER", "--out", "OUT"], "belongs to another session"),
    ],
)
def test_what_is_wrong_is_one_sentence(
    file: Path, suite: Suite, tmp_path: Path, arguments: list[str], why: str
) -> None:
    stranger = ReviewSession.create(ReviewStore(tmp_path / "other.sqlite"), suite, "other")
    other = write_session(tmp_path / "other.json", stranger.id, stranger.state)
    places = {"FILE": str(file), "SUITE": str(SUITE), "OTHER": str(other)}
    places |= {"REVIEWS": str(tmp_path / "reviews.sqlite"), "OUT": str(tmp_path / "out.json")}
    done = run("mistakes", *[places.get(one, one) for one in arguments])
    assert done.returncode == 2, done.stderr
    assert why in done.stderr
    assert "Traceback" not in done.stderr
