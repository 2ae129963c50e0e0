"""How the text zoo is built, on small examples."""

from __future__ import annotations

import subprocess
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from soupwidgets.zoo.text import splits as splits_module
from soupwidgets.zoo.text.corpus import Corpus, corpus, encode_corpus
from soupwidgets.zoo.text.packages import Package, fetch_lists, provenance, read_packages
from soupwidgets.zoo.text.sentences import NEIGHBOURS, mistype
from soupwidgets.zoo.text.splits import CLASSES, candidates, divide, family
from soupwidgets.zoo.text.suite import write_text_suite
from soupwidgets.zoo.text.tokens import LENGTH, MASK, SPECIAL, cut, encode, train_tokenizer

PACKAGES = """Package: xkobo
Source: xkobo (1.11)
Version: 1.11+w01-1
Section: games
Description: space war game
Description-md5: one

Package: fixed
Version: 2
Section: net
Description: fixed in a security update
 It has no translation.
"""
TRANSLATIONS = """Package: xkobo
Description-md5: one
Description-en: space war game
 Kobo is a fast game.
 .
 It needs X.
"""


def write_lists(folder: Path) -> Path:
    lists = folder / "lists"
    lists.mkdir(parents=True)
    for release in ("bullseye", "bookworm", "trixie"):
        start = f"mirror_debian_dists_{release}"
        (lists / f"{start}_main_binary-amd64_Packages").write_text(PACKAGES)
        (lists / f"{start}_main_i18n_Translation-en").write_text(TRANSLATIONS)
        (lists / f"{start}_InRelease").write_text(
            "Origin: Debian\nVersion: 12.1\nDate: Sat, 09 Aug 2025 09:16:30 UTC\n"
        )
    return folder


def test_packages_have_their_translated_description_or_their_own(tmp_path: Path) -> None:
    fixed, kobo = read_packages(write_lists(tmp_path), "bookworm")
    assert kobo == Package(
        "xkobo", "xkobo", "1.11+w01-1", "games", "space war game", "Kobo is a fast game.\n.\nIt needs X."
    )
    assert (fixed.source, fixed.short, fixed.long) == ("fixed", "fixed in a security update", "It has no translation.")
    assert fetch_lists(tmp_path) == tmp_path  # nothing is fetched
    stated = provenance(tmp_path)["trixie"]
    assert stated["version"] == "12.1"
    # sha256sum of PACKAGES
    assert stated["Packages"] == subprocess.run(
        ["sha256sum"], input=PACKAGES.encode(), capture_output=True, check=True
    ).stdout.decode().split()[0]  # fmt: skip


def test_without_apt_it_is_said_what_to_do(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def missing(*_: Any, **__: Any) -> None:
        raise FileNotFoundError("apt-get")

    monkeypatch.setattr(subprocess, "run", missing)
    with pytest.raises(FileNotFoundError, match="--from-bundle"):
        fetch_lists(tmp_path)
    with pytest.raises(FileNotFoundError, match="package lists of trixie"):
        read_packages(tmp_path, "trixie")


def test_typing_errors() -> None:
    rng = np.random.default_rng(0)
    text = "Zeitschrift: 12 pages (Äpfel)"
    assert mistype(text, rng, 0.0) == text
    assert mistype("123 -- Ä.", rng, 1.0) == "123 -- Ä."
    spoiled = [mistype("a", np.random.default_rng(seed), 1.0) for seed in range(60)]
    # Replaced by a neighbour, left out, doubled, or kept since there is nothing to swap it with.
    assert set(spoiled) == {"q", "s", "w", "z", "", "aa", "a"}
    changed = [mistype("window manager" * 20, np.random.default_rng(seed), 0.1) for seed in range(2)]
    assert changed[0] != changed[1]
    assert all(one in NEIGHBOURS[other] for one, others in NEIGHBOURS.items() for other in others)


def package(name: str, section: str, short: str, source: str = "", long: str = "") -> Package:
    return Package(name, source or name, "1", section, short, long)


def test_one_example_for_each_family_and_each_text() -> None:
    found = candidates(
        [
            package("lib-a", "libs", "in no class"),
            package("a-tools", "games", "tools for a", "a"),
            package("a", "games", "a itself", "a"),
            package("a-data", "games", "data for a", "a-2.1"),
            package("b-new", "net", "A itself!", "b"),
            package("c", "net", "transitional package"),
            package("d2", "net", "mail server", "d2"),
            package("d3", "net", "better mail server", "d3"),
        ]
    )
    assert {name: one.text for name, one in found.items()} == {"a": "a itself", "d": "mail server"}
    assert list(CLASSES)[found["d"].label] == "network"
    assert family("gcc-12-cross") == family("gcc-13-cross") == "gcc-cross"


@pytest.fixture
def small(monkeypatch: pytest.MonkeyPatch) -> list[Package]:
    """Eight packages of each class, where four are needed in the test, and one in no class."""
    for name, value in {"VALIDATION": 1, "TEST": 4, "TRAINING": 2}.items():
        monkeypatch.setattr(splits_module, name, value)
    long = "The first sentence. The second one is long enough to be of use to all.\n.\nA third."
    made = [
        package(f"p{letter}-{label}", sections.split()[0], f"text {letter} of {name}", long=long)
        for label, (name, sections) in enumerate(CLASSES.items())
        for letter in "abcdefgh"
    ]
    names = dict(zip("abcdefgh", ("ant", "bee", "cat", "dog", "elk", "fox", "gnu", "hen"), strict=True))
    made = [
        package(f"{names[one.name[1]]}-{word}", one.section, one.short, long=one.long)
        for one, word in zip(made, (w for w in CLASSES for _ in range(8)), strict=True)
    ]
    return [*made, package("libz", "libs", "compression library", long="It compresses well.")]


def test_division(small: list[Package]) -> None:
    gone, new = package("oldie", "games", "a game that is gone"), package("newbie", "net", "a new server")
    old_text = package("renamed", "games", small[0].short.upper())
    splits = divide(small, [*small, gone, old_text], [*small, new])
    sizes = {name: len(examples) for name, examples in splits.items()}
    n = len(CLASSES)
    assert sizes == {
        "train": 2 * n, "val": n, "test": 4 * n, "typos": n, "capitals": n, "opening": n, "details": n,
        "older": 1, "newer": 1,
    }  # fmt: skip
    assert [splits["older"][0].package, splits["newer"][0].package] == [gone, new]
    sources = [one.package.source for name in ("train", "val", "test") for one in splits[name]]
    assert len(sources) == len(set(sources)) == 7 * n
    shifted = [one.package for name in ("typos", "capitals", "opening", "details") for one in splits[name]]
    assert shifted == [one.package for one in splits["test"]]
    assert splits["opening"][0].text == "The first sentence."
    assert splits["details"][0].text == "The second one is long enough to be of use to all. A third."
    assert splits["capitals"][0].text == splits["test"][n].text.upper()
    with pytest.raises(ValueError, match="'games' has 0 packages, 7 are needed"):
        divide([one for one in small if one.section != "games"], [], [])


def test_written_suite_holds_what_the_model_sees(small: list[Package], tmp_path: Path) -> None:
    pytest.importorskip("tokenizers")
    splits = divide(small, [], [])
    tokenizer = train_tokenizer([one.short for one in small] * 30)
    write_text_suite(tmp_path, splits, tokenizer=tokenizer, lists={})
    ids = np.load(tmp_path / "test.input_ids.npy")
    assert (ids.shape, ids.dtype) == ((4 * len(CLASSES), LENGTH), np.uint16)
    assert [tokenizer.id_to_token(i) for i in range(len(SPECIAL))] == list(SPECIAL)
    first = tokenizer.encode(splits["test"][0].text).ids
    assert ids[0].tolist() == first + [0] * (LENGTH - len(first))
    long = "text " * 100
    assert cut(tokenizer, [long, "text a"]) == [" ".join(["text"] * (LENGTH - 2)), "text a"]
    assert (encode(tokenizer, [long]) != 0).all()


def test_hidden_tokens() -> None:
    from soupwidgets.zoo.text.pretrain import hide

    ids = np.tile(np.array([2, *range(5, 30), 3, 0, 0]), (4000, 1))
    shown, chosen = hide(ids, np.random.default_rng(0), 0.15, 50)
    words = (ids >= 5).sum()
    assert not chosen[:, [0, 26, 27, 28]].any()
    assert (shown[~chosen] == ids[~chosen]).all()
    assert chosen.sum() / words == pytest.approx(0.15, abs=0.005)
    assert (shown[chosen] == MASK).mean() == pytest.approx(0.8, abs=0.02)
    # A tenth stays, and a random piece is the right one once in 45.
    assert (shown[chosen] == ids[chosen]).mean() == pytest.approx(0.1 + 0.1 / 45, abs=0.01)
    assert shown[chosen].min() >= MASK


def tiny_batch(n: int = 48) -> tuple[Any, Any]:
    rng = np.random.default_rng(0)
    ids = rng.integers(5, 2000, (n, LENGTH)).astype(np.uint16)
    ids[:, 0], ids[:, 20:] = 2, 0
    return ids, rng.integers(0, len(CLASSES), n).astype(np.uint8)


def test_the_probe_is_scikit_learns_logistic_regression() -> None:
    pytest.importorskip("transformers")
    linear_model = pytest.importorskip("sklearn.linear_model")
    from soupwidgets.zoo.text.measure import logits_of
    from soupwidgets.zoo.text.model import TextClassifier
    from soupwidgets.zoo.text.pretrain import probe

    torch.manual_seed(0)
    model = TextClassifier().eval()
    ids, labels = tiny_batch()
    trunk = model.bert.bert.encoder.layer[0].output.dense.weight.clone()
    penalty = 1e-2
    probe(model, ids, labels, penalty)
    inputs = torch.from_numpy(ids.astype(np.int64))
    with torch.no_grad():
        features = model.bert.bert(input_ids=inputs, attention_mask=(inputs != 0).long()).pooler_output.numpy()
    # Theirs is C times the sum of losses plus half the squared norm.
    theirs = linear_model.LogisticRegression(C=1 / (2 * penalty * len(ids)), max_iter=5000, tol=1e-8)
    theirs.fit(features, labels)
    logits = torch.from_numpy(logits_of(model, ids))
    np.testing.assert_allclose(logits.softmax(1).numpy(), theirs.predict_proba(features), atol=2e-4)
    assert torch.equal(model.bert.bert.encoder.layer[0].output.dense.weight, trunk)


def test_fine_tuning_is_adamw_on_hidden_and_padded_texts() -> None:
    pytest.importorskip("transformers")
    from soupwidgets.training import cosine_schedule
    from soupwidgets.zoo.text.finetune import TextTuneConfig, fine_tune_text
    from soupwidgets.zoo.text.model import TextClassifier

    ids, labels = tiny_batch(64)
    config = TextTuneConfig(seed=3, learning_rate=1e-3, epochs=2, dropout=0.0, label_smoothing=0.1, batch_size=32)
    torch.manual_seed(0)
    ours, plain = TextClassifier(0.0), TextClassifier(0.0)
    plain.load_state_dict(ours.state_dict())
    fine_tune_text(ours, ids, labels, config=config)
    optimizer = torch.optim.AdamW(plain.parameters(), 1e-3, weight_decay=0.01)
    plain.train()
    for step in range(4):
        order = np.random.default_rng([3, 2, step // 2]).permutation(64)
        rows = order[32 * (step % 2) : 32 * (step % 2) + 32]
        # Without the padding at the end, attention needs no mask.
        output = plain.bert(
            input_ids=torch.from_numpy(ids[rows, :20].astype(np.int64)),
        )
        for group in optimizer.param_groups:
            group["lr"] = 1e-3 * cosine_schedule(step, 4, 1)
        optimizer.zero_grad()
        targets = torch.from_numpy(labels[rows].astype(np.int64))
        torch.nn.functional.cross_entropy(output.logits, targets, label_smoothing=0.1).backward()
        optimizer.step()
    for one, two in zip(ours.parameters(), plain.parameters(), strict=True):
        torch.testing.assert_close(one, two, atol=2e-5, rtol=1e-3)


def test_the_corpus_leaves_out_what_is_held_out_and_boilerplate(small: list[Package]) -> None:
    splits = divide(small, [], [])
    other = [
        package("libz", "libs", "compression library", long="It compresses well.\n.\nThis holds the headers."),
        package("libz-dev", "libdevel", "headers of it", "libz", "This holds the headers."),
        *(package(f"lib{x}", "libs", f"library of {x * 5}", long="This holds the headers.") for x in "abc"),
        package("twin", "libs", splits["test"][0].text, long="Another package with a text of the test."),
    ]
    # Of the small packages all have the same sentences.
    families = corpus([*small, *other], splits)
    assert [(one.short, one.long) for one in families] == [
        (("compression library", "headers of it"), ("It compresses well.",))
    ]


def test_pairs_are_a_phrase_and_a_sentence_of_one_family() -> None:
    pytest.importorskip("tokenizers")
    from soupwidgets.zoo.text.corpus import Family
    from soupwidgets.zoo.text.pretrain import TextPretrainConfig, draw_pairs

    families = [Family(("red one", "red two"), ("red sentence",)), Family(("blue one",), ("blue text", "blue word"))]
    tokenizer = train_tokenizer(["red one two sentence blue text word RED ONE TWO SENTENCE BLUE TEXT WORD"] * 30)
    data = encode_corpus(tokenizer, families)
    assert data.bounds.tolist() == [[0, 2, 3], [3, 4, 6]]
    assert data.ids.shape == (3, 6, LENGTH)
    config = TextPretrainConfig(seed=0, batch_size=200, typing_errors=0.0, capitals=0.3)
    pairs = [tokenizer.decode(row) for row in draw_pairs(data, np.random.default_rng(0), config).tolist()]
    drawn = set(zip((one.lower() for one in pairs[:200]), (one.lower() for one in pairs[200:]), strict=True))
    assert drawn == {
        ("red one", "red sentence"), ("red two", "red sentence"), ("blue one", "blue text"), ("blue one", "blue word"),
    }  # fmt: skip
    assert sum(one.isupper() for one in pairs) / 400 == pytest.approx(0.3, abs=0.07)


def test_pretraining_learns_and_repeats() -> None:
    pytest.importorskip("transformers")
    from soupwidgets.zoo.text.pretrain import TextPretrainConfig, pretrain

    row = np.array([[2, 7, 8, 9, 10, 3] + [0] * (LENGTH - 6), [2, 11, 12, 13, 14, 3] + [0] * (LENGTH - 6)])
    data = Corpus(np.tile(np.repeat(row, 2, axis=0), (3, 1, 1)).astype(np.uint16), np.array([[0, 1, 2], [2, 3, 4]]))
    config = TextPretrainConfig(seed=0, steps=30, batch_size=16, warm_up=5)
    losses: list[float] = []
    one = pretrain(data, config, progress=lambda _, loss: losses.append(loss))
    two = pretrain(data, config, progress=lambda *_: None)
    # A guess among 2,000 pieces costs 7.6 nats and one among 16 texts 2.8; here are eight pieces and two texts.
    assert losses[0] > 9
    assert losses[-1] < 6
    assert all(torch.equal(a, b) for a, b in zip(one.parameters(), two.parameters(), strict=True))
