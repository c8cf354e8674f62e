"""Every command of the program `onrecord`, each with arguments with which it can be tried."""

from collections.abc import Iterator
from pathlib import Path

import click

from cli.main import main
from tests.support.people import PASSWORD

READING = {
    "actions",
    "attachments verify",
    "audit requests",
    "audit status",
    "db backup",
    "db stats",
    "db url",
    "events export",
    "events list",
    "events search",
    "events show",
    "events stats",
    "events tail",
    "fanout dead-letters list",
    "hold list",
    "projections status",
    "projections verify",
    "retention show",
    "room diff",
    "room list",
    "room show",
    "room visible",
    "user list",
    "user show",
}
ON_RECORD_OTHERWISE = {
    "serve",  # what it does is in its log
    "db init",  # in the tables of migrations and functions
    "room create",  # an event
}
TRIED_ELSEWHERE = {
    "audit reapply",
    "audit restart",
    "audit rotate",
    "hold end",
    "message erase",
    "room erase",
    "room mute",
    "room remove",
    "room rename",
    "room role",
    "room unmute",
    "user erase",
    "db restore",
    "fanout dead-letters discard",
    "fanout dead-letters retry",
    "fanout replay",
    "fanout skip",
}
"""Each needs an empty database, a lane that stopped, a server, or something to erase: their own tests find them on
record.
"""

OF_AUDITORS = {"audit monitor", "audit witness"}
"""They know no database: their own tests try them."""

OF_A_SIGNED_LOG = {"audit heads", "audit key", "audit prove", "audit verify"}
"""They read, once the service has signed a checkpoint: their own tests try them."""

CHANGING = {
    "user create": ("edith", "--password", PASSWORD),
    "user role": ("grace", "admin"),
    "user reset-password": ("grace",),
    "user deactivate": ("grace",),
    "user reactivate": ("grace",),
    "user invite": ("--uses", "2"),
    "user bot": ("grace",),
    "fanout lanes": ("3",),
    "fanout pause": (),
    "fanout resume": (),
    "projections rebuild": (),
    "events import": ("{archive}",),
    "room ban": ("General", "grace"),
    "room unban": ("General", "grace"),
    "room topic": ("General", "steam"),
    "room archive": ("General",),
    "room reopen": ("General",),
    "db grant": ("the_service",),
    "audit scrub": (),
    "demo": (),
    "hold place": ("--case", "A case", "--room", "General"),
    "retention set": ("--keep", "30"),
}
"""Those that are on record as operator actions. They take --why and --by; `grace` has an account."""

REASON_APART = {"hold place", "retention set", "room ban", "room unban"}
"""Those whose reason is not in the table of operator actions: it is words of an event, which can be erased."""

REFUSED_BY_THE_RULES = {"room unban", "room reopen"}
"""In a room where nobody is banned and that is open they say so first, wherever nothing can be changed."""

OF_A_DUMP = {"db restore"}
"""It looks at its file before it looks for a database: its own tests try it."""

ARGUMENTS = {
    **{words: (*arguments, "--why", "to try it") for words, arguments in CHANGING.items()},
    "db backup": ("{backup}", "--overwrite"),
    "events export": ("{exported}", "--overwrite"),
    "events search": ("hello",),
    "events show": ("1",),
    "fanout dead-letters discard": ("1", "--why", "to try it"),
    "fanout dead-letters retry": ("1", "--why", "to try it"),
    "fanout replay": ("--from", "1", "--to", "2"),
    "fanout skip": ("1", "--why", "to try it"),
    "hold end": ("2", "--why", "to try it"),
    "audit key": (),
    "audit prove": ("1",),
    "audit reapply": ("--why", "to try it"),
    "audit restart": ("--why", "to try it"),
    "audit rotate": ("--why", "to try it"),
    "user erase": ("grace", "--why", "to try it"),
    "message erase": ("General", "3", "--why", "to try it"),
    "room erase": ("General", "--older-than", "1", "--why", "to try it"),
    "room create": ("Engines", "--owner", "grace"),
    "room mute": ("General", "grace", "--why", "to try it"),
    "room remove": ("General", "grace", "--why", "to try it"),
    "room rename": ("General", "Everything", "--why", "to try it"),
    "room role": ("General", "grace", "owner", "--why", "to try it"),
    "room unmute": ("General", "grace", "--why", "to try it"),
    "room diff": ("General", "1", "2"),
    "room show": ("General",),
    "room visible": ("General", "3"),
    "user show": ("1",),
}
"""Those of commands that have some. `{archive}` is an export that is there, `{exported}` one to be written."""


def commands(group: click.Command = main, prefix: str = "") -> Iterator[str]:
    """Every command that does something, by its words."""
    for name, command in getattr(group, "commands", {}).items():
        words = f"{prefix} {name}".strip()
        yield from commands(command, words) if isinstance(command, click.Group) else [words]


def command_line(words: str, folder: Path) -> list[str]:
    """The whole command; its files are in `folder`."""
    archive = folder / "archive.jsonl"
    archive.touch()
    files = {"archive": archive, "exported": folder / "exported.jsonl", "backup": folder / "backup.dump"}
    return [*words.split(), *(argument.format(**files) for argument in ARGUMENTS.get(words, ()))]
