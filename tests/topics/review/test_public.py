"""Rooms that draw nothing work without what draws, and their objects say in a line what they are."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from soupwidgets.suites import Suite
from soupwidgets.topics import review
from soupwidgets.topics.augmentation.study import read_augmentation_study
from soupwidgets.topics.review.files import export_labels
from soupwidgets.topics.review.session import ReviewSession
from soupwidgets.topics.review.storage import ReviewStore
from soupwidgets.topics.review.views import Image, Judgement
from soupwidgets.topics.spectrum import NoiseResult, NoiseRun, read_label_noise_study
from soupwidgets.training import Hyperparameters, Plan, Run
from tests.fixtures import ROOT

WITHOUT = """
import sys
for name in ("plotly", "ipywidgets", "anywidget", "jupyterlab", "alembic", "krippendorff", "psycopg"):
    sys.modules[name] = None
import soupwidgets as sw
from soupwidgets import augmentation, review, spectrum, training
for room in (augmentation, review, spectrum, training):
    for name in room.__all__:
        assert getattr(room, name) is not None, name
print("all of it", review.krippendorff_alpha.__name__)
"""


def test_they_work_without_what_draws() -> None:
    done = subprocess.run([sys.executable, "-c", WITHOUT], capture_output=True, text=True)
    assert done.stdout.startswith("all of it"), done.stderr


def test_review_says_in_a_line_what_it_has(tmp_path: Path, small_suite: Suite) -> None:
    session = ReviewSession.create(ReviewStore(tmp_path / "r.sqlite"), small_suite, "coats")
    session.judge(Judgement(Image("test", 1), correct=frozenset({1}), note="private", shared=True))
    shown = [repr(one) for one in (session, session.view, session.view.facts, session.state, session.store,
                                   export_labels(session.view, small_suite.id_test))]  # fmt: skip
    assert "View('coats', 1 judgements of 1 images by 1 reviewers)" in shown
    for text in shown:
        assert "\n" not in text
        assert len(text) < 500
        assert "private" not in text
        assert session.code not in text


@pytest.mark.parametrize(
    ("read", "file"), [(read_augmentation_study, "augmentations"), (read_label_noise_study, "label-noise")]
)
def test_studies_say_in_a_line_what_they_have(read, file: str) -> None:  # type: ignore[no-untyped-def]
    study = read(ROOT / "data" / "studies" / f"{file}.json")
    for text in (repr(study), repr(study.results[0])):
        assert "\n" not in text
        assert len(text) < 500
    assert study.results[0].name in repr(study)
    assert study._repr_html_().startswith("<table")


def test_text_of_others_is_no_html() -> None:
    evil = "<img src=x onerror=alert(1)>"
    study = read_label_noise_study(ROOT / "data" / "studies" / "label-noise.json")
    bad = NoiseResult(evil, evil, 1.0, 0.5, (NoiseRun(0, *([study.results[0].followed] * 4)),))
    assert "<img" not in type(study)((bad,), {})._repr_html_()


def test_a_run_says_how_it_ended() -> None:
    plan = Plan("a", Hyperparameters(seed=0, learning_rate=1e-3, epochs=2, weight_decay=0.0))
    run = Run(plan, Path("a"), ({"loss": 2.0}, {"loss": 0.12345}))
    assert repr(run) == "Run('a', 2 epochs, at the end loss 0.1235)"
    assert review.State().__repr__() == "State(0 records, 0 taken back)"
