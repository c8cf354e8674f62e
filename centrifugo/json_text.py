"""Whether bytes may be put into a larger JSON text as they are."""

import msgspec
from msgspec import Raw

_decode = msgspec.json.Decoder(Raw).decode


def is_json(data: bytes) -> bool:
    """Whether `data` is one JSON value in valid UTF-8."""
    try:
        data.decode()
        _decode(data)
    except (msgspec.DecodeError, RecursionError, UnicodeError):
        return False
    return True
