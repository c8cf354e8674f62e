"""What a check of the record finds."""

import asyncpg
from msgspec import Struct

DAMAGED = (
    asyncpg.DataCorruptedError,
    asyncpg.IndexCorruptedError,
    asyncpg.InternalServerError,
    asyncpg.CharacterNotInRepertoireError,
    UnicodeDecodeError,
)
"""What reading raises where the files of the database are damaged."""


class Mismatch(Struct, frozen=True):
    """Something that does not fit. `place` has ids and numbers alone, so that it may go on record; `said` says all."""

    place: str
    said: str

    def __str__(self) -> str:
        return self.said


def damaged(place: str, error: BaseException) -> Mismatch:
    """What is in the database at a place cannot be read."""
    reason = " ".join(str(error).split()) if isinstance(error, asyncpg.PostgresError) else type(error).__name__
    return Mismatch(place, f"{place}: it cannot be read: {reason}")
