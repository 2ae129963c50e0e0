"""A review session, as one reviewer sees it."""

from __future__ import annotations

import hashlib
import secrets
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from typing import Literal

from soupwidgets.suites import Suite
from soupwidgets.topics.mistakes.taxonomy import CATEGORIES, SEVERITIES
from soupwidgets.topics.review.merging import check_classes, check_copy, check_image, check_sample
from soupwidgets.topics.review.records import ID_LENGTH, Record, ReviewError, State, fixed_id, group_id
from soupwidgets.topics.review.samples import Sample
from soupwidgets.topics.review.signatures import SIGNED, nonce_of, removal, reviewer_id, sign_record
from soupwidgets.topics.review.storage import Erasure, ReviewStore
from soupwidgets.topics.review.views import Image, Judgement, Reviewer, Term, View, check_records, view

TermKind = Literal["category", "severity", "field"]
AGREEMENT = """\
What we agree on before we start. Change this text until everybody can agree to it.

Consent: taking part is voluntary, and you may stop at any time without giving a reason. What you said can be taken \
back, one judgement or all of them.
Conduct: we talk about images, not about the people in them or the people here. We disagree with judgements, not \
with people. Nobody has to explain who they are.
Credit: names are optional. If you want to be named in the results, say so, and how.
Confidentiality: what is said here stays here. A judgement leaves the group only if its author shares it.
"""


class ReviewSession:
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
        The content as of the last read of the store; see `refresh`.
    code, reviewer
        Code and id of this reviewer: keep the code to come back.
    """

    def __init__(self, store: ReviewStore, id: str, *, code: str | None = None) -> None:
        self.store, self.id = store, id
        self.code = secrets.token_hex(8) if code is None else code.strip()
        self.state = State()
        self.refresh()
        if ("", id) not in self.state.records:
            known = ", ".join(store.sessions()) or "none"
            raise ReviewError(f"{store.where} has no session {id!r}; it has {known}")
        self._signed = self.state.records["", id].body.get(SIGNED) is True
        self.reviewer = self._reviewer()
        if self.reviewer in self.state.gone:
            raise ReviewError("everything by this reviewer was taken back; join again without a code")

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
        body = {"title": title, "suite": suite.name, "classes": classes, "splits": splits, SIGNED: True}
        first = [Record(session, "session", "", body), Record(group_id(session, "agreement"), "agreement", "",
                                                              {"text": AGREEMENT})]  # fmt: skip
        for kind, names in (("category", CATEGORIES), ("severity", SEVERITIES)):
            first += [
                Record(group_id(session, kind, name), kind, "", {"name": name, "place": place})
                for place, name in enumerate(names)
            ]
        check_records(State.of(first))
        store.write(session, first)
        return cls(store, session, code=code)

    def __repr__(self) -> str:
        return f"ReviewSession({self.id!r}, {len(self.view.judgements)} judgements)"

    def refresh(self) -> View:
        """Read from the store what others have written meanwhile."""
        self.state = self.store.read(self.id)
        try:
            self.view = view(self.state)
        except ReviewError as error:
            raise ReviewError(f"{self.store.where}: {error}") from error
        return self.view

    def check(self, suite: Suite, splits: Sequence[str] | None = None) -> None:
        """Check that a suite has exactly the images that the session is about.

        Parameters
        ----------
        splits
            Splits to check; all of the session when None. Distribution shifts are computed, and another
            processor may round a pixel differently.

        Raises
        ------
        ReviewError
            When a split is missing, or its images or labels differ.
        """
        facts = self.view.facts
        if facts is None:
            raise ReviewError(f"session {self.id} does not say what it is about")
        for name in facts.splits if splits is None else splits:
            if name not in facts.splits:
                raise ReviewError(f"the session is not about a split {name!r}")
            if name not in suite.splits:
                raise ReviewError(
                    f"the session is about {facts.suite!r} with a split {name!r}, which the suite does not have"
                )
            if suite.splits[name].content_hash != facts.splits[name].sha256:
                raise ReviewError(f"{name!r}: the suite's images or labels are not those that the session is about")

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

    def take_back_record(self, id: str) -> Erasure:
        """Remove a slice or a note by this reviewer."""
        record = self.state.records.get((self.reviewer, id))
        if record is None or record.kind not in ("slice", "shortfall"):
            raise ReviewError("this is not yours to take back")
        return self._take_back([id])

    def withdraw(self) -> Erasure:
        """Withdraw everything: judgements, slices, notes, name. To continue, join again as a new reviewer."""
        done = self._take_back([self.reviewer])
        self.code = secrets.token_hex(8)
        self.reviewer = self._reviewer()
        return done

    def rename(self, name: str, answers: Mapping[str, str] | None = None) -> None:
        """Choose a new name, or none (empty); the old one is not kept anywhere.

        Parameters
        ----------
        answers
            Answers to the fields that the group added, by field id; unchanged when None.
        """
        before = self.view.reviewers.get(self.reviewer, Reviewer())
        given = dict(before.answers if answers is None else answers)
        for key in given:
            self._check_term("field", key)
        body = {"name": name, "answers": given}
        same = [r for r in self.state.records.values() if (r.kind, r.author) == ("reviewer", self.reviewer)]
        self._write([self._changed(same[0], body) if same else self._new("reviewer", body, "reviewer")])

    def add_term(self, kind: TermKind, name: str) -> str:
        """Add a category, a severity, or a field about reviewers; returns its id."""
        self.refresh()
        terms = self._terms(kind)
        same = [id for id, term in terms.items() if term.name.strip().lower() == name.strip().lower()]
        if same or not name.strip():
            raise ReviewError(f"{name!r}: a {kind} needs a name that is not taken")
        place = 1 + max((term.place for term in terms.values()), default=-1)
        record = Record(secrets.token_hex(ID_LENGTH // 2), kind, "", {"name": name.strip(), "place": place})
        self._write([record])
        return record.id

    def rename_term(self, id: str, name: str) -> None:
        """Rename a category, a severity or a field; existing judgements follow."""
        record = self.state.records.get(("", id))
        if record is None or record.kind not in ("category", "severity", "field"):
            raise ReviewError(f"the group has no term {id!r}")
        if not name.strip():
            raise ReviewError(f"a {record.kind} needs a name")
        self._write([record.changed({**record.body, "name": name.strip()})])

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

    def agree(self, text: str) -> None:
        """Change the group's agreement.

        Raises
        ------
        ReviewError
            When somebody else changed it since this reviewer last read it; neither text is lost.
        """
        seen = self.view.agreement
        if self.refresh().agreement != seen:
            raise ReviewError("somebody changed the agreement meanwhile: read it, and change it again")
        body, before = {"text": text}, self.state.records.get(("", group_id(self.id, "agreement")))
        self._write([Record(group_id(self.id, "agreement"), "agreement", "", body) if before is None
                     else before.changed(body)])  # fmt: skip

    def fell_short(self, text: str) -> str:
        """Write at the end what fell short; returns the note's id."""
        record = self._new("shortfall", {"text": text})
        self._write([record])
        return record.id

    def merge(self, other: State) -> None:
        """Merge another copy of the session; order and repetition do not matter.

        Raises
        ------
        ReviewError
            When a record is malformed, about other images, or not by its stated author; nothing is merged then.
        """
        check_copy(self.id, self.state, other)
        self.store.write(self.id, other.records.values(), taken_back=other.gone)
        self.refresh()

    def _new(self, kind: str, body: Mapping[str, object], nonce: str = "") -> Record:
        if self._signed:
            return sign_record(self.id, self.code, kind=kind, body=body, nonce=nonce)
        id = group_id(self.reviewer, nonce) if nonce else secrets.token_hex(ID_LENGTH // 2)
        return Record(id, kind, self.reviewer, body)

    def _changed(self, before: Record, body: Mapping[str, object]) -> Record:
        if not self._signed:
            return before.changed(body)
        return sign_record(
            self.id, self.code, kind=before.kind, body=body, nonce=nonce_of(before), version=before.version + 1
        )

    def _reviewer(self) -> str:
        # The id used in sessions without signatures.
        of_before = hashlib.sha256(b"soupwidgets reviewer\n" + self.code.encode()).hexdigest()[:ID_LENGTH]
        return reviewer_id(self.code) if self._signed else of_before

    def _take_back(self, ids: Sequence[str]) -> Erasure:
        nonces = {r.id: nonce_of(r) for r in self.state.records.values() if r.author == self.reviewer}
        proofs = [removal(self.id, self.code, id, nonce=nonces.get(id, "")) for id in ids] if self._signed else []
        done = self._write(proofs, ids)
        assert done is not None
        return done

    def _write(self, records: Iterable[Record], taken_back: Iterable[str] = ()) -> Erasure | None:
        given, lost = list(records), list(taken_back)
        check_records(State.of(given, lost))
        done = self.store.write(self.id, given, taken_back=lost)
        self.refresh()
        return done

    def _terms(self, kind: TermKind) -> Mapping[str, Term]:
        return {"category": self.view.categories, "severity": self.view.severities, "field": self.view.fields}[kind]

    def _check_term(self, kind: TermKind, id: str | None) -> None:
        # Somebody may have added it since the store was read.
        if id is not None and id not in self._terms(kind) and self.refresh() and id not in self._terms(kind):
            raise ReviewError(f"the group has no {kind} {id!r}")
