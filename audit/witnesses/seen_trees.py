"""What a witness has cosigned: the newest checkpoint of each log, and the keys of it that were replaced meanwhile.

It is a file of SQLite, and outlives every crash.
"""

import sqlite3
from collections.abc import Iterator, Mapping
from contextlib import closing, contextmanager
from dataclasses import dataclass
from pathlib import Path

from audit.signing.checkpoint import Checkpoint

TREES = """
CREATE TABLE IF NOT EXISTS seen_trees (
    origin TEXT PRIMARY KEY, size INTEGER NOT NULL, root BLOB NOT NULL, note TEXT NOT NULL
) STRICT
"""
REPLACED = """
CREATE TABLE IF NOT EXISTS replaced_keys (
    origin TEXT NOT NULL, key TEXT NOT NULL, size INTEGER NOT NULL, PRIMARY KEY (origin, key)
) STRICT
"""
READ = "SELECT size, root, note FROM seen_trees WHERE origin = ?"
WRITE = """
INSERT INTO seen_trees VALUES (?, ?, ?, ?)
ON CONFLICT (origin) DO UPDATE SET size = excluded.size, root = excluded.root, note = excluded.note
"""
READ_REPLACED = "SELECT key, size FROM replaced_keys WHERE origin = ?"
REPLACE = "INSERT INTO replaced_keys VALUES (?, ?, ?) ON CONFLICT (origin, key) DO NOTHING"
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
            connection.execute(TREES)
            connection.execute(REPLACED)

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
                replaced = dict(connection.execute(READ_REPLACED, (origin,)).fetchall())
                yield Moving(origin, _read(origin, connection), replaced, connection)

    def _connect(self) -> sqlite3.Connection:
        connection = sqlite3.connect(self._file, timeout=WAIT_S, isolation_level=None)
        connection.execute("PRAGMA synchronous = FULL")
        return connection


class Moving:
    """One step from a tree that was seen to the next."""

    def __init__(
        self, origin: str, seen: SeenTree | None, replaced: Mapping[str, int], connection: sqlite3.Connection
    ) -> None:
        """`replaced`: keys that another replaced, by their short names, with the size of the first tree it signed."""
        self.seen = seen
        self.replaced = replaced
        self._origin = origin
        self._connection = connection

    def to(self, checkpoint: Checkpoint, note: str, replaced: Mapping[str, int]) -> None:
        """Record what is cosigned now, and the keys that this replaces."""
        self._connection.executemany(REPLACE, [(self._origin, key, size) for key, size in replaced.items()])
        self._connection.execute(WRITE, (self._origin, checkpoint.size, checkpoint.root, note))


def _read(origin: str, connection: sqlite3.Connection) -> SeenTree | None:
    row = connection.execute(READ, (origin,)).fetchone()
    return SeenTree(*row) if row is not None else None
