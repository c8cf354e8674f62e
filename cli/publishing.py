"""Publishing from the command line: the same publications as the fan-out's, over the server's API."""

import contextlib
from collections.abc import AsyncIterator

import click

from api.realtime import centrifugo_publisher
from api.secrets import secrets_of
from centrifugo.publisher import Publisher, PublisherError
from cli.reading import Reader
from replay.republish import Republishing


def republisher(opened: Reader) -> Republishing:
    return Republishing(opened.database, opened.log, all_warm=opened.settings.cold_after_s is None)


@contextlib.asynccontextmanager
async def republishing(opened: Reader) -> AsyncIterator[tuple[Republishing, Publisher]]:
    """What publishes again, and where to. The embedded hub lives in the server's process: it cannot be reached here."""
    if not opened.settings.centrifugo_api_url:
        raise click.ClickException("the embedded hub cannot be reached from here: CENTRIFUGO_API_URL names no server")
    async with centrifugo_publisher(opened.settings, secrets_of(opened.settings)) as publisher:
        try:
            yield republisher(opened), publisher
        except PublisherError as error:
            raise click.ClickException(f"not everything was published: {error}; it is safe to repeat") from None
