"""The answers of the simulated Hub, by address.

Follows the client library huggingface_hub 2.4 and the Hub's public documentation of its API, as far as pushing a
version and loading it need them. Large files go by Git LFS's basic transfer; the newer Xet transfer is not simulated.
"""

import base64
import hashlib
import json
import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import Any

from simulator.hub.repositories import MAIN, POINTER_BYTES, Commit, File, Moved, NotThere, Repository
from simulator.hub.requests import Reply, Request, refused, said

WRITER, READER = "hf_simulatedwriter", "hf_simulatedreader"  # tokens of one person each
ACCOUNTS = {WRITER: "ann", READER: "ben"}
WRITES = {WRITER: ("ann", "bakery")}  # users and organisations whose repositories a token may write
PAGE = 3  # entries of one answer: small, so that clients have to turn pages
MAY_BE_LARGE = (".parquet", ".bin", ".tar")  # by .gitattributes
LARGE_BYTES = 10_000_000
DATE = "2026-11-29T12:00:00.000Z"
KINDS = {"datasets": "dataset", "models": "model", "spaces": "space"}

Handler = Callable[["Hub", Request, re.Match[str]], Reply]


@dataclass
class Hub:
    """repositories: by kind and name. uploads: SHA-256 of each large file that was sent."""

    url: str = ""
    repositories: dict[tuple[str, str], Repository] = field(default_factory=dict)
    uploads: list[str] = field(default_factory=list)

    def answer(self, request: Request) -> Reply:
        for methods, pattern, handler in ROUTES:
            found = re.fullmatch(pattern, request.path)
            if found and request.method in methods.split():
                try:
                    return handler(self, request, found)
                except NotThere as missing:
                    return refused(404, str(missing), missing.code)
                except Moved:
                    return refused(412, "A commit has happened since. Please refresh and try again.")
                except PermissionError as denied:
                    return refused(403, str(denied))
        return refused(404, f"no such address: {request.method} {request.path}")

    def readable(self, request: Request, kind: str, name: str) -> Repository:
        """The repository. Raises NotThere, also for a private one of somebody else's."""
        found = self.repositories.get((kind, name))
        if found is None or (found.private and not self.may_write(request, name)):
            raise NotThere("RepoNotFound")
        return found

    def writable(self, request: Request, match: re.Match[str]) -> Repository:
        """Raises NotThere, PermissionError."""
        found = self.readable(request, KINDS[match["kind"]], match["name"])
        if not self.may_write(request, found.name):
            raise PermissionError("You don't have the required permissions to perform this action")
        return found

    def may_write(self, request: Request, name: str) -> bool:
        return name.partition("/")[0] in WRITES.get(request.token, ())


def whoami(hub: Hub, request: Request, match: re.Match[str]) -> Reply:  # noqa: ARG001
    if request.token not in ACCOUNTS:
        return refused(401, "Invalid credentials in Authorization header")
    return said({"type": "user", "name": ACCOUNTS[request.token], "orgs": []})


def create(hub: Hub, request: Request, match: re.Match[str]) -> Reply:  # noqa: ARG001
    asked = request.json()
    kind, owner = asked.get("type", "model"), asked.get("organization") or ACCOUNTS.get(request.token, "")
    name = f"{owner}/{asked['name']}"
    if not hub.may_write(request, name):
        return refused(403, f'You don\'t have the rights to create a {kind} under the namespace "{owner}"')
    if (kind, name) in hub.repositories:
        return refused(409, f"You already created this {kind} repo")
    private = asked.get("visibility") == "private" or bool(asked.get("private"))
    hub.repositories[kind, name] = Repository(kind, name, private)
    return said({"url": f"{hub.url}/{kind}s/{name}", "name": name, "id": name})


def info(hub: Hub, request: Request, match: re.Match[str]) -> Reply:
    repository = hub.readable(request, KINDS[match["kind"]], match["name"])
    head = repository.at(match.groupdict().get("revision") or MAIN)
    return said({
        "_id": "1", "id": repository.name, "author": repository.name.partition("/")[0], "sha": head.oid,
        "lastModified": DATE, "createdAt": DATE, "private": repository.private, "gated": False, "disabled": False,
        "downloads": 0, "likes": 0, "tags": [], "siblings": [{"rfilename": path} for path in head.files],
    })  # fmt: skip


def may_write(hub: Hub, request: Request, match: re.Match[str]) -> Reply:
    hub.writable(request, match)
    return said({})


def references(hub: Hub, request: Request, match: re.Match[str]) -> Reply:
    repository = hub.readable(request, KINDS[match["kind"]], match["name"])
    listed: dict[str, list[dict[str, str]]] = {"branches": [], "tags": [], "converts": []}
    for ref, oid in repository.refs.items():
        _, group, name = ref.split("/", 2)
        kind = {"heads": "branches", "tags": "tags"}.get(group, "converts")
        listed[kind].append({"name": name, "ref": ref, "targetCommit": oid})
    return said(listed)


def commits(hub: Hub, request: Request, match: re.Match[str]) -> Reply:
    repository = hub.readable(request, KINDS[match["kind"]], match["name"])
    listed = [
        {"id": one.oid, "title": one.title, "message": "", "authors": [{"user": "ann"}], "date": DATE}
        for one in repository.history(match["revision"])
    ]
    return _page(hub, request, listed)


def tree(hub: Hub, request: Request, match: re.Match[str]) -> Reply:
    head = hub.readable(request, KINDS[match["kind"]], match["name"]).at(match["revision"])
    below = f"{match['path']}/" if match["path"] else ""
    listed = [_entry(path, file) for path, file in _below(head, below)]
    folders = {"/".join(path.split("/")[:depth]) for path in head.files for depth in range(1, path.count("/") + 1)}
    listed += [
        {"type": "directory", "oid": "0" * 40, "size": 0, "path": one} for one in folders if one.startswith(below)
    ]
    if request.query.get("recursive", "").lower() != "true":
        listed = [one for one in listed if "/" not in one["path"].removeprefix(below)]
    if below and not listed:
        raise NotThere("EntryNotFound")
    return _page(hub, request, listed)


def paths(hub: Hub, request: Request, match: re.Match[str]) -> Reply:
    head = hub.readable(request, KINDS[match["kind"]], match["name"]).at(match["revision"])
    asked = request.form().get("paths", [])
    found = [_entry(path, head.files[path]) for path in asked if path in head.files]
    folders = [path for path in asked if any(name.startswith(f"{path}/") for name in head.files)]
    return said([*found, *({"type": "directory", "oid": "0" * 40, "size": 0, "path": path} for path in folders)])


def preupload(hub: Hub, request: Request, match: re.Match[str]) -> Reply:
    head = hub.writable(request, match).at(match["revision"])
    files = []
    for asked in request.json()["files"]:
        known, path = head.files.get(asked["path"]), asked["path"]
        mode = "lfs" if path.endswith(MAY_BE_LARGE) or asked["size"] > LARGE_BYTES else "regular"
        oid = {"oid": known.compared_oid} if known else {}
        files.append({"path": path, "uploadMode": mode, "shouldIgnore": False, **oid})
    return said({"files": files})


def batch(hub: Hub, request: Request, match: re.Match[str]) -> Reply:
    """https://github.com/git-lfs/git-lfs/blob/main/docs/api/batch.md: files that are there already get no action."""
    repository = hub.writable(request, match)
    objects = []
    for one in request.json()["objects"]:
        address = f"{hub.url}/lfs/{repository.kind}s/{repository.name}/{one['oid']}"
        actions = {"upload": {"href": address}, "verify": {"href": f"{address}/verify"}}
        is_there = one["oid"] in repository.large
        objects.append({"oid": one["oid"], "size": one["size"], **({} if is_there else {"actions": actions})})
    return Reply(200, json.dumps({"transfer": "basic", "objects": objects}).encode())


def upload(hub: Hub, request: Request, match: re.Match[str]) -> Reply:
    """The address is signed on the Hub: whoever has it may write this one object."""
    if hashlib.sha256(request.body).hexdigest() != match["oid"]:
        return refused(400, "the bytes do not have this SHA-256")
    hub.repositories[KINDS[match["kind"]], match["name"]].large[match["oid"]] = request.body
    hub.uploads.append(match["oid"])
    return Reply()


def verify(hub: Hub, request: Request, match: re.Match[str]) -> Reply:
    stored = hub.writable(request, match).large.get(match["oid"])
    is_right = stored is not None and len(stored) == request.json()["size"]
    return said({}) if is_right else refused(404, "not there")


def commit(hub: Hub, request: Request, match: re.Match[str]) -> Reply:
    """Lines of JSON: a header, then an operation each."""
    repository = hub.writable(request, match)
    added, gone, header = dict[str, File](), set[str](), dict[str, Any]()
    for line in request.body.splitlines():
        key, value = (entry := json.loads(line))["key"], entry["value"]
        if key == "header":
            header = value
        elif key == "file":
            body = base64.b64decode(value["content"])
            added[value["path"]] = File(len(body), body)
        elif key == "lfsFile":
            if value["oid"] not in repository.large:
                return refused(400, f"LFS pointer of {value['path']} names a file that was not uploaded")
            repository.names[value["oid"]] = value["path"]
            added[value["path"]] = File(len(repository.large[value["oid"]]), sha256=value["oid"])
        else:
            gone.add(value["path"])
    made = repository.commit(match["revision"], header["summary"], added, gone, header.get("parentCommit"))
    address = f"{hub.url}/{repository.kind}s/{repository.name}/commit/{made.oid}"
    return said({"success": True, "commitOid": made.oid, "commitUrl": address, "hookOutput": ""})


def squash(hub: Hub, request: Request, match: re.Match[str]) -> Reply:
    hub.writable(request, match).squash(match["revision"], request.json()["message"])
    return said({})


def add_tag(hub: Hub, request: Request, match: re.Match[str]) -> Reply:
    repository, name = hub.writable(request, match), f"refs/tags/{request.json()['tag']}"
    if name in repository.refs:
        return refused(409, "Tag reference exists already")
    repository.refs[name] = repository.at(match["revision"]).oid
    return said({})


def drop_tag(hub: Hub, request: Request, match: re.Match[str]) -> Reply:
    if hub.writable(request, match).refs.pop(f"refs/tags/{match['revision']}", None) is None:
        raise NotThere("RevisionNotFound")
    return said({})


def large_files(hub: Hub, request: Request, match: re.Match[str]) -> Reply:
    repository = hub.writable(request, match)
    listed = [
        {"fileOid": sha256, "filename": repository.names.get(sha256, ""), "oid": sha256, "pushedAt": DATE,
         "ref": f"refs/heads/{MAIN}", "size": len(body)}
        for sha256, body in repository.large.items()
    ]  # fmt: skip
    return _page(hub, request, listed)


def delete_large(hub: Hub, request: Request, match: re.Match[str]) -> Reply:
    repository = hub.writable(request, match)
    for sha256 in request.json()["deletions"]["sha"]:
        repository.large.pop(sha256, None)
    return said({})


def validate(hub: Hub, request: Request, match: re.Match[str]) -> Reply:  # noqa: ARG001
    """The card has to begin with metadata between two lines of dashes; that they are YAML is not checked."""
    is_right = bool(re.match(r"---\n\w+:.*?\n---\n", request.json()["content"], re.DOTALL))
    problem = {"errors": [{"message": "the metadata is no YAML"}], "warnings": []}
    return said({"errors": [], "warnings": []}) if is_right else Reply(400, json.dumps(problem).encode())


def resolve(hub: Hub, request: Request, match: re.Match[str]) -> Reply:
    repository = hub.readable(request, KINDS[match["kind"]], match["name"])
    head = repository.at(match["revision"])
    file, body = repository.content(match["revision"], match["path"])
    headers = {"ETag": f'"{file.compared_oid}"', "X-Repo-Commit": head.oid, "Accept-Ranges": "bytes"}
    if file.sha256:
        headers |= {"X-Linked-Etag": f'"{file.sha256}"', "X-Linked-Size": str(file.size)}
    asked = re.fullmatch(r"bytes=(\d+)-(\d*)", request.headers.get("range", ""))
    if not asked:
        return Reply(200, body, headers)
    first, last = int(asked[1]), min(int(asked[2] or len(body)), len(body) - 1)
    return Reply(206, body[first : last + 1], {**headers, "Content-Range": f"bytes {first}-{last}/{len(body)}"})


def _entry(path: str, file: File) -> dict[str, Any]:
    large = {"lfs": {"oid": file.sha256, "size": file.size, "pointerSize": POINTER_BYTES}} if file.sha256 else {}
    return {"type": "file", "oid": file.oid, "size": file.size, "path": path, **large}


def _below(head: Commit, folder: str) -> Iterator[tuple[str, File]]:
    return ((path, file) for path, file in sorted(head.files.items()) if path.startswith(folder))


def _page(hub: Hub, request: Request, entries: list[Any]) -> Reply:
    """Some of the entries, with the address of the next ones in the header Link."""
    start = int(request.query.get("cursor", "0"))
    rest = "&".join(f"{name}={value}" for name, value in request.query.items() if name != "cursor")
    url = request.url.partition("?")[0]
    link = {"Link": f'<{hub.url}{url}?{rest}&cursor={start + PAGE}>; rel="next"'} if start + PAGE < len(entries) else {}
    return said(entries[start : start + PAGE], link)


_API = r"/api/(?P<kind>datasets|models|spaces)/(?P<name>[^/]+/[^/]+)"
_REVISION = r"(?P<revision>[^/]+)"
ROUTES: tuple[tuple[str, str, Handler], ...] = (
    ("GET", "/api/whoami-v2", whoami),
    ("POST", "/api/repos/create", create),
    ("POST", "/api/validate-yaml", validate),
    ("GET", _API, info),
    ("GET", f"{_API}/revision/{_REVISION}", info),
    ("GET", f"{_API}/auth-check/write", may_write),
    ("GET", f"{_API}/refs", references),
    ("GET", f"{_API}/commits/{_REVISION}", commits),
    ("GET", f"{_API}/tree/{_REVISION}/?(?P<path>.*)", tree),
    ("POST", f"{_API}/paths-info/{_REVISION}", paths),
    ("POST", f"{_API}/preupload/{_REVISION}", preupload),
    ("POST", f"{_API}/commit/{_REVISION}", commit),
    ("POST", f"{_API}/super-squash/{_REVISION}", squash),
    ("POST", f"{_API}/tag/{_REVISION}", add_tag),
    ("DELETE", f"{_API}/tag/{_REVISION}", drop_tag),
    ("GET", f"{_API}/lfs-files", large_files),
    ("POST", f"{_API}/lfs-files/batch", delete_large),
    ("POST", r"/(?P<kind>datasets|spaces)/(?P<name>[^/]+/[^/]+)\.git/info/lfs/objects/batch", batch),
    ("PUT", r"/lfs/(?P<kind>datasets|models|spaces)/(?P<name>[^/]+/[^/]+)/(?P<oid>[0-9a-f]{64})", upload),
    ("POST", r"/lfs/(?P<kind>datasets|models|spaces)/(?P<name>[^/]+/[^/]+)/(?P<oid>[0-9a-f]{64})/verify", verify),
    ("GET HEAD", r"/(?P<kind>datasets|spaces)/(?P<name>[^/]+/[^/]+)/resolve/(?P<revision>[^/]+)/(?P<path>.+)", resolve),
)
