"""Which options a channel has.

Source: https://centrifugal.dev/docs/server/channels
"""

from centrifugo.hub.configuration.sections import ChannelOptions, ChannelSection
from centrifugo.hub.protocol.codes import UNKNOWN_CHANNEL, Refused

BOUNDARY = ":"


class Namespaces:
    """The configured namespaces. A channel's namespace is what its name has before the first colon."""

    def __init__(self, section: ChannelSection) -> None:
        self._without_namespace = section.without_namespace
        self._namespaces: dict[str, ChannelOptions] = {each.name: each for each in section.namespaces}
        self._latest: tuple[str, ChannelOptions] | None = None  # a prefix and its options: most channels share one

    def options(self, channel: str) -> ChannelOptions:
        """Raises Refused (102) when the channel's namespace is not configured."""
        if self._latest is not None and channel.startswith(self._latest[0]):
            return self._latest[1]
        namespace, boundary, _ = channel.partition(BOUNDARY)
        if not boundary:
            return self._without_namespace
        found = self._namespaces.get(namespace)
        if found is None:
            raise Refused(UNKNOWN_CHANNEL)
        self._latest = (namespace + boundary, found)
        return found
