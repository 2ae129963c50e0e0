from __future__ import annotations

import string
from itertools import permutations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from soupwidgets.topics.review.records import Record, ReviewError, State

IDS = [c * 32 for c in "abcdef0123"]
AUTHORS = ["", *IDS[:3]]
# Few ids and few versions: records collide all the time.
RECORDS = st.builds(
    Record,
    st.sampled_from(IDS),
    st.sampled_from(["judgement", "slice"]),
    st.sampled_from(AUTHORS),
    st.dictionaries(st.sampled_from("xy"), st.integers(0, 2)),
    st.integers(1, 3),
)
STATES = st.builds(State.of, st.lists(RECORDS, max_size=8), st.sets(st.sampled_from(IDS), max_size=3))


@given(STATES, STATES, STATES)
def test_copies_merge_in_any_order_any_number_of_times(a: State, b: State, c: State) -> None:
    assert a.merge(b) == b.merge(a)
    assert a.merge(b).merge(c) == a.merge(b.merge(c))
    assert a.merge(a) == a
    assert a.merge(b).merge(b) == a.merge(b)
    for order in permutations([a, b, c]):
        assert order[0].merge(order[1]).merge(order[2]) == a.merge(b).merge(c)


@given(STATES, STATES)
def test_what_was_taken_back_is_nowhere(a: State, b: State) -> None:
    merged = a.merge(b)
    assert merged.gone == a.gone | b.gone
    for record in merged.records.values():
        assert record.id not in merged.gone
        assert record.author not in merged.gone


@given(STATES)
def test_a_later_version_holds_until_it_is_taken_back(state: State) -> None:
    for key, record in state.records.items():
        later = record.changed({"x": 7})
        assert state.merge(State.of([later])).records[key] == later
        assert State.of([later]).merge(state).records[key] == later
        assert key not in State.of([later]).merge(State.of([], [record.id])).merge(state).records


@pytest.mark.parametrize(
    ("record", "why"),
    [
        (Record("../x", "slice", "", {}), "hexadecimal"),
        (Record(IDS[0], "slice", "me", {}), "hexadecimal"),
        (Record(IDS[0], "virus", "", {}), "unknown kind 'virus'"),
        (Record(IDS[0], "slice", "", {}, 0), "version 0"),
        (Record(IDS[0], "slice", "", {}, 1 << 50), "out of range"),
        (Record(IDS[0], "slice", "", {}, True), "out of range"),
        (Record(IDS[0], "slice", "", [1]), "expected an object"),  # type: ignore[arg-type]
        (Record(IDS[0], "slice", "", {"x": float("nan")}), "cannot be written as JSON"),
        (Record(IDS[0], "slice", "", {"x": "a" * (1 << 21)}), "at most"),
    ],
)
def test_what_cannot_be_stored_is_refused(record: Record, why: str) -> None:
    with pytest.raises(ReviewError, match=why):
        record.check()


@given(st.text(alphabet=string.printable + "\u0000\u202e\ud800é", max_size=20))
def test_any_text_is_written_as_plain_ascii(text: str) -> None:
    assert Record(IDS[0], "slice", "", {"x": text}).text.isascii()
