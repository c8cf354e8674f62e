"""A GET or HEAD changes nothing: prefetches, link previews and images may ask for any address."""

from collections.abc import Mapping

import asyncpg
import pytest
from aiohttp.test_utils import TestServer

from api.http.app_keys import ACCOUNTS, CORE
from projections.fanout.channels import OPERATIONS_CHANNEL, personal_channel
from tests.integration.conftest import StartServer, Visit
from tests.support.operator import OPERATOR
from tests.support.people import Person

CLOCKS = ["seen_at", "idle_expires_at", "told_at"]
"""When a session was used last, which any request may move, and when figures were published last."""

TOKENS = "/api/token/subscription/"
LEASES = {"leases", "operations_watch"}
"""What a GET of a token writes: it is a promise to publish to its user, on record before the token exists."""

Rows = dict[str, list[str]]


OF_THE_TREE = {"audit_epochs", "audit_tiles", "audit_checkpoints", "audit_keys"}
"""The service writes them by itself, a second after anything was said."""


async def tables(psql: asyncpg.Connection) -> Rows:
    """Every row of every table but for clocks and the tree, and how far every sequence is."""
    found: Rows = {}
    for name in await psql.fetch("SELECT tablename FROM pg_tables WHERE schemaname = 'public'"):
        table = name["tablename"]
        if table in OF_THE_TREE:
            continue
        rows = await psql.fetch(f"SELECT to_jsonb(t) - $1::text[] AS row FROM {table} AS t", CLOCKS)
        found[table] = sorted(row["row"] for row in rows)
    found["sequences"] = [str(row) for row in await psql.fetch("SELECT * FROM pg_sequences ORDER BY sequencename")]
    return found


def changed(before: Rows, after: Rows) -> set[str]:
    return {table for table in before.keys() | after.keys() if before.get(table) != after.get(table)}


def addresses(server: TestServer, values: Mapping[str, str]) -> list[tuple[str, str]]:
    """Method and path of every route that answers a GET or HEAD, with these values in its path."""
    found = []
    for route in server.app.router.routes():
        if route.method in ("GET", "HEAD") and route.resource is not None:
            path = route.resource.canonical
            for name, value in values.items():
                path = path.replace(f"{{{name}}}", value)
            found.append((route.method, path))
    return found


@pytest.fixture
async def server(start_server: StartServer) -> TestServer:
    """A server that does nothing by itself."""
    return await start_server(fanout="no")


async def test_no_get_or_head_of_a_signed_in_user_writes_but_the_session_clock_and_leases(
    server: TestServer, visit: Visit, database_url: str
) -> None:
    ada, bob = await visit("ada"), await visit("bob")
    await server.app[ACCOUNTS].set_role("ada", "admin", operator=OPERATOR)
    await ada.log_in("ada")
    room = await bob.open_room("Unread")
    await ada.post(f"/api/rooms/{room}/join/")
    for number in range(3):
        await bob.post(f"/api/rooms/{room}/messages/", {"content": f"number {number}"})
    psql = await asyncpg.connect(database_url)
    await psql.execute(
        "INSERT INTO dead_letters (lane, position, room_id, version, reason) VALUES (0, 3, $1, 3, 'too large')", room
    )
    await server.app[CORE].search_index.go_on()  # as it does by itself, after anything was said
    before = await tables(psql)
    walked = addresses(server, {"room_id": room, "dead_letter_id": "1", "path": "nowhere/"})
    assert {path for _, path in walked} >= {f"/rooms/{room}/", f"/api/rooms/{room}/", "/operations/", TOKENS}
    for method, path in walked:
        for query in queries(path, ada):
            await ada.request(method, f"{path}{query}", headers={"Accept": "text/html", "Sec-Purpose": "prefetch"})
            after = await tables(psql)
            assert changed(before, after) <= (LEASES if path == TOKENS else set()), f"{method} {path}{query}"
            before = after
    await psql.close()


def queries(path: str, person: Person) -> tuple[str, ...]:
    if path == TOKENS:
        return tuple(f"?channel={name}" for name in (personal_channel(person.user["id"]), OPERATIONS_CHANNEL))
    return ("", "?before=5&page=1&at=2&q=Unread&after=0&limit=5&next=/rooms/")
