"""Each table has an owner: the only place that writes it. What guards the log is in one place as well."""

import re
from collections.abc import Iterator, Sequence
from pathlib import Path

from projections.readmodels.tables import COUNTED, EXPECTED, TABLES

ROOT = Path(__file__).resolve().parents[2]
PACKAGES = ("domain", "postgres", "eventstore", "audit", "centrifugo", "projections", "replay", "api", "cli")

OWNERS = {
    "stored_events": {"eventstore/writer/append.sql"},
    "bodies": {"eventstore/writer/append.sql", "eventstore/words.sql"},
    "body_keys": {"eventstore/writer/append.sql"},
    "log_generation": {"eventstore/generation.sql"},
    "checkpoints": {"eventstore/writer/append.sql"},
    "search_index": {"projections/search/index.py"},
    "idempotency_keys": {"eventstore/writer/append.sql", "eventstore/idempotency_keys.py"},
    "snapshots": {"eventstore/snapshots.py"},
    "schema_migrations": {"postgres/migrations.py"},
    "schema_functions": {"postgres/functions.py"},
    "rooms": {
        "projections/readmodels/fold.sql",
        "projections/readmodels/discussion/discussion_fold.sql",
        "projections/readmodels/governance/governance_fold.sql",
        "projections/readmodels/name_keys.py",
        "projections/readmodels/admission/admission_fold.sql",
    },
    "memberships": {"projections/readmodels/fold.sql"},
    "messages": {"projections/readmodels/fold.sql", "projections/readmodels/discussion/discussion_fold.sql"},
    "authors": {"projections/readmodels/fold.sql"},
    "former_names": {"projections/readmodels/fold.sql"},
    "erasures": {"projections/readmodels/fold.sql"},
    "edits": {"projections/readmodels/discussion/discussion_fold.sql"},
    "retractions": {"projections/readmodels/discussion/discussion_fold.sql"},
    "reactions": {"projections/readmodels/discussion/discussion_fold.sql"},
    "pins": {"projections/readmodels/discussion/discussion_fold.sql"},
    "attachments": {"projections/readmodels/discussion/discussion_fold.sql"},
    "uploads": {"api/attachments/uploads.py", "api/attachments/attachments.sql"},
    "unneeded_files": {"api/attachments/uploads.py", "api/attachments/attachments.sql"},
    "mentions": {"projections/readmodels/discussion/discussion_fold.sql"},
    "governance": {"projections/readmodels/governance/governance_fold.sql"},
    "former_access": {"projections/readmodels/admission/admission_fold.sql"},
    "room_invitations": {"projections/readmodels/admission/admission_fold.sql"},
    "invitation_links": {"projections/readmodels/admission/admission_fold.sql"},
    "audit_epochs": {"audit/tree/store.py"},
    "audit_tiles": {"audit/tree/store.py"},
    "audit_checkpoints": {"audit/tree/store.py"},
    "audit_keys": {"audit/signing/epoch_keys.py"},
    "audit_witnesses": {"audit/witnesses/standing.py"},
    "seals": {"audit/checking/seals.sql"},
    "account_standings": {"audit/checking/seals.sql"},
    "seal_heads": {"audit/checking/seals.sql"},
    "holds": {"projections/readmodels/custody/custody_fold.sql"},
    "retention_rules": {"projections/readmodels/custody/custody_fold.sql"},
    "erasure_requests": {"projections/readmodels/custody/custody_fold.sql"},
    "read_marks": {"projections/readmodels/reading/read_marks.py"},
    "muted_rooms": {"projections/readmodels/reading/muted_rooms.py"},
    "fanout_lanes": {"projections/fanout/lane_table.py"},
    "leases": {"projections/fanout/leases.py"},
    "dead_letters": {"projections/fanout/dead_letters.py"},
    "operator_actions": {"projections/operator_actions.py"},
    "fold_versions": {"projections/readmodels/fold_version.sql"},
    "users": {"api/accounts/accounts.py", "api/accounts/moved_accounts.py", "projections/readmodels/name_keys.py"},
    "throttle_buckets": {"api/accounts/shared_buckets.py"},
    "sessions": {"api/accounts/sessions.py"},
    "name_rule": {"projections/readmodels/name_keys.py"},
    "invitations": {"api/accounts/one_time_links.py"},
    "password_resets": {"api/accounts/one_time_links.py"},
    "operations_watch": {"api/operations/figures_publisher.py"},
}
"""Where each table is written by its name."""

OF_SQLITE = {
    "seen_trees": {"audit/witnesses/seen_trees.py"},
    "replaced_keys": {"audit/witnesses/seen_trees.py"},
}
"""In the file of a witness."""

BY_VARIABLE = {
    "{TABLE}": {"eventstore/checkpoints.py"},
    "{words.COMPARED}": {"projections/readmodels/name_keys.py"},
    "{LIVE}.{table}": {"projections/readmodels/tables.py"},
    "{SHADOW}.made_for": {"replay/rebuild/shadow.py"},
    "pg_catalog.pg_statistic": {"postgres/scrub/statistics.py"},
}
"""Where tables are written by a variable: checkpoints, keys of names by a new rule, the read models of one room, and a
table of the shadow. And one of PostgreSQL's own: statistics.
"""

WRITE = re.compile(r"\b(?:INSERT INTO|DELETE FROM|(?<!DO )(?<!FOR )UPDATE|TRUNCATE(?: TABLE)?)\s+([a-z_{][\w.{}]*)")


def sources(packages: Sequence[str] = PACKAGES) -> Iterator[tuple[str, str]]:
    """Every file of code or SQL in the packages, with its text."""
    for package in packages:
        for file in sorted((ROOT / package).rglob("*")):
            if file.suffix in (".py", ".sql"):
                yield file.relative_to(ROOT).as_posix(), file.read_text()


def files_with(pattern: str) -> set[str]:
    return {name for name, text in sources() if re.search(pattern, text)}


def writes() -> dict[str, set[str]]:
    """The files that write each table, or whatever a variable names."""
    found: dict[str, set[str]] = {}
    for name, text in sources():
        for table in WRITE.findall(text):
            found.setdefault(table, set()).add(name)
    return found


def test_every_table_of_the_schema_has_an_owner() -> None:
    schema = (ROOT / "migrations" / "schema.sql").read_text()
    assert set(re.findall(r"^CREATE TABLE (\w+)", schema, re.MULTILINE)) == set(OWNERS)


def test_only_its_owner_writes_a_table() -> None:
    assert writes() == OWNERS | BY_VARIABLE | OF_SQLITE
    assert files_with("copy_records_to_table") == {"eventstore/stored_rows.py", "eventstore/words.py"}


def test_what_the_fold_writes_is_what_is_rebuilt_and_verified() -> None:
    keys = "projections/readmodels/name_keys.py"  # makes new keys for the rows that the fold has written
    folds = {
        "projections/readmodels/fold.sql",
        "projections/readmodels/discussion/discussion_fold.sql",
        "projections/readmodels/governance/governance_fold.sql",
        "projections/readmodels/admission/admission_fold.sql",
        "projections/readmodels/custody/custody_fold.sql",
    }
    folded = {table for table, owners in OWNERS.items() if owners - {keys} and owners - {keys} <= folds}
    assert folded == set(TABLES)


def test_only_the_event_store_spells_the_name_of_the_log() -> None:
    spelled = {name for name, text in sources((*PACKAGES, "benchmarks")) if "stored_events" in text}
    assert {name for name in spelled if not name.startswith("eventstore/")} == set()


def test_the_append_lock_is_spelled_once() -> None:
    locks = [name for name, text in sources() for _ in re.findall(r"(?<!ACCESS )EXCLUSIVE MODE", text)]
    assert locks == ["eventstore/append_only.sql"]


def test_the_numbers_of_advisory_locks_are_in_one_file_and_that_of_the_append_lock_in_sql() -> None:
    assert files_with("(?i)(?:0x|x')6F6E72") == {"postgres/locks.py", "eventstore/append_only.sql"}
    assert files_with(r"pg_(?:try_)?advisory_(?!xact_lock_shared\(\$3, \$4\))") == {
        "postgres/locks.py",
        "eventstore/append_only.sql",
    }


def test_readiness_knows_when_each_table_must_have_rows() -> None:
    assert EXPECTED.keys() | COUNTED.keys() == set(TABLES)
    assert EXPECTED.keys() & COUNTED.keys() == set()
