"""What comes with exported data: how it was sampled, by whom, under which agreement, and what fell short."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from math import isfinite
from typing import Any

from soupwidgets.topics.review.agreement import agreement
from soupwidgets.topics.review.content import Image, text_hash
from soupwidgets.topics.review.views import View

NOT_DRAWN = "No random drawing is recorded: what was found in these images cannot be counted up to all images."


def data_statement(known: View, split: str) -> dict[str, Any]:
    """What readers of an export need to know, from what is shared and nothing else.

    Parameters
    ----------
    known
        The session's content.
    split
        Of which split.

    Returns
    -------
    dict[str, Any]
        Plain values: ``sampled``, ``reviewers``, ``agreed on``, ``agreement`` and ``fell short``, and ``sentences``
        that say it all in words.

    Notes
    -----
    What to say follows Bender and Friedman (2018), Transactions of the ACL 6, 'Data statements for natural language
    processing', as far as a session knows it: nothing is asked about people that they did not write themselves.
    """
    filed = known.filed.items()
    mine = {key: j for key, j in filed if j.image.split == split and j.shared}
    shared = replace(known, judgements=mine)
    people = sorted({author for author, _ in mine})
    now, seen = text_hash(known.agreement), {j.image for j in mine.values()}
    told = {
        "to the present text": sum(now in known.consents.get(who, ()) for who in people),
        "to an earlier text only": sum(bool(known.consents.get(who)) and not known.consented(who) for who in people),
        "nothing recorded": sum(not known.consents.get(who) for who in people),
    }
    notes = {key: note for key, note in known.shortfalls.items() if note.shared}
    statement = {
        "sampled": [
            {
                "name": sample.name, "model": sample.model, "strata": list(sample.strata),
                "images": list(sample.sizes), "drawn": list(sample.drawn),
                "reviewed": sum(Image(split, row) in seen for row in sample.rows),
            }
            for sample in known.samples.values() if sample.split == split
        ],
        "reviewers": {
            "number": len(people), "judgements": len(mine), "blind": sum(j.blind for j in mine.values()),
            "credits": credits(known, people), "agreed": told,
        },
        "agreed on": {"text": known.agreement, "sha256": now, "versions": len(known.agreements)},
        "agreement": [
            {"question": one.question, "images": one.images, "alpha": _finite(one.alpha), "low": _finite(one.low),
             "high": _finite(one.high)}
            for one in agreement(shared, split) if one.images
        ],
        "fell short": sorted(note.text for key, note in notes.items() if known.hides(key) is None),
        "hidden by the group": sorted(one.why for key in notes if (one := known.hides(key)) is not None),
    }  # fmt: skip
    return statement | {"sentences": _sentences(statement, len(seen))}


def statements(known: View) -> dict[str, dict[str, Any]]:
    """The statement of every split that has judgements or samples."""
    splits = {j.image.split for j in known.judgements.values()} | {one.split for one in known.samples.values()}
    return {split: data_statement(known, split) for split in sorted(splits)}


def credits(known: View, people: list[str]) -> list[str]:
    """Names of those who want to be named, as they are called now."""
    wishes = [known.reviewers[who] for who in people if who in known.reviewers]
    return sorted(one.name for one in wishes if one.credit and one.name)


def _sentences(statement: Mapping[str, Any], images: int) -> list[str]:
    people, agreed = statement["reviewers"], statement["reviewers"]["agreed"]
    found = [
        f"How sampled: {_sampled(one)}" for one in statement["sampled"] if one["reviewed"]
    ] or [f"How sampled: {NOT_DRAWN}"]  # fmt: skip
    who = "1 reviewer" if people["number"] == 1 else f"{people['number']} reviewers"
    found.append(
        f"By whom: {who}, {people['judgements']:,} judgements of {images:,} images, "
        f"{people['blind']:,} of them blind. Named: {', '.join(people['credits']) or 'nobody'}, by their own choice."
    )
    told = ", ".join(f"{number} {words}" for words, number in agreed.items() if number)
    version = statement["agreed on"]["versions"]
    found.append(f"Which agreement: version {version} of the group's text; who agreed: {told or 'nobody'}.")
    alphas = [f"{one['question']} {one['alpha']:.2f}" for one in statement["agreement"] if one["alpha"] is not None]
    found.append(f"How far reviewers agree (Krippendorff's alpha): {'; '.join(alphas) or 'not known'}.")
    fell = [*statement["fell short"], *(f"(hidden by the group: {why})" for why in statement["hidden by the group"])]
    found.append(f"What fell short: {' '.join(fell) or 'nobody has shared a note on that.'}")
    return found


def _sampled(one: Mapping[str, Any]) -> str:
    parts = zip(one["strata"], one["drawn"], one["images"], strict=True)
    drawn = ", ".join(f"{drawn:,} of {images:,} {name}" for name, drawn, images in parts)
    model = f" of {one['model']}" if one["model"] else ""
    return f"{one['name']}: {drawn}{model} drawn at random, {one['reviewed']:,} of them reviewed."


def _finite(value: float) -> float | None:
    return value if isfinite(value) else None
