"""Operator actions on projections. Each is recorded in the transaction that does it."""

from dataclasses import dataclass
from datetime import datetime

import asyncpg
from msgspec import Struct

RECORD = "INSERT INTO operator_actions (who, action, subject, why) VALUES ($1, $2, $3, $4)"
READ = "SELECT action_id, taken_at, who, action, subject, why FROM operator_actions ORDER BY action_id"
READ_NEWEST = """
SELECT action_id, taken_at, who, action, subject, why FROM operator_actions ORDER BY action_id DESC LIMIT $1
"""


# Words of a text are what spaces separate, and names have none. The seals of these actions say nothing any more.
REPLACE_NAME = """
WITH changed AS (
    UPDATE operator_actions SET
        who = array_to_string(array_replace(string_to_array(who, ' '), $1, $2), ' '),
        subject = array_to_string(array_replace(string_to_array(subject, ' '), $1, $2), ' '),
        why = array_to_string(array_replace(string_to_array(why, ' '), $1, $2), ' ')
    WHERE $1 = ANY(string_to_array(concat_ws(' ', who, subject, why), ' ')) RETURNING action_id
)
SELECT forget_salts('operator_actions', array_agg(action_id)) FROM changed
"""


@dataclass(frozen=True, slots=True)
class Operator:
    """The operator who acts, and why."""

    who: str
    why: str

    @property
    def without_why(self) -> "Operator":
        """For what is recorded with its reason elsewhere: in an event, whose words can be erased."""
        return Operator(self.who, "")

    def record_in_script(self, action: str, subject: str) -> str:
        """As `record`, as a statement of a script in whose transaction this is done. Raises UnicodeEncodeError."""
        texts = (self.who, action, subject, self.why)
        for text in texts:
            text.encode()
        values = ", ".join("'" + text.replace("'", "''") + "'" for text in texts)
        into = "INSERT INTO operator_actions (who, action, subject, why)"
        return f"SET LOCAL search_path = public; {into} VALUES ({values});"

    async def record(self, action: str, subject: str, connection: asyncpg.Connection) -> None:
        """Record that this operator did `action` to `subject`, inside the caller's transaction."""
        await connection.execute(RECORD, self.who, action, subject, self.why)


class OperatorAction(Struct, frozen=True):
    """A recorded action of an operator."""

    action_id: int
    taken_at: datetime
    who: str
    action: str
    subject: str
    why: str


async def read_actions(connection: asyncpg.Connection) -> list[OperatorAction]:
    """All actions, oldest first."""
    return [OperatorAction(*row) for row in await connection.fetch(READ)]


async def read_newest_actions(limit: int, connection: asyncpg.Connection) -> list[OperatorAction]:
    """The newest actions, newest first."""
    return [OperatorAction(*row) for row in await connection.fetch(READ_NEWEST, limit)]


async def replace_name(connection: asyncpg.Connection, name: str, instead: str) -> None:
    """Write `instead` wherever the name of a user stands as a word."""
    await connection.execute(REPLACE_NAME, name, instead)
