"""Every reader of files from elsewhere: small valid files, how they are read, and what may be raised.

A reader raises one of its own exceptions (exactly these, not something that happens to be derived from them), whose
message is short and names the file. Anything else is a finding.
"""

from __future__ import annotations

import atexit
import contextlib
import gzip
import json
import pickle
import shutil
import sqlite3
import tempfile
import warnings
from collections.abc import Callable
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import torch
from safetensors.torch import save_file

import soupwidgets as sw
from soupwidgets import CheckpointFile, Pool, Recipe, Store, Suite, SuiteError
from soupwidgets.checkpoints import CARD_KEY, CheckpointError, with_adapter
from soupwidgets.pages.workshop import _pages, read_sessions
from soupwidgets.pool import PoolError
from soupwidgets.store import Measurement, StoreError
from soupwidgets.suites import (
    Preprocess,
    SliceSplit,
    SplitSource,
    build_suite,
    read_collapsed_classes,
    read_slice,
    write_slice,
)
from soupwidgets.suites.idx import read_idx
from soupwidgets.suites.readers import READERS as DATA_SETS
from soupwidgets.topics.augmentation.study import read_augmentation_study
from soupwidgets.topics.augmentation.variants import read_variant_study
from soupwidgets.topics.review.files import export_labels, read_labels, read_session, write_session
from soupwidgets.topics.review.records import ReviewError
from soupwidgets.topics.review.session import ReviewSession
from soupwidgets.topics.review.storage import ReviewStore
from soupwidgets.topics.review.views import Image, Judgement, view
from soupwidgets.topics.spectrum.label_noise import read_label_noise_study
from soupwidgets.topics.spectrum.training_result import read_training_study
from tests.figures.test_shown import augmentation_variants
from tests.fixtures import ROOT, TINY
from tests.records import files as record_files
from tests.suites import trees
from tests.topics.spectrum.test_training_study import BY_HAND

_KEY = "ab" * 32
_ENDINGS = ("jpg", "png", "webp", "bmp", "gif", "tif")


_INDEX = "model.safetensors.index.json"


@dataclass(frozen=True)
class Reader:
    """One reader.

    Parameters
    ----------
    name
        What the table calls it.
    make
        Writes valid files into a folder.
    damaged
        Names of the files that are damaged, one at a time.
    read
        Reads everything in the folder.
    allowed
        What it may raise.
    share
        Of the cases: slow readers get fewer.
    named
        Whether its messages name a file; a text has none.
    """

    name: str
    make: Callable[[Path], None]
    damaged: tuple[str, ...]
    read: Callable[[Path], object]
    allowed: tuple[type[Exception], ...]
    share: float = 1.0
    named: bool = True


# Suites.


def _make_suite(folder: Path) -> None:
    rng = np.random.default_rng(0)
    for name in ("val", "test"):
        np.save(folder / f"{name}.images.npy", rng.integers(0, 256, (10, 4, 4), dtype=np.uint8))
        np.save(folder / f"{name}.labels.npy", np.arange(10) % 3)
    np.save(folder / "test.groups.npy", np.arange(10) % 2)
    (folder / "test.names.json").write_text(json.dumps([f"{i}.png" for i in range(10)]))
    files = {"images": "test.images.npy", "labels": "test.labels.npy"}
    half = {"seed": 0, "of": 10, "start": 2, "stop": 7}
    uniform = {"period": [0.2, 0.4], "amplitude": [0.1, 0.2], "phase": [0, 6]}
    shift = {"corruption": "wave", "seed": 1, "uniform": uniform, "either_sign": ["amplitude"]}
    blur = {"corruption": "blur", "seed": 1, "uniform": {"sigma": [0.5, 2]}, "either_sign": []}
    manifest = {
        "name": "small",
        "classes": ["a", "b", "c"],
        "templates": ["a photo of {}"],
        "splits": [
            {"name": "val", "role": "validation", "images": "val.images.npy", "labels": "val.labels.npy"},
            {"name": "test", "role": "id_test", **files, "names": "test.names.json"},
            {
                "name": "fog",
                "role": "shift",
                **files,
                "rows": half,
                "shift": shift,
            },
            {
                "name": "soft",
                "role": "shift",
                **files,
                "rows": half,
                "shift": blur,
            },
            {
                "name": "some",
                "role": "shift",
                **files,
                "classes": ["x", "y", "z"],
                "class_map": [[1], [0], [2]],
                "metric": "worst_group",
                "groups": "test.groups.npy",
                "group_names": ["g", "h"],
                "made_of": "test",
            },
        ],
    }
    (folder / "suite.json").write_text(json.dumps(manifest))


def _read_suite(folder: Path) -> None:
    suite = Suite.open(folder)
    for split in suite.splits.values():
        _ = (split.images, split.labels, split.groups, split.file_names, split.image_numbers, split.content_hash)
        _ = split.image_size
    _ = (repr(suite), suite._repr_html_())


@cache
def _suite() -> Suite:
    """A suite that is whole, for files about one. Made once in each process."""
    folder = Path(tempfile.mkdtemp(prefix="fuzz-suite"))
    atexit.register(shutil.rmtree, folder, ignore_errors=True)
    _make_suite(folder)
    suite = Suite.open(folder)
    for split in suite.splits.values():
        _ = (split.images, split.labels, split.content_hash)
    return suite


def _make_slice(folder: Path) -> None:
    write_slice(folder / "slice.json", SliceSplit("few", _suite()["test"], [1, 3, 5], "because", {3: 0}))


def _read_slice(folder: Path) -> None:
    found = read_slice(folder / "slice.json", _suite())
    _ = (found.images, found.labels, found.file_names, found.content_hash, found.caution, found._repr_html_())


# Checkpoints.


def _tensors() -> dict[str, torch.Tensor]:
    return {"head.weight": torch.ones(3, 4), "head.bias": torch.zeros(3), "steps": torch.tensor(7)}


def _make_safetensors(folder: Path) -> None:
    card = {
        "name": "one",
        "role": "fine_tuned",
        "architecture": TINY.to_json(),
        "hyperparameters": {"lr": 0.1},
        "training": {"ancestor": "x"},
        "note": "a note",
    }
    save_file(_tensors(), folder / "one.safetensors", metadata={CARD_KEY: json.dumps(card)})


def _make_pt(folder: Path) -> None:
    torch.save({"state_dict": _tensors(), "epoch": 3, "args": SimpleNamespace(lr=0.1)}, folder / "one.pt")


def _make_legacy(folder: Path) -> None:
    torch.save(_tensors(), folder / "one.pth", _use_new_zipfile_serialization=False)


def _make_index(folder: Path) -> None:
    for name, tensor in _tensors().items():
        save_file({name: tensor}, folder / f"{name}.safetensors")
    places = {name: f"{name}.safetensors" for name in _tensors()}
    (folder / _INDEX).write_text(json.dumps({"metadata": {}, "weight_map": places}))


def _weights(name: str) -> Callable[[Path], None]:
    def read(folder: Path) -> None:
        file = CheckpointFile(folder / name)
        for _ in file.read():
            pass
        _ = (file.content_hash, repr(file), file.card)

    return read


def _read_pool(folder: Path) -> None:
    pool = Pool.open(folder)
    _ = (repr(pool), pool.names, [pool.hyperparameters(name) for name in pool.names])


def _make_adapter(folder: Path) -> None:
    _make_safetensors(folder)
    config = {
        "peft_type": "LORA", "r": 2, "lora_alpha": 4, "use_rslora": True, "bias": "all", "modules_to_save": ["steps"],
        "rank_pattern": {"head": 2}, "alpha_pattern": {"^head": 1}, "init_lora_weights": True, "lora_dropout": 0.1,
        "base_model_name_or_path": "one", "target_modules": ["head"], "layer_replication": None,
    }  # fmt: skip
    (folder / "adapter_config.json").write_text(json.dumps(config))
    stem = "base_model.model.head"
    stored = {f"{stem}.lora_A.weight": torch.ones(2, 4), f"{stem}.lora_B.weight": torch.ones(3, 2)}
    save_file({**stored, f"{stem}.bias": torch.ones(3)}, folder / "adapter_model.safetensors")


def _read_adapter(folder: Path) -> None:
    file = with_adapter(CheckpointFile(folder / "one.safetensors"), folder)
    for _ in file.pieces(5):
        pass
    _ = (file.content_hash, repr(file), file.card, file.adapter.summary)


# Logits.


def _logits() -> np.ndarray:
    return np.random.default_rng(0).normal(size=(10, 3)).astype(np.float32)


def _make_logits(folder: Path) -> None:
    np.save(folder / "l.npy", _logits())
    names = np.array([f"{i}.png" for i in range(10)])
    np.savez(folder / "l.npz", logits=_logits(), names=names)
    np.savez_compressed(folder / "d.npz", logits=_logits(), indices=np.arange(10)[::-1])
    torch.save({"logits": torch.from_numpy(_logits()), "indices": torch.arange(10)}, folder / "l.pt")
    rows = [["file", "a", "b", "c"], *([f"{i}.png", *row] for i, row in enumerate(_logits()))]
    (folder / "l.csv").write_text("\n".join(",".join(map(str, row)) for row in rows))


def _logits_of(name: str) -> Callable[[Path], object]:
    return lambda folder: sw.diversity.read_logits(folder / name, _suite(), split="test")


# What others publish.


def _make_tables(folder: Path) -> None:
    (folder / "long.csv").write_text(
        "model,dataset,accuracy,images,lr\na,test,61.5,200,0.1\na,fog,40,100,0.1\nb,test,50,200,1\n"
    )
    (folder / "wide.csv").write_text("model,ImageNet,ImageNet-V2,objectnet,year\na,76.1,63.2,30,2015\nb,70,60,,2016\n")
    soups = {
        "ImageNet2p": 0.8,
        "ImageNet": 0.75,
        "ImageNetV2": 0.6,
        "ImageNetSketch": 0.0,
        "ImageNetR": 0.5,
        "ObjectNet": 0.5,
        "ImageNetA": 0.2,
    }
    (folder / "soups.jsonl").write_text("\n".join(json.dumps({"model_name": m, **soups}) for m in "abc"))
    (folder / "hparams.json").write_text(json.dumps({m: {"lr": 0.1, "epochs": 3} for m in "abc"}))
    wise = [{"exp_name": "e", "alpha": a, "lr": 0.1, "ImageNet:top1": 0.7, "ImageNetV2:top1": 0.6} for a in (0, 0.5)]
    (folder / "wise.jsonl").write_text("\n".join(map(json.dumps, wise)))


def _table(name: str) -> Callable[[Path], None]:
    def read(folder: Path) -> None:
        models = sw.frontier.read_accuracy_table(folder / name)
        points = sw.frontier.matching_points(models, ["ImageNetV2"], "ImageNetV2")
        _ = [evaluation.to_records() for evaluation in models.evaluations.values()], points

    return read


def _read_soups(folder: Path) -> None:
    _ = sw.frontier.read_individual_results(folder / "soups.jsonl", folder / "hparams.json").ranking


def _read_human(folder: Path) -> None:
    sw.mistakes.read_human_accuracy(folder / "human.json", _SPLIT, synsets=["n0", "n1"])


def _read_factors(folder: Path) -> None:
    found = sw.mistakes.read_factors(folder / "factors.jsonl", _SPLIT)
    sw.mistakes.factor_scores(_SPLIT.labels == 1, found)


_SPLIT: Any = SimpleNamespace(name="test", file_names=tuple(f"{i}.png" for i in range(10)), labels=np.arange(10) % 3)


def _make_reviews(folder: Path) -> None:
    entry = {"top_prediction": 3, "failure category": "Fine-grained error", "failure severity": "Minor"}
    (folder / "mistakes.json").write_text(json.dumps({f"{i}.png": entry for i in range(5)}))
    rows = [f"{i}.png,{i % 3},{'fine-grained' if i % 2 else ''},minor" for i in range(5)]
    (folder / "judged.csv").write_text("\n".join(["image,prediction,category,severity", *rows]))
    human = {
        "initial_annots": {f"{i}.png": {"correct": ["n0"], "wrong": ["n1"], "unclear": []} for i in range(5)},
        "problematic_images": {"4.png": ["x"]},
        "imagenet_m": ["1.png"],
    }
    (folder / "human.json").write_text(json.dumps(human))
    lines = [{"file_name": f"{i}.png", "class": 1, **dict.fromkeys(sw.mistakes.FACTORS, i % 2)} for i in range(5)]
    (folder / "factors.jsonl").write_text("\n".join(map(json.dumps, lines)))


def _read_mistakes(folder: Path) -> None:
    found = sw.mistakes.read_mistakes(folder / "mistakes.json")
    _ = (found.warning, sw.mistakes.mistake_table(found.mistakes))


def _read_judged(folder: Path) -> None:
    assert all(one.prediction >= 0 for one in sw.alpha.read_judged(folder / "judged.csv"))


def _make_released(folder: Path) -> None:
    triples = [["n04525305", "n04554684", 1], ["n01871265", "n02504013", 3]]
    (folder / "confusions.json").write_text(json.dumps(triples))
    entry = {"label": "a", "also": ["b"], "why": "because"}
    own = {"format": "soupwidgets collapsed classes 1", "source": "us", "collapsed": [entry]}
    (folder / "classes.json").write_text(json.dumps(own))
    few = SliceSplit("few", _suite()["test"], [1, 3, 5], "because", label_sets={1: [0, 2], 3: []})
    write_slice(folder / "slice.json", few)


def _read_confusions(folder: Path) -> None:
    sw.mistakes.read_class_confusions(folder / "confusions.json")
    sw.mistakes.read_class_confusions(folder / "confusions.json", classes=[str(i) for i in range(1000)])


def _read_collapsed(folder: Path) -> None:
    given = read_collapsed_classes(folder / "classes.json")
    with contextlib.suppress(SuiteError):
        # Which classes a suite has is nothing that the file could know.
        _suite().collapsed(given)


def _make_imagenet_logits(folder: Path) -> None:
    np.save(folder / "released.npz.npy", np.zeros((50_000, 3), dtype=np.float16))
    (folder / "released.npz.npy").rename(folder / "released.npz")


def _read_imagenet_logits(folder: Path) -> None:
    names = tuple(f"ILSVRC2012_val_{i:08}.JPEG" for i in (7, 50_000))
    suite: Any = SimpleNamespace(
        splits={"test": SimpleNamespace(file_names=names)}, class_names=lambda _split: ("a", "b", "c")
    )
    sw.mistakes.read_imagenet_logits(folder / "released.npz", suite, split="test")


def _make_session(folder: Path) -> None:
    store = ReviewStore(folder / "reviews.sqlite")
    session = ReviewSession.create(store, _suite(), "room")
    session.rename("Robin")
    session.judge(Judgement(Image("test", 1), correct=frozenset({1}), note="a note", shared=True))
    write_session(folder / "session.json", session.id, session.state)
    export_labels(session.view, _suite()["test"]).write(folder / "labels.json")
    store.close()


def _read_session(folder: Path) -> None:
    known = view(read_session(folder / "session.json")[1])
    _ = (known.judgements, known.by_image())


def _read_labels(folder: Path) -> None:
    _ = read_labels(folder / "labels.json", _suite()).scored


def _read_review_store(folder: Path) -> None:
    store = ReviewStore(folder / "reviews.sqlite")
    try:
        for id in store.sessions():
            ReviewSession(store, id)
    finally:
        store.close()


def _make_studies(folder: Path) -> None:
    for name in ("label-noise", "augmentations"):
        content = json.loads((ROOT / "data" / "studies" / f"{name}.json").read_text())
        content["results"] = content["results"][:2]
        (folder / f"{name}.json").write_text(json.dumps(content))
    augmentation_variants().write(folder / "variants.json")


def _make_trainings(folder: Path) -> None:
    BY_HAND.write(folder / "trainings.json")


def _read_trainings(folder: Path) -> None:
    read_training_study(folder / "trainings.json").to_frame()


def _make_workshop(folder: Path) -> None:
    shutil.copyfile(ROOT / "notebooks" / "workshop" / "en" / "2_soups.json", folder / "soups.json")


def _read_workshop(folder: Path) -> None:
    found = read_sessions(folder)
    for session in found:
        _pages(session, found)


def _read_noise(folder: Path) -> None:
    read_label_noise_study(folder / "label-noise.json").to_frame()


def _read_augmentations(folder: Path) -> None:
    read_augmentation_study(folder / "augmentations.json").to_frame()


def _read_variants(folder: Path) -> None:
    read_variant_study(folder / "variants.json").to_frame()


# The store.


def _make_store(folder: Path) -> None:
    store = Store(folder)
    figure = {"metric": "macro_f1", "value": 0.5, "low": 0.4, "high": 0.6}
    recipe = Recipe({"a": 0.5, "b": 0.5}).to_json()
    store.put(_KEY, Measurement(recipe, "test", 10, 7, 0.5, "versions", figure, 0.1), _logits())
    store._engine.dispose()
    connection = sqlite3.connect(folder / "measurements.sqlite")
    # One file, not three.
    connection.execute("PRAGMA journal_mode=DELETE")
    connection.close()
    (folder / "recipe.json").write_text(recipe)
    (folder / "figure.json").write_text(json.dumps(figure))
    shutil.copy(next((folder / "logits").rglob("*.npy")), folder / "logits.npy")


def _read_store(folder: Path) -> None:
    # Damaged texts and arrays come to where they belong.
    (array,) = (folder / "logits").rglob("*.npy")
    shutil.copy(folder / "logits.npy", array)
    texts = [(folder / f"{name}.json").read_text("utf-8", "replace") for name in ("recipe", "figure")]
    with sqlite3.connect(folder / "measurements.sqlite") as connection:
        connection.execute("UPDATE measurements SET recipe = ?, figure = ?", texts)
    connection.close()
    _read_database(folder)


def _read_database(folder: Path) -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        store = Store(folder)
        try:
            store.get([_KEY])
            store.recipes(["test"])
            store.logits(_KEY)
        except KeyError:
            # It is not there any more, and is measured again.
            pass
        finally:
            store._engine.dispose()


def _read_recipe(folder: Path) -> None:
    recipe = Recipe.from_json((folder / "recipe.json").read_text("utf-8", "surrogateescape"))
    _ = (recipe.hash, repr(recipe), recipe.by_tensor)


def _make_recipe(folder: Path) -> None:
    recipe = Recipe({"a": 0.25, "b": 0.75}, by_tensor={"head.weight": {"a": 1.0}})
    (folder / "recipe.json").write_text(recipe.to_json())


# Records of training runs.


def _make_records(folder: Path) -> None:
    record_files.write_optuna(folder / "study.db")
    record_files.write_mlflow(folder / "mlruns")
    record_files.write_mlflow_database(folder / "mlflow.db")
    (folder / "study.csv").write_text(record_files.OPTUNA_CSV)
    (folder / "runs.csv").write_text(record_files.WANDB_PYTHON_CSV)
    (folder / "history.json").write_text(json.dumps(record_files.WANDB_HISTORY))


def _records_of(name: str) -> Callable[[Path], None]:
    def read(folder: Path) -> None:
        _ = [(record.where, record.hyperparameters("file")) for record in sw.records.read_records(folder / name)]

    return read


# Data sets.


def _make_images(folder: Path) -> None:
    for place, ending in enumerate(_ENDINGS):
        for name in ("data/cat", "data/dog"):
            trees.write_image(folder / name / f"{place}.{ending}", place, (12, 10))


def _read_images(folder: Path) -> None:
    sources = [SplitSource("validation", "folder", folder / "data"), SplitSource("id_test", "folder", folder / "data")]
    shutil.rmtree(folder / "suite", ignore_errors=True)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        build_suite(folder / "suite", sources, preprocess=Preprocess(size=8), workers=1, progress=False)


def _make_tar(folder: Path) -> None:
    entries = [
        ("a.jpg", b"image"),
        ("a.cls", b"1"),
        ("b.png", b"image"),
        ("b.json", trees.label_json("2")),
        ("c.jpg", b""),
    ]
    trees.shard(folder / "0.tar", entries)
    (folder / "classnames.txt").write_text("a\nb\nc\n")


def _data_set(kind: str) -> Callable[[Path], None]:
    def read(folder: Path) -> None:
        found = DATA_SETS[kind](folder, "id_test")
        _ = [(item.name, item.identity, item.file_name) for item in found.items]

    return read


def _make_cifar(folder: Path) -> None:
    images, labels = trees.cifar_binary(folder, "test_batch", 3, seed=0)
    shutil.move(folder / "cifar-10-batches-bin" / "test_batch.bin", folder / "test_batch.bin")
    (folder / "cifar-10-batches-bin").rmdir()
    flat = images.transpose(0, 3, 1, 2).reshape(3, -1)
    (folder / "test_batch").write_bytes(pickle.dumps({"data": flat, "labels": labels.tolist()}))
    np.savez_compressed(folder / "cifar102_test.npz", images=images, labels=labels)
    np.save(folder / "cifar10.1_v6_data.npy", images)
    np.save(folder / "cifar10.1_v6_labels.npy", labels)


def _read_cifar_pickle(folder: Path) -> None:
    (folder / "test_batch.bin").unlink(missing_ok=True)
    _data_set("cifar10")(folder)


def _make_wilds(folder: Path) -> None:
    rows = [["split", "y", "filename"], *(["id_test", i, f"{i}.jpg"] for i in range(4))]
    (folder / "metadata.csv").write_text("\n".join(",".join(map(str, row)) for row in rows))
    rows = [
        ["split", "category", "timestamp", "country_code"],
        *(["test", "zoo", "2011-05-01T00:00:00Z", c] for c in ("DEU", "KEN")),
    ]
    (folder / "rgb_metadata.csv").write_text("\n".join(",".join(map(str, row)) for row in rows))
    (folder / "country_code_mapping.csv").write_text("alpha-3,region\nDEU,Europe\nKEN,Africa\n")


def _read_idx(folder: Path) -> None:
    read_idx(folder / "a.idx")
    read_idx(folder / "b.gz")


def _make_idx(folder: Path) -> None:
    raw = b"\0\0\x08\x03" + b"".join(n.to_bytes(4, "big") for n in (3, 4, 4)) + bytes(48)
    (folder / "a.idx").write_bytes(raw)
    (folder / "b.gz").write_bytes(gzip.compress(raw))


_SUITE_ARRAYS = ("test.images.npy", "test.labels.npy", "test.groups.npy")
_CIFAR_1 = ("cifar10.1_v6_data.npy", "cifar10.1_v6_labels.npy")
_STORED = ("recipe.json", "figure.json", "logits.npy")
_IMAGES = tuple(f"data/cat/{i}.{ending}" for i, ending in enumerate(_ENDINGS))
_FMOW = ("rgb_metadata.csv", "country_code_mapping.csv")
_RUN = f"mlruns/183221362838662027/{0:032x}"
_RUN_FILES = tuple(f"{_RUN}/{name}" for name in ("meta.yaml", "params/lr", "metrics/loss", "tags/mlflow.runName"))
_SUITE, _WEIGHTS = (SuiteError,), (CheckpointError,)
_VALUE, _REVIEW, _STORE = (ValueError,), (ReviewError,), (StoreError,)

_ALL = (
    Reader("suite.json", _make_suite, ("suite.json",), _read_suite, _SUITE, 3),
    Reader("suite arrays", _make_suite, _SUITE_ARRAYS, _read_suite, _SUITE),
    Reader("suite names", _make_suite, ("test.names.json",), _read_suite, _SUITE),
    Reader("slice", _make_slice, ("slice.json",), _read_slice, _SUITE, 2),
    Reader("safetensors", _make_safetensors, ("one.safetensors",), _weights("one.safetensors"), _WEIGHTS, 2),
    Reader("pt", _make_pt, ("one.pt",), _weights("one.pt"), _WEIGHTS, 2),
    Reader("pt, old format", _make_legacy, ("one.pth",), _weights("one.pth"), _WEIGHTS),
    Reader("index", _make_index, (_INDEX, "head.bias.safetensors"), _weights(_INDEX), _WEIGHTS),
    Reader("adapter", _make_adapter, ("adapter_config.json", "adapter_model.safetensors"), _read_adapter, _WEIGHTS, 2),
    Reader("pool and cards", _make_safetensors, ("one.safetensors",), _read_pool, (CheckpointError, PoolError)),
    *(
        Reader(f"logits {name}", _make_logits, (name,), _logits_of(name), (ValueError, CheckpointError))
        for name in ("l.npy", "l.npz", "d.npz", "l.pt", "l.csv")
    ),
    *(
        Reader(f"accuracies {name}", _make_tables, (name,), _table(name), _VALUE)
        for name in ("long.csv", "wide.csv", "soups.jsonl", "wise.jsonl")
    ),
    Reader("model soups", _make_tables, ("soups.jsonl", "hparams.json"), _read_soups, _VALUE),
    Reader("mistakes", _make_reviews, ("mistakes.json",), _read_mistakes, _VALUE),
    Reader("judged mistakes", _make_reviews, ("judged.csv",), _read_judged, _VALUE),
    Reader("human accuracy", _make_reviews, ("human.json",), _read_human, _VALUE),
    Reader("class confusions", _make_released, ("confusions.json",), _read_confusions, _VALUE),
    Reader("collapsed classes", _make_released, ("classes.json",), _read_collapsed, _SUITE),
    Reader("slice with label sets", _make_released, ("slice.json",), _read_slice, _SUITE, 2),
    Reader("ImageNet's logits", _make_imagenet_logits, ("released.npz",), _read_imagenet_logits, _VALUE, 0.1),
    Reader("ImageNet-X", _make_reviews, ("factors.jsonl",), _read_factors, _VALUE),
    Reader("review session", _make_session, ("session.json",), _read_session, _REVIEW, 2),
    Reader("reviewed labels", _make_session, ("labels.json",), _read_labels, _REVIEW),
    Reader("review store", _make_session, ("reviews.sqlite",), _read_review_store, _REVIEW, 0.2),
    Reader("workshop session", _make_workshop, ("soups.json",), _read_workshop, _VALUE),
    Reader("study of trainings", _make_trainings, ("trainings.json",), _read_trainings, _VALUE),
    Reader("study of noise", _make_studies, ("label-noise.json",), _read_noise, _VALUE),
    Reader("study of augmentations", _make_studies, ("augmentations.json",), _read_augmentations, _VALUE),
    Reader("study of variants", _make_studies, ("variants.json",), _read_variants, _VALUE),
    Reader(
        "store rows and arrays", _make_store, ("recipe.json", "figure.json", "logits.npy"), _read_store, _STORE, 0.3
    ),
    Reader("store database", _make_store, ("measurements.sqlite",), _read_database, _STORE, 0.3),
    *(
        Reader(f"records {name}", _make_records, (name,), _records_of(name), _VALUE, 0.5)
        for name in ("study.db", "mlflow.db", "study.csv", "runs.csv", "history.json")
    ),
    Reader("records of MLflow", _make_records, _RUN_FILES, _records_of("mlruns"), _VALUE, 0.5),
    Reader("recipe", _make_recipe, ("recipe.json",), _read_recipe, _VALUE, named=False),
    Reader(
        "images", _make_images, tuple(f"data/cat/{i}.{e}" for i, e in enumerate(_ENDINGS)), _read_images, _SUITE, 0.4
    ),
    Reader("webdataset", _make_tar, ("0.tar", "classnames.txt"), _data_set("webdataset"), _SUITE),
    Reader("CIFAR-10 binary", _make_cifar, ("test_batch.bin",), _data_set("cifar10"), _SUITE, 0.2),
    Reader("CIFAR-10 pickle", _make_cifar, ("test_batch",), _read_cifar_pickle, _SUITE),
    Reader("CIFAR-10.1", _make_cifar, _CIFAR_1, _data_set("cifar10.1"), _SUITE),
    Reader("CIFAR-10.2", _make_cifar, ("cifar102_test.npz",), _data_set("cifar10.2"), _SUITE),
    Reader("iWildCam", _make_wilds, ("metadata.csv",), _data_set("iwildcam"), _SUITE, 0.5),
    Reader("FMoW", _make_wilds, _FMOW, _data_set("fmow"), _SUITE, 0.5),
    Reader("IDX", _make_idx, ("a.idx", "b.gz"), _read_idx, _VALUE, 0.5),
)
READERS: dict[str, Reader] = {reader.name: reader for reader in _ALL}
