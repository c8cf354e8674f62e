"""The kind of a file, by its first bytes: never by its name, or by what the sender says."""

from dataclasses import dataclass

OTHER = "application/octet-stream"
HEAD = 256 * 1024
"""Bytes from the beginning that decide. A JPEG's size stands after its metadata."""

SHOWN = frozenset({"image/png", "image/jpeg", "image/gif", "image/webp"})
"""What browsers show on a page. None of these runs scripts; everything else is a download."""

MOST_PIXELS = 20_000
"""On a side. An image that claims more is not shown."""


@dataclass(frozen=True, slots=True)
class Media:
    """The media type of a file; of an image also its size in pixels."""

    kind: str
    width: int | None = None
    height: int | None = None


def media_of(head: bytes) -> Media:
    """The kind of the file that begins with these bytes. An image whose size is not found counts as no image."""
    for kind, read_size in READERS.items():
        try:
            size = read_size(head)
        except IndexError:
            size = None
        if size is not None and all(0 < side <= MOST_PIXELS for side in size):
            return Media(kind, *size)
    return Media(OTHER)


Size = tuple[int, int] | None
"""Width and height."""


def _png(head: bytes) -> Size:
    if not head.startswith(b"\x89PNG\r\n\x1a\n") or head[12:16] != b"IHDR":
        return None
    return int.from_bytes(head[16:20]), int.from_bytes(head[20:24])


def _gif(head: bytes) -> Size:
    if not head.startswith((b"GIF87a", b"GIF89a")):
        return None
    return int.from_bytes(head[6:8], "little"), int.from_bytes(head[8:10], "little")


def _jpeg(head: bytes) -> Size:
    """The size in the frame header, which the segments before it lead to."""
    if not head.startswith(b"\xff\xd8"):
        return None
    at = 2
    while head[at] == 0xFF:
        marker, length = head[at + 1], int.from_bytes(head[at + 2 : at + 4])
        if 0xC0 <= marker <= 0xCF and marker not in (0xC4, 0xC8, 0xCC):
            sides = head[at + 5 : at + 9]
            return int.from_bytes(sides[2:]), int.from_bytes(sides[:2])
        at += 2 + length
    return None


def _webp(head: bytes) -> Size:
    if head[:4] != b"RIFF" or head[8:12] != b"WEBP":
        return None
    match head[12:16]:
        case b"VP8X":
            return int.from_bytes(head[24:27], "little") + 1, int.from_bytes(head[27:30], "little") + 1
        case b"VP8L":
            bits = int.from_bytes(head[21:25], "little")
            return (bits & 0x3FFF) + 1, ((bits >> 14) & 0x3FFF) + 1
        case b"VP8 ":
            sides = int.from_bytes(head[26:28], "little"), int.from_bytes(head[28:30], "little")
            return sides[0] & 0x3FFF, sides[1] & 0x3FFF
    return None


READERS = {"image/png": _png, "image/jpeg": _jpeg, "image/gif": _gif, "image/webp": _webp}
