"""What a monitor saw of a log, in a file: the checkpoint, and enough of the tree to go on from there."""

import os
from pathlib import Path

import msgspec
from msgspec import Struct

from audit.tree.merkle import Frontier, Hash


class BadReceipt(Exception):
    """The file does not hold a receipt."""


class LogReceipt(Struct, frozen=True):
    """`checkpoint`: the note; `peaks`: the complete subtrees of its tree; `versions`: the newest of each stream.

    `replaced`: keys that another replaced, by their short names, with the size of the first tree that it signed.
    """

    checkpoint: str
    size: int
    peaks: list[Hash]
    versions: dict[str, int]
    read_at: str
    replaced: dict[str, int] = {}

    @property
    def frontier(self) -> Frontier:
        return Frontier(self.size, self.peaks)


def read_receipt(file: Path) -> LogReceipt | None:
    """The receipt; None without a file. Raises BadReceipt and OSError."""
    try:
        return msgspec.json.decode(file.read_bytes(), type=LogReceipt)
    except FileNotFoundError:
        return None
    except msgspec.MsgspecError as error:
        raise BadReceipt(f"{file} is not a receipt") from error


def write_receipt(file: Path, receipt: LogReceipt) -> None:
    """Replace the receipt; return when it is on the disk. Raises OSError."""
    fresh = file.with_name(f".{file.name}.{os.getpid()}")
    with fresh.open("wb") as out:
        out.write(msgspec.json.format(msgspec.json.encode(receipt), indent=1) + b"\n")
        out.flush()
        os.fsync(out.fileno())
    fresh.replace(file)
