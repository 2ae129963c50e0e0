"""The rows of the store: the measurement type, and the check whether a row can be trusted."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Annotated, Any

import msgspec

if TYPE_CHECKING:
    import sqlalchemy as sa


@dataclass(frozen=True)
class Measurement:
    """The numbers of one recipe on one split.

    Parameters
    ----------
    recipe
        JSON of the recipe, for people who inspect the database.
    split
        Name of the split, for the same purpose.
    total, correct
        Number of images, and of correct predictions.
    loss
        Mean cross-entropy in nats; NaN where logits were not finite.
    made_with
        Versions and device, for the record.
    figure
        Metric, value and limits, if the split's benchmark reports something other than the share of correct images.
    loss_sd
        Standard deviation of the loss over the images, in nats; None if it was not recorded.
    """

    recipe: str
    split: str
    total: int
    correct: int
    loss: float
    made_with: str = ""
    figure: Mapping[str, Any] | None = None
    loss_sd: float | None = None


_Count = Annotated[int, msgspec.Meta(ge=0)]


class Row(msgspec.Struct):
    """A row validated against the table's types, which SQLite does not enforce; fields in the table's order."""

    key: str
    recipe: str
    split: str
    total: Annotated[int, msgspec.Meta(ge=1)]
    correct: _Count
    loss: float | None
    # Part of a path.
    logits_sha256: Annotated[str, msgspec.Meta(pattern=r"^([0-9a-f]{64})?\Z")]
    logits_bytes: _Count
    made_at: str
    made_with: str
    figure: str | None
    loss_sd: Annotated[float, msgspec.Meta(ge=0)] | None

    def measurement(self) -> Measurement:
        """The measurement in this row.

        Raises
        ------
        ValueError
            When its figure is not valid JSON.
        """
        return Measurement(
            self.recipe,
            self.split,
            self.total,
            self.correct,
            float("nan") if self.loss is None else self.loss,
            self.made_with,
            None if self.figure is None else msgspec.json.decode(self.figure, type=dict[str, float | str]),
            self.loss_sd,
        )


def read_row(row: sa.Row[Any]) -> tuple[Row, Measurement] | None:
    """A row and its measurement; None if it was not written by this program, or by a different version of it."""
    try:
        found = msgspec.convert(dict(zip(Row.__struct_fields__, row, strict=True)), Row)
        said = found.measurement()
    except (ValueError, RecursionError):
        return None
    return (found, said) if said.correct <= said.total else None
