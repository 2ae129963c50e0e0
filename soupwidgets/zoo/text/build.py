"""Building the text zoo: its suite, the common start, and the pool."""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import torch
from tqdm import tqdm

from soupwidgets.checkpoints import CARD_KEY, CheckpointFile, atomic_path
from soupwidgets.zoo.build import write_hashes
from soupwidgets.zoo.text.corpus import Corpus, corpus, encode_corpus
from soupwidgets.zoo.text.finetune import TextTuneConfig, draw_text_config, fine_tune_text
from soupwidgets.zoo.text.measure import measure
from soupwidgets.zoo.text.model import ARCHITECTURE, load, save
from soupwidgets.zoo.text.packages import NEWER, OLDER, RELEASE, RELEASES, fetch_lists, provenance, read_packages
from soupwidgets.zoo.text.pretrain import TextPretrainConfig, pretrain, probe
from soupwidgets.zoo.text.splits import divide
from soupwidgets.zoo.text.suite import read_split, write_json, write_text_suite
from soupwidgets.zoo.text.tokens import train_tokenizer

START = "start"
MEASURED = "measured.json"
_START_NOTE = (
    "The common start, in the place of a zero-shot model: the pre-trained trunk with a linear probe, fitted on the "
    "training texts while the trunk stayed as it was."
)


@dataclass(frozen=True)
class TextPoolPlan:
    """Which checkpoints a pool consists of.

    Parameters
    ----------
    folder
        Name of the pool's folder.
    pretraining
        How its common start is made.
    ingredients
        Number of fine-tuned models with randomly drawn hyper-parameters.
    bad_learning_rate
        One more model, with this far too large learning rate.
    """

    folder: str
    pretraining: TextPretrainConfig
    ingredients: int
    bad_learning_rate: TextTuneConfig | None = None


def default_text_plans() -> list[TextPoolPlan]:
    """The pool that is part of the repository."""
    bad = TextTuneConfig(seed=100, learning_rate=2.5e-2, epochs=4)
    return [TextPoolPlan("text", TextPretrainConfig(seed=0), ingredients=8, bad_learning_rate=bad)]


def build_text_zoo(
    out: Path, work: Path, *, bundle: Path | None = None, plans: list[TextPoolPlan] | None = None
) -> None:
    """Build the text suite and every checkpoint of the plans; checkpoints and tokenizer are kept if they are there.

    Parameters
    ----------
    out
        Folder for ``suites/text`` and ``zoo/<pool>``.
    work
        Folder for the package lists.
    bundle
        A folder that holds the suite and the starts: they are used, and only fine-tuning and measuring is done, which
        gives the bundled weights whatever the package lists are today. When None, all is made of package lists that
        apt fetches; ``packages.json`` records which ones they were.
    plans
        The pools to build; `default_text_plans` when None.

    Raises
    ------
    FileNotFoundError
        When apt cannot fetch the package lists, or ``bundle`` lacks a file.

    Notes
    -----
    One thread computes everything: sums are then always added in the same order, and equal seeds give equal weights.
    """
    plans = default_text_plans() if plans is None else plans
    torch.set_num_threads(1)
    if bundle is None:
        data = _write_suite(out / "suites" / "text", work)
        for plan in plans:
            _make_start(out / "zoo" / plan.folder, out / "suites" / "text", plan.pretraining, data)
    source = out if bundle is None else bundle
    suite = source / "suites" / "text"
    if source != out:
        for plan in plans:
            with atomic_path(out / "zoo" / plan.folder / f"{START}.safetensors") as path:
                path.write_bytes((source / "zoo" / plan.folder / f"{START}.safetensors").read_bytes())
    ids, labels = read_split(suite, "train")
    jobs = [(plan, *job) for plan in plans for job in _ingredients(plan)]
    for plan, name, config, role, note in tqdm(jobs, desc="checkpoints"):
        target = out / "zoo" / plan.folder / f"{name}.safetensors"
        card = _card(name, role, note, plan.pretraining, asdict(config))
        if _card_of(target) != card:
            model = load(out / "zoo" / plan.folder / f"{START}.safetensors", config.dropout)
            fine_tune_text(model, ids, labels, config=config)
            save(target, model, card)
    for plan in plans:
        write_json(out / "zoo" / plan.folder / MEASURED, measure(out / "zoo" / plan.folder, suite))
    if bundle is None:
        write_hashes(out)


def _write_suite(folder: Path, work: Path) -> Corpus:
    """Write the suite, with its tokenizer if it has one already; the texts of pre-training."""
    from tokenizers import Tokenizer

    lists = fetch_lists(work / "debian")
    packages = {release: read_packages(lists, release) for release in RELEASES}
    splits = divide(packages[RELEASE], packages[OLDER], packages[NEWER])
    families = corpus(packages[RELEASE], splits)
    saved = folder / "tokenizer.json"
    # The library breaks ties between pieces at random: another training would give other ids.
    texts = (text for one in families for text in (*one.short, *one.long))
    tokenizer = Tokenizer.from_file(str(saved)) if saved.exists() else train_tokenizer(texts)
    write_text_suite(folder, splits, tokenizer=tokenizer, lists=provenance(lists))
    return encode_corpus(tokenizer, families)


def _make_start(folder: Path, suite: Path, config: TextPretrainConfig, data: Corpus) -> None:
    target = folder / f"{START}.safetensors"
    card = _card(START, "zero_shot", _START_NOTE, config, {})
    if _card_of(target) == card:
        return
    with tqdm(total=config.steps, desc=f"pre-training {config.seed}") as bar:

        def progress(done: int, loss: float) -> None:
            bar.update(done - bar.n)
            bar.set_postfix(loss=f"{loss:.2f}", refresh=False)

        model = pretrain(data, config, progress=progress)
    probe(model, *read_split(suite, "train"), config.probe_penalty)
    save(target, model, card)


def _ingredients(plan: TextPoolPlan) -> list[tuple[str, TextTuneConfig, str, str]]:
    """Name, hyper-parameters, role and note of each checkpoint that is fine-tuned."""
    jobs = [(f"ft-{i:02}", draw_text_config(i), "fine_tuned", "") for i in range(plan.ingredients)]
    if plan.bad_learning_rate:
        note = "A bad ingredient: its learning rate is far too large."
        jobs.append(("bad-lr", plan.bad_learning_rate, "bad_ingredient", note))
    return jobs


def _card(
    name: str, role: str, note: str, pretraining: TextPretrainConfig, hyperparameters: dict[str, Any]
) -> dict[str, Any]:
    return {
        "name": name,
        "role": role,
        "note": note,
        "architecture": ARCHITECTURE,
        "pretraining": asdict(pretraining),
        "hyperparameters": hyperparameters,
    }


def _card_of(path: Path) -> Any:
    return json.loads(CheckpointFile(path).metadata.get(CARD_KEY, "null")) if path.exists() else None
