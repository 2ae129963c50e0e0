from __future__ import annotations

import csv
import pickle
from pathlib import Path

import numpy as np
import open_clip
import pytest

from soupwidgets import SuiteError
from soupwidgets.models import fill
from soupwidgets.suites.readers import READERS
from soupwidgets.suites.readers.imagenet import MINIVAL_MASK, class_names, templates, wordnet_ids
from soupwidgets.suites.tables import load_table
from tests.suites import trees


def names(listing) -> list[str]:
    return [Path(item.name).name for item in listing.items]


def test_official_facts_of_the_tables() -> None:
    assert len(wordnet_ids()) == len(set(wordnet_ids())) == len(class_names()) == 1000
    assert wordnet_ids()[0] == "n01440764"
    assert class_names()[0] == "tench"
    assert list(wordnet_ids()) == sorted(wordnet_ids())
    for subset in ("imagenet_r", "imagenet_a"):
        assert len(wordnet_ids(subset)) == 200
        assert set(wordnet_ids(subset)) < set(wordnet_ids())
        assert list(wordnet_ids(subset)) == sorted(wordnet_ids(subset))
    # Known members: goldfish is in both, the tench in neither (arXiv 2006.16241 and 1907.07174).
    assert "n01443537" in wordnet_ids("imagenet_r")
    assert "n01440764" not in (*wordnet_ids("imagenet_r"), *wordnet_ids("imagenet_a"))
    objectnet = load_table("objectnet.json")
    assert len(objectnet) == 113
    mapped = [name for entry in objectnet.values() for name in entry["imagenet"]]
    assert len(mapped) == len(set(mapped)) == 125
    assert set(mapped) < set(wordnet_ids())
    chairs = [wordnet_ids().index(name) for name in objectnet["chair"]["imagenet"]]
    assert chairs == [423, 559, 765]
    assert [class_names()[c] for c in chairs] == ["barber chair", "folding chair", "rocking chair"]
    assert len(load_table("iwildcam.txt")) == 182
    assert len(load_table("fmow.txt")) == 62
    assert [len(load_table("templates.json")[k]) for k in ("cifar10", "iwildcam", "fmow")] == [18, 2, 16]
    assert len(templates()) == 80


def test_prompts_are_those_of_open_clip() -> None:
    own = [fill(template, "tench") for template in templates()]
    assert own == [template("tench") for template in open_clip.OPENAI_IMAGENET_TEMPLATES]
    assert fill("aerial photo of {an}.", "zoo") == "aerial photo of a zoo."
    # A hostile template is text, not a format.
    assert fill("{}{0.__class__}", "x") == "x{0.__class__}"
    with pytest.raises(ValueError, match="where the class"):
        fill("a photo", "x")


def test_imagenet(tmp_path: Path) -> None:
    root = trees.imagenet(tmp_path / "imagenet")
    test = READERS["imagenet"](root, "id_test")
    assert test.labels.tolist() == [0] * 3 + [7] * 3 + [423] * 3 + [559] * 3 + [999] * 3
    assert test.classes == class_names()
    assert any("995 of 1000 classes have no folder" in p for p in test.problems)
    assert any("15 images, ImageNet's validation set has 50,000" in p for p in test.problems)
    assert READERS["imagenet"](root / "val", "id_test").labels.tolist() == test.labels.tolist()


def test_imagenet_held_out_images(tmp_path: Path) -> None:
    root = trees.imagenet(tmp_path / "imagenet")
    # 4 training images a class; our own draw leaves one of each for training.
    held, train = (READERS["imagenet"](root, role) for role in ("validation", "train"))
    assert np.bincount(held.labels)[[0, 7, 999]].tolist() == [3, 3, 3]
    assert np.bincount(train.labels)[[0, 7, 999]].tolist() == [1, 1, 1]
    assert not set(names(held)) & set(names(train))
    assert any("not the draw of the model-soups release" in p for p in held.problems)
    mask = np.zeros(20)
    mask[[1, 4, 19]] = 1
    np.save(root / MINIVAL_MASK, mask)
    held = READERS["imagenet"](root, "validation")
    assert names(held) == ["n01440764_1.JPEG", f"{wordnet_ids()[7]}_0.JPEG", f"{wordnet_ids()[999]}_3.JPEG"]
    assert len(READERS["imagenet"](root, "train").items) == 17
    np.save(root / MINIVAL_MASK, np.zeros(19))
    with pytest.raises(SuiteError, match=r"19 entries, but .* has 20 images"):
        READERS["imagenet"](root, "validation")
    np.save(root / MINIVAL_MASK, np.array([{}], dtype=object), allow_pickle=True)
    with pytest.raises(SuiteError, match="cannot be read as a plain"):
        READERS["imagenet"](root, "validation")


def test_shifts_of_imagenet(tmp_path: Path) -> None:
    r_names = [wordnet_ids("imagenet_r")[i] for i in (0, 5, 199)]
    listing = READERS["imagenet-r"](trees.by_folder(tmp_path / "imagenet-r", r_names, ending=".jpg"), "shift")
    assert listing.labels.tolist() == [0, 0, 5, 5, 199, 199]
    assert listing.columns is not None
    assert len(listing.columns) == len(listing.classes) == 200
    assert [wordnet_ids()[c] for (c,) in listing.columns] == list(wordnet_ids("imagenet_r"))
    only_a = sorted(set(wordnet_ids("imagenet_a")) - set(wordnet_ids("imagenet_r")))[:2]
    trees.by_folder(tmp_path / "imagenet-a", only_a)
    assert READERS["imagenet-a"](tmp_path / "imagenet-a", "shift").labels.tolist() == [
        wordnet_ids("imagenet_a").index(name) for name in only_a for _ in range(2)
    ]
    with pytest.raises(SuiteError, match="not ImageNet-R: it has no class"):
        READERS["imagenet-r"](tmp_path / "imagenet-a", "shift")
    trees.by_folder(tmp_path / "ImageNet-Sketch" / "sketch", [wordnet_ids()[3]])
    assert READERS["imagenet-sketch"](tmp_path, "shift").labels.tolist() == [3, 3]
    # Folders of ImageNetV2 are numbers, whose order is not that of their names.
    v2 = trees.by_folder(tmp_path / "v2" / "imagenetv2-matched-frequency-format-val", ["2", "10", "999"])
    assert READERS["imagenet-v2"](tmp_path / "v2", "shift").labels.tolist() == [2, 2, 10, 10, 999, 999]
    assert READERS["imagenet-v2"](v2, "shift").columns is None
    for kind in ("imagenet", "imagenet-v2", "imagenet-r", "objectnet", "iwildcam", "fmow", "cifar10", "folder"):
        with pytest.raises(SuiteError, match=str(tmp_path)):
            READERS[kind](tmp_path / "nowhere", "shift")


def test_objectnet(tmp_path: Path) -> None:
    trees.by_folder(tmp_path / "objectnet-1.0" / "images", ["chair", "wok", "air_freshener"], ending=".png")
    listing = READERS["objectnet"](tmp_path, "shift")
    assert [listing.classes[i] for i in listing.labels] == ["chair", "chair", "wok", "wok"]
    assert listing.columns is not None
    assert listing.columns[listing.labels[0]] == (423, 559, 765)
    assert listing.border == 2
    with pytest.raises(SuiteError, match="not ObjectNet"):
        READERS["objectnet"](trees.by_folder(tmp_path / "other", ["cat"]), "shift")


def test_cifar(tmp_path: Path) -> None:
    images, labels = trees.cifar_binary(tmp_path, "test_batch", 5, seed=0)
    listing = READERS["cifar10"](tmp_path, "id_test")
    assert listing.labels.tolist() == labels.tolist()
    assert all(np.array_equal(item.pixels, image) for item, image in zip(listing.items, images, strict=True))
    for i in range(1, 6):
        trees.cifar_binary(tmp_path, f"data_batch_{i}", i, seed=i)
    assert len(READERS["cifar10"](tmp_path, "train").items) == 1 + 2 + 3 + 4
    assert len(READERS["cifar10"](tmp_path, "validation").items) == 5
    np.save(tmp_path / "cifar10.1_v6_data.npy", images)
    np.save(tmp_path / "cifar10.1_v6_labels.npy", labels)
    assert READERS["cifar10.1"](tmp_path, "shift").labels.tolist() == labels.tolist()
    np.savez(tmp_path / "cifar102_test.npz", images=images, labels=labels)
    assert READERS["cifar10.2"](tmp_path, "shift").labels.tolist() == labels.tolist()
    file = tmp_path / "cifar-10-batches-bin" / "test_batch.bin"
    file.write_bytes(file.read_bytes()[:-1])
    with pytest.raises(SuiteError, match="cut short"):
        READERS["cifar10"](tmp_path, "id_test")


def python_2(array: np.ndarray) -> bytes:
    """An array of bytes as Python 2 pickled it, with its numbers in a string."""
    rows, columns = array.shape
    return (
        b"cnumpy.core.multiarray\n_reconstruct\n(cnumpy\nndarray\n(K\x00tU\x01btR"
        + b"(K\x01(M" + rows.to_bytes(2, "little") + b"M" + columns.to_bytes(2, "little")
        + b"tcnumpy\ndtype\n(U\x02u1K\x00K\x01tR(K\x03U\x01|NNNJ\xff\xff\xff\xffJ\xff\xff\xff\xffK\x00tb"
        + b"I00\nT" + array.size.to_bytes(4, "little") + array.tobytes() + b"tb"
    )  # fmt: skip


@pytest.mark.parametrize("old", [False, True])
def test_cifar_pickles_are_read_and_not_run(tmp_path: Path, old: bool) -> None:
    rng = np.random.default_rng(0)
    images = rng.integers(0, 256, (4, 32, 32, 3), dtype=np.uint8)
    folder = tmp_path / "cifar-10-batches-py"
    folder.mkdir()
    flat = images.transpose(0, 3, 1, 2).reshape(4, -1).copy()
    content = pickle.dumps({b"data": flat, b"labels": [1, 2, 3, 4]}, protocol=2)
    if old:
        content = b"\x80\x02}(U\x04data" + python_2(flat) + b"U\x06labels](K\x01K\x02K\x03K\x04eu."
        assert np.array_equal(pickle.loads(content, encoding="latin-1")["data"], flat)
    (folder / "test_batch").write_bytes(content)
    listing = READERS["cifar10"](tmp_path, "id_test")
    assert listing.labels.tolist() == [1, 2, 3, 4]
    assert all(np.array_equal(item.pixels, image) for item, image in zip(listing.items, images, strict=True))
    older = np.array({"images": images, "labels": np.array([4, 3, 2, 1])}, dtype=object)
    np.save(tmp_path / "cifar102_test.npy", older, allow_pickle=True)
    assert READERS["cifar10.2"](tmp_path, "shift").labels.tolist() == [4, 3, 2, 1]

    class Hostile:
        def __reduce__(self):
            return (Path.touch, (tmp_path / "was-here",))

    (folder / "test_batch").write_bytes(pickle.dumps({b"data": Hostile(), b"labels": [1]}, protocol=2))
    with pytest.raises(SuiteError):
        READERS["cifar10"](tmp_path, "id_test")
    assert not (tmp_path / "was-here").exists()


def write_csv(path: Path, rows: list[dict[str, object]]) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    with open(path, "w", newline="") as file:
        writer = csv.DictWriter(file, list(rows[0]))
        writer.writeheader()
        writer.writerows(rows)


def test_iwildcam(tmp_path: Path) -> None:
    splits = ["train", "val", "test", "id_val", "id_test"]
    rows = [{"split": s, "y": 10 * i, "filename": f"{s}.jpg"} for i, s in enumerate(splits)]
    write_csv(tmp_path / "iwildcam_v2.0" / "metadata.csv", rows)
    for role, y, file in (("train", 0, "train"), ("validation", 30, "id_val"), ("id_test", 40, "id_test")):
        listing = READERS["iwildcam"](tmp_path, role)
        assert (listing.labels.tolist(), names(listing)) == ([y], [f"{file}.jpg"])
        assert listing.metric == "macro_f1"
    assert names(READERS["iwildcam"](tmp_path, "shift")) == ["test.jpg"]
    write_csv(tmp_path / "iwildcam_v2.0" / "metadata.csv", [{**rows[2], "filename": "../../secret.jpg"}])
    with pytest.raises(SuiteError, match="not the name of a file"):
        READERS["iwildcam"](tmp_path, "shift")
    write_csv(tmp_path / "iwildcam_v2.0" / "metadata.csv", [{**rows[2], "y": 182}])
    with pytest.raises(SuiteError, match="from 0 to 181"):
        READERS["iwildcam"](tmp_path, "shift")


def test_fmow(tmp_path: Path) -> None:
    root = tmp_path / "fmow_v1.1"
    stamps = ["2012-12-31T23:59:59Z", "2013-01-01T00:00:00Z", "2015-06-01T00:00:00Z", "2016-01-01T00:00:00Z"]
    rows = [
        {"split": split, "category": "zoo" if i % 2 else "airport", "timestamp": stamp, "country_code": code}
        for split in ("train", "val", "test", "seq")
        for i, (stamp, code) in enumerate(zip(stamps, ("NAM", "FRA", "FRA", "XXX"), strict=True))
    ]
    rows.append({"split": "test", "category": "dam", "timestamp": "2017-01-01T00:00:00Z", "country_code": "NAM"})
    write_csv(root / "rgb_metadata.csv", rows)
    countries = [{"alpha-3": "NAM", "region": "Africa"}, {"alpha-3": "FRA", "region": "Europe"}]
    write_csv(root / "country_code_mapping.csv", countries)
    # Images are numbered by their row in the whole table, sequestered ones included.
    assert names(READERS["fmow"](tmp_path, "train")) == ["rgb_img_0.png"]
    assert names(READERS["fmow"](tmp_path, "validation")) == ["rgb_img_4.png"]
    assert names(READERS["fmow"](tmp_path, "id_test")) == ["rgb_img_8.png"]
    shift = READERS["fmow"](tmp_path, "shift")
    assert names(shift) == ["rgb_img_11.png", "rgb_img_16.png"]
    assert [shift.classes[i] for i in shift.labels] == ["zoo", "dam"]
    assert shift.group_names == ("Africa",)
    assert shift.groups is not None
    assert shift.groups.tolist() == [-1, 0]
    assert shift.metric == "worst_group"


def test_image_folder(tmp_path: Path) -> None:
    trees.by_folder(tmp_path / "train", ["cat", "dog"])
    trees.by_folder(tmp_path / "val", ["cat", "dog"], per_folder=1)
    (tmp_path / "val" / "empty").mkdir()
    listing = READERS["folder"](tmp_path, "validation")
    assert (listing.classes, listing.labels.tolist()) == (("cat", "dog"), [0, 1])
    assert listing.problems == [f"{tmp_path / 'val' / 'empty'}: no image in it"]
    assert len(READERS["folder"](tmp_path, "train").items) == 4


def test_webdataset(tmp_path: Path) -> None:
    trees.shard(tmp_path / "a.tar", [("x/0.jpg", trees.jpeg(0)), ("x/0.cls", b"1"), ("x/1.jpg", trees.jpeg(1))])
    trees.shard(tmp_path / "b.tar", [("x/2.json", trees.label_json(0)), ("x/2.jpg", trees.jpeg(2))])
    listing = READERS["webdataset"](tmp_path, "id_test")
    assert listing.labels.tolist() == [1, 0]
    assert listing.classes == ("class 0", "class 1")
    assert any("without a label" in problem for problem in listing.problems)
    with listing.items[1].open() as image, trees.picture(2) as original:
        assert np.abs(np.asarray(image, int) - np.asarray(original, int)).mean() < 4
    (tmp_path / "classnames.txt").write_text("cat\ndog\n")
    assert READERS["webdataset"](tmp_path, "id_test").classes == ("cat", "dog")
    (tmp_path / "b.tar").write_bytes((tmp_path / "b.tar").read_bytes()[:700])
    assert any("b.tar" in problem for problem in READERS["webdataset"](tmp_path, "id_test").problems)
    named = trees.shard(tmp_path / "c" / "c.tar", [("0.jpg", trees.jpeg(0)), ("0.cls", b"wolf")])
    assert READERS["webdataset"](named, "id_test").classes == ("wolf",)
