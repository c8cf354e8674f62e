"""Static files under names that hold a hash of what is in them, so that browsers keep them for good.

`static/pages/live.js` is served as `/static/pages/live.<hash>.js`, with the modules that it imports (`bundles.py`).
A change in a module changes the names of all bundles that it is in, and of those that import them later.
"""

import re
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from functools import cache, cached_property
from hashlib import sha256
from pathlib import Path, PurePosixPath

from aiohttp import ETag, web

from api.files import STATIC, TEMPLATES
from api.http.files.bundles import Bundles, names_of
from api.http.files.compression import accepts_gzip, gzipped
from api.vendor_scripts import NOT_RUN, vendor_scripts

PREFIX = "/static/"
HASH_LENGTH = 12
KEPT = "public, max-age=31536000, immutable"
CHECKED = "no-cache"  # kept, but only used when the server says that it is still the same

CONTENT_TYPES = {".js": "text/javascript", ".css": "text/css", ".svg": "image/svg+xml"}
"""Of the files that are served, by the ends of their names."""


@dataclass(frozen=True)
class StaticFile:
    """What is served under `url`."""

    url: str
    content_type: str
    hash: str
    body: bytes

    @cached_property
    def compressed(self) -> bytes:
        """The body, made smaller when it is first asked for."""
        return gzipped(self.body, level=9)


class StaticFiles:
    """The files of one version of the program. `sources` are their contents by name, as `pages/live.js`.

    Raises ValueError when modules import each other in a circle, or one that is not there.
    """

    def __init__(self, sources: Mapping[str, bytes], *, templates: bytes = b"") -> None:
        self._files: dict[str, StaticFile] = {}
        bundles = Bundles({name: sources[name].decode() for name in names_of(sources)})
        for name, content in sources.items():
            if name.endswith(".css"):
                self._add(name, NOT_RUN.sub("", content.decode()).encode())
            elif name.startswith("vendor/") or not name.endswith(".js"):
                self._add(name, content)
        for name in bundles.firsts:
            self._bundle(name, bundles, ())
        self._by_url = {file.url: file for file in self._files.values()}
        names = "".join(sorted(self._by_url))
        self.build = _hash(names.encode() + templates)
        """Names this version: another one has other files or templates."""

    @property
    def files(self) -> Collection[StaticFile]:
        """All of them."""
        return self._files.values()

    def url(self, name: str) -> str:
        """Where a file is served. Raises KeyError."""
        return self._files[name].url

    async def get(self, request: web.Request) -> web.Response:
        """GET /static/{name}; a name with another version's hash, or with none, gives today's file."""
        file = self._by_url.get(request.path)
        is_kept = file is not None
        file = file or self._files.get(_without_hash(request.match_info["name"]))
        if file is None:
            raise web.HTTPNotFound
        response = web.Response()
        response.etag = ETag(file.hash, is_weak=True)  # the same for what is compressed and what is not
        response.headers.update({"Cache-Control": KEPT if is_kept else CHECKED, "Vary": "Accept-Encoding"})
        if any(known.value == file.hash for known in request.if_none_match or ()):
            response.set_status(304)
            return response
        response.content_type = file.content_type
        if file.content_type.startswith("text/"):
            response.charset = "utf-8"
        response.body = file.body
        if accepts_gzip(request):
            response.body = file.compressed
            response.headers["Content-Encoding"] = "gzip"
        return response

    def _bundle(self, name: str, bundles: Bundles, importers: tuple[str, ...]) -> StaticFile:
        if name in importers:
            raise ValueError(f"modules import each other: {' > '.join((*importers, name))}")
        if name not in self._files:
            urls = {later: self._bundle(later, bundles, (*importers, name)).url for later in bundles.later(name)}
            self._add(name, bundles.bundle(name, urls).encode())
        return self._files[name]

    def _add(self, name: str, body: bytes) -> None:
        path, digest = PurePosixPath(name), _hash(body)
        url = f"{PREFIX}{path.with_suffix(f'.{digest}{path.suffix}')}"
        self._files[name] = StaticFile(url, CONTENT_TYPES[path.suffix], digest, body)


@cache
def static_files() -> StaticFiles:
    """Those of this program: read once, when they are first asked for."""
    sources = {str(path.relative_to(STATIC).as_posix()): path.read_bytes() for path in _served()}
    sources |= {f"vendor/{name}": script for name, script in vendor_scripts().items()}
    templates = b"".join(path.read_bytes() for path in sorted(TEMPLATES.glob("*.html")))
    return StaticFiles(sources, templates=templates)


def _served() -> list[Path]:
    return sorted(path for path in STATIC.rglob("*") if path.suffix in CONTENT_TYPES)


def _without_hash(name: str) -> str:
    return re.sub(rf"\.[0-9a-f]{{{HASH_LENGTH}}}(?=\.[a-z]+$)", "", name)


def _hash(content: bytes) -> str:
    return sha256(content).hexdigest()[:HASH_LENGTH]
