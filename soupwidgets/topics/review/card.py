"""What stands on the card of one image: everything that helps to judge it, as plain data."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from typing import Any

import numpy as np
from scipy.special import softmax

from soupwidgets.panel.examples import picture_of
from soupwidgets.suites import Suite
from soupwidgets.topics.diversity.members import Member
from soupwidgets.topics.mistakes.embeddings import Embeddings
from soupwidgets.topics.mistakes.mistake_guess import MistakeGuesser
from soupwidgets.topics.review.descriptions import picture_words
from soupwidgets.topics.review.judging import SIDES
from soupwidgets.topics.review.views import Image, Judgement, View

_PREDICTIONS, _NEIGHBOURS = 5, 5
# More classes than this are found in a list.
_ROWS = 10


class Cards:
    """Cards of the images of a split.

    Parameters
    ----------
    embedded
        For nearest training images and a first guess of the category; without them there are neither.
    reviewer
        Whose cards they are: everyone who judges blind has classes in another order.
    """

    def __init__(
        self, model: Member, suite: Suite, split: str, embedded: Embeddings | None, reviewer: str = ""
    ) -> None:
        self._reviewer = reviewer
        self.split, self.classes = split, suite.class_names(split)
        self._where, self._embedded = suite.splits[split], embedded
        self._reference = suite.training or suite.reference
        self._said = model.predictions(split)
        self._sure = softmax(model.scaled(split, suite), axis=1)
        self._guesser = None
        if embedded is not None:
            self._guesser = MistakeGuesser(embedded, self._where.labels, self.classes)

    def mistaken(self, row: int) -> int | None:
        """The mistaken prediction; None where it is right, or there is none."""
        said = int(self._said[row])
        return said if said not in (int(self._where.labels[row]), -1) else None

    def listed(self, row: int, judgement: Judgement, hidden: bool = False) -> list[int]:
        """Classes that have a row: label, predictions, and what was judged; all where there are few.

        Where label and prediction are ``hidden``, in a random order that is another one for every image: of many
        classes only those that were judged, since a row for the prediction would give it away.
        """
        judged = [c for side in SIDES for c in sorted(getattr(judgement, side))]
        if hidden:
            few = len(self.classes) <= _ROWS
            seed = int.from_bytes(hashlib.sha256(f"{self._reviewer}\n{self.split}\n{row}".encode()).digest()[:8])
            order = np.random.default_rng(seed).permutation(len(self.classes)).tolist()
            return order if few else [c for c in order if c in judged]
        if len(self.classes) <= _ROWS:
            return list(range(len(self.classes)))
        return list(dict.fromkeys([int(self._where.labels[row]), *self._top(row), *judged]))

    def vocabulary(self, view: View, judgement: Judgement) -> dict[str, Any]:
        """Names of classes, categories and severities, as they are called now, and as this judgement called them."""
        return {
            "classes": list(self.classes),
            "categories": _offered(view, "category", judgement.category),
            "severities": _offered(view, "severity", judgement.severity),
        }

    def blind_item(self, row: int, judgement: Judgement) -> dict[str, Any]:
        """The image and nothing else, for somebody who has not judged it yet: people's descriptions may name it."""
        return {
            **self._picture(row, ()), "hidden": True, "label": None, "predictions": [], "guess": None,
            "neighbours": [], "others": [], "listed": self.listed(row, judgement, hidden=True),
        }  # fmt: skip

    def item(self, row: int, judgement: Judgement, view: View, reviewer: str) -> dict[str, Any]:
        """The image, what models say of it, and what others say; texts are shown as texts."""
        image, label = Image(self.split, row), int(self._where.labels[row])
        guess, mistaken = None, self.mistaken(row)
        if self._guesser is not None and mistaken is not None:
            found = self._guesser.guess(row, mistaken)
            guess = {"category": found.category, "reasons": list(found.reasons)}
        said = view.by_image().get(image, {})
        picture = self._picture(row, view.described(image, reviewer))
        return {
            **picture,
            "hidden": False,
            "alt": f"{picture['alt']}, labelled {self.classes[label]}",
            "label": label,
            "listed": self.listed(row, judgement),
            "predictions": [{"class": c, "probability": float(self._sure[row, c])} for c in self._top(row)],
            "guess": guess,
            "neighbours": self._neighbours(row),
            "others": [self._sentence(view, who, j, reviewer) for who, j in said.items() if who != reviewer],
        }

    def _picture(self, row: int, told: Sequence[str]) -> dict[str, Any]:
        """An image, and what it shows in words: what people say of it first, and then what its pixels say."""
        picture = picture_of(self._where, row)
        shown = picture.to_json(large=True)
        pixels = [] if picture.image is None else [f"From its pixels: {picture_words(picture.image)}"]
        return {
            "row": row,
            "image": shown["image"],
            "text": shown["text"],
            "alt": f"{shown['alt'].partition(':')[0]} of {self.split}",
            "described": [*told, *pixels],
        }

    def _top(self, row: int) -> list[int]:
        return [int(c) for c in (-self._sure[row]).argsort(kind="stable")[:_PREDICTIONS]]

    def _neighbours(self, row: int) -> list[dict[str, str]]:
        if self._embedded is None:
            return []
        return [
            {
                "image": picture_of(self._reference, int(i)).to_json()["image"],
                "label": self.classes[self._reference.labels[i]],
            }
            for i in self._embedded.nearest(row, _NEIGHBOURS)
        ]

    def _sentence(self, view: View, who: str, judgement: Judgement, reviewer: str) -> str:
        said = [
            f"{side}: {', '.join(self.classes[c] for c in sorted(getattr(judgement, side)))}"
            for side in SIDES
            if getattr(judgement, side)
        ]
        said += ["problematic"] if judgement.problematic else []
        for id, terms in ((judgement.category, view.categories), (judgement.severity, view.severities)):
            said += [terms[id].name] if id is not None and id in terms else []
        key = next(key for key, one in view.judgements.items() if one is judgement)
        if judgement.note:
            hidden = view.hides(key, reviewer) is not None
            said += [f"{'a note,' if hidden else 'note:'} {view.told(key, judgement.note, reviewer)}"]
        how = " (blind)" if judgement.blind else ""
        return f"{view.name_of(who)}{how} \u2014 {'; '.join(said) or 'nothing'}"


def _offered(view: View, kind: str, said: str | None) -> list[dict[str, str]]:
    terms = {"category": view.categories, "severity": view.severities}[kind]
    current = view.current(kind)
    return [
        {"id": id, "name": term.name if id in current else f"{term.name} (as it was called)"}
        for id, term in terms.items()
        if id in current or id == said
    ]
