"""What a reviewer does, one step after the other: each is folded into a judgement, and stored at once."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from typing import Any

from soupwidgets.topics.review.session import ReviewSession
from soupwidgets.topics.review.views import Image, Judgement

SIDES = ("correct", "unclear", "wrong")
# A key takes a class through these, and round again.
_TURNS = (None, *SIDES)
_MOVES = {"next": 1, "previous": -1}


class Judging:
    """One reviewer at work on the images of a split.

    What was pressed says what is to change, never what is to be: so nothing is lost however fast it comes.

    Parameters
    ----------
    mistaken
        Row to the mistaken prediction there, None where there is none.
    listed
        Row and judgement to the classes that stand on the card, in their order.

    Attributes
    ----------
    status, problem
        What happened last; an error that kept something from being stored, empty for none.
    unsaved
        What was said and could not be stored: it stays on the screen, and is tried again with every step.
    shown
        Images whose label and prediction this reviewer has seen: what is said of them now is not blind.
    """

    def __init__(
        self,
        session: ReviewSession,
        split: str,
        mistaken: Callable[[int], int | None],
        listed: Callable[[int, Judgement], Sequence[int]],
    ) -> None:
        self.session, self.split = session, split
        self._mistaken, self._listed = mistaken, listed
        self.status = self.problem = ""
        self.unsaved: dict[Image, Judgement] = {}
        self.shown: set[Image] = set()
        # What can be undone: an image, and what was said of it before.
        self._undo: list[tuple[Image, Judgement | None]] = []

    def now(self, image: Image) -> Judgement:
        """What this reviewer says of an image, stored or not."""
        return self.unsaved.get(image) or self.session.mine().get(image) or Judgement(image)

    def seen(self) -> set[Image]:
        """Images of which this reviewer knows label and prediction: shown, or filed."""
        return self.shown | {image for image, judgement in self.session.mine().items() if judgement.filed}

    def hides(self, image: Image, blind: bool) -> bool:
        """Whether label and prediction are to be hidden: the reviewer wants to judge blind, and has not seen them."""
        return blind and image not in self.seen()

    def fold(
        self, event: Mapping[str, Any], rows: Sequence[int], row: int | None, *, blind: bool = False
    ) -> int | None:
        """Do one thing that was pressed; errors are told in `problem`. Returns the row to show.

        Parameters
        ----------
        event
            ``do`` (enter, next, previous, undo, take back, turn, say, choose, flag, note) and what it is about.
        blind
            Whether images are judged before label and prediction are shown: ``enter`` files the judgement then.
        """
        do, self.problem = event.get("do"), ""
        if do == "enter":
            filing = row is not None and self.hides(image := Image(self.split, row), blind) and self.now(image).said
            do = "file" if filing else "next"
        try:
            if do in _MOVES and row is not None:
                row, self.status = rows[(rows.index(row) + _MOVES[do]) % len(rows)], ""
                self._save()
            elif do == "undo":
                row = self.undo(rows, row)
            elif do == "take back" and row is not None:
                self.take_back(Image(self.split, row), rows)
            elif do == "file" and row is not None:
                self.file(Image(self.split, row), rows)
            elif row is not None and (judgement := self._pressed(event, row, blind)) is not None:
                self.judge(judgement, rows)
        except Exception as error:
            # What was entered stays on the screen: it may be stored when there is room again.
            self.status, self.problem = "not saved", f"{type(error).__name__}: {error}"
        return row

    def judge(self, judgement: Judgement, rows: Sequence[int] = ()) -> None:
        """Store a judgement, which can be undone."""
        self.session.check_judgement(judgement)
        self.unsaved[judgement.image] = judgement
        self._save()
        self._tell("saved." if judgement.filed else "saved, and not filed yet.", rows)

    def file(self, image: Image, rows: Sequence[int] = ()) -> None:
        """File a blind judgement: it counts from now on, and label and prediction may be shown."""
        self.judge(replace(self.now(image), filed=True, prediction=self._mistaken(image.row)), rows)

    def undo(self, rows: Sequence[int], row: int | None) -> int | None:
        """Take the last change back, and go to its image."""
        if self.unsaved:
            image, _ = self.unsaved.popitem()
        elif self._undo:
            image, before = self._undo[-1]
            if before is None:
                self.session.take_back(image)
            else:
                self.session.judge(self._seen(before))
            self._undo.pop()
        else:
            self.status = "nothing to undo"
            return row
        self._tell("undone.", rows)
        return image.row if image.row in rows else row

    def take_back(self, image: Image, rows: Sequence[int] = ()) -> None:
        """Remove what was said of an image, here and in every copy; that cannot be undone."""
        draft = self.unsaved.pop(image, None)
        if image not in self.session.mine():
            self.status = "you have said nothing of this image" if draft is None else "undone"
            return
        done = self.session.take_back(image)
        self._undo = [(one, before) for one, before in self._undo if one != image]
        self._tell(f"{done} Copies lose it when they are merged.", rows)

    def _save(self) -> None:
        for image, judgement in list(self.unsaved.items()):
            before = self.session.mine().get(image)
            self.session.judge(judgement)
            self._undo.append((image, before))
            del self.unsaved[image]

    def _tell(self, what: str, rows: Sequence[int]) -> None:
        mine = {image.row for image, one in self.session.mine().items() if image.split == self.split and one.filed}
        done = sum(row in mine for row in rows)
        self.status = f"{what} You have judged {done:,} of {len(rows):,} images of this queue."

    def _seen(self, judgement: Judgement) -> Judgement:
        """What was not filed before label and prediction were shown is not blind any more, and counts."""
        if judgement.image not in self.shown or judgement.filed:
            return judgement
        return replace(judgement, blind=False, filed=True, prediction=self._mistaken(judgement.image.row))

    def _pressed(self, event: Mapping[str, Any], row: int, blind: bool) -> Judgement | None:
        """What an image is said to be after a press; None where it means nothing."""
        do = event.get("do")
        # A note belongs to the image that it was written for.
        image = Image(self.split, int(event["row"]) if do == "note" else row)
        now, hidden = self.now(image), self.hides(image, blind)
        if hidden:
            now = replace(now, prediction=None, blind=True, filed=False)
            if do == "choose":
                # A category would be that of a prediction which nobody has shown.
                return None
        else:
            now = replace(now, prediction=self._mistaken(image.row), filed=True, blind=now.blind and now.filed)
        after = self._changed(event, now)
        if after is None or hidden or after.labels == now.labels:
            return after
        return replace(after, blind=False)

    def _changed(self, event: Mapping[str, Any], now: Judgement) -> Judgement | None:
        do, row = event.get("do"), now.image.row
        if do == "note":
            return replace(now, note=str(event["text"]))
        if do == "turn":
            shown, place = self._listed(row, now), int(event["place"])
            return _turned(now, shown[place]) if place < len(shown) else None
        if do == "say" and event["side"] in SIDES:
            c, side = int(event["class"]), str(event["side"])
            return _placed(now, c, None if c in getattr(now, side) else side)
        if do == "choose" and event["field"] in ("category", "severity"):
            field, term = str(event["field"]), str(event["term"])
            return replace(now, **{field: None if getattr(now, field) == term else term})  # type: ignore[arg-type]
        if do == "flag" and event["field"] in ("problematic", "shared"):
            field = str(event["field"])
            return replace(now, **{field: not getattr(now, field)})  # type: ignore[arg-type]
        return None


def _placed(judgement: Judgement, c: int, side: str | None) -> Judgement:
    sides = {one: (getattr(judgement, one) - {c}) | ({c} if one == side else set()) for one in SIDES}
    return replace(judgement, **{one: frozenset(classes) for one, classes in sides.items()})  # type: ignore[arg-type]


def _turned(judgement: Judgement, c: int) -> Judgement:
    side = next((one for one in SIDES if c in getattr(judgement, one)), None)
    return _placed(judgement, c, _TURNS[(_TURNS.index(side) + 1) % len(_TURNS)])
