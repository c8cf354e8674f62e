"""For operators: health, metrics, logs, and the service without a database."""

import io
import logging
from collections.abc import Iterator
from contextlib import AsyncExitStack

import asyncpg
import msgspec
import pytest

from api.logs import JsonFormatter
from eventstore import append_lock
from tests.integration.conftest import StartServer, Visit
from tests.support.breakable_postgres import wire_to
from tests.support.conditions import eventually
from tests.support.people import PASSWORD, Person


@pytest.fixture
def logs() -> Iterator[io.StringIO]:
    """All that is logged, as the service writes it."""
    written = io.StringIO()
    handler = logging.StreamHandler(written)
    handler.setFormatter(JsonFormatter())
    root = logging.getLogger()
    level = root.level
    root.addHandler(handler)
    root.setLevel(logging.DEBUG)
    yield written
    root.removeHandler(handler)
    root.setLevel(level)


async def test_a_healthy_service_says_so(visit: Visit) -> None:
    anonymous = await visit()
    for path in ("/healthz", "/readyz"):
        answer = await anonymous.get(path)
        assert (answer.status, answer.body) == (200, {"status": "ok"})


async def test_without_a_database_the_service_says_later_and_recovers_by_itself(
    start_server: StartServer, visit: Visit, database_url: str
) -> None:
    async with AsyncExitStack() as connected:
        _, url = await connected.enter_async_context(wire_to(database_url))
        ada = await visit("ada", at=await start_server(database_url=url))
        room = f"/api/rooms/{await ada.open_room('Engines')}"
        assert (await ada.get("/readyz")).status == 200
        await connected.aclose()  # that port no longer answers
        for answer in (
            await ada.get(f"{room}/"),
            await ada.post(f"{room}/messages/", {"content": "hello"}),
            await ada.post("/api/login/", {"username": "ada", "password": PASSWORD}),
        ):
            assert answer.status == 503, answer.raw
            assert int(answer.headers["Retry-After"]) >= 1
            assert answer.body["code"] == "unavailable"
        assert (await ada.get("/healthz")).status == 200
        assert (await ada.get("/readyz")).status == 503
        assert (await ada.get("/metrics")).status == 200


async def test_a_service_that_cannot_write_is_not_ready(
    start_server: StartServer, visit: Visit, database_url: str
) -> None:
    ada = await visit("ada", at=await start_server(database_timeout_s=1.5))
    admin = await asyncpg.connect(database_url)
    async with admin.transaction():
        await append_lock.take(admin)

        async def is_not_ready() -> bool:  # on a busy machine a request may time out before it reaches the writer
            assert (await ada.post("/api/rooms/", {"name": "Engines"})).status == 503
            answer = await ada.get("/readyz")
            return (answer.status, answer.body) == (503, {"status": "the writer cannot reach the database"})

        await eventually(is_not_ready)
    await admin.close()

    async def writes() -> bool:  # on a busy machine even this may take longer than the time-out
        again = await ada.post("/api/rooms/", {"name": "Engines"}, headers={"Idempotency-Key": "again"})
        return again.status in (200, 201)

    await eventually(writes)
    assert (await ada.get("/readyz")).status == 200


async def test_metrics_count_what_happens(ada: Person) -> None:
    room = await ada.open_room("Engines")
    for _ in range(3):
        await ada.post(f"/api/rooms/{room}/messages/", {"content": "hello"})
    await ada.get("/api/no/such/path/")
    lines = (await ada.get("/metrics")).raw.decode().splitlines()
    posts = '{method="POST",route="/api/rooms/{room_id}/messages/",status="201"}'
    assert f"onrecord_requests_total{posts} 3.0" in lines
    assert 'onrecord_requests_total{method="GET",route="none",status="404"} 1.0' in lines
    assert "onrecord_append_commands_sum 4.0" in lines
    assert "onrecord_append_events_sum 5.0" in lines
    assert any(line.startswith("onrecord_append_seconds_bucket") for line in lines)
    assert "onrecord_writer_queue_depth 0.0" in lines
    assert "onrecord_log_position 5.0" in lines


async def test_no_secret_and_no_message_reaches_the_logs(visit: Visit, logs: io.StringIO, database_url: str) -> None:
    ada = await visit("ada")
    room = await ada.open_room("A room's name")
    said = "what ada said"
    await ada.post(f"/api/rooms/{room}/messages/", {"content": said}, headers={"Idempotency-Key": "a client's key"})
    await ada.post(f"/api/rooms/{room}/messages/", {"content": said * 1000})
    admin = await asyncpg.connect(database_url)
    await admin.execute("ALTER TABLE messages ADD CHECK (false) NOT VALID")  # its violation quotes the whole row
    await admin.close()
    broken = await ada.post(f"/api/rooms/{room}/messages/?token=in-a-query", {"content": said})
    assert (broken.status, broken.body) == (500, {"detail": "Internal server error."})
    written = logs.getvalue()
    for secret in (PASSWORD, said, "a client's key", "A room's name", "in-a-query", ada.csrf, ada.cookies["sessionid"]):
        assert secret not in written
    assert "CheckViolationError" in written


async def test_every_request_is_one_line_with_the_id_that_its_answer_carries(visit: Visit, logs: io.StringIO) -> None:
    anonymous = await visit()
    given = await anonymous.get("/api/rooms/", headers={"X-Request-ID": "from-the-proxy.1"})
    assert given.headers["X-Request-ID"] == "from-the-proxy.1"
    forged = await anonymous.get("/api/rooms/", headers={"X-Request-ID": 'x","level":"error'})
    lines = [msgspec.json.decode(line) for line in logs.getvalue().splitlines()]
    of_requests = {line["request_id"]: line for line in lines if line["logger"] == "onrecord.access"}
    assert len(of_requests) == 3
    for answer in (given, forged):
        line = of_requests[answer.headers["X-Request-ID"]]
        assert (line["method"], line["route"], line["status"], line["level"]) == ("GET", "/api/rooms/", 403, "info")
        assert line["ms"] >= 0


async def test_a_wrong_method_is_answered_with_those_that_are_allowed(ada: Person) -> None:
    for method in ("PUT", "PATCH", "DELETE", "OPTIONS", "PROPFIND"):
        answer = await ada.request(method, "/api/rooms/")
        assert (answer.status, answer.body) == (405, {"detail": f'Method "{method}" not allowed.'})
        assert answer.headers["Allow"] == "GET, HEAD, POST"
    assert (await ada.request("POST", "/api/feed/")).headers["Allow"] == "GET, HEAD"


async def test_head_answers_like_get_without_a_body(ada: Person) -> None:
    head = await ada.request("HEAD", "/api/rooms/")
    assert (head.status, head.raw, head.headers["X-Position"]) == (200, b"", "0")


async def test_an_unknown_path_is_not_found(ada: Person) -> None:
    for path in ("/api/", "/api/nonsense/", "/api/rooms", "/api/rooms//", "/%2e%2e/", "/x" * 1000):
        answer = await ada.get(path)
        assert (answer.status, answer.body) == (404, {"detail": "Not found."})
