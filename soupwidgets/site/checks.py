"""What a page cannot measure is said before anything is written."""

from __future__ import annotations

from collections.abc import Sequence

from soupwidgets.evaluation import Evaluator
from soupwidgets.models import Images
from soupwidgets.site.errors import SiteError
from soupwidgets.suites import Split


def require_measurable(ev: Evaluator, splits: Sequence[Split]) -> None:
    """Refuse what a page would measure differently from the evaluator.

    Raises
    ------
    SiteError
        When examples are no images of 8 bits all of one form, a split is not scored by the share of right
        classes, or statistics of batch normalisation are measured again for each mixture.
    """
    if not isinstance(ev.architecture.inputs, Images):
        kind = type(ev.architecture.inputs).__name__
        raise SiteError(f"a page measures models of images, and this one takes {kind}: record a page (to_html) instead")
    if ev.recalibration is not None:
        raise SiteError(
            "the evaluator measures statistics of batch normalisation again for each mixture, and a page averages "
            'them: export ev.with_batch_norm("average"), whose numbers the page repeats'
        )
    for split in splits:
        _require_scored_by_class(split)
    forms = {split.name: split.form["images"] for split in splits}
    if len(set(forms.values())) > 1:
        said = "; ".join(f"{name}: {' x '.join(map(str, shape))}" for name, (shape, _) in forms.items())
        raise SiteError(f"a page's splits have images of one form ({said}): name splits that agree")


def _require_scored_by_class(split: Split) -> None:
    if set(split.form) != {"images"} or split.form["images"][1] != "uint8":
        arrays = ", ".join(f"{name} ({dtype})" for name, (_, dtype) in split.form.items())
        raise SiteError(f"split {split.name!r} has {arrays}; a page takes pixels of 8 bits: leave it out")
    scoring = split.scoring
    if scoring.task != "single-label" or scoring.metric != "accuracy":
        raise SiteError(
            f"split {split.name!r} is scored by {scoring.metric} ({scoring.task}); a page counts right classes: "
            "leave it out"
        )
