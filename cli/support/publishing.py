"""Publishing from the command line: the same publications as the fan-out's, over the server's API."""

import contextlib
from collections.abc import AsyncIterator

import click

from api import hub_socket, wiring
from api.secrets import secrets_of
from centrifugo.publisher import Publisher, PublisherError
from cli.support.log_reader import Reader
from projections.fanout.republish import Republishing


def republisher(opened: Reader) -> Republishing:
    return wiring.create_republishing(opened.settings, opened.reads)


@contextlib.asynccontextmanager
async def republishing(opened: Reader) -> AsyncIterator[tuple[Republishing, Publisher]]:
    """What publishes again, and where to: the server that CENTRIFUGO_API_URL names, or the embedded hub."""
    settings = opened.settings
    if not settings.centrifugo_api_url and not await hub_socket.is_served(settings):
        raise click.ClickException(
            f"CENTRIFUGO_API_URL names no server, and no `onrecord serve` with an embedded hub uses {settings.data_dir}"
        )
    async with wiring.open_publisher(settings, secrets_of(settings)) as publisher:
        try:
            yield republisher(opened), publisher
        except PublisherError as error:
            raise click.ClickException(f"not everything was published: {error}; it is safe to repeat") from None
