"""Machines without the files, and with others: the cluster goes on without them, and says so."""

from __future__ import annotations

import shutil
import warnings
from pathlib import Path

import pytest

from soupwidgets import Evaluator, Pool, Recipe, SoupWarning, Store, Suite
from soupwidgets.scale import NodeError, crew
from tests.scale.conftest import TwoNodes, alike, wait_until

pytestmark = pytest.mark.slow
# A path that means another folder in the processes of each node, as paths do on different machines.
HERE = Path("/proc/self/cwd")


@pytest.fixture
def driver(tiny_pool: Pool, cluster: TwoNodes, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The driver's working folder, with the pool, as the first node has it too."""
    source = tiny_pool["ft-a"].path.parent
    folder = tmp_path / "driver"
    for place in (folder, cluster.folders[0]):
        shutil.copytree(source, place / "weights", dirs_exist_ok=True)
    shutil.rmtree(cluster.folders[1] / "weights", ignore_errors=True)
    monkeypatch.chdir(folder)
    return folder


def evaluator(cluster: TwoNodes, suite: Suite, tmp_path: Path) -> Evaluator:
    pool = Pool.open(HERE / "weights")
    return Evaluator(pool, suite, device="cpu", store=Store(tmp_path / "store"), cluster=cluster.address)


@pytest.mark.usefixtures("driver")
def test_a_machine_without_the_files_is_left_out_and_named(
    cluster: TwoNodes, small_suite: Suite, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    # That workers are slow to start, on a busy machine, is told as well.
    monkeypatch.setattr(crew, "_SLOW_START", float("inf"))
    ev = evaluator(cluster, small_suite, tmp_path)
    recipes = [Recipe({"ft-a": 1 - i / 4, "ft-b": i / 4}) for i in range(5)]
    with warnings.catch_warnings(record=True) as said:
        warnings.simplefilter("always")
        ev.warm_up(recipes[0])
        wait_until(lambda: any("there is no file" in str(one.message) for one in said))
        with ev.ahead(recipes, ["val", "blur"]):
            found = [ev.evaluate(recipe, ["val", "blur"]) for recipe in recipes]
    assert all(one.exact for one in found)
    (told,) = [one for one in said if issubclass(one.category, SoupWarning)]
    assert "weights/ft-a.safetensors" in str(told.message)
    assert "node " in str(told.message)
    assert list(cluster.workers().values()) == [cluster.folders[0]]
    # The same with no machine that has them.
    shutil.rmtree(cluster.folders[0] / "weights")
    ev.elsewhere.crew.close()  # type: ignore[union-attr,attr-defined]
    wait_until(lambda: not cluster.workers())
    alone = evaluator(cluster, small_suite, tmp_path / "other")
    with (
        warnings.catch_warnings(action="ignore"),
        pytest.raises(NodeError, match=r"no machine of the cluster can measure this: .*there is no file .*; .*no file"),
    ):
        alone.evaluate("ft-a", "val")
    alone.elsewhere.crew.close()  # type: ignore[union-attr,attr-defined]
    wait_until(lambda: not cluster.workers())


@pytest.mark.usefixtures("driver")
def test_a_machine_with_other_weights_under_the_same_name_is_left_out(
    cluster: TwoNodes, small_suite: Suite, tmp_path: Path
) -> None:
    other = shutil.copytree(cluster.folders[0] / "weights", cluster.folders[1] / "weights") / "ft-b.safetensors"
    content = bytearray(other.read_bytes())
    content[-1] ^= 1
    other.write_bytes(content)
    ev = evaluator(cluster, small_suite, tmp_path)
    here = Evaluator(ev.pool, small_suite, device="cpu", store=Store(tmp_path / "here"))
    recipes = [Recipe({"ft-a": 1 - i / 9, "ft-b": i / 9}) for i in range(10)]
    with warnings.catch_warnings(record=True) as said:
        warnings.simplefilter("always")
        ev.warm_up(recipes[0])
        wait_until(lambda: len(cluster.workers()) == 2)
        with ev.ahead(recipes, "val"):
            found = [ev.evaluate(recipe, "val") for recipe in recipes]
        # It may have come up when the others were done: then it is asked now.
        with ev.ahead(recipes, "blur"):
            found += [ev.evaluate(recipe, "blur") for recipe in recipes]
    expected = [here.evaluate(recipe, split) for split in ("val", "blur") for recipe in recipes]
    assert all(alike(one, other) for one, other in zip(found, expected, strict=True))
    assert any("ft-b.safetensors: the file was replaced or changed" in str(one.message) for one in said)
    ev.elsewhere.crew.close()  # type: ignore[union-attr,attr-defined]
    wait_until(lambda: not cluster.workers())
