"""Changes of what an account may do, against the operator actions that stand beside them.

Who changes the role of an account, makes it a bot or no bot, deactivates, reactivates or erases it, is recorded as an
operator in the same transaction: both have the same time, to the microsecond. What an account may do at first is no
change.
"""

import asyncpg

from audit.checking.mismatch import Mismatch

READ_CHANGES_ALONE = """
SELECT standing_id, user_id, standing FROM (
    SELECT *, row_number() OVER (PARTITION BY user_id ORDER BY standing_id) AS place FROM account_standings
) AS changed JOIN users USING (user_id)
WHERE place > 1 AND NOT EXISTS (
    SELECT FROM operator_actions WHERE taken_at = since AND (
        action = 'set role' AND subject = username || ' is ' || split_part(standing, ' ', 1)
        OR action IN ('deactivate', 'reactivate', 'bot', 'no bot') AND subject = username
        OR action = 'erase user' AND starts_with(subject, 'user ' || user_id || ',')
    )
)
ORDER BY standing_id LIMIT 1000
"""


async def changes_without_action(connection: asyncpg.Connection) -> list[Mismatch]:
    """Changes without an operator action: somebody wrote to the table of accounts and bypassed the service."""
    return [
        Mismatch(f"account {user_id}", f"account {user_id}: no operator action made it {standing} (standing {number})")
        for number, user_id, standing in await connection.fetch(READ_CHANGES_ALONE)
    ]
