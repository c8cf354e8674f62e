"""What a witness has cosigned: the newest checkpoint of each log, in a file of SQLite. It outlives every crash."""

import sqlite3
from collections.abc import Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass
from pathlib import Path

from audit.signing.checkpoint import Checkpoint

TABLE = """
CREATE TABLE IF NOT EXISTS seen_trees (
    origin TEXT PRIMARY KEY, size INTEGER NOT NULL, root BLOB NOT NULL, note TEXT NOT NULL
) STRICT
"""
READ = "SELECT size, root, note FROM seen_trees WHERE origin = ?"
WRITE = """
INSERT INTO seen_trees VALUES (?, ?, ?, ?)
ON CONFLICT (origin) DO UPDATE SET size = excluded.size, root = excluded.root, note = excluded.note
"""
WAIT_S = 10.0


@dataclass(frozen=True, slots=True)
class SeenTree:
    """The tree that was cosigned last, and the checkpoint with the cosignature."""

    size: int
    root: bytes
    note: str


class SeenTrees:
    """The file. Several processes may share it."""

    def __init__(self, file: Path) -> None:
        """Raises sqlite3.Error."""
        self._file = file
        with closing(self._connect()) as connection, connection:
            connection.execute("PRAGMA journal_mode = WAL")
            connection.execute(TABLE)

    def read(self, origin: str) -> SeenTree | None:
        """What was cosigned last; None before the first time."""
        with closing(self._connect()) as connection:
            return _read(origin, connection)

    @contextmanager
    def moving(self, origin: str) -> Iterator["Moving"]:
        """What was cosigned last, while nobody else moves on; what is put there is on the disk when the block ends."""
        with closing(self._connect()) as connection:
            connection.execute("BEGIN IMMEDIATE")
            with connection:
                yield Moving(origin, _read(origin, connection), connection)

    def _connect(self) -> sqlite3.Connection:
        connection = sqlite3.connect(self._file, timeout=WAIT_S, isolation_level=None)
        connection.execute("PRAGMA synchronous = FULL")
        return connection


class Moving:
    """One step from a tree that was seen to the next."""

    def __init__(self, origin: str, seen: SeenTree | None, connection: sqlite3.Connection) -> None:
        self.seen = seen
        self._origin = origin
        self._connection = connection

    def to(self, checkpoint: Checkpoint, note: str) -> None:
        """Record what is cosigned now."""
        self._connection.execute(WRITE, (self._origin, checkpoint.size, checkpoint.root, note))


def _read(origin: str, connection: sqlite3.Connection) -> SeenTree | None:
    row = connection.execute(READ, (origin,)).fetchone()
    return SeenTree(*row) if row is not None else None
