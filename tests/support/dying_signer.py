"""A process that keeps the tree of a log, and is killed as by kill -9 at one step of its signing.

python -m tests.support.dying_signer DSN ANCHOR WITNESS_URL STEP
"""

import asyncio
import os
import signal
import sys
from datetime import UTC, datetime
from pathlib import Path
from typing import NoReturn

import asyncpg

from audit.append_only_file import AppendOnlyFile
from audit.proofs.policy import Witness
from audit.signing.anchor import AnchorFile
from audit.signing.keeping import TreeKeeping
from audit.signing.key_ring import KeyRing
from audit.signing.keys import SignerKeys
from audit.signing.notes import COSIGNATURE, Note, SigningKey
from audit.signing.signer import Signer
from audit.tree.store import Epoch, Published
from audit.witnesses.cosigning import Witnesses
from postgres.database import Database
from tests.support.signing import CHANGES
from tests.support.vectors import LOG_SEED, WITNESS_NAME, WITNESS_SEED

STEPS = ("grown", "both roots agree", "half a line is written", "written", "anchored", "cosigned", "published")
"""What has just happened when the process dies."""

PATIENCE_S = 30.0


def die() -> NoReturn:
    os.kill(os.getpid(), signal.SIGKILL)
    raise AssertionError("killed")


class DyingKeys(SignerKeys):
    """Keys that never sign."""

    def sign(self, text: str, *, time: int) -> Note:
        die()


class DyingWitnesses:
    """Asks witnesses, if it gets to it, and dies then."""

    def __init__(self, witnesses: Witnesses, *, asks: bool) -> None:
        self._witnesses = witnesses
        self._asks = asks

    async def cosign(self, note: Note, epoch: Epoch, connection: asyncpg.Connection) -> Note:
        if self._asks:
            await self._witnesses.cosign(note, epoch, connection)
        die()


class DyingSigner(Signer):
    """Dies as soon as it has published."""

    async def sign(self, epoch: Epoch, connection: asyncpg.Connection) -> Published | None:
        await super().sign(epoch, connection)
        die()


def witnesses(url: str) -> Witnesses:
    """Those that are asked: one."""
    key = SigningKey(WITNESS_NAME, WITNESS_SEED, type=COSIGNATURE).verifier
    return Witnesses((Witness("w1", key, url),), patience_s=PATIENCE_S)


def signer(anchor: Path, url: str, step: str) -> Signer:
    """A signer that dies at a step."""
    asked = witnesses(url)
    kind = DyingSigner if step == "published" else Signer
    keys = DyingKeys if step == "both roots agree" else SignerKeys
    dying = DyingWitnesses(asked, asks=step == "cosigned") if step in ("anchored", "cosigned") else asked
    return kind(
        AnchorFile(AppendOnlyFile(anchor)),
        KeyRing(lambda: [LOG_SEED], make=keys),
        CHANGES,
        dying,
        now=die if step == "grown" else lambda: datetime.now(UTC),
    )


def break_disk(step: str) -> None:
    """Have the process die inside a call of the operating system."""
    write = os.write

    def write_half(descriptor: int, data: bytes) -> NoReturn:
        write(descriptor, data[: len(data) // 2])
        die()

    if step == "half a line is written":
        os.write = write_half  # type: ignore[assignment]
    if step == "written":
        os.fsync = lambda _: die()  # type: ignore[assignment]


async def main(dsn: str, anchor: str, url: str, step: str) -> None:
    database = await Database.connect(dsn, size=1)
    break_disk(step)
    await TreeKeeping(database, signer(Path(anchor), url, step), "").keep()


if __name__ == "__main__":
    asyncio.run(main(*sys.argv[1:]))
