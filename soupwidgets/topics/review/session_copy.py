"""How one reviewer reads and writes a session."""

from __future__ import annotations

import hashlib
import secrets
from collections.abc import Iterable, Mapping, Sequence
from typing import Literal

from soupwidgets.suites import Suite
from soupwidgets.topics.review.merging import check_copy
from soupwidgets.topics.review.records import ID_LENGTH, Record, ReviewError, State, group_id
from soupwidgets.topics.review.signatures import SIGNED, nonce_of, removal, reviewer_id, sign_record
from soupwidgets.topics.review.storage import Erasure, ReviewStore
from soupwidgets.topics.review.views import Term, View, check_records, view

TermKind = Literal["category", "severity", "field"]


class SessionCopy:
    """One reviewer's way into a stored session: reading, signing, writing, taking back, and merging."""

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
