"""`docker compose` for the lines that the documents have: an operator's shell in front of a rehearsal."""

import argparse
import shlex
from collections.abc import Sequence
from pathlib import Path
from typing import Self

from tests.support.compose_file import FILLED
from tests.support.production_stack import Rehearsal


class Docker:
    """A shell in `folder`, where `.env` is, on the services of a rehearsal."""

    def __init__(self, folder: Path, rehearsal: Rehearsal) -> None:
        self.folder = folder
        self._rehearsal = rehearsal
        self._umask = "022"

    def with_env(self) -> Self:
        """With `.env` filled in."""
        (self.folder / ".env").write_text("".join(f"{name}={value}\n" for name, value in FILLED.items()))
        return self

    async def type(self, commands: str) -> str:
        """Type lines, each of which succeeds; returns what they print."""
        return "".join([await self._line(line) for line in commands.splitlines()])

    async def _line(self, line: str) -> str:
        words = shlex.split(line, comments=True)
        if words[0] == "umask":
            self._umask = words[1]
            return ""
        if words[:2] != ["docker", "compose"]:
            typed = f"umask {self._umask}; {line}"
            return (await self._rehearsal.run("host", ["bash", "-euc", typed], folder=self.folder)).decode()
        words, given = self._redirected(words[2:], "<")
        words, made = self._redirected(words, ">")
        said = await self._compose(*words, given=given.read_bytes() if given else b"")
        if made:
            made.write_bytes(said)
            made.chmod(0o666 & ~int(self._umask, 8))
            return ""
        return said.decode()

    def _redirected(self, words: Sequence[str], sign: str) -> tuple[list[str], Path | None]:
        """The words without `sign` and what follows it, which is a file."""
        if sign not in words:
            return list(words), None
        at = words.index(sign)
        return [*words[:at], *words[at + 2 :]], self.folder / words[at + 1]

    async def _compose(self, verb: str, *words: str, given: bytes) -> bytes:
        parser = argparse.ArgumentParser()
        for flag in ("-T", "--rm", "--detach", "--wait", "--no-deps", "--build"):
            parser.add_argument(flag, action="store_true")
        parser.add_argument("words", nargs=argparse.REMAINDER)
        options = parser.parse_args(words)
        rest: list[str] = options.words
        if verb in ("exec", "run"):
            return await self._rehearsal.run(rest[0], rest[1:], given=given)
        if verb == "stop":
            for name in rest:
                await self._rehearsal.stop(name)
        elif verb == "up" and options.no_deps:
            for name in rest:
                await self._rehearsal.replace(name)
        elif verb == "up":
            assert not rest
            await self._rehearsal.up()
        else:
            assert verb == "build"  # the image is this checkout
        return b""
