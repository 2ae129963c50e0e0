"""Whether checkpoints can be souped, and if it went wrong, why."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace

import numpy as np
from numpy.typing import NDArray
from tqdm.auto import tqdm

from soupwidgets.evaluation import Evaluator
from soupwidgets.methods.selection import selection_metric
from soupwidgets.methods.uniform import average
from soupwidgets.pool import Pool, PoolError
from soupwidgets.recipe import Recipe
from soupwidgets.topics.diagnosis.finding import Finding
from soupwidgets.topics.diagnosis.measured import (
    Answers,
    answers,
    averaged_statistics,
    barred,
    barrier_finding,
    barrier_margin,
    confidence,
    harmful,
    worse_than_start,
)
from soupwidgets.topics.diagnosis.pairs import PairBarrier, Pairs, stream_pairs
from soupwidgets.topics.diagnosis.relations import relations
from soupwidgets.topics.diagnosis.verdict import Diagnosis
from soupwidgets.topics.diagnosis.weights import weight_facts
from soupwidgets.topics.diagnosis.without import guessed_without, might_be_better


def diagnose(ev: Evaluator, names: Sequence[str] | None = None, *, progress: bool = True) -> Diagnosis:
    """Find out whether checkpoints can be averaged, and if not, which of them spoil it and why.

    Parameters
    ----------
    names
        At least two; all of the pool but landmarks when None.

    Returns
    -------
    Diagnosis
        A sentence first, what was found below it; ``sound`` are those that can be averaged.

    Raises
    ------
    ValueError
        When there are fewer than two.
    PoolError
        When the pool lacks a checkpoint.

    Notes
    -----
    Files first: values that are not finite, the same model twice, other starts (weights of independent starts are
    nearly orthogonal), units or classes in another order, heads of another origin, steps that went too far,
    statistics of batch normalisation that are those of a new layer, precision that is too low for the step. Then, on
    the validation split alone: the barrier between each member and the best one (arXiv 1912.05671, section 2),
    members that are worse than the zero-shot model, confidence (arXiv 2309.17230), and the soup without each member,
    which is measured where logits do not tell that it is no better. Whoever is accused is left out of what follows.
    Last the barriers of all pairs, accused or not, from as many images as each verdict takes.

    Examples
    --------
    >>> ev = getfixture("small_evaluator")
    >>> found = diagnose(ev, ["zero-shot", "ft-00", "ft-03", "other-seed"], progress=False)
    >>> print(found.findings[0].sentence)
    other-seed is from another start: leave it out, as such networks cannot be aligned.
    >>> found.sound
    ['zero-shot', 'ft-00', 'ft-03']
    """
    with tqdm(desc="diagnosis", unit="model", disable=not progress) as bar:
        for found in stream_diagnosis(ev, names):
            bar.total = found.total
            bar.update(found.steps - bar.n)
    return found


def stream_diagnosis(ev: Evaluator, names: Sequence[str] | None = None) -> Iterator[Diagnosis]:
    """`diagnose` step by step: what the files tell first, then a measurement at a time."""
    pool = ev.pool
    chosen = tuple(_every(pool) if names is None else dict.fromkeys(names))
    if len(chosen) < 2:
        raise ValueError(f"a soup has at least two ingredients, got {len(chosen)} to look at")
    pool.require(chosen)
    start = _zero_shot(pool, chosen)
    facts = weight_facts(pool, chosen, start)
    metric = selection_metric(ev)
    split = ev.suite.validation.name
    found = Diagnosis(chosen, metric.name, split, facts, start=start, total=4 * len(chosen) + 1)
    yield found

    def accuse(*findings: Finding) -> None:
        nonlocal found
        found = replace(found, findings=(*found.findings, *findings))

    for one in relations(pool, facts):
        accuse(one)
        yield found

    alone: dict[str, Answers] = {}
    readable = [name for name in chosen if name not in facts.not_finite]
    with ev.ahead([Recipe({name: 1}) for name in readable], found.split):
        for name in readable:
            alone[name] = answers(ev, Recipe({name: 1}))
            scores = {n: one.score for n, one in alone.items()}
            intervals = {n: one.interval for n, one in alone.items()}
            found = replace(found, alone=scores, intervals=intervals, steps=len(alone))
            yield found
    if start in found.sound:
        accuse(*worse_than_start(ev, str(start), {n: alone[n] for n in found.sound}))
    accuse(*confidence([name for name in found.sound if name != start], alone))

    # What barriers are measured to: a fine-tuned model where there is one, as the zero-shot model is no ingredient.
    candidates = [name for name in found.sound if name != start] or found.sound
    if candidates:
        best = max(candidates, key=lambda name: metric.merit(alone[name].score))
        found = replace(found, best=best)
        for name, height, margin, finding in _barriers(ev, best, alone):
            heights, margins = {**found.barriers, name: height}, {**found.margins, name: margin}
            found = replace(found, barriers=heights, margins=margins, steps=len(chosen) + len(heights))
            # Whoever was accused before is measured as evidence.
            if finding is not None and name in found.sound:
                accuse(finding)
            yield found
        members = [name for name in found.sound if name != start]
        if members:
            soup = answers(ev, average(members))
            found = replace(found, soup=soup.score)
            if len(members) > 2:
                guessed, suspects = _screened(ev, members, soup)
                without: dict[str, Answers] = {}
                found = replace(found, spared=len(guessed), steps=3 * len(chosen) - len(suspects))
                soups = {name: average([m for m in members if m != name]) for name in suspects}
                with ev.ahead(soups.values(), found.split):
                    for name, recipe in soups.items():
                        without[name] = answers(ev, recipe)
                        found = replace(found, steps=found.steps + 1)
                        yield found
                accuse(*harmful(ev, soup, without, guessed))
            kept = [name for name in members if name in found.sound]
            if kept and kept != members:
                found = replace(found, soup=answers(ev, average(kept)).score)
        for pairs in _pairs(ev, found, alone):
            share = len(pairs.barriers) / max(pairs.planned, 1)
            found = replace(found, pairs=pairs, steps=3 * len(chosen) + int(share * len(chosen)))
            yield found
    yield replace(found, steps=found.total)


def _screened(ev: Evaluator, members: Sequence[str], soup: Answers) -> tuple[dict[str, NDArray[np.bool_]], list[str]]:
    """What the soup answers without some members, as far as that is told by logits; and the members left to measure."""
    if soup.right is None:
        return {}, list(members)
    guessed = {name: one for name, one in guessed_without(ev, members).items() if not might_be_better(soup.right, one)}
    return guessed, [name for name in members if name not in guessed]


def _pairs(ev: Evaluator, found: Diagnosis, alone: Mapping[str, Answers]) -> Iterator[Pairs]:
    """Look at the pairs of all ingredients, accused or not; those with the best one are known."""
    ranked = sorted((name for name in alone if name != found.start), key=lambda name: -alone[name].score)
    right = {name: own for name in ranked if (own := alone[name].right) is not None}
    if len(right) < 2:
        return
    known = {}
    for name, height in found.barriers.items():
        if name in right and found.best in right:
            first, second = sorted((name, found.best), key=ranked.index)
            known[first, second] = PairBarrier(height, barred(height, found.margins[name]), len(right[name]))
    yield from stream_pairs(ev, right, known)


def _barriers(
    ev: Evaluator, best: str, alone: Mapping[str, Answers]
) -> Iterator[tuple[str, float, float, Finding | None]]:
    """Measure the middle between each member and the best one: its height, half its interval, what was found."""
    metric = selection_metric(ev)
    halves = {name: Recipe({best: 0.5, name: 0.5}) for name in alone if name != best}
    with ev.ahead(halves.values(), ev.suite.validation.name):
        for name, recipe in halves.items():
            middle = answers(ev, recipe)
            height = (metric.merit(alone[name].score) + metric.merit(alone[best].score)) / 2
            finding = barrier_finding(ev, name, best, alone, middle)
            if finding is not None:
                finding = averaged_statistics(ev, name, best, recipe, middle.score) or finding
            margin = barrier_margin(alone[name], alone[best], middle)
            yield name, height - metric.merit(middle.score), margin, finding


def _every(pool: Pool) -> list[str]:
    return [name for name in pool if pool.checkpoints[name].card.role != "landmark"]


def _zero_shot(pool: Pool, names: Sequence[str]) -> str | None:
    try:
        start = pool.zero_shot
    except PoolError:
        return None
    return start if start in names else None
