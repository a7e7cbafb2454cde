"""A hub on the loopback interface for tests: what huggingface_hub and datasets speak, over real HTTP.

Repositories of models and datasets with commits, Git and LFS objects, redirects to a second address for LFS
content, byte ranges, tokens, private and gated repositories, LFS uploads and commits as lines of JSON. Faults are
switched on by the test: a connection cut in the middle of a file, content that is not what the listing says, an
upload that fails, a hub that is away. `requests` holds what was asked and what was sent.
"""

from __future__ import annotations

import base64
import hashlib
import json
import re
import threading
from collections.abc import Mapping
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, unquote, urlsplit

TOKEN = "hf_secretOfAlice0123456789"
USER = "alice"
LFS_SUFFIXES = (".safetensors", ".bin", ".parquet", ".gz", ".pt", ".model")


def git_id(data: bytes) -> str:
    return hashlib.sha1(b"blob %d\0" % len(data) + data).hexdigest()


@dataclass
class Repo:
    private: bool = False
    gated: bool = False
    commits: list[tuple[str, dict[str, bytes]]] = field(default_factory=list)
    """Commit id and the files as they are with it, oldest first."""
    tags: dict[str, str] = field(default_factory=dict)

    def commit(self, files: Mapping[str, bytes], removed: tuple[str, ...] = ()) -> str:
        before = dict(self.commits[-1][1]) if self.commits else {}
        for name in removed:
            before.pop(name, None)
        after = before | dict(files)
        digest = hashlib.sha1(repr((len(self.commits), sorted((n, git_id(d)) for n, d in after.items()))).encode())
        self.commits.append((digest.hexdigest(), after))
        return self.commits[-1][0]

    def at(self, revision: str) -> tuple[str, dict[str, bytes]] | None:
        revision = self.tags.get(revision, revision)
        if revision in ("main", "HEAD") and self.commits:
            return self.commits[-1]
        return next((c for c in self.commits if len(revision) > 6 and c[0].startswith(revision)), None)


@dataclass
class Asked:
    method: str
    path: str
    range: str | None
    token: str | None
    status: int = 0
    sent: int = 0
    received: int = 0


class Hub:
    """`with Hub() as hub:`; hub.url goes into HF_ENDPOINT."""

    def __init__(self) -> None:
        self.repos: dict[tuple[str, str], Repo] = {}
        self.objects: dict[str, bytes] = {}
        self.requests: list[Asked] = []
        self.cut: dict[str, int] = {}
        """File name to the bytes after which its connection is cut; the hub is away (500) for it from then on."""
        self.cut_once: dict[str, int] = {}
        """File name to the bytes after which its connection is cut, once."""
        self.swapped: dict[str, bytes] = {}
        """File name to what is sent in its place, of the same length."""
        self.failing_uploads: set[int] = set()
        """Numbers of the object uploads (from 0) that fail with 500 and leave nothing."""
        self.uploads = 0
        self.away = False
        self._lock = threading.Lock()

    def __enter__(self) -> Hub:
        hub = self

        class Handler(_Handler):
            server_hub = hub

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self._server.daemon_threads = True
        self.url = f"http://127.0.0.1:{self._server.server_address[1]}"
        threading.Thread(target=self._server.serve_forever, daemon=True).start()
        return self

    def __exit__(self, *_: object) -> None:
        self._server.shutdown()
        self._server.server_close()

    def repo(self, name: str, kind: str = "models", **facts: bool) -> Repo:
        return self.repos.setdefault((kind, name), Repo(**facts))

    def add(self, name: str, folder: Path, kind: str = "models", **facts: bool) -> str:
        """Commits a folder's files; the commit."""
        files = {
            p.relative_to(folder).as_posix(): p.read_bytes() for p in sorted(folder.rglob("*")) if p.is_file()
        }
        return self.repo(name, kind, **facts).commit(files)

    def environment(self, home: Path, token: str | None = None, **more: str) -> dict[str, str]:
        """What a process needs to speak with this hub and no other, with caches of its own below home."""
        found = {
            "HF_ENDPOINT": self.url,
            "HF_HOME": str(home / "hf"),
            "REDRAFT_HOME": str(home / "redraft"),
            "HF_HUB_DISABLE_XET": "1",  # content goes over plain HTTP and LFS, which is what this hub speaks
            "HF_HUB_DISABLE_TELEMETRY": "1",
            "HF_HUB_OFFLINE": "0",
            **more,
        }
        if token is not None:
            found["HF_TOKEN"] = token
        return found

    def sent(self, name: str) -> int:
        """Bytes of a file's content that went out since `forget`."""
        return sum(r.sent for r in self.requests if r.method == "GET" and r.path.endswith("/" + name))

    def forget(self) -> None:
        self.requests.clear()


class _Handler(BaseHTTPRequestHandler):
    server_hub: Hub
    protocol_version = "HTTP/1.1"

    def log_message(self, *_: object) -> None:
        pass

    def do_HEAD(self) -> None:
        self._serve()

    def do_GET(self) -> None:
        self._serve()

    def do_POST(self) -> None:
        self._serve()

    def do_PUT(self) -> None:
        self._serve()

    def _serve(self) -> None:
        hub = self.server_hub
        split = urlsplit(self.path)
        self.query = {name: values[0] for name, values in parse_qs(split.query).items()}
        path = unquote(split.path)
        size = int(self.headers.get("Content-Length") or 0)
        if self.headers.get("Transfer-Encoding") == "chunked":
            self.body = self._chunks()
        else:
            self.body = self.rfile.read(size) if size else b""
        token = (self.headers.get("Authorization") or "").removeprefix("Bearer ") or None
        self.asked = Asked(self.command, path, self.headers.get("Range"), token, received=len(self.body))
        with hub._lock:
            hub.requests.append(self.asked)
        if hub.away:
            self._json(503, {"error": "away"})
            return
        if token is not None and token != TOKEN:
            self._json(401, {"error": "Invalid credentials in Authorization header"},
                       {"X-Error-Message": "Invalid credentials in Authorization header"})  # fmt: skip
            return
        self.signed_in = token == TOKEN
        for method, pattern, action in _ROUTES:
            found = re.fullmatch(pattern, path)
            if found and self.command in method:
                getattr(self, action)(**found.groupdict())
                return
        self._json(404, {"error": f"no route for {self.command} {path}"})

    def _chunks(self) -> bytes:
        data = b""
        while size := int(self.rfile.readline().split(b";")[0], 16):
            data += self.rfile.read(size)
            self.rfile.readline()
        self.rfile.readline()
        return data

    def _json(self, status: int, value: Any, headers: Mapping[str, str] = {}) -> None:
        self._send(status, json.dumps(value).encode(), {"Content-Type": "application/json", **headers})

    def _send(self, status: int, data: bytes, headers: Mapping[str, str], cut: int | None = None) -> None:
        self.asked.status = status
        self.send_response(status)
        for name, text in headers.items():
            self.send_header(name, text)
        self.send_header("Content-Length", str(len(data)))
        self.end_headers()
        if self.command == "HEAD":
            return
        data = data if cut is None else data[:cut]
        try:
            for at in range(0, len(data), 1 << 16):
                self.wfile.write(data[at : at + (1 << 16)])
                self.asked.sent += len(data[at : at + (1 << 16)])
            self.wfile.flush()
        except OSError:
            pass
        if cut is not None:
            self.close_connection = True

    def _error(self, status: int, code: str, says: str) -> None:
        self._json(status, {"error": says}, {"X-Error-Code": code, "X-Error-Message": says})

    def _open(self, kind: str, name: str) -> Repo | None:
        """The repository, as far as the one who asks may see it; else the answer is sent and it is None."""
        repo = self.server_hub.repos.get((kind, name))
        if repo is None or (repo.private and not self.signed_in):
            self._error(404 if self.signed_in else 401, "RepoNotFound", "Repository not found")
            return None
        return repo

    def _at(self, repo: Repo, revision: str) -> tuple[str, dict[str, bytes]] | None:
        found = repo.at(revision)
        if found is None:
            self._error(404, "RevisionNotFound", f"Invalid rev id: {revision}")
        return found

    # reading

    def whoami(self) -> None:
        if not self.signed_in:
            self._json(401, {"error": "Invalid username or password."})
            return
        access = {"type": "access_token", "accessToken": {"displayName": "t", "role": "write"}}
        self._json(200, {"type": "user", "name": USER, "fullname": USER, "orgs": [], "auth": access})

    def info(self, kind: str, name: str, revision: str = "main") -> None:
        repo = self._open(kind, name)
        if repo is None:
            return
        if not repo.commits:
            self._json(200, {"id": name, "sha": None, "private": repo.private, "siblings": [], "tags": []})
            return
        found = self._at(repo, revision)
        if found is None:
            return
        commit, files = found
        card = re.search(rb"^licen[cs]e: *(\S+)", files.get("README.md", b""), re.M)
        self._json(200, {
            "id": name, "modelId": name, "author": name.split("/")[0], "sha": commit, "private": repo.private,
            "gated": "manual" if repo.gated else False, "tags": [], "downloads": 0,
            "lastModified": "2026-01-01T00:00:00.000Z", "cardData": {"license": card[1].decode()} if card else {},
            "siblings": [{"rfilename": path} for path in files],
        })  # fmt: skip

    def tree(self, kind: str, name: str, revision: str, folder: str | None = None) -> None:
        repo = self._open(kind, name)
        found = repo and self._at(repo, revision)
        if not found:
            return
        prefix = f"{folder}/" if folder else ""
        inside = {path: data for path, data in found[1].items() if path.startswith(prefix)}
        if folder and not inside:
            self._error(404, "EntryNotFound", f"{folder} does not exist")
            return
        deep = self.query.get("recursive", "false").lower() == "true"
        rows = [_row(path, data) for path, data in inside.items() if deep or "/" not in path[len(prefix) :]]
        folders = {prefix + path[len(prefix) :].split("/")[0] for path in inside if "/" in path[len(prefix) :]}
        rows += [{"type": "directory", "oid": "0" * 40, "size": 0, "path": path} for path in sorted(folders)]
        self._json(200, rows)

    def paths_info(self, kind: str, name: str, revision: str) -> None:
        repo = self._open(kind, name)
        found = repo and self._at(repo, revision)
        if not found:
            return
        if "json" in (self.headers.get("Content-Type") or ""):
            wanted = json.loads(self.body)["paths"]
        else:
            wanted = parse_qs(self.body.decode()).get("paths", [])
        files, rows = found[1], []
        for path in wanted:
            if path in files:
                rows.append(_row(path, files[path]))
            elif any(other.startswith(f"{path}/") for other in files):
                rows.append({"type": "directory", "oid": "0" * 40, "size": 0, "path": path})
        self._json(200, rows)

    def resolve(self, name: str, revision: str, path: str, kind: str | None = None) -> None:
        repo = self._open(kind or "models", name)
        found = repo and self._at(repo, revision)
        if not repo or not found:
            return
        if repo.gated and not self.signed_in:
            self._error(401, "GatedRepo", f"Access to {name} is restricted. You must be authenticated.")
            return
        commit, files = found
        if path not in files:
            self._json(404, {"error": "Entry not found"},
                       {"X-Error-Code": "EntryNotFound", "X-Repo-Commit": commit})  # fmt: skip
            return
        data, headers = files[path], {"X-Repo-Commit": commit}
        if not path.endswith(LFS_SUFFIXES):
            self._content(path, data, headers | {"ETag": f'"{git_id(data)}"'})
            return
        digest = hashlib.sha256(data).hexdigest()
        self.server_hub.objects[digest] = data
        self._send(302, b"", headers | {
            "X-Linked-Size": str(len(data)), "X-Linked-ETag": f'"{digest}"',
            "Location": f"{self.server_hub.url}/cdn/{digest}/{path}",
        })  # fmt: skip

    def cdn(self, digest: str, path: str) -> None:
        self._content(path, self.server_hub.objects[digest], {"ETag": f'"{digest}"'})

    def _content(self, path: str, data: bytes, headers: dict[str, str]) -> None:
        hub = self.server_hub
        data = hub.swapped.get(path, data)
        first, status = 0, 200
        wanted = re.fullmatch(r"bytes=(\d+)-(\d*)", self.headers.get("Range") or "")
        whole = len(data)
        if wanted:
            first, last = int(wanted[1]), int(wanted[2] or whole - 1)
            if first >= whole:
                self._send(416, b"", headers | {"Content-Range": f"bytes */{whole}"})
                return
            data, status = data[first : last + 1], 206
            headers["Content-Range"] = f"bytes {first}-{first + len(data) - 1}/{whole}"
        headers["Accept-Ranges"] = "bytes"
        cut: int | None = None
        if self.command == "GET" and path in hub.cut:
            cut = hub.cut[path] - first
            if cut <= 0:
                self._json(500, {"error": "the storage is away"})
                return
        elif self.command == "GET" and path in hub.cut_once:
            cut = hub.cut_once.pop(path) - first
        self._send(status, data, headers, cut)

    # writing

    def create(self) -> None:
        asked = json.loads(self.body)
        if not self.signed_in:
            self._json(401, {"error": "Invalid username or password."})
            return
        owner = asked.get("organization") or USER
        if owner != USER:
            self._json(403, {"error": f"You don't have the rights to create a model under the namespace {owner}"})
            return
        kind = asked.get("type", "model") + "s"
        name = f"{owner}/{asked['name']}"
        url = f"{self.server_hub.url}/{'' if kind == 'models' else kind + '/'}{name}"
        if (kind, name) in self.server_hub.repos:
            self._json(409, {"error": "You already created this repo", "url": url})
            return
        private = asked.get("private", asked.get("visibility") == "private")
        self.server_hub.repo(name, kind, private=bool(private))
        self._json(200, {"url": url, "name": name, "id": name})

    def validate(self) -> None:
        content = json.loads(self.body)["content"]
        if content.startswith("---\n") and "\n---\n" in content[4:]:
            self._json(200, {"errors": [], "warnings": []})
        else:
            self._json(200, {"errors": [], "warnings": [{"message": "empty or missing yaml metadata"}]})

    def _writable(self, kind: str, name: str) -> Repo | None:
        repo = self._open(kind, name)
        if repo is not None and not (self.signed_in and name.startswith(f"{USER}/")):
            self._json(403 if self.signed_in else 401, {"error": "You have no right to write here"})
            return None
        return repo

    def preupload(self, kind: str, name: str, revision: str) -> None:
        repo = self._writable(kind, name)
        if repo is None:
            return
        files = repo.commits[-1][1] if repo.commits else {}
        rows = []
        for asked in json.loads(self.body)["files"]:
            path, lfs = asked["path"], asked["path"].endswith(LFS_SUFFIXES)
            old = files.get(path)
            oid = None if old is None else hashlib.sha256(old).hexdigest() if lfs else git_id(old)
            rows.append(
                {"path": path, "uploadMode": "lfs" if lfs else "regular", "shouldIgnore": False, "oid": oid}
            )
        self._json(200, {"files": rows})

    def batch(self, name: str, kind: str | None = None) -> None:
        if self._writable(kind or "models", name) is None:
            return
        rows = []
        for asked in json.loads(self.body)["objects"]:
            row = {"oid": asked["oid"], "size": asked["size"]}
            if asked["oid"] not in self.server_hub.objects:
                row["actions"] = {"upload": {"href": f"{self.server_hub.url}/upload/{asked['oid']}"},
                                  "verify": {"href": f"{self.server_hub.url}/verify"}}  # fmt: skip
            rows.append(row)
        self._json(200, {"transfer": "basic", "objects": rows})

    def upload(self, digest: str) -> None:
        hub = self.server_hub
        with hub._lock:
            number, hub.uploads = hub.uploads, hub.uploads + 1
        if number in hub.failing_uploads:
            self._json(400, {"error": "the storage is full"})
        elif hashlib.sha256(self.body).hexdigest() != digest:
            self._json(400, {"error": "the content is not what was announced"})
        else:
            hub.objects[digest] = self.body
            self._send(200, b"", {})

    def verify(self) -> None:
        asked = json.loads(self.body)
        held = self.server_hub.objects.get(asked["oid"])
        self._json(200 if held is not None and len(held) == asked["size"] else 404, {})

    def commit(self, kind: str, name: str, revision: str) -> None:
        repo = self._writable(kind, name)
        if repo is None:
            return
        files: dict[str, bytes] = {}
        removed: list[str] = []
        for line in self.body.splitlines():
            item = json.loads(line)
            value = item["value"]
            if item["key"] == "file":
                files[value["path"]] = base64.b64decode(value["content"])
            elif item["key"] == "lfsFile":
                if value["oid"] not in self.server_hub.objects:
                    self._json(400, {"error": f"LFS object {value['oid']} is not there"})
                    return
                files[value["path"]] = self.server_hub.objects[value["oid"]]
            elif item["key"] == "deletedFile":
                removed.append(value["path"])
        made = repo.commit(files, tuple(removed))
        self._json(200, {"commitUrl": f"{self.server_hub.url}/{name}/commit/{made}", "commitOid": made})


def _row(path: str, data: bytes) -> dict[str, Any]:
    row: dict[str, Any] = {"type": "file", "path": path, "size": len(data), "oid": git_id(data)}
    if path.endswith(LFS_SUFFIXES):
        digest = hashlib.sha256(data).hexdigest()
        pointer = f"version https://git-lfs.github.com/spec/v1\noid sha256:{digest}\nsize {len(data)}\n".encode()
        row |= {"oid": git_id(pointer), "lfs": {"oid": digest, "size": len(data), "pointerSize": len(pointer)}}
    return row


_REPO = r"(?P<kind>models|datasets)/(?P<name>[^/]+/[^/]+)"
_ROUTES = [
    ("GET", r"/api/whoami-v2", "whoami"),
    ("GET", rf"/api/{_REPO}", "info"),
    ("GET", rf"/api/{_REPO}/revision/(?P<revision>.+)", "info"),
    ("GET", rf"/api/{_REPO}/tree/(?P<revision>[^/]+)(?:/(?P<folder>.+))?", "tree"),
    ("POST", rf"/api/{_REPO}/paths-info/(?P<revision>[^/]+)", "paths_info"),
    ("POST", r"/api/repos/create", "create"),
    ("POST", r"/api/validate-yaml", "validate"),
    ("POST", rf"/api/{_REPO}/preupload/(?P<revision>[^/]+)", "preupload"),
    ("POST", rf"/api/{_REPO}/commit/(?P<revision>[^/]+)", "commit"),
    ("POST", r"/(?:(?P<kind>datasets)/)?(?P<name>[^/]+/[^/]+)\.git/info/lfs/objects/batch", "batch"),
    ("PUT", r"/upload/(?P<digest>[0-9a-f]{64})", "upload"),
    ("POST", r"/verify", "verify"),
    ("HEAD GET", r"/cdn/(?P<digest>[0-9a-f]{64})/(?P<path>.+)", "cdn"),
    (
        "HEAD GET",
        r"/(?:(?P<kind>datasets)/)?(?P<name>[^/]+/[^/]+)/resolve/(?P<revision>[^/]+)/(?P<path>.+)",
        "resolve",
    ),
]
