"""The role under which the service runs when it is not to own the schema: it writes rows and changes no table.

It cannot drop or disable the triggers that keep the log append-only. Migrations and rebuilds run as the owner.
"""

import asyncpg

from postgres.migrations import MigrationError
from postgres.scram import scram_verifier

EXISTS = "SELECT rolsuper FROM pg_roles WHERE rolname = $1"
QUOTE = "SELECT quote_ident($1)"

GRANTS = (
    "GRANT USAGE ON SCHEMA public TO {role}",
    "GRANT SELECT, INSERT, UPDATE, DELETE ON ALL TABLES IN SCHEMA public TO {role}",
    "GRANT USAGE, SELECT ON ALL SEQUENCES IN SCHEMA public TO {role}",
    "GRANT UPDATE ON SEQUENCE users_user_id_seq TO {role}",  # new accounts move it beyond ids of the log: user_ids.sql
    "GRANT EXECUTE ON ALL FUNCTIONS IN SCHEMA public TO {role}",
    # The right to update the log stays: the append lock needs it, and the triggers refuse every such statement.
    "REVOKE DELETE, TRUNCATE, REFERENCES, TRIGGER ON stored_events FROM {role}",
    "REVOKE INSERT, UPDATE, DELETE ON schema_migrations, schema_functions FROM {role}",
    "REVOKE INSERT, UPDATE, DELETE ON seals, seal_heads, account_standings FROM {role}",
)


async def grant_service_role(connection: asyncpg.Connection, role: str, password: str) -> None:
    """Create the role, or give it this password, and grant what the service needs. Safe to repeat after each upgrade.

    The server is told the password's verifier: statements that fail are in its log, and all are where it logs them.

    Raises MigrationError when the role is a superuser, which no grant restricts.
    """
    is_superuser = await connection.fetchval(EXISTS, role)
    if is_superuser:
        raise MigrationError(f"{role} is a superuser: name another role")
    name = await connection.fetchval(QUOTE, role)
    action = "CREATE" if is_superuser is None else "ALTER"
    async with connection.transaction():
        await connection.execute(
            f"{action} ROLE {name} LOGIN NOSUPERUSER NOCREATEDB NOCREATEROLE PASSWORD '{scram_verifier(password)}'"
        )
        for grant in GRANTS:
            await connection.execute(grant.format(role=name))
