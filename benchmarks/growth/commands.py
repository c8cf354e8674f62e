"""Every command of `onrecord` on logs of different size, in this process: the program's start is not measured."""

import asyncio
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path

from click.testing import CliRunner

from benchmarks.growth.scene import Scene
from benchmarks.growth.turns import Cost, Measured
from benchmarks.server import postgres_cpu_s
from cli.main import main
from tests.support.every_command import command_line, commands

ROUNDS = 3

WHOLE = {
    "events export": "writes the whole log",
    "events stats": "counts the whole log",
    "projections rebuild": "folds the whole log",
    "projections verify": "folds the whole log",
    "audit verify": "compares the whole log with its tree",
    "audit scrub": "rewrites what held erased words",
    "db backup": "dumps the whole database",
    "user list": "lists all users",
    "room list": "lists all rooms",
    "room show": "shows the whole room",
    "attachments verify": "reads every file",
    "audit requests": "lists all requests",
    "audit status": "counts all words on record",
    "actions": "lists all actions of operators",
}
"""Those whose work is in proportion to the log, or to what they list: not measured here."""

NOT_TRIED = {
    "serve": "measured by its start",
    "demo": "fills an empty log",
    "db init": "builds what is missing",
    "db restore": "fills an empty database",
    "events import": "fills an empty log",
    "events tail": "as events list",
    "audit heads": "needs a file of statements",
    "audit key": "no database",
    "audit monitor": "no database",
    "audit witness": "no database",
    "audit prove": "as the endpoint",
    "audit reapply": "after a restored backup",
    "audit restart": "begins another tree over the whole log",
    "audit rotate": "as any event",
    "fanout lanes": "as fanout pause",
    "fanout dead-letters retry": "there are none",
    "fanout dead-letters discard": "there are none",
    "fanout replay": "publishes what it is told to",
    "fanout skip": "no lane stands still",
    "hold end": "as hold place",
    "user erase": "an account, once",
    "room erase": "what it is told to",
    "room reopen": "as room archive",
    "room unban": "as room ban",
    "room unmute": "as room mute",
    "room archive": "as room topic",
    "room rename": "as room topic",
    "room role": "as room topic",
    "room remove": "as room ban",
    "room ban": "as the endpoint",
    "room mute": "as the endpoint",
    "message erase": "as the endpoint",
    "db grant": "no table of the log",
}

OTHERWISE = {
    "events list": ("events", "list", "--limit", "20"),
    "events search": ("events", "search", "said", "--limit", "20"),
    "room diff": ("room", "diff", "General", "27", "30"),
    "room visible": ("room", "visible", "General", "30"),
    "retention set": ("retention", "set", "--keep", "3{number}", "--why", "to try it"),
    "room create": ("room", "create", "Created {number}", "--owner", "grace"),
    "room topic": ("room", "topic", "Room 5", "steam {number}", "--why", "to try it"),
    "user create": ("user", "create", "edith{number}", "--password", "correct horse battery staple", "--why", "a try"),
}


def tried() -> list[str]:
    """The commands that are measured. A new one is; what must not be tried stands above."""
    known = set(commands())
    assert (gone := {*WHOLE, *NOT_TRIED, *OTHERWISE} - known) == set(), gone
    return sorted(known - WHOLE.keys() - NOT_TRIED.keys())


async def measure_commands(scenes: Sequence[Scene]) -> tuple[list[Measured], dict[str, str]]:
    """Each in turns; and those that failed everywhere, with what they said."""
    measured, refused = [], {}
    with tempfile.TemporaryDirectory() as folder:
        for words in tried():
            each = Measured(f"onrecord {words}", {})
            for number in range(-1, ROUNDS):
                for scene in scenes if number % 2 else scenes[::-1]:
                    cost = each.costs.setdefault(scene.size.messages, Cost())
                    if (said := await _try(words, scene, Path(folder), cost if number >= 0 else Cost())) is not None:
                        refused[words] = said
            measured.append(each)
    return measured, refused


async def _try(words: str, scene: Scene, folder: Path, cost: Cost) -> str | None:
    """Measures one run; returns what it said when it failed."""
    number = str(scene.number(words))
    arguments = [part.replace("{number}", number) for part in OTHERWISE.get(words) or command_line(words, folder)]
    environment = {**scene.filled.environment, "DATABASE_URL": scene.dsn, "DATA_DIR": str(folder)}
    database, process, began = await postgres_cpu_s(scene.dsn), time.process_time(), time.perf_counter()
    result = await asyncio.to_thread(CliRunner(env=environment).invoke, main, arguments)
    cost.seconds.append(time.perf_counter() - began)
    cost.server.append(time.process_time() - process)
    cost.database.append(await postgres_cpu_s(scene.dsn) - database)
    return None if result.exit_code == 0 else (result.output or repr(result.exception)).strip()[:200]
