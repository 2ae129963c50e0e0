"""Ed25519, so that only whoever has a code can speak for its reviewer: plain Python, for small texts and few of them.

Not in constant time: somebody who can time this process has better ways to learn a code.
"""

from __future__ import annotations

import hashlib
from functools import lru_cache

# RFC 8032, section 5.1: the field, the order of the base point, and the curve's constant.
_P = 2**255 - 19
_L = 2**252 + 27742317777372353535851937790883648493
_D = -121665 * pow(121666, _P - 2, _P) % _P
_ROOT_OF_MINUS_ONE = pow(2, (_P - 1) // 4, _P)
# x, y, z and xy / z in the place of x / z and y / z: section 5.1.4.
_Point = tuple[int, int, int, int]
_NEUTRAL: _Point = (0, 1, 1, 0)
_WINDOW = 4


def public_key(secret: bytes) -> bytes:
    """The public key of a secret of 32 bytes (RFC 8032, section 5.1.5).

    Examples
    --------
    >>> public_key(bytes.fromhex("9d61b19deffd5a60ba844af492ec2cc44449c5697b326919703bac031cae7f60")).hex()[:16]
    'd75a980182b10ab7'
    """
    return _encode(_times(_expand(secret)[0], _base_table()))


def sign(secret: bytes, message: bytes) -> bytes:
    """The signature of a message, 64 bytes, always the same (section 5.1.6)."""
    scalar, prefix = _expand(secret)
    nonce = _number(prefix, message) % _L
    point = _encode(_times(nonce, _base_table()))
    public = public_key(secret)
    return point + ((nonce + _number(point, public, message) * scalar) % _L).to_bytes(32, "little")


def verify(public: bytes, message: bytes, signature: bytes) -> bool:
    """Whether a signature is that of a message by the owner of a key (section 5.1.7, without the cofactor)."""
    if len(public) != 32 or len(signature) != 64:
        return False
    point, scalar = signature[:32], int.from_bytes(signature[32:], "little")
    table = _negative_table(public)
    if table is None or scalar >= _L:
        return False
    hashed = _number(point, public, message) % _L
    return _encode(_add(_times(scalar, _base_table()), _times(hashed, table))) == point


def _expand(secret: bytes) -> tuple[int, bytes]:
    if len(secret) != 32:
        raise ValueError("a secret has 32 bytes")
    digest = hashlib.sha512(secret).digest()
    scalar = int.from_bytes(digest[:32], "little") & ((1 << 254) - 8) | (1 << 254)
    return scalar, digest[32:]


def _number(*parts: bytes) -> int:
    return int.from_bytes(hashlib.sha512(b"".join(parts)).digest(), "little")


def _add(p: _Point, q: _Point) -> _Point:
    a, b = (p[1] - p[0]) * (q[1] - q[0]) % _P, (p[1] + p[0]) * (q[1] + q[0]) % _P
    c, d = 2 * p[3] * q[3] * _D % _P, 2 * p[2] * q[2] % _P
    e, f, g, h = b - a, d - c, d + c, b + a
    return e * f % _P, g * h % _P, f * g % _P, e * h % _P


def _times(scalar: int, table: tuple[tuple[_Point, ...], ...]) -> _Point:
    """A multiple of the point that a table is of."""
    found = _NEUTRAL
    for row in table:
        found = _add(found, row[scalar % (1 << _WINDOW)])
        scalar >>= _WINDOW
    return found


def _table(point: _Point) -> tuple[tuple[_Point, ...], ...]:
    """For each hexadecimal digit of a scalar, the multiples of the point that it may stand for."""
    rows = []
    for _ in range(256 // _WINDOW):
        row = [_NEUTRAL]
        for _ in range(1, 1 << _WINDOW):
            row.append(_add(row[-1], point))
        rows.append(tuple(row))
        point = _add(row[-1], point)
    return tuple(rows)


@lru_cache(maxsize=1)
def _base_table() -> tuple[tuple[_Point, ...], ...]:
    return _table(_BASE)


@lru_cache(maxsize=64)
def _negative_table(public: bytes) -> tuple[tuple[_Point, ...], ...] | None:
    point = _decode(public)
    return None if point is None else _table((-point[0] % _P, point[1], point[2], -point[3] % _P))


def _encode(point: _Point) -> bytes:
    inverse = pow(point[2], _P - 2, _P)
    x, y = point[0] * inverse % _P, point[1] * inverse % _P
    return (y | (x & 1) << 255).to_bytes(32, "little")


def _decode(data: bytes) -> _Point | None:
    y = int.from_bytes(data, "little")
    sign_bit, y = y >> 255, y & ((1 << 255) - 1)
    if y >= _P:
        return None
    x = _x_of(y, sign_bit)
    return None if x is None else (x, y, 1, x * y % _P)


def _x_of(y: int, sign_bit: int) -> int | None:
    squared = (y * y - 1) * pow(_D * y * y + 1, _P - 2, _P) % _P
    x = pow(squared, (_P + 3) // 8, _P)
    if (x * x - squared) % _P:
        x = x * _ROOT_OF_MINUS_ONE % _P
    if (x * x - squared) % _P or (not x and sign_bit):
        return None
    return _P - x if x & 1 != sign_bit else x


_BASE_Y = 4 * pow(5, _P - 2, _P) % _P
_BASE_X = _x_of(_BASE_Y, 0) or 0
_BASE: _Point = (_BASE_X, _BASE_Y, 1, _BASE_X * _BASE_Y % _P)
