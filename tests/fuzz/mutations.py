"""Seeded damage to files: blind, and with knowledge of their format, which reaches what lies behind the first check."""

from __future__ import annotations

import csv
import io
import json
import random
import struct
import tarfile
import zipfile
from collections.abc import Sequence
from typing import Any

_NUMBERS = [0, 1, -1, 2, 255, 256, 65_536, 2**31 - 1, 2**31, 2**32 - 1, 2**53, 2**63 - 1, 2**63, 10**12, 10**30]
_TEXTS = ["", " ", "\0", "a\0b", "../../etc/passwd", "/etc/passwd", "x" * 100_000, "\ud800", "\u202e", "<script>", "=1",
          "nan", "inf", "-inf", "1e999", "9" * 5000, "0x10", "None", "\r\n", "__class__", "{}", "\uff11"]  # fmt: skip
_TOKENS = ["NaN", "Infinity", "-Infinity", "1e999", "-1e999", "1e-999", "9" * 5000, "[" * 500 + "]" * 500,
           "[" * 100_000, '{"a":' * 50_000, "true", '"\\ud800"', "-0", "1.0", "01"]  # fmt: skip
_SHAPES = ["(10,)", "(10, 10)", "()", "(-1,)", "(1000000000000,)", "(10, 1" + "0" * 30 + ")", "(0, 10)", "(10.5,)",
           "10", "(True,)", "[10]", "(400, 10)", "(10,0,4)", "(" * 200 + ")" * 200, "(1000000000000, 0)"]  # fmt: skip
_KINDS = ["'<f4'", "'<f8'", "'|O'", "'<U0'", "'<U100000000'", "'|V0'", "'|u1'", "'<i8'", "'>i8'", "'<c16'", "'<M8[D]'",
          "'|b1'", "[('a','<f4')]", "'__import__(\"os\")'", "None", "'<f2'", "'|S0'"]  # fmt: skip


def mutate(rng: random.Random, name: str, content: bytes, others: Sequence[bytes]) -> bytes:
    """Damage a file once to three times.

    Parameters
    ----------
    rng
        Decides everything.
    name
        Of the file; its ending says the format.
    content
        The file as it should be.
    others
        Other files, to splice with.
    """
    ending = name.rsplit(".", 1)[-1]
    for _ in range(rng.choice([1, 1, 1, 2, 3])):
        known = _BY_ENDING.get(ending)
        if known is not None and rng.random() < 0.7:
            try:
                content = known(rng, content, others)
                continue
            except Exception:
                # What was damaged before may not be taken apart a second time.
                pass
        content = _bytes(rng, content, others)
    return content


def _bytes(rng: random.Random, content: bytes, others: Sequence[bytes]) -> bytes:
    data = bytearray(content)
    at = rng.randrange(len(data) + 1)
    length = min(rng.choice([1, 1, 2, 4, 8, 64, 1024]), len(data) - at)
    kind = rng.randrange(9)
    if kind == 0 and data:
        for _ in range(rng.choice([1, 2, 8, 64])):
            data[rng.randrange(len(data))] ^= 1 << rng.randrange(8)
    elif kind == 1:
        del data[at:]
    elif kind == 2:
        del data[at : at + length]
    elif kind == 3:
        data[at:at] = data[at : at + length] * rng.choice([1, 10, 1000])
    elif kind == 4:
        other = rng.choice(others) if others else b""
        start = rng.randrange(len(other) + 1)
        data[at:] = other[start:]
    elif kind == 5:
        data[at : at + length] = bytes([rng.choice([0, 255, 127, 128, 32, 48])]) * length
    elif kind == 6:
        data[at : at + length] = rng.randbytes(length)
    elif kind == 7:
        number = rng.choice(_NUMBERS)
        size = rng.choice([2, 4, 8])
        data[at : at + size] = (number % 256**size).to_bytes(size, rng.choice(["little", "big"]))  # type: ignore[arg-type]
    else:
        data[at:at] = rng.choice(_TEXTS).encode("utf-8", "surrogatepass")
    return bytes(data)


def _json(rng: random.Random, content: bytes, _others: Sequence[bytes]) -> bytes:
    root = json.loads(content)
    places = _places(root)
    holder, key = rng.choice(places) if places else ([root], 0)
    kind = rng.randrange(8)
    if kind == 0 and isinstance(holder, dict):
        del holder[key]
    elif kind == 1 and isinstance(holder, dict):
        holder[rng.choice(_TEXTS[:12])] = holder.pop(key)
    elif kind == 2 and isinstance(holder, list):
        holder[key:key] = [holder[key]] * rng.choice([1, 10, 10_000])
    elif kind == 3:
        other, place = rng.choice(places)
        holder[key], other[place] = other[place], holder[key]
        # A value may now lie within itself.
        return json.dumps(root).encode()
    elif kind == 4:
        # What JSON's text may say and Python's objects may not.
        holder[key] = "@here@"
        return json.dumps(root).replace('"@here@"', rng.choice(_TOKENS)).encode()
    elif isinstance(holder[key], str) and holder[key][:1] in "{[" and kind == 5:
        holder[key] = _json(rng, holder[key].encode(), []).decode("utf-8", "replace")
    else:
        holder[key] = _value(rng, holder[key])
    return json.dumps(root).encode("utf-8", "surrogatepass")


def _places(root: Any) -> list[tuple[Any, Any]]:
    found, waiting = [], [root]
    while waiting:
        holder = waiting.pop()
        keys = list(holder) if isinstance(holder, dict) else range(len(holder)) if isinstance(holder, list) else []
        # Of a long list some suffice.
        for key in list(keys)[:40]:
            found.append((holder, key))
            waiting.append(holder[key])
    return found


def _value(rng: random.Random, old: Any) -> Any:
    choices = [
        None,
        True,
        False,
        rng.choice(_NUMBERS),
        -rng.choice(_NUMBERS),
        rng.choice([0.5, 1e308, -1e308, 1e-320]),
        rng.choice(_TEXTS),
        [],
        {},
        [old],
        {"a": old},
        [[]],
        [None],
        str(old)[:100],
    ]
    if isinstance(old, int | float) and not isinstance(old, bool):
        choices += [old + 1, old - 1, -old, float(old), old * 10**6]
    return rng.choice(choices)


def _json_lines(rng: random.Random, content: bytes, others: Sequence[bytes]) -> bytes:
    lines = content.splitlines()
    at = rng.randrange(len(lines))
    kind = rng.randrange(6)
    if kind == 0:
        lines.insert(at, rng.choice(lines))
    elif kind == 1:
        lines[at] = rng.choice(_TOKENS).encode()
    else:
        lines[at] = _json(rng, lines[at], others)
    return b"\n".join(lines)


def _csv(rng: random.Random, content: bytes, _others: Sequence[bytes]) -> bytes:
    rows = list(csv.reader(io.StringIO(content.decode())))
    row = rng.choice(rows) if rng.random() < 0.7 else rows[0]
    at = rng.randrange(len(row))
    kind = rng.randrange(7)
    if kind == 0:
        del row[at]
    elif kind == 1:
        row.insert(at, row[at])
    elif kind == 2:
        rows.insert(rng.randrange(len(rows)), list(row))
    elif kind == 3:
        for one in rows:
            del one[min(at, len(one) - 1)]
    elif kind == 4:
        row[at] = str(rng.choice(_NUMBERS))
    else:
        row[at] = rng.choice([*_TEXTS, '"', "x" * 200_000, "-1", "1e300", "0.5"])
    out = io.StringIO()
    csv.writer(out, quoting=rng.choice([csv.QUOTE_MINIMAL, csv.QUOTE_ALL])).writerows(rows)
    return out.getvalue().encode("utf-8", "surrogatepass")


def _npy(rng: random.Random, content: bytes, _others: Sequence[bytes]) -> bytes:
    wide = content[6] > 1
    size = 4 if wide else 2
    start = 8 + size
    length = int.from_bytes(content[8:start], "little")
    shape, kind = rng.choice(_SHAPES), rng.choice(_KINDS)
    header = f"{{'descr': {kind}, 'fortran_order': {rng.choice(['True', 'False', '1'])}, 'shape': {shape}, }}"
    if rng.random() < 0.3:
        old = content[start : start + length].decode("latin-1")
        header = _bytes(rng, old.encode("latin-1"), []).decode("latin-1")[:60_000]
    raw = header.encode("latin-1")
    raw += b" " * (-(len(raw) + start + 1) % 64) + b"\n"
    version = bytes([rng.choice([1, 1, 1, 2, 3]), 0])
    size = 2 if version[0] == 1 else 4
    return content[:6] + version + len(raw).to_bytes(size, "little") + raw + content[start + length :]


def _zip(rng: random.Random, content: bytes, others: Sequence[bytes]) -> bytes:
    with zipfile.ZipFile(io.BytesIO(content)) as archive:
        members = [(entry.filename, archive.read(entry)) for entry in archive.infolist()]
    at = rng.randrange(len(members))
    name, inner = members[at]
    kind = rng.randrange(7)
    pack = rng.choice([zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED])
    if kind == 0:
        del members[at]
    elif kind == 1:
        members[at] = (rng.choice(["../x", name.upper(), "a\0b", name + "x", ""]), inner)
    elif kind == 2:
        members.append((name, inner[: len(inner) // 2]))
    elif kind == 3:
        # Twenty megabytes of zeros as twenty kilobytes.
        members[at], pack = (name, inner + bytes(20_000_000)), zipfile.ZIP_DEFLATED
    else:
        ending = name.rsplit(".", 1)[-1]
        members[at] = (name, mutate(rng, name if ending in ("npy",) else "x.bin", inner, others))
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w", pack) as archive:
        for name, inner in members:
            archive.writestr(name or "x", inner)
    made = bytearray(out.getvalue())
    if rng.random() < 0.3:
        # What the directory says: sizes, offsets, checksums, how it is packed.
        at = made.rfind(b"PK\x01\x02") + rng.choice([8, 10, 16, 20, 24, 28, 42])
        made[at : at + 4] = (rng.choice(_NUMBERS) % 2**32).to_bytes(4, "little")
    return bytes(made)


def _tar(rng: random.Random, content: bytes, others: Sequence[bytes]) -> bytes:
    with tarfile.open(fileobj=io.BytesIO(content)) as archive:
        members = [(info, (archive.extractfile(info) or io.BytesIO()).read()) for info in archive]
    out = io.BytesIO()
    chosen = rng.randrange(len(members))
    for at, (info, inner) in enumerate(members):
        if at == chosen:
            kind = rng.randrange(6)
            if kind == 0:
                info.name = rng.choice(["../../x.jpg", "x" * 300 + ".jpg", "a.cls", "/a.jpg", "a\udcff.jpg"])
            elif kind == 1:
                info.type = rng.choice(
                    [tarfile.SYMTYPE, tarfile.DIRTYPE, tarfile.GNUTYPE_SPARSE, tarfile.FIFOTYPE, b"x"]
                )
            elif kind == 2:
                info.size = rng.choice([0, 1 << 20, 1 << 33, 1 << 60])
                out.write(info.tobuf(tarfile.GNU_FORMAT) + inner + bytes(-len(inner) % 512))
                continue
            elif kind == 3:
                inner = rng.choice(_TEXTS).encode("utf-8", "surrogatepass") * rng.choice([1, 1, 1000])
            else:
                inner = _bytes(rng, inner, others)
        info.size = len(inner)
        info.pax_headers = {}
        out.write(info.tobuf(tarfile.GNU_FORMAT, errors="surrogateescape") + inner + bytes(-len(inner) % 512))
    return out.getvalue() + bytes(1024)


def _safetensors(rng: random.Random, content: bytes, others: Sequence[bytes]) -> bytes:
    length = struct.unpack("<Q", content[:8])[0]
    header = _json(rng, content[8 : 8 + length], others)
    return struct.pack("<Q", len(header)) + header + content[8 + length :]


_BY_ENDING = {
    "json": _json,
    "jsonl": _json_lines,
    "csv": _csv,
    "npy": _npy,
    "npz": _zip,
    "pt": _zip,
    "tar": _tar,
    "safetensors": _safetensors,
}
