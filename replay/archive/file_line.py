"""Files of messages in the file of a log: for each one line about it, then its bytes, a piece on each line."""

from collections.abc import AsyncIterator, Iterator
from typing import Annotated, Protocol
from uuid import UUID

from msgspec import Meta, Struct

from domain.values import RoomId, UserId
from replay.archive.account_line import Moment, Text
from replay.room_rules import LARGEST_USER_ID


class MovedFile(Struct, frozen=True, forbid_unknown_fields=True):
    """A file: what its event says of it, and its name. An image has its size in pixels."""

    upload_id: UUID
    room_id: RoomId
    user_id: Annotated[UserId, Meta(ge=1, le=LARGEST_USER_ID)]
    name: Text
    sha256: Annotated[str, Meta(pattern=r"^[0-9a-f]{64}$")]
    size: Annotated[int, Meta(ge=0, le=2**63 - 1)]
    media_type: Text
    width: int | None
    height: int | None
    uploaded_at: Moment


class FileLine(Struct, frozen=True, forbid_unknown_fields=True):
    """A line of the file that says that a file begins; it begins with `FILE`."""

    file: MovedFile


class PieceLine(Struct, frozen=True, forbid_unknown_fields=True):
    """A line with the next bytes of a file, in base64; it begins with `PIECE`."""

    piece: bytes


FILE, PIECE = b'{"file":', b'{"piece":'
"""How these lines differ from those of events."""

PIECE_BYTES = 768 * 1024
"""On one line, but for the last of a file."""


class FileTable(Protocol):
    """The files of the messages of a database, as export and import need them."""

    async def read_page(self, after: UUID) -> list[MovedFile]:
        """The next files beyond the id `after`, ascending, that messages with words name; none at the end."""

    async def is_whole(self, file: MovedFile) -> bool:
        """Whether its bytes are there, as many as they should be and with its SHA-256."""

    def pieces(self, file: MovedFile) -> AsyncIterator[bytes]:
        """Its bytes, of which `is_whole` is true."""

    async def restore(self, file: MovedFile, pieces: Iterator[bytes]) -> bool:
        """Keep a file that is not here; returns whether it was not. Files that are here stay as they are."""
