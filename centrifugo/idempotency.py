"""The results of publications that carried an idempotency key, so that a repeat is answered and not published again."""

from msgspec import Struct


class Published(Struct, frozen=True, gc=False, omit_defaults=True):
    """Where a publication went in its channel's history; 0 and empty where no history is kept."""

    offset: int = 0
    epoch: str = ""


class _Remembered(Struct, frozen=True, gc=False):
    published: Published
    until: float


def scope(key: str) -> str:
    """What a channel's name is appended to for the place of its result; no two pairs of key and channel share one."""
    return f"{len(key)}:{key}"


class IdempotencyWindow:
    """First results by place, for `window_s` seconds. Times are handed in, in seconds.

    At most `max_places` are remembered, the latest, at about 300 bytes each. Nothing kept here is a container, so that
    a million of them cost Python's garbage collector nothing.
    """

    def __init__(self, window_s: float = 300.0, max_places: int = 1_000_000) -> None:
        self._window_s = window_s
        self._max_places = max_places
        self._first: dict[str, _Remembered] = {}  # in the order of their times

    def __len__(self) -> int:
        return len(self._first)

    def first(self, place: str, now: float) -> Published | None:
        """What the first publication at this place came to, when it is not longer ago than the window."""
        remembered = self._first.get(place)
        if remembered is None:
            return None
        if now < remembered.until:
            return remembered.published
        del self._first[place]
        return None

    def remember(self, place: str, published: Published, now: float) -> None:
        """Keep the result for a place that `first` has just found empty."""
        if len(self._first) >= self._max_places:
            del self._first[next(iter(self._first))]
        self._first[place] = _Remembered(published, now + self._window_s)

    def sweep(self, now: float, limit: int = 5_000) -> bool:
        """Forget at most `limit` of those whose window has passed; true when there are more."""
        for _ in range(limit):
            place = next(iter(self._first), None)
            if place is None or now < self._first[place].until:
                return False
            del self._first[place]
        return True
