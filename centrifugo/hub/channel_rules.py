"""Which options a channel has, and what a client may do in it.

Source: https://centrifugal.dev/docs/server/channels and https://centrifugal.dev/docs/server/channel_permissions
"""

import re

from centrifugo.hub.codes import BAD_REQUEST, NOT_AVAILABLE, PERMISSION_DENIED, UNKNOWN_CHANNEL, Refused
from centrifugo.hub.configuration.options import ChannelOptions, Config

PRIVATE_PREFIX = "$"
NAMESPACE_BOUNDARY = ":"
USER_BOUNDARY = "#"
USER_SEPARATOR = ","


class Rules:
    """The channel options and permissions of one configuration."""

    def __init__(self, config: Config) -> None:
        self._insecure = config.client.insecure
        self._max_length = config.channel.max_length
        self._without_namespace = config.channel.without_namespace
        self._namespaces: dict[str, ChannelOptions] = {each.name: each for each in config.channel.namespaces}
        self._latest: tuple[str, ChannelOptions] | None = None  # a prefix and its options: most channels share one

    def options(self, channel: str) -> ChannelOptions:
        """Raises Refused (102) when the channel's namespace is not configured."""
        if self._latest is not None and channel.startswith(self._latest[0]):
            return self._latest[1]
        namespace, boundary, _ = channel.partition(NAMESPACE_BOUNDARY)
        if not boundary:
            return self._without_namespace
        found = self._namespaces.get(namespace) or self._namespaces.get(namespace.removeprefix(PRIVATE_PREFIX))
        if found is None:
            raise Refused(UNKNOWN_CHANNEL)
        self._latest = (namespace + boundary, found)
        return found

    def check_length(self, channel: str) -> None:
        if len(channel.encode()) > self._max_length:
            raise Refused(BAD_REQUEST)

    def check_name(self, channel: str, options: ChannelOptions) -> None:
        """The spelling that clients, not the server, must keep to."""
        if options.channel_regex:
            _, boundary, rest = channel.removeprefix(PRIVATE_PREFIX).partition(NAMESPACE_BOUNDARY)
            if not re.search(options.channel_regex, rest if boundary else channel):
                raise Refused(BAD_REQUEST)
        elif not channel.isascii():
            raise Refused(BAD_REQUEST)

    def check_subscribe(self, channel: str, user: str, options: ChannelOptions) -> None:
        """Whether a client may subscribe without a token."""
        if channel.startswith(PRIVATE_PREFIX):
            raise Refused(PERMISSION_DENIED)
        if options.allow_user_limited_channels and USER_BOUNDARY in channel:
            if user not in channel.rpartition(USER_BOUNDARY)[2].split(USER_SEPARATOR):
                raise Refused(PERMISSION_DENIED)
            return
        allowed = options.allow_subscribe_for_client and (user or options.allow_subscribe_for_anonymous)
        if not allowed and not self._insecure:
            raise Refused(PERMISSION_DENIED)

    def check_publish(self, options: ChannelOptions, user: str, is_subscribed: bool) -> None:
        if not self._may_publish(options, user, is_subscribed):
            raise Refused(PERMISSION_DENIED)

    def check_presence(self, options: ChannelOptions, user: str, is_subscribed: bool) -> None:
        if not options.presence:
            raise Refused(NOT_AVAILABLE)
        if not self.may_see_presence(options, user, is_subscribed):
            raise Refused(PERMISSION_DENIED)

    def check_history(self, options: ChannelOptions, user: str, is_subscribed: bool) -> None:
        if not options.keeps_history:
            raise Refused(NOT_AVAILABLE)
        if not self.may_read_history(options, user, is_subscribed):
            raise Refused(PERMISSION_DENIED)

    def may_see_presence(self, options: ChannelOptions, user: str, is_subscribed: bool) -> bool:
        allowed = options.allow_presence_for_client or (options.allow_presence_for_subscriber and is_subscribed)
        return self._insecure or (allowed and (bool(user) or options.allow_presence_for_anonymous))

    def may_read_history(self, options: ChannelOptions, user: str, is_subscribed: bool) -> bool:
        allowed = options.allow_history_for_client or (options.allow_history_for_subscriber and is_subscribed)
        return self._insecure or (allowed and (bool(user) or options.allow_history_for_anonymous))

    def _may_publish(self, options: ChannelOptions, user: str, is_subscribed: bool) -> bool:
        allowed = options.allow_publish_for_client or (options.allow_publish_for_subscriber and is_subscribed)
        return self._insecure or (allowed and (bool(user) or options.allow_publish_for_anonymous))
