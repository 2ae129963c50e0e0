"""A soup as a repository: what its card says, what is written, and what a push sends."""

from __future__ import annotations

import json
import re
import socket
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import mistune
import pytest
import torch
import yaml
from huggingface_hub import ModelCard, constants
from huggingface_hub.errors import HfHubHTTPError
from safetensors.torch import load_file, save_file

import soupwidgets as sw
from soupwidgets import CheckpointError, Evaluator, Pool, PoolError, Recipe, Store, Suite
from soupwidgets.checkpoints import CARD_KEY
from soupwidgets.hub.repository import push_to_hub, write_repository
from tests.fixtures import TINY
from tests.hub.fake_hub import FakeHub, serving

_SOUP = Recipe({"ft-a": 0.75, "ft-b": 0.25})
_FILES = {"README.md", "model.safetensors", "recipe.json"}


@pytest.fixture
def hub(monkeypatch: pytest.MonkeyPatch) -> Iterator[FakeHub]:
    """The real client talks to a server of this test; what `HF_ENDPOINT` and the others set is read at its import."""
    with serving() as server:
        monkeypatch.setattr(constants, "ENDPOINT", server.url)
        monkeypatch.setattr(constants, "HF_HUB_DISABLE_XET", True)
        monkeypatch.setattr(constants, "HF_HUB_OFFLINE", False)
        monkeypatch.setenv("HF_TOKEN", "hf_test")
        yield server


@pytest.fixture
def offline(monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*_: Any) -> None:
        raise AssertionError("something was sent")

    monkeypatch.setattr(socket.socket, "connect", refuse)
    monkeypatch.setattr(socket, "getaddrinfo", refuse)


@pytest.fixture
def hostile(small_suite: Suite, tmp_path: Path) -> Evaluator:
    """A pool whose names try to be markup, metadata, code and links."""
    torch.manual_seed(0)
    for number, name in enumerate(_NAMES):
        card = json.dumps({"name": name, "architecture": TINY.to_json()})
        save_file(TINY.build().state_dict(), tmp_path / f"{number}.safetensors", metadata={CARD_KEY: card})
    suite = Suite('a "suite": [x](http://y)\n---\n<b>', small_suite.classes, small_suite.splits)
    return Evaluator(Pool.open(tmp_path), suite, device="cpu", store=Store(tmp_path / "store"))


_NAMES = (
    "plain",
    "quo\"te's: {a: 1}",
    "x\n---\nlicense: mit\n",
    "<script>alert(1)</script> &amp;",
    "```\nimport os",
    "a | b | **c** _d_ `e` ~~f~~",
    "[link](javascript:alert(1)) http://evil.example www.evil.example @someone",
)


def _parts(card: str) -> tuple[dict[str, Any], str]:
    found = re.fullmatch(r"---\n(.*?)\n---\n(.*)", card, re.S)
    assert found is not None
    return yaml.safe_load(found[1]), found[2]


def test_the_metadata_are_those_of_a_merge(tiny_evaluator: Evaluator) -> None:
    known = tiny_evaluator.evaluate(_SOUP, ["val", "test"])
    card = sw.hub.model_card(tiny_evaluator, _SOUP, license="mit", base_models=["owner/base", "owner/other"])
    about, _ = _parts(card)
    assert about["base_model"] == ["owner/base", "owner/other"]
    assert about["base_model_relation"] == "merge"
    assert about["tags"] == ["soupwidgets", "model-soup", "merge"]
    assert (about["license"], about["library_name"]) == ("mit", "soupwidgets")
    (index,) = about["model-index"]
    assert [one["dataset"]["split"] for one in index["results"]] == ["val", "test"]
    test = index["results"][1]
    assert test["task"] == {"type": "image-classification"}
    assert test["dataset"]["name"] == tiny_evaluator.suite.name
    (metric,) = test["metrics"]
    assert (metric["type"], metric["value"]) == ("accuracy", known.accuracy["test"])
    assert metric["args"]["interval"] == list(known["test"].interval)
    # The Hub's own library reads the same.
    read = ModelCard(card).data
    assert [(one.dataset_split, one.metric_value) for one in read.eval_results] == [
        (split, score.accuracy) for split, score in known.scores.items()
    ]


def test_the_text_says_how_it_was_made(tiny_evaluator: Evaluator) -> None:
    known = tiny_evaluator.evaluate(_SOUP, "test")
    _, text = _parts(sw.hub.model_card(tiny_evaluator, _SOUP))
    assert f"| ft-a | 0.75 | `{tiny_evaluator.pool['ft-a'].content_hash}` |" in text
    low, high = known["test"].interval
    assert f"{100 * known.accuracy['test']:.2f}% \\[{100 * low:.2f}, {100 * high:.2f}\\] of 400 images" in text
    assert "95% intervals" in text
    assert f"torch {torch.__version__}" in text
    assert str(tiny_evaluator.pool["ft-a"].path.parent) not in text


def test_nothing_is_measured_or_claimed_for_a_card(tiny_evaluator: Evaluator) -> None:
    about, text = _parts(sw.hub.model_card(tiny_evaluator, _SOUP))
    assert not {"model-index", "base_model", "base_model_relation", "license"} & set(about)
    assert "not measured" in text
    assert tiny_evaluator.forward_images == 0


def test_names_cannot_break_a_card(hostile: Evaluator, tmp_path: Path) -> None:
    recipe = Recipe({name: 1 / len(hostile.pool) for name in hostile.pool.names})
    hostile.evaluate(recipe, "test")
    about, text = _parts(sw.hub.model_card(hostile, recipe, license="x\n---\ntags: [y]"))
    assert about["tags"] == ["soupwidgets", "model-soup", "merge"]
    assert about["license"] == r"x\n---\ntags: [y]"
    assert set(about) == {"license", "library_name", "tags", "model-index"}
    page = mistune.create_markdown(escape=False, plugins=["table", "strikethrough", "url"])(text)
    assert set(re.findall(r"<(\w+)", page)) == {
        "h1",
        "h2",
        "p",
        "table",
        "thead",
        "tbody",
        "tr",
        "th",
        "td",
        "code",
        "pre",
    }
    cells = re.findall(r"<td>(.*?)</td>", page)[: 3 * len(_NAMES)]
    shown = {
        cell.replace("&lt;", "<").replace("&gt;", ">").replace("&quot;", '"').replace("&amp;", "&")
        for cell in cells[::3]
    }
    assert shown == set(hostile.pool.names)


def test_a_repository_is_whole_and_nothing_is_sent(tiny_evaluator: Evaluator, tmp_path: Path, offline: None) -> None:
    folder = write_repository(tiny_evaluator, _SOUP, tmp_path / "a" / "repo", progress=False)
    assert {path.name for path in folder.iterdir()} == _FILES
    recipe = Recipe.from_json((folder / "recipe.json").read_text())
    assert recipe == _SOUP
    stated = json.loads((folder / "recipe.json").read_text())["sha256"]
    assert stated == {name: tiny_evaluator.pool[name].content_hash for name in _SOUP}
    one, other = (load_file(tiny_evaluator.pool[name].path) for name in _SOUP)
    for name, tensor in load_file(folder / "model.safetensors").items():
        torch.testing.assert_close(tensor, 0.75 * one[name] + 0.25 * other[name])
    with pytest.raises(CheckpointError, match="there is a file already"):
        write_repository(tiny_evaluator, _SOUP, folder, progress=False)


def test_the_code_on_a_card_runs(tiny_evaluator: Evaluator, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    folder = write_repository(tiny_evaluator, _SOUP, tmp_path / "repo", progress=False)
    for name in _SOUP:
        (folder / f"{name}.safetensors").symlink_to(tiny_evaluator.pool[name].path)
    monkeypatch.chdir(folder)
    found: dict[str, Any] = {}
    for block in re.findall(r"```python\n(.*?)```", (folder / "README.md").read_text(), re.S):
        exec(block, found)
    again = load_file(folder / "again.safetensors")
    assert all(torch.equal(tensor, found["weights"][name]) for name, tensor in again.items())


def test_a_push_sends_three_files_in_one_commit(tiny_evaluator: Evaluator, hub: FakeHub) -> None:
    tiny_evaluator.evaluate(_SOUP, "test")
    assert hub.requests == []
    address = push_to_hub(tiny_evaluator, _SOUP, "owner/soup", base_models=["owner/base"], progress=False)
    assert address == f"{hub.url}/owner/soup/commit/abc"
    assert hub.repositories == {"owner/soup": True}
    assert set(hub.files) == _FILES
    assert len(hub.commits) == 1
    assert "Bearer hf_test" in hub.tokens
    assert hub.files["README.md"].decode() == sw.hub.model_card(tiny_evaluator, _SOUP, base_models=["owner/base"])
    assert Recipe.from_json(hub.files["recipe.json"].decode()) == _SOUP
    assert len(hub.files["model.safetensors"]) > 1000


def test_a_private_soup_does_not_go_to_a_public_repository(tiny_evaluator: Evaluator, hub: FakeHub) -> None:
    hub.repositories["owner/soup"] = False
    with pytest.raises(ValueError, match="owner/soup: this repository is there already, and public; nothing was sent"):
        push_to_hub(tiny_evaluator, _SOUP, "owner/soup", progress=False)
    assert hub.commits == []
    assert not any("preupload" in request for request in hub.requests)
    push_to_hub(tiny_evaluator, _SOUP, "owner/soup", private=False, progress=False)
    assert set(hub.files) == _FILES


def test_what_is_wrong_is_said_before_anything_is_sent(tiny_evaluator: Evaluator, hub: FakeHub) -> None:
    with pytest.raises(ValueError, match="a/b/c"):
        push_to_hub(tiny_evaluator, _SOUP, "a/b/c", progress=False)
    with pytest.raises(ValueError, match="https://x"):
        push_to_hub(tiny_evaluator, _SOUP, "owner/soup", base_models=["https://x"], progress=False)
    with pytest.raises(PoolError, match="not in the pool: 'x'"):
        push_to_hub(tiny_evaluator, "x", "owner/soup", progress=False)
    assert hub.requests == []
    hub.refuses = True
    with pytest.raises(HfHubHTTPError, match="403"):
        push_to_hub(tiny_evaluator, _SOUP, "owner/soup", progress=False)
    assert hub.commits == []
