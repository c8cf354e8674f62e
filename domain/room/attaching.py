"""Files that messages name."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any
from uuid import UUID

from domain.errors import InvalidField

MOST_ATTACHED = 10
"""Files of one message."""


@dataclass(frozen=True, slots=True)
class Attached:
    """A file as the log knows it: without its name, which is typed text. An image has its size in pixels."""

    upload_id: UUID
    sha256: str
    size: int
    media_type: str
    width: int | None
    height: int | None


def check_attached(attached: Sequence[Attached]) -> None:
    """Raises InvalidField for too many files, or for one twice."""
    if len(attached) > MOST_ATTACHED:
        raise InvalidField("attachments", f"A message has at most {MOST_ATTACHED} files.")
    if len({each.upload_id for each in attached}) < len(attached):
        raise InvalidField("attachments", "A file is attached once.")


def recorded(attached: Sequence[Attached]) -> list[dict[str, Any]] | None:
    """The files as an event holds them; None where there are none."""
    return [
        {
            "id": str(each.upload_id),
            "sha256": each.sha256,
            "size": each.size,
            "media_type": each.media_type,
            "width": each.width,
            "height": each.height,
        }
        for each in attached
    ] or None
