"""A stock application of the `eventsourcing` library on the same log: we share with it, and are measured against it."""

from urllib.parse import parse_qs, urlsplit
from uuid import UUID

from eventsourcing.application import Application


class StockRooms(Application[UUID]):
    """Nothing but the library. Its name is what the library makes the name of our table from."""

    name = "stored"


def stock_environment(dsn: str) -> dict[str, str]:
    """How the library is told where a database is; `dsn` names a folder with its socket."""
    url = urlsplit(dsn)
    return {
        "PERSISTENCE_MODULE": "eventsourcing.postgres",
        "POSTGRES_DBNAME": url.path.lstrip("/"),
        "POSTGRES_HOST": parse_qs(url.query)["host"][0],
        "POSTGRES_PORT": "5432",
        "POSTGRES_USER": url.username or "",
        "POSTGRES_PASSWORD": "",
    }
