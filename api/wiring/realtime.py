"""The real-time server, and all that is published."""

import contextlib
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import msgspec

import centrifugo
from api import hub_socket
from api.core import Core, Reads
from api.operations.lateness_publisher import LatenessPublisher
from api.personal.invitation_news import InvitationNews
from api.personal.read_sync import ReadSync
from api.secrets import Secrets
from api.settings import Settings
from centrifugo.client import CentrifugoClient
from centrifugo.hub.configuration.loading import load
from centrifugo.hub.embedded_publisher import EmbeddedPublisher
from centrifugo.hub.hub import Hub
from centrifugo.publisher import Publisher
from centrifugo.tokens import SUBSCRIPTION_TTL_S
from postgres.database import Database
from projections.fanout.here import Here
from projections.fanout.lateness import Lateness
from projections.fanout.leases import Leases
from projections.fanout.publications import Publications
from projections.fanout.republish import Republishing
from projections.fanout.tail import Tail
from projections.fanout.worker import Fanout, FanoutSettings
from projections.readmodels.authors import Authors
from projections.readmodels.reading.muted_rooms import MutedRooms
from projections.readmodels.reading.read_marks import ReadMarks

CONFIG = Path(centrifugo.__file__).with_name("config.json")


def create_leases(settings: Settings, database: Database) -> Leases:
    """Leases, as the token endpoint renews them."""
    return Leases(database, cold_after_s=settings.cold_after_s)


def create_read_sync(database: Database, publisher: Publisher) -> ReadSync:
    """Read marks and muted rooms, changed on one device and announced to the others."""
    return ReadSync(ReadMarks(database), MutedRooms(database), publisher)


def create_invitation_news(publisher: Publisher) -> InvitationNews:
    """Tells people that their invitations changed."""
    return InvitationNews(publisher)


def create_here(core: Core, publisher: Publisher) -> Here:
    """Who has a room open, and who types there."""
    return Here(core.queries, publisher)


def create_hub(secrets: Secrets) -> Hub:
    """The embedded hub, configured by the same file as the real server."""
    document: dict[str, Any] = msgspec.json.decode(CONFIG.read_bytes())
    document["client"]["token"]["hmac_secret_key"] = secrets.centrifugo_token_secret
    document["http_api"] = {"key": secrets.centrifugo_api_key}
    # Any page may open a socket, as it may fetch any URL. Without a token, which only ours get, it receives nothing.
    document["client"]["allowed_origins"] = ["*"]
    return Hub(load(document, {}))


@contextlib.asynccontextmanager
async def open_publisher(settings: Settings, secrets: Secrets, hub: Hub | None = None) -> AsyncIterator[Publisher]:
    """Publishes to the real-time server: to `hub` in this process, to the server of CENTRIFUGO_API_URL, or else to the
    embedded hub of the service that uses this DATA_DIR, which is where a command publishes.
    """
    publisher: Publisher
    if hub is not None:
        publisher = EmbeddedPublisher(hub)
    elif settings.centrifugo_api_url:
        publisher = CentrifugoClient(settings.centrifugo_api_url, secrets.centrifugo_api_key)
    else:
        publisher = CentrifugoClient(
            hub_socket.URL, secrets.centrifugo_api_key, socket=hub_socket.socket_path(settings)
        )
    try:
        yield publisher
    finally:
        await publisher.close()


def create_fanout(settings: Settings, core: Core, publisher: Publisher) -> Fanout:
    """The fan-out of this process: the lanes that it holds."""
    publications = Publications(core.bodies, core.authors)
    tail = Tail(settings.database_url, core.database, core.room_log, publications, core.known, core.hand_over)
    chosen = FanoutSettings(
        all_warm=settings.cold_after_s is None,
        sets_aside=settings.fanout_sets_aside,
        token_ttl_s=SUBSCRIPTION_TTL_S,
    )
    return Fanout(settings.database_url, tail, publisher, chosen)


def create_republishing(settings: Settings, reads: Reads) -> Republishing:
    """Publishes events again."""
    return Republishing(
        reads.database, reads.room_log, Publications(reads.bodies, Authors()), all_warm=settings.cold_after_s is None
    )


def create_lateness_publisher(lateness: Lateness, publisher: Publisher) -> LatenessPublisher:
    """Tells pages when publications begin to be late, and when they come in time again."""
    return LatenessPublisher(lateness, publisher)
