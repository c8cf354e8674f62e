"""Files of a log, as tests make and read them."""

import hashlib
import json
from collections.abc import Callable, Sequence
from pathlib import Path

from api.settings import Settings
from api.wiring import create_log, create_moved_accounts, create_moved_files, open_database
from replay.archive.transfer import Imported, import_
from replay.progress import Report, unwatched


async def import_file(dsn: str, file: Path, report: Report = unwatched, *, same_people: bool = False) -> Imported:
    """Import a file with the parts that the command takes. Files of messages come into a folder next to it."""
    settings = Settings(database_url=dsn, data_dir=str(file.with_name("imported")))
    async with open_database(settings) as database:
        files = create_moved_files(settings, database)
        return await import_(dsn, file, create_log(), create_moved_accounts(), files, report, same_people=same_people)


def change_and_sign(file: Path, change: Callable[[list[bytes]], Sequence[bytes]], **manifest: object) -> None:
    """Change the lines before the manifest, and write a manifest that fits them, with some of its fields replaced."""
    *lines, last = file.read_bytes().splitlines(keepends=True)
    body = b"".join(change(lines))
    signed = json.loads(last) | {"sha256": hashlib.sha256(body).hexdigest()} | manifest
    file.write_bytes(body + json.dumps(signed).encode() + b"\n")
