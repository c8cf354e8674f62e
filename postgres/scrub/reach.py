"""What a rewrite of tables cannot reach: read from the settings of this server, and what is true of every server."""

import asyncpg

SETTINGS = "SELECT name, setting FROM pg_settings WHERE name = ANY($1::text[])"
STREAMING = """
SELECT coalesce(nullif(application_name, ''), host(client_addr), 'one without a name') AS name FROM pg_stat_replication
UNION
SELECT slot_name FROM pg_replication_slots
ORDER BY name
"""
# Files of no table: a crash while a table was written leaves them. Only a superuser sees the folder. A file that an
# open transaction has just made belongs to no table yet, and is younger than that transaction.
OF_NO_TABLE = r"""
SELECT path, (found).size AS bytes
FROM pg_database, pg_ls_dir('base/' || pg_database.oid) AS file,
    LATERAL (SELECT 'base/' || pg_database.oid || '/' || file AS path) AS named,
    LATERAL (SELECT pg_stat_file(path, true) AS found) AS looked
WHERE datname = current_database() AND file ~ '^[0-9]+(\.[0-9]+)?$'
    AND pg_filenode_relation(0, split_part(file, '.', 1)::oid) IS NULL
    AND (found).size > 0
    AND (found).modification < coalesce(
        (SELECT min(xact_start) FROM pg_stat_activity WHERE pid <> pg_backend_pid()), now())
ORDER BY path
"""
IS_SUPERUSER = "SELECT rolsuper FROM pg_roles WHERE rolname = current_user"

READ = (
    "archive_mode",
    "auto_explain.log_parameter_max_length",
    "log_min_duration_sample",
    "log_min_duration_statement",
    "log_parameter_max_length",
    "log_parameter_max_length_on_error",
    "log_statement",
    "pgaudit.log_parameter",
    "session_preload_libraries",
    "shared_preload_libraries",
)
ALWAYS = (
    "dumps and base backups made before now, and exports of the log",
    "free blocks of the disk: files are removed or overwritten, not shredded; snapshots of the volume keep them",
    "the server's log: the detail of an error may quote a row",
    "open pages, and what browsers and their users keep",
)
"""True of every server."""


async def beyond_reach(connection: asyncpg.Connection) -> list[str]:
    """In plain lines, first what applies to this server by its settings."""
    settings = {row["name"]: row["setting"] for row in await connection.fetch(SETTINGS, list(READ))}
    replicas = [row["name"] for row in await connection.fetch(STREAMING)]
    lines = [*_of_archives(settings), *_of_logs(settings), *_of_libraries(settings)]
    if replicas:
        lines.append(f"replicas keep their own write-ahead log and history: {', '.join(replicas)}")
    return [*lines, *ALWAYS]


async def files_of_no_table(connection: asyncpg.Connection) -> list[str]:
    """Files that a crash left in the folder of this database, in words; none where the role may not look."""
    if not await connection.fetchval(IS_SUPERUSER):
        return []
    found = await connection.fetch(OF_NO_TABLE)
    return [
        f"{row['path']}, {row['bytes']:,} bytes, belongs to no table: remove it while the server is stopped"
        for row in found
    ]


def _of_archives(settings: dict[str, str]) -> list[str]:
    if settings.get("archive_mode", "off") == "off":
        return []
    return ["archives of the write-ahead log (archive_mode is on)"]


def _of_logs(settings: dict[str, str]) -> list[str]:
    """Statements of the service carry words as parameters, never in their text."""
    lines = []
    reasons = [
        f"{name} = {settings[name]}"
        for name, silent in (
            ("log_statement", {"none", "ddl"}),
            ("log_min_duration_statement", {"-1"}),
            ("log_min_duration_sample", {"-1"}),
        )
        if settings.get(name) not in silent | {None}
    ]
    if reasons and settings.get("log_parameter_max_length") != "0":
        lines.append(
            f"the server's log has parameters of statements ({', '.join(reasons)}): set log_parameter_max_length = 0"
        )
    if settings.get("log_parameter_max_length_on_error", "0") != "0":
        lines.append("the server's log has parameters of statements that failed (log_parameter_max_length_on_error)")
    return lines


def _of_libraries(settings: dict[str, str]) -> list[str]:
    lines = []
    loaded = f"{settings.get('shared_preload_libraries', '')},{settings.get('session_preload_libraries', '')}"
    if "pg_stat_statements" in loaded:
        lines.append(
            "pg_stat_statements keeps the texts of statements; the service's have no words in them, others' may"
        )
    if "auto_explain" in loaded and settings.get("auto_explain.log_parameter_max_length") != "0":
        lines.append("auto_explain logs parameters of statements: set auto_explain.log_parameter_max_length = 0")
    if "pgaudit" in loaded and settings.get("pgaudit.log_parameter") == "on":
        lines.append("pgaudit logs parameters of statements (pgaudit.log_parameter is on)")
    return lines
