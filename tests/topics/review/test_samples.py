"""Random samples: drawn once, recorded for good, the same in every copy, and counted up to all images."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from math import isnan
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray

from soupwidgets.suites import Suite
from soupwidgets.topics.diversity.members import Member
from soupwidgets.topics.review.extrapolation import extrapolate, outcome
from soupwidgets.topics.review.files import read_session, write_session
from soupwidgets.topics.review.queues import RANDOM, Queues
from soupwidgets.topics.review.records import Record, ReviewError, State
from soupwidgets.topics.review.results import results, sample_table
from soupwidgets.topics.review.samples import Sample, random_sample, stratified_sample
from soupwidgets.topics.review.session import ReviewSession
from soupwidgets.topics.review.storage import ReviewStore
from soupwidgets.topics.review.views import Image, Judgement, View, view


def saying(predictions: NDArray[np.int64], name: str = "m") -> Member:
    """A model with these predictions on every split."""
    return Member(name, ("test",), lambda _: np.eye(10, dtype=np.float32)[predictions])


@pytest.fixture
def model(small_suite: Suite) -> Member:
    """Every fifth prediction is a mistake."""
    labels = small_suite.id_test.labels
    return saying(np.where(np.arange(len(labels)) % 5 == 0, (labels + 1) % 10, labels))


@pytest.fixture
def session(tmp_path: Path, small_suite: Suite) -> Iterator[ReviewSession]:
    store = ReviewStore(tmp_path / "r.sqlite")
    yield ReviewSession.create(store, small_suite, "x")
    store.close()


def test_each_image_is_drawn_as_often_as_recorded(model: Member, small_suite: Suite) -> None:
    split = small_suite.id_test
    total = len(split)
    drawn = [stratified_sample(model, split, 40, seed=seed) for seed in range(400)]
    often = np.bincount([row for one in drawn for row in one.rows], minlength=total) / len(drawn)
    chance = drawn[0].inclusion
    assert drawn[0].drawn == (20, 20)
    assert drawn[0].sizes == (int((~model.right(split)).sum()), int(model.right(split).sum()))
    assert sorted(set(chance)) == pytest.approx(sorted(20 / np.array(drawn[0].sizes)))
    assert chance.sum() == pytest.approx(40)
    error = np.sqrt(chance * (1 - chance) / len(drawn))
    assert (np.abs(often - chance) < 4.5 * error).all()
    # Wherever one stops, what was seen of each part is a random sample of it: the first place is anybody's.
    first = np.bincount([one.rows[0] for one in drawn], minlength=total)
    assert first.max() <= 10
    assert sum(first[~model.right(split)]) == pytest.approx(200, abs=50)


def test_a_part_that_is_too_small_is_taken_whole(model: Member, small_suite: Suite) -> None:
    split = small_suite.id_test
    mistakes = int((~model.right(split)).sum())
    assert stratified_sample(model, split, 2 * mistakes + 20, seed=0).drawn == (mistakes, mistakes + 20)
    assert sorted(random_sample(split, 10**6, seed=0).rows) == list(range(len(split)))
    assert random_sample(split, 30, seed=1) == random_sample(split, 30, seed=1) != random_sample(split, 30, seed=2)
    nothing_right = saying((split.labels + 1) % 10)
    assert stratified_sample(nothing_right, split, 30, seed=0).drawn == (30, 0)


def test_a_sample_is_recorded_and_nobody_can_change_it(
    session: ReviewSession, small_suite: Suite, tmp_path: Path
) -> None:
    sample = random_sample(small_suite.id_test, 30, seed=0)
    id = session.add_sample(sample)
    assert session.add_sample(sample) == id
    read = view(read_session(write_session(tmp_path / "s.json", session.id, session.state))[1])
    assert read.samples == {id: sample}
    record = session.state.records["", id]
    moved = {**record.body, "rows": list(reversed(record.body["rows"]))}
    for forged, why in (
        (Record(id, "sample", "", moved, 2), "says something else than when it was made"),
        (Record("7" * 32, "sample", "", dict(record.body)), "says something else than when it was made"),
        (replace(record, author="f" * 32), "belongs to the group"),
    ):
        with pytest.raises(ReviewError, match=why):
            session.merge(State.of([forged]))
    with pytest.raises(ReviewError, match="something that belongs to the group"):
        session.merge(State.of([], [id]))
    # It names nobody, and stays when somebody leaves.
    session.withdraw()
    assert session.view.samples == {id: sample}
    with pytest.raises(ReviewError, match="of another number of images"):
        session.add_sample(replace(sample, of=sample.of + "0"))
    with pytest.raises(ReviewError, match="not about a split"):
        session.add_sample(replace(sample, split="fog"))


@pytest.mark.parametrize(
    "changes",
    [
        {"rows": []},
        {"rows": [1, 1]},
        {"rows": [10**6]},
        {"rows": [-1]},
        {"rows": "12"},
        {"of": "2" * 400},
        {"of": 7},
        {"of": "\u0660" * 400},
        {"strata": []},
        {"strata": ["x"] * 11},
        {"name": "x" * 201},
    ],
)
def test_hostile_samples(session: ReviewSession, small_suite: Suite, changes: dict[str, object]) -> None:
    body = {**random_sample(small_suite.id_test, 30, seed=0).to_body(), **changes}
    with pytest.raises(ReviewError, match="malformed"):
        session.merge(State.of([Record("7" * 32, "sample", "", body)]))


def test_everybody_draws_the_same(session: ReviewSession, small_suite: Suite, model: Member, tmp_path: Path) -> None:
    elsewhere = ReviewStore(tmp_path / "other.sqlite")
    elsewhere.write(session.id, session.state.records.values())
    other = ReviewSession(elsewhere, session.id)
    found = []
    for one in (session, other):
        queues = Queues([model], small_suite, "test", one)
        assert one.view.samples == {}  # nothing is drawn before somebody asks
        asked = {"queue": queues.sampled[1], "pair": None, "filter": "all"}
        found.append(queues.queue(asked, one.view, one.reviewer))
        assert set(found[-1].reasons) == {"drawn at random"}
    assert found[0] == found[1]
    session.merge(other.state)
    assert len(session.view.samples) == 1
    # A sample that the group drew itself is a queue as well.
    mine = random_sample(small_suite.id_test, 12, seed=5, name="our own dozen")
    session.add_sample(mine)
    queues = Queues([model], small_suite, "test", session)
    assert queues.sampled[2:] == ["our own dozen"]
    assert RANDOM in queues.names
    own = queues.queue({"queue": "our own dozen", "pair": None, "filter": "all"}, session.view, session.reviewer)
    assert own.rows == mine.rows


def test_what_is_said_of_a_prediction() -> None:
    image = Image("test", 0)
    right, perhaps = Judgement(image, correct=frozenset({1})), Judgement(image, unclear=frozenset({1}))
    wrong, bad = Judgement(image, wrong=frozenset({1})), Judgement(image, problematic=True)
    silent = Judgement(image, correct=frozenset({2}))
    assert [outcome([j], 1) for j in (right, perhaps, wrong, bad, silent)] == [
        "right", "perhaps", "not right", "problematic", None,
    ]  # fmt: skip
    assert outcome([], 1) is outcome([replace(right, filed=False)], 1) is None
    # Whoever says nothing of it has no vote, unless they judged blind: then they chose from all.
    assert outcome([right, silent], 1) == "right"
    assert outcome([right, replace(silent, blind=True)], 1) == "perhaps"
    assert outcome([right, right, replace(silent, blind=True)], 1, "majority") == "right"
    assert outcome([right], -1) == "not right"


def judged(sample: Sample, say: dict[int, Judgement], split: str = "test") -> View:
    """A view in which images of a sample are judged."""
    state = State.of(
        Record(f"{row:032x}", "judgement", "a" * 32, one.to_body()) for row, one in say.items() if row in sample.rows
    )
    return replace(view(state), samples={"0" * 32: sample})


def test_by_hand(small_suite: Suite) -> None:
    """Four tenths are mistakes, of which two were drawn; of the right predictions three were drawn."""
    split = small_suite.id_test
    n = len(split)
    wrong_rows = np.arange(n) < 4 * n // 10
    model = saying(np.where(wrong_rows, (split.labels + 1) % 10, split.labels))
    of = "".join("0" if wrong else "1" for wrong in wrong_rows)
    drawn = [0, 1, n - 1, n - 2, n - 3]
    sample = Sample("s", "test", "m", ("mistakes", "right predictions"), of, tuple(drawn))
    p = model.predictions("test")
    say = {
        0: Judgement(Image("test", 0), correct=frozenset({int(p[0])})),
        1: Judgement(Image("test", 1), unclear=frozenset({int(p[1])})),
        **{r: Judgement(Image("test", r), correct=frozenset({int(p[r])})) for r in drawn[2:4]},
        drawn[4]: Judgement(Image("test", drawn[4]), wrong=frozenset({int(p[drawn[4]])})),
    }
    found = extrapolate(judged(sample, say), sample, model, split)
    mistakes, right, whole = found.shares
    assert (found.looked_at, found.blind) == (5, 0)
    assert (mistakes.images, right.images, whole.images) == (4 * n // 10, n - 4 * n // 10, n)
    # Half of the mistakes are none, the other half perhaps: kept apart. A third of the right ones are missed mistakes.
    assert [mistakes.shares[kind].value for kind in mistakes.shares] == [0.5, 0.5, 0, 0]
    assert [right.shares[kind].value for kind in right.shares] == pytest.approx([2 / 3, 0, 1 / 3, 0])
    assert whole.shares["right"].value == pytest.approx(0.4 * 0.5 + 0.6 * 2 / 3)
    assert whole.shares["perhaps"].value == pytest.approx(0.2)
    assert sum(share.value for share in whole.shares.values()) == pytest.approx(1)
    # The same by the inverse of the recorded chances (Horvitz and Thompson).
    weights = 1 / sample.inclusion
    accepted = sum(weights[r] for r in (0,))
    assert accepted / mistakes.images == pytest.approx(mistakes.shares["right"].value)
    assert mistakes.counts == {"right": 1, "perhaps": 1, "not right": 0, "problematic": 0}


def test_what_was_passed_over_is_in_the_limits(small_suite: Suite, model: Member) -> None:
    split = small_suite.id_test
    sample = random_sample(split, 40, seed=0)
    p = model.predictions("test")
    everything = {r: Judgement(Image("test", r), correct=frozenset({int(p[r])})) for r in sample.rows}
    whole = extrapolate(judged(sample, everything), sample, model, split).shares[2].shares["right"]
    some = {r: one for i, (r, one) in enumerate(everything.items()) if i not in (20, 30)}
    found = extrapolate(judged(sample, some), sample, model, split)
    assert found.looked_at == 40
    assert found.shares[2].unsaid == 2
    assert found.shares[2].shares["right"].value == 1
    assert found.shares[2].shares["right"].low < whole.low
    # Whoever chose what to look at has no random sample: only its beginning counts.
    chosen = {r: one for i, (r, one) in enumerate(everything.items()) if i < 10 or i % 3 == 0}
    assert extrapolate(judged(sample, chosen), sample, model, split).looked_at == 10
    nothing = extrapolate(judged(sample, {}), sample, model, split)
    assert nothing.looked_at == 0
    assert all(isnan(share.value) for one in nothing.shares for share in one.shares.values())
    with pytest.raises(ValueError, match="was drawn from 'fog'"):
        extrapolate(judged(sample, {}), replace(sample, split="fog"), model, split)


def test_intervals_hold_for_this_model_and_another(small_suite: Suite, model: Member) -> None:
    """What people would say of every image is fixed; many samples are drawn and judged."""
    split = small_suite.id_test
    rng = np.random.default_rng(1)
    labels = split.labels
    other = saying(np.where(rng.random(len(split)) < 0.3, (labels + 1) % 10, labels), "other")
    truth = {}
    for row in range(len(split)):
        # A mistake is accepted in 40%, perhaps in 20%; a label is wrong in 8%.
        correct = {int(labels[row])} if rng.random() > 0.08 else {(int(labels[row]) + 5) % 10}
        unclear = {(int(labels[row]) + 1) % 10} if rng.random() < 0.2 else set()
        more = {(int(labels[row]) + 1) % 10} if rng.random() < 0.4 else set()
        truth[row] = Judgement(Image("test", row), frozenset(correct | more), frozenset(unclear - more), blind=True)
    for asked in (model, other):
        predicted = asked.predictions("test")
        said = [outcome([truth[row]], int(predicted[row])) for row in range(len(split))]
        right = predicted == labels
        true = {
            "accepted": np.mean([said[row] == "right" for row in np.flatnonzero(~right)]),
            "perhaps": np.mean([said[row] == "perhaps" for row in np.flatnonzero(~right)]),
            "missed": np.mean([said[row] == "not right" for row in np.flatnonzero(right)]),
            "all right": np.mean([one == "right" for one in said]),
        }
        held: dict[str, list[bool]] = {name: [] for name in true}
        values: dict[str, list[float]] = {name: [] for name in true}
        for seed in range(100):
            sample = stratified_sample(model, split, 80, seed=seed)
            mistakes, good, whole = extrapolate(judged(sample, truth), sample, asked, split).shares
            found = (
                mistakes.shares["right"],
                mistakes.shares["perhaps"],
                good.shares["not right"],
                whole.shares["right"],
            )
            for name, share in zip(true, found, strict=True):
                held[name].append(share.low - 1e-9 <= true[name] <= share.high + 1e-9)
                values[name].append(share.value)
        for name in true:
            assert np.mean(held[name]) >= 0.93, name
            assert abs(np.mean(values[name]) - true[name]) < 4 * np.std(values[name]) / np.sqrt(100) + 1e-9, name


def test_the_table_says_it_and_keeps_perhaps_apart(small_suite: Suite, model: Member) -> None:
    split = small_suite.id_test
    sample = random_sample(split, 30, seed=0, name="<b>ours</b>")
    p = model.predictions("test")
    say = {r: Judgement(Image("test", r), unclear=frozenset({int(p[r])}), blind=True) for r in sample.rows}
    known = judged(sample, say)
    tables, _ = results([model], split, classes=small_suite.class_names("test"), view=known, rule="all views")
    (found,) = (one for one in tables if one.title == "what a sample says of all images")
    assert found.rows == sample_table([extrapolate(known, sample, model, split)]).rows
    assert [row[0] for row in found.rows] == ["m, mistakes (80)", "m, right predictions (320)", "m, all images (400)"]
    whole = found.rows[2]
    assert str(whole[2]).startswith("0.0 (")
    assert str(whole[3]).startswith("100.0 (")
    assert whole[-1] == "<b>ours</b>"
    assert "<b>ours</b>: 30 of 30 images drawn, 30 judged blind." in found.note
    # Accuracy after review counts 'perhaps', and says how much of it is only that.
    accuracies = tables[0]
    assert accuracies.columns[4] == "of it only perhaps"
    accuracy, perhaps = accuracies.rows[0][2], accuracies.rows[0][4]
    assert float(str(accuracy)) - float(str(perhaps)) < float(str(accuracies.rows[0][1])) < float(str(accuracy))
    assert (
        results([model], split, classes=small_suite.class_names("test"), view=view(State()), rule="all views")[1] == {}
    )
