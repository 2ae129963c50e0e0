"""The text zoo that is part of the repository: its suite, its checkpoints, and what was measured."""

from __future__ import annotations

import json
from collections import Counter
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from soupwidgets.checkpoints import CheckpointFile
from soupwidgets.checkpoints.card import Card
from soupwidgets.zoo.text.splits import CLASSES, family, plain_words
from tests.fixtures import ROOT

SUITE, ZOO = ROOT / "data" / "suites" / "text", ROOT / "data" / "zoo" / "text"
MANIFEST = json.loads((SUITE / "suite.json").read_text())
SPLITS = {entry["name"]: entry for entry in MANIFEST["splits"]}
PACKAGES: dict[str, list[str]] = json.loads((SUITE / "packages.json").read_text())["packages"]
SPOILED = ("typos", "capitals", "opening", "details")
CHECKPOINTS = sorted(ZOO.glob("*.safetensors"))


def labels(name: str) -> Any:
    return np.load(SUITE / SPLITS[name]["labels"])


def ids(name: str) -> Any:
    return np.load(SUITE / SPLITS[name]["inputs"]["input_ids"])


def texts(name: str) -> list[str]:
    found: list[str] = json.loads((SUITE / SPLITS[name]["texts"]).read_text())
    return found


def test_each_split_has_as_many_texts_as_labels_and_packages() -> None:
    assert MANIFEST["kind"] == "text"
    assert MANIFEST["classes"] == list(CLASSES)
    roles = Counter(entry["role"] for entry in SPLITS.values())
    assert roles == {"validation": 1, "id_test": 1, "train": 1, "shift": 6}
    for name in SPLITS:
        n = len(labels(name))
        assert ids(name).shape == (n, 32)
        assert ids(name).dtype == np.uint16
        assert len(texts(name)) == len(PACKAGES[name]) == n
    for name in ("train", "val", "test"):
        assert len(set(Counter(labels(name).tolist()).values())) == 1
    assert len(labels("val")) >= 1500
    assert len(labels("test")) >= 1500


def test_no_source_package_and_no_text_is_in_two_splits() -> None:
    seen: dict[str, str] = {}
    said: dict[str, str] = {}
    for name in ("train", "val", "test", "older", "newer"):
        for package, text in zip(PACKAGES[name], texts(name), strict=True):
            source = family(package.split("/")[0])
            assert seen.setdefault(source, package) == package
            # Texts are cut at 32 tokens, so that very few could become the same.
            assert said.setdefault(plain_words(text), package) == package
    assert len(seen) == sum(len(PACKAGES[name]) for name in ("train", "val", "test", "older", "newer"))


def test_spoiled_texts_have_the_labels_of_their_originals_and_are_independent() -> None:
    of_test = dict(zip(PACKAGES["test"], labels("test").tolist(), strict=True))
    original = dict(zip(PACKAGES["test"], texts("test"), strict=True))
    for name in SPOILED:
        assert [of_test[package] for package in PACKAGES[name]] == labels(name).tolist()
        assert 800 <= len(PACKAGES[name]) <= len(PACKAGES["test"]) // 4
    shown = [package for name in SPOILED for package in PACKAGES[name]]
    assert len(shown) == len(set(shown))
    for package, text in zip(PACKAGES["capitals"], texts("capitals"), strict=True):
        assert original[package].upper().startswith(text)
    typed = list(zip(PACKAGES["typos"], texts("typos"), strict=True))
    # A third of the words or so is spoiled: hardly a text is as it was.
    assert sum(original[package] == text for package, text in typed) < 0.1 * len(typed)


def test_token_ids_are_the_texts() -> None:
    tokenizers = pytest.importorskip("tokenizers")
    tokenizer = tokenizers.Tokenizer.from_file(str(SUITE / "tokenizer.json"))
    assert tokenizer.token_to_id("[PAD]") == 0
    for name in SPLITS:
        rows = ids(name)[:300]
        # A text that was cut within a word may end in other pieces.
        whole = rows[:, -1] == 0
        again = [one.ids for one in tokenizer.encode_batch(texts(name)[:300])]
        same = [row[row > 0].tolist() == one for row, one, fits in zip(rows, again, whole, strict=True) if fits]
        assert all(same)
        assert rows.max() < tokenizer.get_vocab_size()


def test_the_text_zoo_is_small() -> None:
    paths = [path for folder in ("zoo/text", "suites/text") for path in (ROOT / "data" / folder).iterdir()]
    assert sum(path.stat().st_size for path in paths) <= 8e6


def test_cards() -> None:
    cards = {path: Card.from_metadata(CheckpointFile(path).metadata) for path in CHECKPOINTS}
    roles = Counter(card.role for card in cards.values())
    assert roles["fine_tuned"] >= 8
    assert (roles["zero_shot"], roles["bad_ingredient"]) == (1, 1)
    first = next(iter(cards.values())).architecture
    assert all(card.architecture == first for card in cards.values())
    assert all(card.name == path.stem for path, card in cards.items())


@pytest.mark.parametrize("path", CHECKPOINTS, ids=lambda path: path.stem)
def test_transformers_alone_gives_what_was_measured(path: Path) -> None:
    transformers = pytest.importorskip("transformers")
    measured = json.loads((path.parent / "measured.json").read_text())
    card = Card.from_metadata(CheckpointFile(path).metadata)
    assert card.architecture is not None
    assert (card.architecture["source"], card.architecture["head"]) == ("transformers", "sequence-classification")
    model = transformers.BertForSequenceClassification(transformers.BertConfig(**card.architecture["config"])).eval()
    model.load_state_dict({name: tensor.float() for name, tensor in CheckpointFile(path).read()})
    assert model.config.id2label[0] == "administration"
    first = torch.from_numpy(ids("test")[:200].astype(np.int64))
    with torch.inference_mode():
        logits = model(input_ids=first, attention_mask=(first != 0).long()).logits.numpy()
    stated = np.array(measured["predictions"][path.stem])
    np.testing.assert_allclose(logits[:4], measured["logits"][path.stem], atol=2e-3)
    right = labels("test")[:200]
    assert (logits.argmax(1) == right).sum() == pytest.approx((stated == right).sum(), abs=1)
    assert (logits.argmax(1) != stated).sum() <= 1


def test_soups_and_ensemble_give_what_was_measured() -> None:
    pytest.importorskip("transformers")
    from soupwidgets.zoo.text.measure import logits_of, soup
    from soupwidgets.zoo.text.model import load

    measured = json.loads((ZOO / "measured.json").read_text())
    cards = {path.stem: Card.from_metadata(CheckpointFile(path).metadata) for path in ZOO.glob("*.safetensors")}
    tuned = sorted(name for name, card in cards.items() if card.role == "fine_tuned")
    for shift in ("details", "older"):
        each = [logits_of(load(ZOO / f"{name}.safetensors"), ids(shift)) for name in tuned]
        found = {
            "ensemble of logits": np.mean(each, axis=0),
            "uniform soup": logits_of(soup(tuned, ZOO), ids(shift)),
            "greedy soup": logits_of(soup(measured["greedy"], ZOO), ids(shift)),
        }
        for name, logits in found.items():
            right = int((logits.argmax(1) == labels(shift)).sum())
            assert right == pytest.approx(measured["correct"][name][shift], abs=1)


def test_the_card_states_what_was_measured() -> None:
    from soupwidgets.zoo.text.measure import to_markdown

    measured = json.loads((ZOO / "measured.json").read_text())
    assert to_markdown(measured) in (ROOT / "data" / "README.md").read_text()


@pytest.mark.slow
def test_a_checkpoint_is_trained_again_from_the_bundle(tmp_path: Path) -> None:
    """Slow: a whole fine-tuning, half a minute."""
    pytest.importorskip("transformers")
    from soupwidgets.zoo.text.build import build_text_zoo, default_text_plans

    plan = replace(default_text_plans()[0], ingredients=1, bad_learning_rate=None)
    build_text_zoo(tmp_path, tmp_path, bundle=ROOT / "data", plans=[plan])
    again, shipped = (json.loads((folder / "measured.json").read_text()) for folder in (tmp_path / "zoo" / "text", ZOO))
    # Other processors add in another order, which training magnifies.
    assert np.mean(np.array(again["predictions"]["ft-00"]) == np.array(shipped["predictions"]["ft-00"])) > 0.9
