"""How commands publish: what the fan-out publishes, over the real-time server's API."""

import contextlib
from collections.abc import AsyncIterator

import click

from api import hub_socket, wiring
from api.secrets import secrets_of
from centrifugo.publisher import Publisher, PublisherError
from cli.support.log_reader import Reader
from projections.fanout.republish import Republishing


def create_republisher(reader: Reader) -> Republishing:
    return wiring.create_republishing(reader.settings, reader.reads)


@contextlib.asynccontextmanager
async def republishing(reader: Reader) -> AsyncIterator[tuple[Republishing, Publisher]]:
    """What publishes events again, and the server to publish to: Centrifugo's, or the embedded hub's."""
    settings = reader.settings
    if not settings.centrifugo_api_url and not await hub_socket.is_served(settings):
        raise click.ClickException(
            f"no server to publish to: CENTRIFUGO_API_URL is not set, and no `onrecord serve` uses {settings.data_dir}"
        )
    async with wiring.open_publisher(settings, secrets_of(settings)) as publisher:
        try:
            yield create_republisher(reader), publisher
        except PublisherError as error:
            raise click.ClickException(f"not all was published: {error}; it is safe to repeat") from None
