"""The public keys of each epoch in the database: which one signs now, and up to which size those before it did."""

from dataclasses import dataclass

import asyncpg

from audit.signing.keys import time_key_name
from audit.signing.notes import COSIGNATURE, ED25519, VerifierKey

READ = "SELECT log_key, time_key, signs_until FROM audit_keys WHERE epoch = $1 ORDER BY number"
ADD = """
INSERT INTO audit_keys (epoch, number, log_key, time_key)
SELECT $1, count(*) + 1, $2, $3 FROM audit_keys WHERE epoch = $1
"""
END = "UPDATE audit_keys SET signs_until = $2 WHERE epoch = $1 AND signs_until IS NULL"


@dataclass(frozen=True, slots=True)
class EpochKey:
    """Keys of an epoch: of the log, and the one that says when. `until`: the size of the largest tree that was signed
    with them, None for those that sign now.
    """

    log: VerifierKey
    time: VerifierKey
    until: int | None = None

    def of(self, origin: str) -> "EpochKey":
        """The same keys under another name: public keys do not depend on it."""
        log, time = self.log.public, self.time.public
        return EpochKey(VerifierKey(origin, ED25519, log), VerifierKey(time_key_name(origin), COSIGNATURE, time))


async def read_epoch_keys(epoch: int, connection: asyncpg.Connection) -> list[EpochKey]:
    """The keys of an epoch, oldest first; none while nothing was signed. Raises BadNote for a row that holds no key."""
    rows = await connection.fetch(READ, epoch)
    return [EpochKey(VerifierKey.parse(row[0]), VerifierKey.parse(row[1]), row[2]) for row in rows]


async def add_key(epoch: int, log: VerifierKey, time: VerifierKey, connection: asyncpg.Connection) -> None:
    """Record that these keys sign from now on."""
    await connection.execute(ADD, epoch, str(log), str(time))


async def replace_key(
    epoch: int, until: int, log: VerifierKey, time: VerifierKey, connection: asyncpg.Connection
) -> None:
    """Record that the keys which signed up to now sign no tree larger than `until`, and that others follow."""
    await connection.execute(END, epoch, until)
    await add_key(epoch, log, time, connection)
