"""The part of the Hub's API that a push speaks, on this machine; it keeps what it is sent."""

from __future__ import annotations

import base64
import hashlib
import json
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any


class FakeHub(ThreadingHTTPServer):
    """Repositories in memory.

    Attributes
    ----------
    requests
        Method and path of every request, in order.
    repositories
        Name to whether it is private.
    files
        What the last commit left, by path.
    commits
        The messages.
    """

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), _Handler)
        self.requests: list[str] = []
        self.tokens: set[str | None] = set()
        self.repositories: dict[str, bool] = {}
        self.files: dict[str, bytes] = {}
        self.commits: list[str] = []
        self.objects: dict[str, bytes] = {}
        self.refuses = False

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.server_address[1]}"


@contextmanager
def serving() -> Iterator[FakeHub]:
    with FakeHub() as hub:
        thread = threading.Thread(target=hub.serve_forever, args=(0.01,))
        thread.start()
        try:
            yield hub
        finally:
            hub.shutdown()
            thread.join()


class _Handler(BaseHTTPRequestHandler):
    server: FakeHub
    protocol_version = "HTTP/1.1"

    def log_message(self, format: str, *args: Any) -> None:
        """Nothing on the screen."""

    def do_POST(self) -> None:
        body = self._body()
        if self.server.refuses:
            self._answer(403, {"error": "you shall not"})
        elif self.path == "/api/repos/create":
            self._create(json.loads(body))
        elif self.path == "/api/validate-yaml":
            self._answer(200, {"errors": [], "warnings": []})
        elif "/preupload/" in self.path:
            modes = [
                {
                    "path": file["path"],
                    "uploadMode": "lfs" if file["path"].endswith(".safetensors") else "regular",
                    "shouldIgnore": False,
                    "oid": None,
                }
                for file in json.loads(body)["files"]
            ]
            self._answer(200, {"files": modes})
        elif self.path.endswith("/info/lfs/objects/batch"):
            upload = [
                {**one, "actions": {"upload": {"href": f"{self.server.url}/upload/{one['oid']}", "header": {}}}}
                for one in json.loads(body)["objects"]
            ]
            self._answer(200, {"transfer": "basic", "objects": upload}, "application/vnd.git-lfs+json")
        elif "/commit/" in self.path:
            self._commit([json.loads(line) for line in body.splitlines()])
        else:
            self._answer(404, {"error": "no such address"})

    def do_PUT(self) -> None:
        body = self._body()
        oid = self.path.rpartition("/")[2]
        assert hashlib.sha256(body).hexdigest() == oid
        self.server.objects[oid] = body
        self._answer(200, {})

    def do_GET(self) -> None:
        self._body()
        name = self.path.removeprefix("/api/models/").partition("?")[0]
        if name in self.server.repositories:
            self._answer(200, {"id": name, "private": self.server.repositories[name], "siblings": []})
        else:
            self._answer(404, {"error": "Repository not found"})

    def _create(self, asked: dict[str, Any]) -> None:
        name = f"{asked['organization']}/{asked['name']}"
        known = name in self.server.repositories
        private = asked.get("private", False) or asked.get("visibility") == "private"
        self.server.repositories.setdefault(name, private)
        self._answer(409 if known else 200, {"url": f"{self.server.url}/{name}", "name": name, "id": name})

    def _commit(self, entries: list[dict[str, Any]]) -> None:
        self.server.files = {}
        for entry in entries:
            value = entry["value"]
            if entry["key"] == "header":
                self.server.commits.append(value["summary"])
            elif entry["key"] == "lfsFile":
                self.server.files[value["path"]] = self.server.objects[value["oid"]]
            else:
                assert value["encoding"] == "base64"
                self.server.files[value["path"]] = base64.b64decode(value["content"])
        name = self.path.removeprefix("/api/models/").partition("/commit/")[0]
        self._answer(200, {"commitUrl": f"{self.server.url}/{name}/commit/abc", "commitOid": "abc", "hookOutput": ""})

    def _body(self) -> bytes:
        self.server.requests.append(f"{self.command} {self.path}")
        self.server.tokens.add(self.headers.get("Authorization"))
        return self.rfile.read(int(self.headers.get("Content-Length") or 0))

    def _answer(self, status: int, content: dict[str, Any], kind: str = "application/json") -> None:
        body = json.dumps(content).encode()
        self.send_response(status)
        self.send_header("Content-Type", kind)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)
