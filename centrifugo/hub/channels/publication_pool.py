"""The publications that histories keep, each once however many channels keep it."""

from itertools import count

from msgspec import Struct

PUBLICATION_BYTES = 250  # Python's overhead for one publication
NUMBER_BYTES = 8


class EncodedPublication(Struct, gc=False):
    """One publication, shared by every channel it was published to. `holders` is the number that still keep it."""

    body: bytes
    number: bytes = b""  # histories refer to it by this
    holders: int = 0


class PublicationPool:
    """Publications by number, and the `bytes` they take. A publication leaves the pool with its last holder."""

    def __init__(self) -> None:
        self.bytes = 0
        self._publications: dict[bytes, EncodedPublication] = {}
        self._numbers = count()

    def hold(self, publication: EncodedPublication) -> bytes:
        """Count one more holder and return the publication's number."""
        if not publication.holders:
            publication.number = next(self._numbers).to_bytes(NUMBER_BYTES, "big")
            self._publications[publication.number] = publication
            self.bytes += PUBLICATION_BYTES + len(publication.body)
        publication.holders += 1
        return publication.number

    def release(self, number: bytes) -> None:
        """Count one holder less."""
        publication = self._publications[number]
        publication.holders -= 1
        if not publication.holders:
            del self._publications[number]
            self.bytes -= PUBLICATION_BYTES + len(publication.body)

    def get(self, number: bytes) -> EncodedPublication:
        return self._publications[number]
