"""What programs of others make of some rows, kept in a file, so that ours are compared with it also without Go.

    python -m tests.support.others.vectors

writes the file again, with the programs of `tests/go`. The cosignature tells the time and differs each time.
"""

import hashlib
import json
from pathlib import Path
from typing import Any
from uuid import UUID

from audit.tree.entries import Row
from tests.support.others import programs

FILE = Path(__file__).with_name("vectors.json")

COUNT = 700
PROVEN = 2
"""The index of the row that holds a commitment to words, and of the proof file."""

SEALED = (
    b'{"user_id":7,"sealed":"aFO5/sgPZek/pjYWZGjzvKkFcSNP2KxFVLGJTVajDN4=",'
    b'"timestamp":{"_data_":"2026-01-01T12:00:00+00:00"}}'
)


def read() -> dict[str, Any]:
    """The vectors, as `tests/go/vectors.go` says what they are."""
    found: dict[str, Any] = json.loads(FILE.read_text(encoding="utf-8"))
    return found


def row_at(index: int) -> Row:
    """The row of a leaf: of one of seven streams, with a gap of two positions before it."""
    stream = UUID(bytes=hashlib.sha256(f"stream {index % 7}".encode()).digest()[:16])
    state = SEALED if index == PROVEN else f"state {index}".encode()
    return Row(3 * index + 1, stream, index // 7 + 1, "message_added", state)


def write() -> None:
    """Have the programs make them again."""
    FILE.write_text(json.dumps(programs.built().vectors(), indent=1, ensure_ascii=False) + "\n", encoding="utf-8")


if __name__ == "__main__":
    write()
