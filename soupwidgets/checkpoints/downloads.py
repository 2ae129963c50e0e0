"""Published checkpoints by name: found in the cache, or downloaded, resumed and checked."""

from __future__ import annotations

import hashlib
import re
import urllib.error
import urllib.request
from pathlib import Path

from tqdm.auto import tqdm

from soupwidgets.checkpoints.errors import CheckpointError
from soupwidgets.checkpoints.remote import fetch_matching, is_url
from soupwidgets.folders import cache_folder
from soupwidgets.text import one_line

_HUB = "hf-hub:"
_TAG = re.compile(r"^[\w.-]+/[\w.-]+$")
_SHA256 = re.compile(r"^[0-9a-f]{64}$")
# File names that repositories of open_clip models use for weights, the safe format first.
_HUB_FILES = ("open_clip_model.safetensors", "open_clip_pytorch_model.bin", "model.safetensors")
_CHUNK = 1 << 20


def locate(name: str | Path, endpoint: str | None = None) -> Path:
    """The file that a path or a published name stands for.

    Parameters
    ----------
    name
        A path; ``hf-hub:owner/repository``, optionally followed by ``/file``; or
        an open_clip model and the tag of its weights, such as
        ``ViT-B-32/laion2b_s34b_b79k``; or ``s3://bucket/file``, see `fetch`. If a file of that name exists, it is used.
    endpoint
        URL of the hub; the default of huggingface_hub when None.

    Returns
    -------
    Path
        The path unchanged, or the file in the cache. It is downloaded with a progress
        bar if necessary, resuming an interrupted download, and its hash is checked.

    Raises
    ------
    CheckpointError
        When the hub does not know the name, there is no network, or the
        content differs from what was published; the message says what to do.
    """
    text = str(name)
    if Path(text).exists():
        return Path(text)
    if is_url(name):
        return fetch_matching(name)[0]
    if text.startswith(_HUB):
        owner, _, rest = text.removeprefix(_HUB).partition("/")
        repository, _, file = rest.partition("/")
        return _from_hub(text, f"{owner}/{repository}", [file] if file else list(_HUB_FILES), endpoint)
    if not _TAG.match(text):
        return Path(text)
    import open_clip

    model, _, tag = text.partition("/")
    if model not in open_clip.list_models():
        return Path(text)
    tags = open_clip.list_pretrained_tags_by_model(model)
    if tag not in tags:
        raise CheckpointError(text, f"open_clip has no weights {tag!r} of {model}; it has {', '.join(tags) or 'none'}")
    where = open_clip.get_pretrained_cfg(model, tag)
    if where.get("hf_hub"):
        repository, _, file = where["hf_hub"].rpartition("/")
        return _from_hub(text, repository, [file] if file else list(_HUB_FILES), endpoint)
    return download(where["url"], _stated_hash(where["url"]))


def _from_hub(name: str, repository: str, files: list[str], endpoint: str | None) -> Path:
    from huggingface_hub import hf_hub_download
    from huggingface_hub.errors import EntryNotFoundError, HfHubHTTPError, LocalEntryNotFoundError

    for file in files:
        try:
            path = Path(hf_hub_download(repository, file, endpoint=endpoint))
        except LocalEntryNotFoundError as error:
            raise CheckpointError(name, _offline(f"{repository} ({file})", error)) from error
        except EntryNotFoundError:
            continue
        except (HfHubHTTPError, OSError, ValueError) as error:
            raise CheckpointError(name, f"the hub refused to serve {repository}/{file}: {error}") from error
        # The hub's cache names large files by their hash.
        stated = path.resolve().name
        if _SHA256.match(stated):
            _check(path.resolve(), stated, name)
        return path
    raise CheckpointError(
        name, f"the repository {repository} has none of {', '.join(files)}; append '/' and the file's name"
    )


def download(url: str, sha256: str = "", *, folder: Path | None = None) -> Path:
    """Download a file, resuming where an earlier attempt stopped.

    Parameters
    ----------
    url
        URL of the file.
    sha256
        The beginning of its SHA-256 hash; empty when none is published.
    folder
        Target folder; the user's cache (``SOUPWIDGETS_CACHE``) when None.

    Returns
    -------
    Path
        The complete, verified file. A file that already exists is not downloaded again.

    Raises
    ------
    CheckpointError
        When the server cannot be reached, or the hash does not match.
    """
    folder = folder or cache_folder() / "weights"
    # The URL is part of the name: two releases may use the same file name.
    path = folder / hashlib.sha256(url.encode()).hexdigest()[:16] / (url.rpartition("/")[2] or "weights")
    if path.is_file():
        return path
    path.parent.mkdir(parents=True, exist_ok=True)
    part = path.with_name(path.name + ".part")
    try:
        _fetch(url, part)
    except (urllib.error.URLError, OSError, TimeoutError) as error:
        raise CheckpointError(url, _offline(url, error)) from error
    _check(part, sha256, url)
    part.replace(path)
    return path


def _fetch(url: str, part: Path) -> None:
    begun = part.stat().st_size if part.exists() else 0
    request = urllib.request.Request(url, headers={"Range": f"bytes={begun}-"} if begun else {})
    try:
        response = urllib.request.urlopen(request, timeout=30)
    except urllib.error.HTTPError as error:
        # There is nothing after the end of the partial file: it was complete.
        if error.code == 416 and begun:
            return
        raise
    with response, open(part, "ab" if response.status == 206 else "wb") as file:
        done = file.tell()
        length = response.headers.get("Content-Length")
        total = done + int(length) if length else None
        bar = tqdm(total=total, initial=done, unit="B", unit_scale=True, desc=one_line(url.rpartition("/")[2]))
        with bar:
            while block := response.read(_CHUNK):
                file.write(block)
                bar.update(len(block))
                done += len(block)
    if total is not None and done < total:
        raise OSError(f"the connection was closed after {done:,} of {total:,} bytes; try again to resume from there")


def _check(path: Path, sha256: str, name: str) -> None:
    if not sha256:
        return
    with open(path, "rb") as file:
        found = hashlib.file_digest(file, "sha256").hexdigest()
    if not found.startswith(sha256):
        path.unlink()
        raise CheckpointError(
            name,
            f"the downloaded file has the hash {found[:16]}..., but {sha256[:16]}... was published; it was removed, "
            "try again",
        )


def _stated_hash(url: str) -> str:
    """The hash that is part of OpenAI's and open_clip's URLs."""
    *_, folder, file = url.split("/")
    if _SHA256.match(folder):
        return folder
    match = re.search(r"-([0-9a-f]{8,64})\.\w+$", file)
    return match[1] if match else ""


def _offline(what: str, error: BaseException) -> str:
    return (
        f"{what} is not in the cache and cannot be downloaded ({error}). Run this once with a network to cache it; "
        "without one, download it elsewhere and give its path, or copy that machine's cache folder "
        "(HF_HOME, SOUPWIDGETS_CACHE)"
    )
