"""Reviewed mistakes on the command line: the same numbers, in tables."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pandas as pd

from soupwidgets.commands.reports import Report, plain
from soupwidgets.json_files import read_json_object
from soupwidgets.suites import Suite
from soupwidgets.text import one_line
from soupwidgets.topics.diversity.members import Member
from soupwidgets.topics.mistakes.mistake_files import read_human_accuracy, read_mistakes
from soupwidgets.topics.mistakes.multi_labels import MultiLabels, multi_label_accuracy, slice_score
from soupwidgets.topics.mistakes.taxonomy import agreement_with_later_labels, mistake_table
from soupwidgets.topics.review.agreement import TOO_FEW, agreement
from soupwidgets.topics.review.files import LABELS_FORMAT, SESSION_FORMAT, read_labels, read_session
from soupwidgets.topics.review.label_set import Rule, label_set, reviewed_mistakes, without_perhaps
from soupwidgets.topics.review.merging import check_copy
from soupwidgets.topics.review.records import ReviewError, State
from soupwidgets.topics.review.storage import ReviewStore
from soupwidgets.topics.review.views import View, view


def open_session(name: str, store: str | None) -> tuple[str, State]:
    """Open a session: its id and its content.

    Parameters
    ----------
    name
        Its file; or its id, if ``store`` is given.
    store
        An SQLite file or a PostgreSQL URL.

    Raises
    ------
    ReviewError
        When there is no such session.
    """
    if store is None:
        return read_session(name)
    if "://" not in store and not Path(store).exists():
        raise ReviewError(f"{store}: no such file")
    kept = ReviewStore(store)
    known = kept.sessions()
    if name not in known:
        titles = "; ".join(f"{id} ({title!r})" for id, title in known.items()) or "none"
        raise ReviewError(f"{kept.where} has no session {name!r}; it has {titles}")
    return name, kept.read(name)


def summary_report(name: str, store: str | None = None) -> dict[str, Any]:
    """Summarise which kinds of mistakes were found, and how far reviewers agree."""
    if store is None and _format_of(name) != SESSION_FORMAT:
        found = read_mistakes(name)
        table = mistake_table(found.mistakes)
        normalised = {spelling: [meant, found.counts[spelling]] for spelling, meant in found.normalised.items()}
        return {"kinds": {"": _records(table)}, "agreement": {}, "normalised": normalised, "warning": found.warning}
    known = view(open_session(name, store)[1])
    splits = sorted({j.image.split for j in known.judgements.values()})
    return {
        "judgements": len(known.judgements),
        "reviewers": len({author for author, _ in known.judgements}),
        "kinds": {s: _records(mistake_table(reviewed_mistakes(known, s))) for s in splits},
        "agreement": {s: [plain(one) for one in agreement(known, s) if one.images] for s in splits},
        "normalised": {},
        "warning": "",
    }


def summary_text(report: dict[str, Any]) -> str:
    """The summary as tables."""
    lines = []
    if "judgements" in report:
        lines.append(f"{report['judgements']:,} judgements by {report['reviewers']:,} reviewers.")
    for split, rows in report["kinds"].items():
        table = pd.DataFrame(rows)
        table["share major"] = (100 * table["share major"].astype(float)).round(1)
        shown = table[["kind", "major", "minor", "borderline", "not said", "all", "share major"]]
        lines += ["", *([one_line(split)] if split else []), shown.to_string(index=False, na_rep="")]
    for split, rows in report["agreement"].items():
        if rows:
            table = pd.DataFrame(rows).round(3)
            lines += ["", f"Krippendorff's alpha on {one_line(split)}", table.to_string(index=False, na_rep="")]
            lines += [TOO_FEW] if any(row["low"] is None for row in rows) else []
    for spelling, (meant, count) in report["normalised"].items():
        lines.append(f"{spelling!r} was read as {meant!r} ({count:,} times)")
    if report["warning"]:
        lines.append(f"Warning: {report['warning']}")
    return "\n".join(lines).lstrip("\n") + "\n"


def open_labels(path: str | Path, suite: Suite, *, split: str, rule: Rule) -> MultiLabels:
    """Read reviewed labels from an export, a session file, or ImageNet's multi-label file.

    Raises
    ------
    ValueError
        When the file is none of these, or is about another split.
    """
    kind = _format_of(path)
    if kind == LABELS_FORMAT:
        found = read_labels(path, suite)
    elif kind == SESSION_FORMAT:
        found = label_set(view(read_session(path)[1]), split, rule)
    else:
        found = read_human_accuracy(path, suite.splits[split]).labels
    if found.split != split:
        raise ValueError(f"{path}: labels of {found.split!r}, not of {split!r}")
    if not found.images:
        raise ValueError(f"{path}: no reviewed labels of {split!r}")
    return found


def score_report(
    models: Sequence[Member], suite: Suite, *, split: str, given: MultiLabels, reviewed_only: bool
) -> Report:
    """Accuracies by the original labels and by reviewed labels, with a table.

    Parameters
    ----------
    reviewed_only
        Score only reviewed images; otherwise the others are scored by their original label.
    """
    where = suite.splits[split]
    multi = given if reviewed_only else given.completed(where)
    found, rows = [], []
    for one in models:
        said = one.predictions(split)
        score = multi_label_accuracy(said, where.labels, multi, len(suite.class_names(split)))
        later = agreement_with_later_labels(said, where.labels, given)
        sure = agreement_with_later_labels(said, where.labels, without_perhaps(given))
        perhaps = later.accepted - sure.accepted
        certain = multi_label_accuracy(said, where.labels, without_perhaps(multi), len(suite.class_names(split)))
        major = slice_score(said, given.completed(where)) if given.major else None
        found.append({
            "model": one.name, **plain(score), "without perhaps": certain.accuracy,
            "later": later, "later perhaps": perhaps, "major": major,
        })  # fmt: skip
        rows.append({
            "model": one.name,
            "one label": round(100 * score.single_label, 2),
            "after review": round(100 * score.accuracy, 2),
            "95%": f"{100 * score.low:.2f} to {100 * score.high:.2f}",
            "of it perhaps": round(100 * (score.accuracy - certain.accuracy), 2),
            "major right": major.words if major else "",
            "mistakes that were none": f"{sure.accepted} of {later.accepted + later.rejected} reviewed",
            "perhaps none": perhaps,
        })  # fmt: skip
    note = (
        f"Percent, mean over {score.classes} classes"
        + (f" ({score.missing} have no image to score)" if score.missing else "")
        + f"; {len(given):,} of {len(where):,} images of {split} were reviewed, "
        f"{score.problematic:,} of them are problematic and skipped."
    )
    content = {"split": split, "reviewed": len(given), "images": len(where), "models": found}
    return Report(content, f"{pd.DataFrame(rows).to_string(index=False)}\n\n{note}")


def merged(names: Sequence[str | Path]) -> tuple[str, State, View]:
    """Merge copies of one session, given in any order.

    Raises
    ------
    ReviewError
        When they belong to different sessions, or a file changes what does not belong to its author.
    """
    id, state = read_session(names[0])
    _check(names[0], id, State.of(r for r in state.records.values() if r.key == ("", id)), state)
    for name in names[1:]:
        other, more = read_session(name)
        if other != id:
            raise ReviewError(f"{name}: belongs to another session than {names[0]}: they cannot be merged")
        _check(name, id, state, more)
        state = state.merge(more)
    return id, state, view(state)


def _check(name: str | Path, session: str, mine: State, other: State) -> None:
    try:
        check_copy(session, mine, other)
    except ReviewError as error:
        raise ReviewError(f"{name}: {error}") from error


def _format_of(path: str | Path) -> str:
    """The ``format`` that a JSON file states; empty if it states none."""
    return str(read_json_object(path).get("format", ""))


def _records(table: pd.DataFrame) -> list[dict[str, Any]]:
    # Not row by row, which would make counts of a mixed table into decimals.
    return [{"kind": str(n), **plain(row)} for n, row in zip(table.index, table.to_dict("records"), strict=True)]
