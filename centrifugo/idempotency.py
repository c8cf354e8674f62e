"""The results of publications that carried an idempotency key, so that a repeat is answered and not published again."""

from itertools import takewhile

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

    At most about `max_places` are remembered, the latest, at about 300 bytes each. Nothing kept here is a container, so
    that a million of them cost Python's garbage collector nothing, and they are spread over many dicts, because one
    that grows by copying a million entries would hold the event loop for it.
    """

    SHARDS = 64

    def __init__(self, window_s: float = 300.0, max_places: int = 1_000_000) -> None:
        self._window_s = window_s
        self._max_a_shard = max(1, max_places // self.SHARDS)
        self._shards: list[dict[str, _Remembered]] = [{} for _ in range(self.SHARDS)]  # each in the order of time
        self._next_swept = 0

    def __len__(self) -> int:
        return sum(len(shard) for shard in self._shards)

    def first(self, place: str, now: float) -> Published | None:
        """What the first publication at this place came to, when it is not longer ago than the window."""
        shard = self._shards[hash(place) % self.SHARDS]
        remembered = shard.get(place)
        if remembered is None:
            return None
        if now < remembered.until:
            return remembered.published
        del shard[place]
        return None

    def remember(self, place: str, published: Published, now: float) -> None:
        """Keep the result for a place that `first` has just found empty."""
        shard = self._shards[hash(place) % self.SHARDS]
        if len(shard) >= self._max_a_shard:
            del shard[next(iter(shard))]
        shard[place] = _Remembered(published, now + self._window_s)

    def sweep(self, now: float, limit: int = 10_000) -> bool:
        """Forget about `limit` of those whose window has passed; true when there may be more."""
        for _ in range(self.SHARDS):
            limit -= _forget(self._shards[self._next_swept], now)
            self._next_swept = (self._next_swept + 1) % self.SHARDS
            if limit <= 0:
                return True
        return False


def _forget(shard: dict[str, _Remembered], now: float) -> int:
    """Returns how many."""
    past = [place for place, _ in takewhile(lambda item: item[1].until <= now, shard.items())]
    for place in past:
        del shard[place]
    return len(past)
