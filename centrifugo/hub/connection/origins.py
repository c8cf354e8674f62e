"""Which web pages may connect."""

from collections.abc import Sequence
from fnmatch import fnmatchcase


class Origins:
    """Patterns such as `https://*.example.com`, over scheme, host and port together; `*` alone allows every page.

    Source: https://centrifugal.dev/docs/server/configuration (client.allowed_origins)
    """

    def __init__(self, patterns: Sequence[str]) -> None:
        self._patterns = tuple(patterns)

    def allow(self, origin: str | None) -> bool:
        """A request without an origin does not come from a page and is allowed."""
        return origin is None or any(fnmatchcase(origin.lower(), pattern) for pattern in self._patterns)
