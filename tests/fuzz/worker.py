"""One process that reads damaged files, with a limit on its memory and on each case's time."""

from __future__ import annotations

import json
import os
import random
import re
import resource
import shutil
import signal
import sys
import tempfile
import traceback
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

_SECONDS = 10
_ADDRESS_SPACE = 2 << 30
_RESIDENT_KIB = 300 << 10
_LONGEST = 3000


@dataclass(frozen=True)
class Finding:
    """A case that ended otherwise than in a sentence.

    Parameters
    ----------
    reader, number
        Which case; with the run's seed they give it again.
    kind
        ``foreign``, ``unnamed``, ``long``, ``memory``, ``time`` or ``died``.
    what
        The exception.
    where
        The last lines of the traceback within the package.
    """

    reader: str
    number: int
    kind: str
    what: str
    where: str = ""


class _LateError(BaseException):
    pass


class Bench:
    """Valid files of every reader, and the folder in which one after the other is damaged."""

    def __init__(self, folder: Path, seed: int) -> None:
        from tests.fuzz.readers import READERS

        self._readers, self._folder, self._seed = READERS, folder, seed
        self._others: dict[str, list[bytes]] = {}

    def read_whole(self, name: str) -> None:
        """Make the valid files of a reader and read them: what is imported late is then no case's memory."""
        whole = self._folder / "whole" / _plain(name)
        whole.mkdir(parents=True)
        self._readers[name].make(whole)
        self._others[name] = [path.read_bytes() for path in sorted(whole.rglob("*")) if path.is_file()]
        self._readers[name].read(self._fresh(name))

    def damaged(self, name: str, number: int) -> tuple[Path, str]:
        """Write the files of a case; its folder, and which file is damaged."""
        from tests.fuzz.mutations import mutate

        rng = random.Random(f"{self._seed}:{name}:{number}")
        whole, place = self._folder / "whole" / _plain(name), self._fresh(name)
        file = rng.choice(self._readers[name].damaged)
        (place / file).write_bytes(mutate(rng, file, (whole / file).read_bytes(), self._others[name]))
        return place, file

    def _fresh(self, name: str) -> Path:
        place = self._folder / "case" / _plain(name)
        shutil.rmtree(place, ignore_errors=True)
        shutil.copytree(self._folder / "whole" / _plain(name), place)
        return place

    def case(self, name: str, number: int) -> Finding | None:
        """Read the files of a case; what was found, if anything."""
        reader = self._readers[name]
        place, _file = self.damaged(name, number)
        before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
        kind, what, where = "", "", ""
        try:
            reader.read(place)
        except reader.allowed as error:
            text = str(error)
            if type(error) not in reader.allowed:
                kind = "foreign"
            elif reader.named and str(place) not in text:
                kind = "unnamed"
            elif len(text) > _LONGEST:
                kind = "long"
            what, where = _described(error)
        except _LateError:
            kind, what = "time", f"more than {_SECONDS} seconds"
        except Exception as error:
            kind = "memory" if isinstance(error, MemoryError) else "foreign"
            what, where = _described(error)
        grown = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before
        if not kind and grown > _RESIDENT_KIB:
            kind, what = "memory", f"{grown >> 10} MiB"
        return Finding(name, number, kind, what, where) if kind else None


def _plain(name: str) -> str:
    return re.sub(r"\W", "-", name)


def limited() -> None:
    """Limit this process."""
    with open("/proc/self/statm") as file:
        size = int(file.read().split()[0]) * resource.getpagesize()
    resource.setrlimit(resource.RLIMIT_AS, (size + _ADDRESS_SPACE,) * 2)
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    signal.signal(signal.SIGPROF, _late)


def _late(*_: Any) -> None:
    raise _LateError


def _described(error: BaseException) -> tuple[str, str]:
    frames = [f for f in traceback.extract_tb(error.__traceback__) if "soupwidgets/" in f.filename]
    where = [f"{f.filename[f.filename.rindex('soupwidgets/') :]}:{f.lineno}" for f in frames[-2:]]
    return f"{type(error).__name__}: {str(error)[:300]}", " ".join(where)


def main() -> None:
    """Read jobs from the standard input, line by line (``reader, start, stop``), and answer with findings."""
    seed, readers = int(sys.argv[1]), sys.argv[2:]
    answers = os.fdopen(os.dup(1), "w")
    # Whatever a library prints is no answer.
    os.dup2(2, 1)
    with tempfile.TemporaryDirectory(prefix="fuzz") as folder:
        os.environ["SOUPWIDGETS_CACHE"] = f"{folder}/cache"
        os.environ["SOUPWIDGETS_STORE"] = f"{folder}/store"
        bench = Bench(Path(folder), seed)
        for name in readers:
            bench.read_whole(name)
        limited()
        print(json.dumps({"ready": True}), file=answers, flush=True)
        for line in sys.stdin:
            name, start, stop = json.loads(line)
            for number in range(start, stop):
                print(json.dumps({"at": number}), file=answers, flush=True)
                signal.setitimer(signal.ITIMER_PROF, _SECONDS)
                found = bench.case(name, number)
                signal.setitimer(signal.ITIMER_PROF, 0)
                if found:
                    print(json.dumps({"found": asdict(found)}), file=answers, flush=True)
            print(json.dumps({"done": True}), file=answers, flush=True)


if __name__ == "__main__":
    main()
