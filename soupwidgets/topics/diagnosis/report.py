"""A diagnosis on the command line: the verdict, its evidence, and a table."""

from __future__ import annotations

from soupwidgets.commands.reports import Report
from soupwidgets.stats.metrics import metric_named
from soupwidgets.topics.diagnosis.pairs import pairs_words
from soupwidgets.topics.diagnosis.verdict import Diagnosis


def diagnosis_report(found: Diagnosis) -> Report:
    """The verdict first, then each finding with its evidence, then all checkpoints."""
    metric = metric_named(found.metric)
    table = found.to_frame()
    factor, unit = (100, "%") if metric.share else (1, "")
    table[found.metric] = (factor * table[found.metric]).round(2)
    table["barrier"] = (factor * table["barrier"]).round(2)
    table["distance"] = table["distance"].round(3)
    lines = [found.sentence, ""]
    for finding in found.findings:
        lines += [finding.sentence, f"  {finding.evidence}"]
    lines += ["", table.to_string(index=False, na_rep="-")]
    lines += [
        "",
        f"{metric.words.capitalize()}{f' in {unit}' if unit else ''} on {found.split}; distance from "
        f"{found.facts.origin} in multiples of its norm; barrier halfway to {found.best or 'the best one'}, "
        f"{'in points' if metric.share else 'in the same unit'} (negative: the mixture is better).",
    ]
    if found.pairs is not None:
        lines.append(pairs_words(found.pairs))
    if found.spared:
        lines.append(
            f"Of the soups without one member, {found.spared} were not measured: their logits tell that they are no "
            "better."
        )
    return Report(found.to_json(), "\n".join(lines), 0 if found.healthy else 1)
