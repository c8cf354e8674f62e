"""A small database in which each command has something to change, and what some need besides."""

import asyncio
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from pathlib import Path

import asyncpg
import click

from audit.append_only_file import AppendOnlyFile
from audit.signing.anchor import AnchorFile
from audit.signing.signer import Signer
from audit.tree import growth, store
from audit.witnesses.cosigning import Witnesses
from cli.main import main
from domain.room.membership import JoinRoom
from domain.room.messages import PostMessage
from domain.values import UserId
from tests.support.custody import days_ago
from tests.support.every_command import OF_A_DUMP, command_line
from tests.support.realtime.server import SECRET
from tests.support.signing import CHANGES, ring
from tests.support.store import open_store
from tests.support.vectors import LOG_SEED, WITNESS_SEED

ORIGIN = "chat.example/audit/1"
NAMES = ("ada", "grace", "bob")
ADA, GRACE, BOB = map(UserId, (1, 2, 3))
ACCOUNT = """
INSERT INTO users (username, username_key, password_hash) VALUES ($1, $1, 'of no password')
"""

EMPTY = {"db init", "db restore"}
"""Those that make what is in an empty database."""

WITHOUT_ROWS = {"events import"}
"""Those that need a log without events."""

FILES = (("events", "export", "{}/archive.jsonl"), ("db", "backup", "{}/backup.dump"))
"""Commands that make the files that others read."""

BEFORE: dict[str, Sequence[str]] = {
    "fanout resume": ("fanout", "pause", "--why", "to resume it"),
    "hold end": ("hold", "place", "--case", "A case", "--room", "General", "--why", "to end it"),
    "room reopen": ("room", "archive", "General", "--why", "to reopen it"),
    "room unban": ("room", "ban", "General", "grace", "--why", "to lift it"),
    "room unmute": ("room", "mute", "General", "grace", "--why", "to lift it"),
    "user reactivate": ("user", "deactivate", "grace", "--why", "to reactivate it"),
}
"""The command that goes before."""

REPEATED: dict[str, Sequence[str]] = {"user erase": ("user", "erase", "2", "--why", "to try it", "--yes")}
"""The command by which one is repeated that was killed, where it is another."""

AFTERWARDS: dict[str, Sequence[str]] = {"events import": ("projections", "rebuild")}
"""The command that completes one, as its help says."""

ADDED_TO = {"file data.erasures.jsonl"}
"""Needs no line more where it has them already."""

WITHOUT_TREE = {"db init", "events import"}
"""After these there is no tree to verify yet: only the service makes one."""

RESTORED: dict[str, Sequence[str]] = {
    "audit reapply": ("message", "erase", "General", "3", "--why", "to do it again", "--yes")
}
"""The command that was before a backup was restored: only its files are left."""

DEAD_LETTER = """
INSERT INTO dead_letters (lane, position, room_id, version, reason)
SELECT 0, notification_id, originator_id, originator_version, 'too large' FROM stored_events
WHERE notification_id = 3
"""
STATEMENTS = {
    "audit restart": "UPDATE audit_epochs SET stopped_why = 'the log went back', stopped_at = now()",
    "fanout dead-letters discard": DEAD_LETTER,
    "fanout dead-letters retry": DEAD_LETTER,
    "fanout skip": "UPDATE fanout_lanes SET failed_position = 1, failed_reason = 'too large'",
}
"""What happened before."""

MORE_IS_NEEDED = {*WITHOUT_ROWS, *BEFORE, *RESTORED, *STATEMENTS}

MORE = {"is_meant": "--yes", "publish": "--publish"}
"""What a command is given that does nothing without it, by the name of the parameter."""


def environment(dsn: str, folder: Path, realtime: Mapping[str, str]) -> dict[str, str]:
    """The settings of a command, with `folder` for its files; `realtime` are those of the server it publishes to."""
    return {
        **realtime,
        "DATABASE_URL": dsn,
        "DATA_DIR": str(folder / "data"),
        "AUDIT_KEY": LOG_SEED.hex(),
        "AUDIT_NEXT_KEY": WITNESS_SEED.hex(),
        "AUDIT_ANCHOR": str(folder / "anchor.jsonl"),
        "DEMO": "yes",
        "SERVICE_PASSWORD": "as long as it takes",
    }


def arguments(words: str, folder: Path) -> list[str]:
    """The whole command, which does what it says."""
    line = command_line(words, folder)
    if words in OF_A_DUMP:
        line += [str(folder / "backup.dump"), "--why", "to try it"]
    command: click.Command = main
    for word in words.split():
        assert isinstance(command, click.Group)
        command = command.commands[word]
    names = {parameter.name for parameter in command.params}
    line += [option for name, option in MORE.items() if name in names]
    if "operator" not in names and "publish" in names:
        line += ["--why", "to try it"]
    return line


def populate(dsn: str, folder: Path) -> None:
    """Accounts, a room with old and new messages, and a tree that is signed."""
    asyncio.run(_populate(dsn, folder))


async def _populate(dsn: str, folder: Path) -> None:
    connection = await asyncpg.connect(dsn)
    await store.begin_epoch(1, ORIGIN, connection)
    for name in NAMES:
        await connection.execute(ACCOUNT, name)
    async with open_store(dsn, secret=SECRET) as opened:
        with days_ago(2):
            room = await opened.open_room("General", by=ADA)
            await opened.chat.post_message(PostMessage(room, ADA, "A telephone number."))
        await opened.chat.join_room(JoinRoom(room, GRACE))
        await opened.chat.join_room(JoinRoom(room, BOB))
        await opened.chat.post_message(PostMessage(room, GRACE, "hello"))
        other = await opened.open_room("Looms", by=GRACE)
        await opened.chat.join_room(JoinRoom(other, BOB))
    epoch = await store.read_epoch(connection)
    assert epoch is not None
    async with connection.transaction():
        await growth.grow(epoch, connection)
    grown = await store.read_epoch(connection)
    assert grown is not None
    anchor = AnchorFile(AppendOnlyFile(folder / "anchor.jsonl"))
    signer = Signer(anchor, ring(LOG_SEED), CHANGES, Witnesses(()), now=lambda: datetime.now(UTC))
    assert await signer.sign(grown, connection) is not None
    await connection.close()
