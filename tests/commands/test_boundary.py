"""Whatever goes wrong on the command line is a sentence on standard error, never a traceback."""

from __future__ import annotations

import json
import os
import shutil
import stat
import subprocess
import sys
import threading
from collections.abc import Callable
from pathlib import Path

import pytest
import typer
from typer.testing import CliRunner, Result

import soupwidgets
from soupwidgets import Pool
from soupwidgets.cli import app, main
from soupwidgets.commands.boundary import Boundary
from soupwidgets.commands.places import output_file, output_folder, write_text
from soupwidgets.topics.soup import report as soup_report
from tests.fixtures import ROOT

PLACES = ["--out", "--json"]


def run(*arguments: str | Path) -> Result:
    """The command line without a process of its own."""
    return CliRunner().invoke(app, [str(argument) for argument in arguments])


@pytest.fixture
def folder(tiny_pool: Pool) -> Path:
    """The folder of three tiny checkpoints."""
    return Path(tiny_pool.checkpoints["zero-shot"].path).parent


@pytest.fixture
def on_the_command_line(monkeypatch: pytest.MonkeyPatch) -> Callable[..., int]:
    """Run `main`, as the command does, with a standard output of one's own; the exit code."""

    def run_main(stdout: int, *arguments: str | Path) -> int:
        monkeypatch.setattr(sys, "argv", ["soupwidgets", *map(str, arguments)])
        with open(stdout, "w") as file:
            monkeypatch.setattr(sys, "stdout", file)
            with pytest.raises(SystemExit) as ended:
                main()
            # What Python does at its own end; it must not complain any more.
            file.flush()
        return int(ended.value.code or 0)

    return run_main


def soup(folder: Path, tmp_path: Path, option: str, place: Path | str) -> Result:
    """A uniform soup with one of its results at a place."""
    options = {"--out": tmp_path / "soup.safetensors", "--json": tmp_path / "soup.json", option: place}
    return run("soup", "uniform", "--pool", folder, *(word for pair in options.items() for word in pair))


@pytest.mark.parametrize("option", PLACES)
@pytest.mark.parametrize(
    ("place", "why"),
    [
        ("folder.pt", "it is a folder: name a file"),
        ("file/result.pt", "a part of this path is a file, not a folder"),
        ("/proc/result.pt", "nothing can be written in /proc"),
        ("x" * 300 + ".pt", "File name too long"),
    ],
)
def test_a_place_that_cannot_be_written_is_told_before_the_work(
    folder: Path, tmp_path: Path, option: str, place: str, why: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    def work(*_: object) -> None:
        raise AssertionError("the work was begun")

    monkeypatch.setattr(soup_report, "make_soup", work)
    (tmp_path / "folder.pt").mkdir()
    (tmp_path / "file").write_text("")
    done = soup(folder, tmp_path, option, tmp_path / place)
    assert done.exit_code == 2, done.exception
    assert str(tmp_path / place) in done.stderr
    assert why in done.stderr
    assert not list(tmp_path.glob(".*"))


def test_a_full_disk_is_a_sentence_and_leaves_the_device(folder: Path, tmp_path: Path) -> None:
    done = soup(folder, tmp_path, "--json", "/dev/full")
    assert done.exit_code == 2, done.exception
    assert "/dev/full: no space is left there" in done.stderr
    assert stat.S_ISCHR(os.stat("/dev/full").st_mode)


def test_a_full_disk_under_a_file_leaves_the_old_one(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    target = tmp_path / "out.json"
    target.write_text("old")

    def full(path: Path, text: str) -> int:
        with open("/dev/full", "w") as file:
            return file.write(text)

    monkeypatch.setattr(Path, "write_text", full)
    with pytest.raises(OSError, match="No space left") as told:
        write_text(target, "new")
    assert told.value.filename == str(target)
    assert target.read_text() == "old"
    assert [path.name for path in tmp_path.iterdir()] == ["out.json"]


def test_a_missing_folder_is_made_and_a_link_stays_a_link(folder: Path, tmp_path: Path) -> None:
    assert soup(folder, tmp_path, "--json", tmp_path / "new" / "place" / "out.json").exit_code == 0
    written = (tmp_path / "new" / "place" / "out.json").read_text()
    (tmp_path / "real.json").write_text("old")
    (tmp_path / "link.json").symlink_to("real.json")
    (tmp_path / "soup.safetensors").unlink()
    assert soup(folder, tmp_path, "--json", tmp_path / "link.json").exit_code == 0
    assert (tmp_path / "link.json").is_symlink()
    assert (tmp_path / "real.json").read_text() == written


def test_a_pipe_gets_the_numbers_and_stays_a_pipe(folder: Path, tmp_path: Path) -> None:
    pipe = tmp_path / "pipe"
    os.mkfifo(pipe)
    read: list[str] = []
    reader = threading.Thread(target=lambda: read.append(pipe.read_text()))
    reader.start()
    done = soup(folder, tmp_path, "--json", pipe)
    reader.join()
    assert done.exit_code == 0, done.stderr
    assert json.loads(read[0])["method"] == "uniform"
    assert stat.S_ISFIFO(pipe.stat().st_mode)


def test_a_soup_of_no_format_is_told_before_the_work(folder: Path, tmp_path: Path) -> None:
    done = soup(folder, tmp_path, "--out", tmp_path / "soup.txt")
    assert (done.exit_code, "must end with .safetensors or .pt" in done.stderr) == (2, True)
    assert not (tmp_path / "soup.json").exists()


def test_folders_for_results() -> None:
    assert output_folder(None) is None
    assert output_file("-") == "-"
    with pytest.raises(OSError, match="it is a file, but a folder is needed"):
        output_folder(ROOT / "README.md")
    with pytest.raises(NotADirectoryError):
        output_folder(ROOT / "README.md" / "pool")


@pytest.mark.parametrize("arguments", [("inspect", "POOL/ft-a.safetensors"), ("inspect", "--help")])
def test_a_full_standard_output_is_a_sentence(
    folder: Path, on_the_command_line: Callable[..., int], capfd: pytest.CaptureFixture[str], arguments: tuple[str, ...]
) -> None:
    full = os.open("/dev/full", os.O_WRONLY)
    code = on_the_command_line(full, *(word.replace("POOL", str(folder)) for word in arguments))
    assert code == 2
    told = capfd.readouterr().err
    assert told.startswith("soupwidgets: no space is left there")
    assert told.count("\n") == 1


def test_a_reader_who_has_gone_is_told_nothing(
    folder: Path, on_the_command_line: Callable[..., int], capfd: pytest.CaptureFixture[str]
) -> None:
    read, write = os.pipe()
    os.close(read)
    assert on_the_command_line(write, "inspect", folder / "ft-a.safetensors") == 1
    assert capfd.readouterr().err == ""


def test_ctrl_c_says_what_is_kept(folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def stopped(*_: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(soup_report, "make_soup", stopped)
    done = soup(folder, tmp_path, "--json", "-")
    assert done.exit_code == 130
    assert "are kept; run the same command again to resume" in done.stderr


def test_a_damaged_file_and_an_unknown_tensor_do_not_steer_the_terminal(tmp_path: Path) -> None:
    path = tmp_path / "a\x1b[31m.safetensors"
    path.write_bytes(b"no weights")
    done = run("inspect", path)
    assert done.exit_code == 2
    assert "\x1b" not in done.stderr
    assert "a\\x1b[31m.safetensors" in done.stderr


def test_who_wants_a_traceback_gets_it(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    done = run("inspect", tmp_path / "nothing.pt")
    assert (done.exit_code, "nothing.pt" in done.stderr) == (2, True)
    monkeypatch.setenv("SOUPWIDGETS_DEBUG", "1")
    assert isinstance(run("inspect", tmp_path / "nothing.pt").exception, soupwidgets.CheckpointError)


def test_a_mistake_of_ours_keeps_its_traceback(folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(soup_report, "make_soup", lambda *_: {}["no such key"])
    assert isinstance(soup(folder, tmp_path, "--json", "-").exception, KeyError)


def test_all_commands_are_within_the_boundary() -> None:
    assert isinstance(typer.main.get_command(app), Boundary)


def test_the_module_runs_and_says_its_version() -> None:
    done = subprocess.run(
        [sys.executable, "-m", "soupwidgets", "--version"], capture_output=True, text=True, cwd=ROOT, check=True
    )
    assert done.stdout == f"soupwidgets {soupwidgets.__version__}\n"


def test_nothing_is_left_of_a_look(tmp_path: Path) -> None:
    output_file(tmp_path / "new" / "out.json")
    assert list(tmp_path.iterdir()) == []
    shutil.rmtree(tmp_path)
    output_folder(tmp_path)
    assert not tmp_path.exists()


@pytest.mark.parametrize("command", [("spectrum", "noise"), ("augment", "diversity")])
@pytest.mark.parametrize(
    ("option", "why"), [("--out", "it is a folder"), ("--work", "it is a file, but a folder is needed")]
)
def test_hours_of_training_do_not_begin_for_a_place_that_cannot_be_written(
    folder: Path, small_folder: Path, tmp_path: Path, command: tuple[str, str], option: str, why: str
) -> None:
    wrong = {"--out": folder, "--work": folder / "ft-a.safetensors"}
    options = {"--out": tmp_path / "out.json", "--work": tmp_path / "work", option: wrong[option]}
    done = run(
        *command, "--suite", small_folder, "--model", folder / "zero-shot.safetensors",
        *(word for pair in options.items() for word in pair),
    )  # fmt: skip
    assert done.exit_code == 2, done.exception
    assert why in done.stderr
    assert not (tmp_path / "work").exists()


def test_an_export_and_a_merge_look_first(folder: Path, small_folder: Path, tmp_path: Path) -> None:
    for arguments in (("merge", "a.json"), ("export", "a.json", "--suite", small_folder)):
        done = run("mistakes", *arguments, "--out", tmp_path)
        assert (done.exit_code, "it is a folder: name a file" in done.stderr) == (2, True)


def test_a_link_in_another_folder_to_nothing_yet_makes_what_it_names(tmp_path: Path) -> None:
    (tmp_path / "links").mkdir()
    link, real = tmp_path / "links" / "out.json", tmp_path / "new" / "real.json"
    link.symlink_to("../new/real.json")
    write_text(link, "whole")
    assert (link.is_symlink(), real.read_text()) == (True, "whole")
    assert [path.name for path in real.parent.iterdir()] == ["real.json"]
