"""What a database and a folder hold, to tell what changed."""

import hashlib
from pathlib import Path

import psycopg
from psycopg import sql

TABLES = """
SELECT nspname, relname FROM pg_class JOIN pg_namespace ON relnamespace = pg_namespace.oid
WHERE relkind = 'r' AND nspname NOT IN ('pg_catalog', 'information_schema') AND nspname NOT LIKE 'pg\\_%'
"""
DIGEST = "SELECT {}, (SELECT md5(string_agg(line, '|' ORDER BY line)) FROM (SELECT t::text AS line FROM {} AS t) AS l)"
GAPS = """
SELECT originator_id, count(*), max(originator_version) FROM stored_events GROUP BY 1
HAVING min(originator_version) <> 1 OR max(originator_version) <> count(*)
"""
PATIENCE = "-c lock_timeout=2s"

State = dict[str, str]
"""A digest of the rows of each table that has some, and of each file."""


def read_state(dsn: str, folder: Path) -> State:
    """All tables that are there, those left out that are locked, and all files."""
    state = {}
    for file in folder.rglob("*"):
        if file.is_file():
            state[f"file {file.relative_to(folder)}"] = hashlib.md5(file.read_bytes()).hexdigest()
    with psycopg.connect(dsn, options=PATIENCE) as connection:
        tables = connection.execute(TABLES).fetchall()
        digests = [
            sql.SQL(DIGEST).format(f"{schema}.{name}".removeprefix("public."), sql.Identifier(schema, name))
            for schema, name in tables
        ]
        if digests:
            rows = connection.execute(sql.SQL(" UNION ALL ").join(digests)).fetchall()
            state.update((name, digest) for name, digest in rows if digest is not None)
    return state


def changed(before: State, after: State) -> set[str]:
    """The tables and files that are not as before."""
    return {name for name in before.keys() | after.keys() if before.get(name) != after.get(name)}


def gaps(dsn: str) -> list[object]:
    """Streams of the log whose versions are not 1, 2, 3 and so on."""
    with psycopg.connect(dsn) as connection:
        return list(connection.execute(GAPS).fetchall())
