"""A store in PostgreSQL, on a real server: many writers, and one measurement for all who ask for it."""

from __future__ import annotations

import gc
import json
import os
import signal
import subprocess
import sys
import threading
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
import sqlalchemy as sa

from soupwidgets import Evaluator, Pool, Recipe, Store, StoreError, StoreWarning, Suite
from soupwidgets.store import Measurement, existing_store, server
from soupwidgets.store.server import ServerStore

LOGITS = np.arange(20, dtype=np.float32).reshape(10, 2)


def measurement(correct: int = 7) -> Measurement:
    return Measurement('{"coefficients": {}}', "val", 10, correct, 0.25, figure={"metric": "r2", "value": 0.5})


@pytest.fixture
def url(postgresql: str, tmp_path: Path) -> Iterator[str]:
    """An empty database."""
    name = f"soups_{abs(hash(tmp_path))}"
    plain = postgresql.replace("postgresql:", "postgresql+psycopg:")
    engine = sa.create_engine(plain, isolation_level="AUTOCOMMIT")
    with engine.connect() as connection:
        connection.execute(sa.text(f"CREATE DATABASE {name}"))
    yield postgresql.replace("/postgres?", f"/{name}?")
    gc.collect()
    with engine.connect() as connection:
        connection.execute(sa.text(f"DROP DATABASE {name} WITH (FORCE)"))


def test_what_goes_in_comes_out(url: str) -> None:
    Store(url).put("k", measurement(), LOGITS)
    store = Store(url)
    assert isinstance(store, ServerStore)
    assert store.get(["k", "absent"]) == {"k": measurement()}
    assert np.array_equal(store.logits("k"), LOGITS)
    assert store.recipes(["val"]) == ['{"coefficients": {}}']
    store.put("k", measurement(8), None)
    assert store.get(["k"])["k"].correct == 7
    store.put("k", measurement(8), LOGITS + 1)
    assert store.get(["k"])["k"].correct == 8
    store.put("numbers", Measurement("{}", "val", 10, 0, float("nan")), None)
    assert store.get(["numbers"]) == {}
    assert np.isnan(store.get(["numbers"], with_logits=False)["numbers"].loss)
    assert len(store) == 2
    with pytest.raises(KeyError):
        store.logits("absent")


def test_what_is_lost_or_damaged_is_measured_again(url: str) -> None:
    store = Store(url)
    store.put("cut", measurement(), LOGITS)
    store.put("flipped", measurement(), LOGITS + 1)
    with store.transaction() as connection:
        for key, change in (("cut", "substring(content for 100)"), ("flipped", "set_byte(content, 140, 255)")):
            named = f"digest = (SELECT logits_sha256 FROM measurements WHERE key = '{key}')"
            connection.execute(sa.text(f"UPDATE arrays SET content = {change} WHERE {named}"))
    with pytest.warns(StoreWarning, match="missing or truncated"):
        assert list(store.get(["cut", "flipped"])) == ["flipped"]
    with pytest.raises(StoreError, match="damaged; its measurement was removed"):
        store.logits("flipped")
    assert store.get(["flipped"], with_logits=False) == {}


def test_the_default_store_may_be_on_a_server_and_its_password_is_not_shown(
    url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SOUPWIDGETS_STORE", url.replace("review@", "review:secret@"))
    store = Store.default()
    assert repr(store).endswith("0 measurements)")
    assert "secret" not in repr(store)
    with pytest.raises(StoreError, match="looked after with PostgreSQL's own tools"):
        existing_store(None)
    with pytest.raises(StoreError, match="Is the server running, is the URL right") as caught:
        Store("postgresql://somebody:secret@/nowhere?host=/tmp/nowhere")
    assert "secret" not in str(caught.value)


def test_one_has_a_claim_until_it_is_released_or_forgotten(url: str) -> None:
    first, second = Store(url).claims, Store(url).claims
    claim = first.take("k")
    assert claim is not None
    assert claim.held
    assert first.take("k") is None
    assert second.take("k") is None
    claim.say(working=True, words=b"half")
    assert second.look("k") == b"half"
    claim.release()
    assert second.look("k") == b""
    other = second.take("k")
    assert other is not None
    assert not claim.held
    del other
    gc.collect()
    assert first.take("k") is not None


def test_a_holder_that_is_silent_loses_its_claim(url: str, monkeypatch: pytest.MonkeyPatch) -> None:
    first, second, third = (Store(url).claims for _ in range(3))
    claim = first.take("k")
    assert claim is not None
    claim.say(working=True)
    monkeypatch.setattr(server, "PAUSED_PATIENCE", 0.0)
    assert second.take("k") is None
    claim.say(working=False)
    taken = second.take("k")
    assert taken is not None
    assert taken.held
    assert not claim.held
    claim.say(working=False, words=b"nobody hears this")
    assert third.look("k") == b""
    # It is no longer the first one's to give up.
    claim.release()
    taken.say(working=True)
    monkeypatch.setattr(server, "PAUSED_PATIENCE", 100.0)
    assert taken.held


HOLDER = """
import sys, time
from soupwidgets import Store
claim = Store(sys.argv[1]).claims.take("k")
print(claim.held, flush=True)
time.sleep(600)
"""


def test_a_claim_ends_with_its_process(url: str) -> None:
    claims = Store(url).claims
    with subprocess.Popen([sys.executable, "-c", HOLDER, url], stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == "True\n"
        assert claims.take("k") is None
        os.kill(process.pid, signal.SIGKILL)
    waiting = threading.Event()
    for _ in range(400):
        if (claim := claims.take("k")) is not None:
            break
        waiting.wait(0.05)
    assert claim is not None


FOUR = """
import json, os, sys
from soupwidgets import Evaluator, Pool, Recipe, Store, Suite
from soupwidgets.store import server
# On a busy machine a process may pause between two splits for longer than others would wait.
server.PAUSED_PATIENCE = 1e9
pool, suite, store, out = sys.argv[1:]
children = []
for n in range(4):
    if not (pid := os.fork()):
        ev = Evaluator(Pool.open(pool), Suite.open(suite), device="cpu", store=Store(store))
        found = ev.evaluate(Recipe({"ft-a": 1}))
        sums = {name: float(logits.sum()) for name, logits in found.logits.items()}
        with open(f"{out}/{n}.json", "w") as file:
            json.dump([ev.forward_images, found.to_records(), sums], file)
        os._exit(0)
    children.append(pid)
sys.exit(sum(os.waitpid(pid, 0)[1] for pid in children))
"""


@pytest.mark.slow
def test_the_same_measurement_asked_for_by_four_processes_is_made_once(
    tiny_pool: Pool, small_folder: Path, small_suite: Suite, tmp_path: Path, url: str
) -> None:
    """Each of the processes imports torch."""
    arguments = [str(tiny_pool["ft-a"].path.parent), str(small_folder), url, str(tmp_path)]
    subprocess.run([sys.executable, "-c", FOUR, *arguments], check=True)
    found = [json.loads((tmp_path / f"{n}.json").read_text()) for n in range(4)]
    assert sum(forward for forward, *_ in found) == sum(map(len, small_suite.splits.values()))
    assert all(rest == found[0][1:] for _, *rest in found)
    here = Evaluator(tiny_pool, small_suite, device="cpu", store=Store(tmp_path / "here"))
    kept = Evaluator(tiny_pool, small_suite, device="cpu", store=Store(url))
    assert kept.stored(Recipe({"ft-a": 1})) == here.evaluate(Recipe({"ft-a": 1}))


def test_threads_write_at_once_and_lose_nothing(url: str) -> None:
    def write(number: int) -> None:
        own = Store(url)
        for i in range(10):
            own.put(f"{number}-{i}", measurement(), LOGITS + number % 3)

    threads = [threading.Thread(target=write, args=(number,)) for number in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(Store(url)) == 80
