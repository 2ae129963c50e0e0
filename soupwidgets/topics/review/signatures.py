"""Authorship of records: each is signed with a key that is derived from the reviewer's code."""

from __future__ import annotations

import hashlib
import json
import secrets
from collections.abc import Mapping
from functools import lru_cache
from typing import Any

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey

from soupwidgets.topics.review.records import ID_LENGTH, Record, ReviewError

SIGNED = "signed"


@lru_cache(maxsize=64)
def _key(code: str) -> tuple[Ed25519PrivateKey, str]:
    """The secret key derived from a code, and its public key."""
    secret = Ed25519PrivateKey.from_private_bytes(hashlib.sha256(b"soupwidgets signing\n" + code.encode()).digest())
    return secret, secret.public_key().public_bytes_raw().hex()


def reviewer_id(code: str) -> str:
    """A reviewer's id, from which the code cannot be recovered.

    Examples
    --------
    >>> len(reviewer_id("a code")), reviewer_id("a code") == reviewer_id("another")
    (32, False)
    """
    return _author(_key(code)[1])


def record_id(author: str, nonce: str) -> str:
    """The id of a record, which depends on its author."""
    return _hash("record", author, nonce)


def sign_record(
    session: str, code: str, *, kind: str, body: Mapping[str, Any], nonce: str = "", version: int = 1
) -> Record:
    """Make a record by the owner of the code, with the signature in its body.

    Parameters
    ----------
    session
        The session it belongs to; the signature is not valid in any other.
    code, kind, body, version
        Code of the author; kind, body and version of the record.
    nonce
        Determines its id; a new one when empty.
    """
    _, public = _key(code)
    nonce = nonce or secrets.token_hex(8)
    author = _author(public)
    said = {**body, SIGNED: {"by": public, "nonce": nonce}}
    record = Record(record_id(author, nonce), kind, author, said, version)
    return _with_signature(session, code, record)


def removal(session: str, code: str, of: str, *, nonce: str = "") -> Record:
    """Proof that a record was withdrawn by its author, or everything by a reviewer. It stays in the session."""
    body = {"of": of, SIGNED: {"by": _key(code)[1], "nonce": nonce}}
    return _with_signature(session, code, Record(_hash("removal", of), "removal", "", body))


def nonce_of(record: Record) -> str:
    """The nonce of a signed record; empty for one without."""
    signed = record.body.get(SIGNED)
    return str(signed.get("nonce", "")) if isinstance(signed, Mapping) else ""


def check_signature(session: str, record: Record) -> None:
    """Check that a record, or a removal, is by its stated author.

    Raises
    ------
    ReviewError
        When it is not signed, or not by its author.
    """
    what = f"{record.kind} {record.id}"
    signed = record.body.get(SIGNED)
    try:
        if not isinstance(signed, Mapping):
            raise ValueError
        public, nonce, signature = str(signed["by"]), str(signed["nonce"]), bytes.fromhex(str(signed["signature"]))
        key = Ed25519PublicKey.from_public_bytes(bytes.fromhex(public))
    except (KeyError, ValueError):
        raise ReviewError(f"{what} is not signed by its author: a changed file?") from None
    try:
        key.verify(signature, _message(session, record))
        genuine = True
    except InvalidSignature:
        genuine = False
    author = _author(public)
    if record.kind == "removal":
        of = str(record.body.get("of"))
        own = of in (author, record_id(author, nonce)) and record.id == _hash("removal", of) and record.author == ""
    else:
        own = record.author == author and record.id == record_id(author, nonce)
    if not genuine or not own:
        raise ReviewError(f"{what} is signed by somebody other than its author, or was changed after signing")


def _with_signature(session: str, code: str, record: Record) -> Record:
    signature = _key(code)[0].sign(_message(session, record)).hex()
    body = {**record.body, SIGNED: {**record.body[SIGNED], "signature": signature}}
    return Record(record.id, record.kind, record.author, body, record.version)


def _message(session: str, record: Record) -> bytes:
    signed = {key: value for key, value in record.body[SIGNED].items() if key != "signature"}
    content = [session, record.kind, record.id, record.author, record.version, {**record.body, SIGNED: signed}]
    return json.dumps(content, sort_keys=True, separators=(",", ":"), allow_nan=False).encode()


def _author(public: str) -> str:
    return _hash("reviewer", public)


def _hash(*of: str) -> str:
    return hashlib.sha256("\n".join(["soupwidgets", *of]).encode()).hexdigest()[:ID_LENGTH]
