"""A review session, as one reviewer sees it."""

from __future__ import annotations

import secrets
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace

from soupwidgets.suites import Suite
from soupwidgets.topics.mistakes.taxonomy import CATEGORIES, SEVERITIES
from soupwidgets.topics.review.group_actions import GroupActions, group_record
from soupwidgets.topics.review.merging import FIXED, check_classes, check_image, check_sample
from soupwidgets.topics.review.records import ID_LENGTH, Record, ReviewError, State, fixed_id
from soupwidgets.topics.review.samples import Sample
from soupwidgets.topics.review.signatures import SIGNED
from soupwidgets.topics.review.storage import Erasure, ReviewStore
from soupwidgets.topics.review.views import Image, Judgement, Reviewer, check_records

AGREEMENT = """\
What we agree on before we start. Change this text until everybody can agree to it.

Consent: taking part is voluntary, and you may stop at any time without giving a reason. What you said can be taken \
back, one judgement or all of them.
Conduct: we talk about images, not about the people in them or the people here. We disagree with judgements, not \
with people. Nobody has to explain who they are.
Credit: names are optional. If you want to be named in the results, say so, and how.
Confidentiality: what is said here stays here. A judgement leaves the group only if its author shares it.
"""


class ReviewSession(GroupActions):
    """Judgements of a group on the images of a suite.

    There are no accounts. Everyone who joins gets a *code*; its hash is the reviewer's id. The code is never stored:
    with it, one can continue from another machine, change the name, and withdraw judgements.

    Parameters
    ----------
    store
        The store of the session.
    id
        Id of the session.
    code
        Code of an existing reviewer; None joins as a new reviewer.

    Raises
    ------
    ReviewError
        When the store has no such session, or the reviewer has withdrawn everything.

    Attributes
    ----------
    state
        The content as of the last read of the store; see ``refresh``.
    code, reviewer
        Code and id of this reviewer: keep the code to come back.
    """

    @classmethod
    def create(cls, store: ReviewStore, suite: Suite, title: str, *, code: str | None = None) -> ReviewSession:
        """Start a session about a suite, with the published categories and severities, and a draft agreement.

        Parameters
        ----------
        code
            Code of the reviewer who starts it; a new one when None.
        """
        session = secrets.token_hex(ID_LENGTH // 2)
        splits = {s.name: {"images": len(s), "sha256": s.content_hash} for s in suite.splits.values()}
        classes = {name: list(suite.class_names(name)) for name in splits}
        body = {"title": title, "suite": suite.name, "classes": classes, "splits": splits, SIGNED: True, FIXED: True}
        first = [Record(session, "session", "", body), group_record(session, "agreement", {"text": AGREEMENT})]
        for kind, names in (("category", CATEGORIES), ("severity", SEVERITIES)):
            first += [group_record(session, kind, {"name": name, "place": place}) for place, name in enumerate(names)]
        check_records(State.of(first))
        store.write(session, first)
        return cls(store, session, code=code)

    def mine(self) -> dict[Image, Judgement]:
        """The judgements of this reviewer, by image."""
        return {j.image: j for (author, _), j in self.view.judgements.items() if author == self.reviewer}

    def judge(self, judgement: Judgement) -> None:
        """Store or change a judgement of an image. It is on disk when this returns.

        Raises
        ------
        ReviewError
            When the session is not about this image or these classes, a term is unknown, or nothing can be written.
        """
        self.check_judgement(judgement)
        same = [
            key for key, j in self.view.judgements.items() if key[0] == self.reviewer and j.image == judgement.image
        ]
        body = judgement.to_body()
        self._write([self._changed(self.state.records[same[0]], body) if same else self._new("judgement", body)])

    def check_judgement(self, judgement: Judgement) -> None:
        """Make sure that a judgement can be stored in this session.

        Raises
        ------
        ReviewError
            When the session is not about this image or these classes, or a term is unknown.
        """
        if self.view.facts is None:
            raise ReviewError(f"session {self.id} does not say what it is about")
        check_classes(self.view.facts, judgement)
        self._check_term("category", judgement.category)
        self._check_term("severity", judgement.severity)

    def share(self, images: Iterable[Image], *, shared: bool = True) -> None:
        """Let judgements of this reviewer leave the group, or no longer."""
        mine = self.mine()
        for image in images:
            if image not in mine:
                raise ReviewError(f"you have not judged image {image.row} of {image.split!r}")
            self.judge(replace(mine[image], shared=shared))

    def take_back(self, image: Image) -> Erasure:
        """Remove this reviewer's judgement of an image, here and in every copy that is merged later.

        Returns whether its bytes are erased, and where they may still exist.
        """
        ids = [r.id for r in self.state.records.values() if r.kind == "judgement" and r.author == self.reviewer
               and (r.body.get("split"), r.body.get("row")) == (image.split, image.row)]  # fmt: skip
        if not ids:
            raise ReviewError(f"you have not judged image {image.row} of {image.split!r}")
        return self._take_back(ids)

    def withdraw(self) -> Erasure:
        """Withdraw everything: judgements, slices, notes, name. To continue, join again as a new reviewer."""
        done = self._take_back([self.reviewer])
        self.code = secrets.token_hex(8)
        self.reviewer = self._reviewer()
        return done

    def rename(self, name: str, answers: Mapping[str, str] | None = None, *, credit: bool | None = None) -> None:
        """Choose a new name, or none (empty); the old one is not kept anywhere.

        Parameters
        ----------
        answers
            Answers to the fields that the group added, by field id; unchanged when None.
        credit
            Whether exports of what this reviewer shares name them; unchanged when None, and at first no.
        """
        before = self.view.reviewers.get(self.reviewer, Reviewer())
        given = dict(before.answers if answers is None else answers)
        for key in given:
            self._check_term("field", key)
        body = {"name": name, "answers": given, "credit": before.credit if credit is None else credit}
        same = [r for r in self.state.records.values() if (r.kind, r.author) == ("reviewer", self.reviewer)]
        self._write([self._changed(same[0], body) if same else self._new("reviewer", body, "reviewer")])

    def add_slice(self, name: str, why: str, *, split: str, rows: Sequence[int]) -> str:
        """Name a set of images that matters, and say why; returns its id.

        Raises
        ------
        ReviewError
            When the set is empty, has no name, or an image is not in the split.
        """
        if not rows or not name.strip():
            raise ReviewError("a slice needs a name and at least one image")
        for row in rows:
            check_image(self.view.facts, Image(split, int(row)))
        body = {"name": name.strip(), "why": why, "split": split, "rows": sorted({int(row) for row in rows})}
        record = self._new("slice", body)
        self._write([record])
        return record.id

    def add_sample(self, sample: Sample) -> str:
        """Record how images were drawn, so that what is found in them can be counted up to all; returns its id.

        It belongs to the group, names nobody, and can be changed by nobody. The same sample has the same id
        in every copy.

        Raises
        ------
        ReviewError
            When the session is not about the split, or about another number of images.
        """
        check_sample(self.view.facts, sample)
        body = sample.to_body()
        id = fixed_id(self.id, "sample", body)
        if id not in self.view.samples:
            self._write([Record(id, "sample", "", body)])
        return id
