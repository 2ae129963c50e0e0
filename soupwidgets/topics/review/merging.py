"""Checks on what another copy of a session may change; it may have been edited by hand."""

from __future__ import annotations

from soupwidgets.topics.review.records import Record, ReviewError, State, fixed_id
from soupwidgets.topics.review.samples import Sample
from soupwidgets.topics.review.signatures import SIGNED, check_signature
from soupwidgets.topics.review.views import Facts, Image, Judgement, check_records, view

# More changes than anybody makes between two merges; a limit keeps anyone from overriding others for ever.
_MOST_AHEAD = 1000
# Whether what belongs to the group is added to, and never changed.
FIXED = "fixed"
_NEVER_CHANGED = ("sample", "category", "severity", "field", "agreement")
# Limits on the work of checking a copy.
_MOST_RECORDS, _MOST_REVIEWERS = 50_000, 1000


def check_copy(session: str, mine: State, other: State) -> None:
    """Check that a copy changes nothing that belongs to somebody else.

    Records and removals are signed by their authors; what belongs to the group (terms, the agreement) may be changed
    by anybody, but not so often that others cannot change it back.

    Raises
    ------
    ReviewError
        At the first thing that is wrong, belongs to another session, or exceeds a limit.
    """
    if len(other.records) > _MOST_RECORDS or len(other.gone) > _MOST_RECORDS:
        raise ReviewError(f"the other copy has more than {_MOST_RECORDS:,} records: a changed file?")
    if len({record.author for record in other.records.values()}) > _MOST_REVIEWERS:
        raise ReviewError(f"the other copy has more than {_MOST_REVIEWERS:,} reviewers: a changed file?")
    merged = check_records(other)
    title = mine.records.get(("", session))
    facts = view(mine).facts
    if title is None or facts is None:
        raise ReviewError(f"session {session} does not say what it is about: it cannot be merged")
    if any(("", id) in mine.records for id in other.gone):
        raise ReviewError("the other copy takes back something that belongs to the group: a changed file?")
    for record in other.records.values():
        before = mine.records.get(record.key)
        if before is not None and before.kind != record.kind:
            raise ReviewError(f"{record.kind} {record.id} is a {before.kind} here: a changed file?")
        if record.kind == "session" and (before is None or before.text != record.text):
            raise ReviewError("the other copy is about other images: it does not belong to this session")
    for judgement in merged.judgements.values():
        check_classes(facts, judgement)
    for one in merged.slices.values():
        for row in one.rows:
            check_image(facts, Image(one.split, row))
    for sample in merged.samples.values():
        check_sample(facts, sample)
    for description in merged.descriptions.values():
        check_image(facts, description.image)
    kept = _NEVER_CHANGED if title.body.get(FIXED) is True else ("sample",)
    for record in other.records.values():
        if record.kind in kept and record.id != fixed_id(session, record.kind, record.body):
            raise ReviewError(
                f"{record.kind} {record.id} says something else than when it was made: a changed file, or one of an "
                "older version, in which a new name replaced the old one?"
            )
    signed = title.body.get(SIGNED) is True
    for record in other.records.values():
        before = mine.records.get(record.key)
        if before == record:
            continue
        if record.kind == "removal" or (signed and record.author):
            check_signature(session, record)
        else:
            _check_version(record, before)
    proved = {str(r.body.get("of")) for state in (mine, other) for r in state.records.values() if r.kind == "removal"}
    for id in sorted(other.gone - mine.gone):
        if signed and id not in proved:
            raise ReviewError(f"the other copy takes {id} back without its author's signature: a changed file?")
        if not signed and any(id in (record.id, record.author) for record in mine.records.values()):
            raise ReviewError(
                f"the other copy takes {id} back, and this session was created by a version without signatures, so "
                "it is not clear who did that: take it back here as well, with its reviewer's code"
            )


def check_classes(facts: Facts, judgement: Judgement) -> None:
    """Raise `ReviewError` unless a judgement is about an image and classes of the session."""
    check_image(facts, judgement.image)
    classes = len(facts.classes[judgement.image.split])
    said = [*judgement.correct, *judgement.unclear, *judgement.wrong]
    said += [] if judgement.prediction is None else [judgement.prediction]
    outside = [c for c in said if not 0 <= c < classes]
    if outside:
        raise ReviewError(f"{judgement.image.split!r} has classes 0..{classes - 1}, not {outside[0]}")


def check_sample(facts: Facts | None, sample: Sample) -> None:
    """Raise `ReviewError` unless a sample was drawn from a split of the session."""
    check_image(facts, Image(sample.split, max(sample.rows)))
    if facts is None or len(sample.of) != facts.splits[sample.split].images:
        raise ReviewError(f"the sample {sample.name!r} is of another number of images than {sample.split!r} has")


def check_image(facts: Facts | None, image: Image) -> None:
    """Raise `ReviewError` unless the session is about the image."""
    if facts is None or image.split not in facts.splits:
        raise ReviewError(f"the session is not about a split {image.split!r}")
    if not 0 <= image.row < facts.splits[image.split].images:
        raise ReviewError(f"{image.split!r} has images 0..{facts.splits[image.split].images - 1}, not {image.row}")


def _check_version(record: Record, before: Record | None) -> None:
    ahead = record.version - (0 if before is None else before.version)
    if ahead > _MOST_AHEAD:
        raise ReviewError(f"{record.kind} {record.id} counts {ahead:,} changes not seen here: a changed file?")
