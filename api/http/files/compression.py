"""gzip for what browsers ask for: pages and long lists when they are made, static files once."""

import secrets
from gzip import GzipFile
from io import BytesIO

from aiohttp import web

WORTH_IT = 1000
"""Bytes; a shorter body is sent as it is."""

PADDING = 100

LEVEL = 4
"""Above it, a page takes four times as long to compress, for a thirtieth of its size."""


def accepts_gzip(request: web.Request) -> bool:
    """Whether Accept-Encoding names gzip, and not with a weight of zero."""
    for offer in request.headers.get("Accept-Encoding", "").split(","):
        coding, _, weight = offer.partition(";")
        if coding.strip().lower() == "gzip":
            return weight.strip().rstrip("0").lower() not in ("q=", "q=0.")
    return False


def compress(request: web.Request, response: web.Response) -> None:
    """Compress the body of `response` if the client takes it.

    The length varies at random: it does not tell whether a part of a page occurs in another part, which holds a secret
    (the BREACH attack).
    """
    response.headers["Vary"] = "Accept-Encoding"
    body = response.body
    if isinstance(body, bytes) and len(body) >= WORTH_IT and accepts_gzip(request):
        response.body = gzipped(body, level=LEVEL, padding="x" * secrets.randbelow(PADDING))
        response.headers["Content-Encoding"] = "gzip"


def gzipped(body: bytes, *, level: int, padding: str = "") -> bytes:
    """`body` compressed; `padding` goes into the header as the file's name, which browsers ignore."""
    written = BytesIO()
    with GzipFile(padding, "wb", compresslevel=level, fileobj=written, mtime=0) as file:
        file.write(body)
    return written.getvalue()
