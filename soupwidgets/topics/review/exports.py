"""Exports of a review, with a summary before anything is written."""

from __future__ import annotations

from collections.abc import Callable
from html import escape
from pathlib import Path

import ipywidgets

from soupwidgets.panel.html import error_message
from soupwidgets.suites import Split, write_slice
from soupwidgets.topics.review.files import export_labels, write_session
from soupwidgets.topics.review.label_set import Rule
from soupwidgets.topics.review.major import major_slice
from soupwidgets.topics.review.session import ReviewSession


class ReviewExports(ipywidgets.VBox):  # type: ignore[misc]
    """Lets the user choose an export, shows what it would contain, and only then writes it.

    Parameters
    ----------
    session
        The session.
    split
        The split of the images.
    rule
        Returns the current rule by which labels are settled.
    """

    def __init__(self, session: ReviewSession, split: Split, rule: Callable[[], Rule]) -> None:
        self._session, self._split, self._rule = session, split, rule
        self._write: Callable[[Path], Path] | None = None
        self._kinds: dict[str, tuple[str, Callable[[], None]]] = {
            "labels after review": ("labels.json", self._labels),
            "the 'major' slice": ("major.json", self._major),
            "the whole session, for the group": ("session.json", self._whole),
        }
        self.kind = ipywidgets.Dropdown(description="Export", options=list(self._kinds))
        self.names = ipywidgets.Checkbox(description="name those who share", value=False, indent=False)
        self.file_name = ipywidgets.Text(value="labels.json", description="File")
        self.look = ipywidgets.Button(description="Say what is in it")
        self.write = ipywidgets.Button(description="Write it", disabled=True)
        why = "Let all your judgements leave the group"
        self.share = ipywidgets.Button(description="Share all of mine", tooltip=why)
        self.summary = ipywidgets.HTML()
        row = ipywidgets.HBox([self.kind, self.names, self.file_name, self.look, self.write, self.share])
        row.layout.flex_flow = "row wrap"
        super().__init__([row, self.summary])
        self.kind.observe(lambda _: self._choose(), "value")
        for widget in (self.names, self.file_name):
            widget.observe(lambda _: self._forget(), "value")
        self.look.on_click(lambda _: self._try(self._kinds[self.kind.value][1]))
        self.write.on_click(lambda _: self._try(self._save))
        self.share.on_click(lambda _: self._try(self._share))

    def _choose(self) -> None:
        self.file_name.value = self._kinds[self.kind.value][0]
        self._forget()

    def _forget(self) -> None:
        """Clear the summary: it no longer describes what would be written."""
        self._write, self.write.disabled, self.summary.value = None, True, ""

    def _try(self, act: Callable[[], None]) -> None:
        try:
            act()
        except Exception as error:
            self._forget()
            self.summary.value = error_message(error)

    def _ready(self, sentences: tuple[str, ...], write: Callable[[Path], Path]) -> None:
        self._write, self.write.disabled = write, False
        items = "".join(f"<li>{escape(sentence)}</li>" for sentence in sentences)
        self.summary.value = (
            f'<div role="status" style="font-size:13px;color:#222"><b>This would be in '
            f"{escape(self.file_name.value)}:</b><ul>{items}</ul></div>"
        )

    def _labels(self) -> None:
        export = export_labels(self._session.refresh(), self._split, rule=self._rule(), names=self.names.value)
        self._ready(export.summary, export.write)

    def _major(self) -> None:
        found = major_slice(self._session.refresh(), self._split, rule=self._rule())
        sentences = (
            f"{len(found):,} images of {self._split.name!r}, each with one label, and why they were chosen.",
            "Only of judgements that their reviewers share. No names, no notes, no pixels.",
            "Suite.open(folder, slices=[this file]) opens it as a split.",
        )
        self._ready(sentences, lambda path: write_slice(path, found))

    def _whole(self) -> None:
        view, state = self._session.refresh(), self._session.state
        named = sum(bool(one.name) for one in view.reviewers.values())
        private = sum(not judgement.shared for judgement in view.judgements.values())
        sentences = (
            f"Everything: {len(view.judgements):,} judgements ({private:,} of them not shared), notes, slices, "
            f"the agreement, and {named} names.",
            "It is for merging with other copies in the group: do not give it to anybody else.",
            "What is taken back later disappears from a copy when that is merged, not before.",
        )
        self._ready(sentences, lambda path: write_session(path, self._session.id, state))

    def _share(self) -> None:
        mine = self._session.mine()
        self._session.share(mine)
        self._forget()
        self.summary.value = _said(f"{len(mine):,} judgements of yours may now leave the group.")

    def _save(self) -> None:
        if self._write is None:
            return
        path = self._write(Path(self.file_name.value))
        self._forget()
        self.summary.value = _said(f"written: {path}")


def _said(sentence: str) -> str:
    return f'<div role="status" style="font-size:13px;color:#222">{escape(sentence)}</div>'
