"""The security log says who did what from where, and never what was typed."""

import json
import logging
from collections.abc import Iterator
from io import StringIO
from typing import Any

import pytest

from api.http.app_keys import ACCOUNTS
from api.logs import SECURITY, JsonFormatter
from tests.integration.conftest import StartServer, Visit
from tests.support.operator import OPERATOR
from tests.support.people import PASSWORD


class SecurityLog:
    """Lines of the log, as they are written."""

    def __init__(self, written: StringIO) -> None:
        self._written = written

    def lines(self) -> list[dict[str, Any]]:
        return [json.loads(line) for line in self._written.getvalue().splitlines()]

    def of(self, event: str) -> list[dict[str, Any]]:
        return [line for line in self.lines() if line["event"] == event]

    @property
    def text(self) -> str:
        return self._written.getvalue()


@pytest.fixture
def security_log() -> Iterator[SecurityLog]:
    logger, written = logging.getLogger(SECURITY), StringIO()
    handler = logging.StreamHandler(written)
    handler.setFormatter(JsonFormatter())
    logger.addHandler(handler)
    logger.setLevel(logging.INFO)
    yield SecurityLog(written)
    logger.removeHandler(handler)
    logger.setLevel(logging.NOTSET)


async def test_logins_sessions_roles_and_refusals_are_on_record_with_account_and_address(
    start_server: StartServer, visit: Visit, security_log: SecurityLog
) -> None:
    server = await start_server(trusted_proxies="127.0.0.1", login_account_burst=2, login_account_rate=0.001)
    ada, stranger = await visit("ada", at=server), await visit(at=server)
    from_afar = {"X-Forwarded-For": "192.0.2.7"}
    for name, password in (("ada", "typed-by-ada"), ("ada", "typed-by-ada"), ("ada", PASSWORD), ("typed-as-name", "x")):
        await stranger.post("/api/login/", {"username": name, "password": password}, headers=from_afar)
    await server.app[ACCOUNTS].set_role("ada", "admin", operator=OPERATOR)
    await ada.get("/api/token/subscription/?channel=personal:999", headers=from_afar)
    await stranger.get("/api/token/connection/", headers=from_afar)
    await ada.request("POST", "/api/rooms/", {"name": "x"}, headers={"X-CSRFToken": "forged", **from_afar})
    await ada.post("/api/logout/")

    user_id = ada.user["id"]
    (begun,), (ended,) = security_log.of("session begun"), security_log.of("session ended")
    assert (begun["user_id"], begun["session"]) == (ended["user_id"], ended["session"]) == (user_id, begun["session"])
    assert [line["user_id"] for line in security_log.of("logged in")] == [user_id]
    assert [(line["user_id"], line["reason"], line["address"]) for line in security_log.of("login failed")] == [
        (user_id, "wrong password", "192.0.2.7"),
        (user_id, "wrong password", "192.0.2.7"),
        (None, "no such account", "192.0.2.7"),
    ]
    assert [line["user_id"] for line in security_log.of("login refused")] == [user_id]
    assert [(line["user_id"], line["role"]) for line in security_log.of("role changed")] == [(user_id, "admin")]
    assert [(line["user_id"], line["status"]) for line in security_log.of("token refused")] == [
        (user_id, 403),
        (None, 401),
    ]
    assert [(line["user_id"], line["route"]) for line in security_log.of("access refused")] == [
        (user_id, "/api/rooms/"),
    ]
    for secret in ("typed", PASSWORD, ada.csrf, *(cookie for cookie in ada.cookies.values() if cookie)):
        assert secret not in security_log.text


async def test_a_refused_access_has_a_reason_also_where_the_answer_hides_the_room(
    start_server: StartServer, visit: Visit, security_log: SecurityLog
) -> None:
    server = await start_server(signup="open")
    ada, bob, stranger = await visit("ada", at=server), await visit("bob", at=server), await visit(at=server)
    closed = await visit(at=await start_server(signup="closed"))
    room = await ada.open_room("Typed by ada")
    said = {"content": "typed by bob"}
    attempts = (
        (await stranger.get("/api/rooms/"), 403, "not logged in"),
        (await stranger.get("/api/token/connection/"), 401, "not logged in"),
        (await stranger.submit(f"/rooms/{room}/", said), 303, "not logged in"),
        (await bob.get("/operations/"), 403, "not an admin"),
        (await bob.get(f"/api/token/subscription/?channel=personal:{ada.user['id']}"), 403, "channel of others"),
        (await bob.post("/api/rooms/", {"name": "x"}, headers={"X-CSRFToken": "typed"}), 403, "csrf"),
        (await bob.submit("/discover/", {"name": "x"}, csrf="typed"), 403, "csrf"),
        (await bob.post("/api/rooms/", {"name": "x"}, headers={"X-User": str(ada.user["id"])}), 409, "other user"),
        (await closed.post("/api/signup/", {"username": "typed", "password": PASSWORD}), 403, "sign-up closed"),
        (await bob.get(f"/api/rooms/{room}/"), 404, "not in room"),
        (await bob.get(f"/api/rooms/{room}/messages/"), 404, "not in room"),
        (await bob.post(f"/api/rooms/{room}/messages/", said), 404, "not in room"),
        (await bob.get(f"/rooms/{room}/"), 404, "not in room"),
        (await bob.get(f"/rooms/{room}/history/"), 404, "not in room"),
        (await bob.submit(f"/rooms/{room}/", said), 404, "not in room"),
    )
    logged = [line for line in security_log.lines() if line["event"] in ("access refused", "token refused")]
    assert [answer.status for answer, _, _ in attempts] == [status for _, status, _ in attempts]
    assert [(line["status"], line["reason"]) for line in logged] == [attempt[1:] for attempt in attempts]
    assert [line["user_id"] for line in logged[-6:]] == [bob.user["id"]] * 6
    assert "typed" not in security_log.text.lower()
    await stranger.get("/rooms/")  # an ordinary visit, which leads to the login
    await bob.get("/api/nothing/")
    assert len(logged) == sum(line["event"] in ("access refused", "token refused") for line in security_log.lines())


async def test_every_answer_has_a_policy_and_is_https_only_where_https_is_on(
    start_server: StartServer, visit: Visit
) -> None:
    person = await visit("ada", at=await start_server(trusted_proxies="127.0.0.1"))
    for path in ("/", "/api/rooms/", "/api/nothing", "/static/css/card.css", "/api/docs/", "/healthz", "/x%00"):
        plain = await person.get(path)
        secure = await person.get(path, headers={"X-Forwarded-Proto": "https"})
        assert "frame-ancestors 'none'" in plain.headers["Content-Security-Policy"]
        assert "Strict-Transport-Security" not in plain.headers
        assert secure.headers["Strict-Transport-Security"] == "max-age=31536000"
