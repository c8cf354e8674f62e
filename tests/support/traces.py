"""Traces of texts, wherever a service may keep some: tables, statistics, files, the memory of objects.

A marker cannot be compressed: 32 random letters. PostgreSQL compresses long values with pglz, which would hide one
between other letters, so a search through bytes also reads every such value.
"""

import gc
import re
import secrets
import types
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from typing import Any

import asyncpg
from msgspec import Struct

from tests.support.folders import read_files

EVERY_TABLE = """
SELECT format('%I.%I', nspname, relname) AS name FROM pg_class JOIN pg_namespace ON pg_namespace.oid = relnamespace
WHERE relkind IN ('r', 'm') AND nspname !~ '^pg_toast'
    AND (nspname <> 'pg_catalog' OR relname IN ('pg_statistic', 'pg_statistic_ext_data'))
ORDER BY name
"""
IN_ROWS = """
SELECT marker FROM unnest($1::text[], $2::text[]) AS sought (marker, hexadecimal)
WHERE EXISTS (SELECT FROM {} AS row WHERE strpos(row::text, marker) > 0 OR strpos(row::text, hexadecimal) > 0)
"""

COMPRESSED = re.compile(
    rb"(?s)(?=[%b][\x00-\x7f]\x00\x00..[\x00-\x0f]\x00)"
    % b"".join(b"\\x%02x" % low for low in range(2, 256, 4))  # the low bits 10 say: within a row and compressed
)
"""Where a compressed value may begin: its size, at most that of a page, and then its size when it is read."""

RAW_AT_MOST = 1 << 20
HEADER_BYTES = 8

Found = dict[str, set[str]]
"""Markers by the place where they were found."""


MARKER_LENGTH = 32
LETTERS = "bcdfghjkpqstvxyz23456789"
"""None looks like another, so that a name's key has them as they are."""


def marker() -> str:
    """A text that is nowhere yet."""
    return "".join(secrets.choice(LETTERS) for _ in range(MARKER_LENGTH))


async def in_tables(markers: Sequence[str], connection: asyncpg.Connection) -> Found:
    """In rows of every table, and of statistics: as letters, or in the hexadecimal form of bytes."""
    found: Found = {}
    names = [row["name"] for row in await connection.fetch(EVERY_TABLE)]
    for name in [*names, "pg_catalog.pg_stats", "pg_catalog.pg_stats_ext"]:
        hexadecimal = [each.encode().hex() for each in markers]
        rows = await connection.fetch(IN_ROWS.format(name), list(markers), hexadecimal)
        if rows:
            found[name] = {row["marker"] for row in rows}
    return found


def in_files(markers: Iterable[str], folder: Path) -> Found:
    """In every file under a folder, by their paths from there. A file that goes meanwhile has nothing."""
    found: Found = {}
    for path, data in sorted(read_files(folder).items()):
        if present := in_bytes(markers, data):
            found[path] = present
    return found


def in_bytes(markers: Iterable[str], data: bytes) -> set[str]:
    """As they are, or within a value that PostgreSQL has compressed."""
    sought = {each: each.encode() for each in markers}
    present = {each for each, letters in sought.items() if letters in data}
    for value in compressed_values(data):
        present.update(each for each, letters in sought.items() if letters in value)
    return present


def compressed_values(data: bytes) -> Iterator[bytes]:
    """What the values that PostgreSQL has compressed with pglz read, as far as they can be read."""
    for start in COMPRESSED.finditer(data):
        at = start.start()
        size = int.from_bytes(data[at : at + 4], "little") >> 2
        raw = int.from_bytes(data[at + 4 : at + 8], "little")
        if MARKER_LENGTH <= size < raw + HEADER_BYTES and raw < RAW_AT_MOST:
            yield pglz(data[at + HEADER_BYTES : at + size], raw)


def pglz(data: bytes, raw: int) -> bytes:
    """What pglz made `data` of, up to where it makes no sense."""
    out, at = bytearray(), 0
    while at < len(data) and len(out) < raw:
        control = data[at]
        at += 1
        for bit in range(8):
            if at >= len(data) or len(out) >= raw:
                break
            if not control >> bit & 1:
                out.append(data[at])
                at += 1
                continue
            if at + 1 >= len(data):
                return bytes(out)
            length, offset = (data[at] & 0x0F) + 3, (data[at] & 0xF0) << 4 | data[at + 1]
            at += 2
            if length == 18 and at < len(data):  # the longest tag goes on in one more byte
                length += data[at]
                at += 1
            if not 0 < offset <= len(out):
                return bytes(out)
            for _ in range(length):
                out.append(out[-offset])
    return bytes(out)


def in_memory(markers: Iterable[str], root: object) -> set[str]:
    """In the objects that can be reached from `root`, without code and modules."""
    sought = {each: each.encode() for each in markers}
    present: set[str] = set()
    seen: set[int] = set()
    waiting: list[Any] = [root]
    while waiting:
        each = waiting.pop()
        if id(each) in seen or isinstance(each, type | types.ModuleType | types.FunctionType | types.FrameType):
            continue
        seen.add(id(each))
        if isinstance(each, str):
            present.update(text for text in sought if text in each)
        elif isinstance(each, bytes | bytearray | memoryview):
            data = bytes(each)
            present.update(text for text, letters in sought.items() if letters in data)
        else:
            waiting += gc.get_referents(each)
            if isinstance(each, Struct):
                waiting += [getattr(each, field) for field in each.__struct_fields__]
    return present
