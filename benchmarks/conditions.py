"""On what and when the numbers were taken."""

import os
import platform
import subprocess
from datetime import UTC, datetime
from importlib.metadata import version
from pathlib import Path

import psutil

from eventstore.embedded import _binaries

LIBRARIES = ("aiohttp", "asyncpg", "eventsourcing", "msgspec", "psycopg", "uvloop")


def text() -> str:
    """Machine, load before the first benchmark, and versions: one line each."""
    memory_gb = psutil.virtual_memory().total / 2**30
    return "\n".join(
        (
            f"{datetime.now(UTC):%Y-%m-%d %H:%M} UTC, {psutil.cpu_count()} cores of {_processor()}, "
            f"{memory_gb:.0f} GiB, {platform.system()} {platform.release()}, load {os.getloadavg()[0]:.2f} at start",
            f"Python {platform.python_version()}, {_postgresql()} with its default settings, "
            + ", ".join(f"{name} {version(name)}" for name in LIBRARIES),
        )
    )


def _processor() -> str:
    for line in Path("/proc/cpuinfo").read_text().splitlines():
        if line.startswith("model name"):
            return line.partition(":")[2].strip()
    return platform.processor()


def _postgresql() -> str:
    return subprocess.run(
        [_binaries() / "postgres", "--version"], capture_output=True, text=True, check=True
    ).stdout.strip()
