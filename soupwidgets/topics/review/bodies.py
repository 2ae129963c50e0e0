"""From records' bodies, which may come from anybody, to what they mean; what is malformed raises an error."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from soupwidgets.topics.review.content import (
    Description,
    Facts,
    Hidden,
    Image,
    Judgement,
    Reviewer,
    Shortfall,
    Slice,
    SplitFacts,
    Term,
)
from soupwidgets.topics.review.plain_values import (
    LONGEST_TEXT,
    an_id,
    flag,
    id_or_none,
    number,
    numbers,
    rows,
    text,
)
from soupwidgets.topics.review.samples import MOST_STRATA, Sample


def judgement(body: Mapping[str, Any]) -> Judgement:
    """Read what was said of an image; bodies of earlier versions say nothing of blindness."""
    correct, unclear, wrong = (frozenset(rows(body[kind])) for kind in ("correct", "unclear", "wrong"))
    if correct & unclear or correct & wrong or unclear & wrong:
        raise ValueError("a class cannot be more than one of correct, unclear and wrong")
    return Judgement(
        Image(text(body["split"]), number(body["row"])),
        correct,
        unclear,
        wrong,
        problematic=flag(body["problematic"]),
        prediction=None if body["prediction"] is None else number(body["prediction"]),
        category=id_or_none(body["category"]),
        severity=id_or_none(body["severity"]),
        note=text(body["note"], LONGEST_TEXT),
        shared=flag(body["shared"]),
        blind=flag(body.get("blind", False)),
        filed=flag(body.get("filed", True)),
    )


def reviewer(body: Mapping[str, Any]) -> Reviewer:
    """Read a name and answers to the group's fields."""
    answers = {an_id(key): text(value) for key, value in dict(body["answers"]).items()}
    return Reviewer(text(body["name"]), answers, flag(body.get("credit", False)))


def term(body: Mapping[str, Any]) -> Term:
    """Read a category, a severity or a field."""
    return Term(text(body["name"]), number(body["place"]), id_or_none(body.get("after")))


def image_slice(body: Mapping[str, Any]) -> Slice:
    """Read a set of images that matters to somebody."""
    return Slice(text(body["name"]), text(body["why"], LONGEST_TEXT), text(body["split"]), rows(body["rows"]))


def written(body: Mapping[str, Any]) -> str:
    """Read a text."""
    return text(body["text"], LONGEST_TEXT)


def shortfall(body: Mapping[str, Any]) -> Shortfall:
    """Read a note on what fell short; those of earlier versions are not shared."""
    return Shortfall(written(body), flag(body.get("shared", False)))


def consent(body: Mapping[str, Any]) -> str:
    """Read to which text somebody agreed: its hash."""
    return text(body["text"], 64)


def hidden(body: Mapping[str, Any], by: str) -> Hidden:
    """Read what somebody hid."""
    return Hidden(by, (an_id(body["author"]), an_id(body["of"])), flag(body["group"]), text(body["why"], LONGEST_TEXT))


def description(body: Mapping[str, Any]) -> Description:
    """Read what a picture shows."""
    return Description(Image(text(body["split"]), number(body["row"])), written(body))


def facts(body: Mapping[str, Any]) -> Facts:
    """Read what a session is about."""
    splits = {text(k): SplitFacts(number(v["images"]), text(v["sha256"])) for k, v in dict(body["splits"]).items()}
    classes = {text(k): tuple(text(name) for name in list(v)) for k, v in dict(body["classes"]).items()}
    if set(classes) != set(splits):
        raise ValueError("splits and classes are not about the same splits")
    return Facts(text(body["title"]), text(body["suite"]), classes, splits)


def sample(body: Mapping[str, Any]) -> Sample:
    """Read how images were drawn."""
    strata, of, drawn = tuple(text(name) for name in list(body["strata"])), body["of"], numbers(body["rows"])
    if not 1 <= len(strata) <= MOST_STRATA or not isinstance(of, str):
        raise ValueError(f"expected 1 to {MOST_STRATA} strata, and a digit for each image")
    if len(set(drawn)) < len(drawn) or not drawn or max(drawn) >= len(of):
        raise ValueError("the images drawn are not some of the split, each once")
    if not set(of) <= set("0123456789"[: len(strata)]):
        raise ValueError("an image belongs to no stratum")
    return Sample(text(body["name"]), text(body["split"]), text(body["model"]), strata, of, drawn)
