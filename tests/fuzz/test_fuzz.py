"""A small slice of `make fuzz`, and that a finding would be one."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.fuzz.mutations import mutate
from tests.fuzz.readers import READERS, Reader
from tests.fuzz.worker import Bench

_CASES = 8


@pytest.fixture(scope="module")
def bench(tmp_path_factory: pytest.TempPathFactory) -> Bench:
    return Bench(tmp_path_factory.mktemp("fuzz"), seed=1)


@pytest.mark.filterwarnings("ignore")
@pytest.mark.parametrize("name", READERS)
def test_a_damaged_file_ends_in_a_sentence(bench: Bench, name: str) -> None:
    bench.read_whole(name)
    findings = [bench.case(name, number) for number in range(max(2, round(_CASES * READERS[name].share)))]
    assert [one for one in findings if one] == []


def test_a_case_comes_back_by_its_number(tmp_path: Path) -> None:
    one, other = (Bench(tmp_path / place, seed=3) for place in "ab")
    for bench in (one, other):
        bench.read_whole("recipe")
    files = [
        [bench.damaged("recipe", n)[0].joinpath("recipe.json").read_bytes() for n in range(30)]
        for bench in (one, other)
    ]
    assert files[0] == files[1]
    assert len(set(files[0])) > 20


@pytest.mark.parametrize(
    ("error", "kind"),
    [
        (KeyError("x"), "foreign"),
        (UnicodeError("x"), "foreign"),
        (ValueError("no file is named"), "unnamed"),
        (MemoryError(), "memory"),
        (ValueError("{place}" + "x" * 5000), "long"),
        (ValueError("{place}: a sentence"), ""),
    ],
)
def test_what_counts_as_a_finding(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, error: Exception, kind: str) -> None:
    whole = []

    def read(folder: Path) -> None:
        if not whole:
            whole.append(folder)
        else:
            raise type(error)(*(str(arg).replace("{place}", str(folder)) for arg in error.args))

    monkeypatch.setitem(
        READERS, "x", Reader("x", lambda f: (f / "a").write_text("abc") and None, ("a",), read, (ValueError,))
    )
    bench = Bench(tmp_path, seed=0)
    bench.read_whole("x")
    found = bench.case("x", 0)
    assert (found.kind if found else "") == kind


@pytest.mark.parametrize("ending", ["json", "jsonl", "csv", "npy", "npz", "pt", "tar", "safetensors", "x"])
def test_files_that_are_nothing_can_be_damaged_too(ending: str) -> None:
    import random

    for content in (b"", b"{}", b"x" * 100):
        assert isinstance(mutate(random.Random(0), f"a.{ending}", content, [content]), bytes)
