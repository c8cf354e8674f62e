"""The results of publications that carried an idempotency key, so that a repeat is answered and not published again."""

from msgspec import Struct


class Published(Struct, frozen=True, gc=False, omit_defaults=True):
    """Where a publication went in its channel's history; 0 and empty where no history is kept."""

    offset: int = 0
    epoch: str = ""


class IdempotencyWindow:
    """First results by channel and key, for `window_s` seconds.

    At most `max_keys` are remembered, the latest, at about 250 bytes each.
    """

    def __init__(self, window_s: float = 300.0, max_keys: int = 1_000_000) -> None:
        self._window_s = window_s
        self._max_keys = max_keys
        self._first: dict[tuple[str, str], tuple[float, Published]] = {}  # in the order of their times

    def __len__(self) -> int:
        return len(self._first)

    def first(self, channel: str, key: str, now: float) -> Published | None:
        """What the first publication with this key came to, when it is not longer ago than the window."""
        remembered = self._first.get((channel, key))
        if remembered is None or remembered[0] <= now:
            return None
        return remembered[1]

    def remember(self, channel: str, key: str, published: Published, now: float) -> None:
        place = (channel, key)
        if self._first.pop(place, None) is None and len(self._first) >= self._max_keys:
            del self._first[next(iter(self._first))]
        self._first[place] = (now + self._window_s, published)

    def sweep(self, now: float, limit: int = 5_000) -> bool:
        """Forget at most `limit` of those whose window has passed; true when there are more."""
        for _ in range(limit):
            place = next(iter(self._first), None)
            if place is None or self._first[place][0] > now:
                return False
            del self._first[place]
        return True
