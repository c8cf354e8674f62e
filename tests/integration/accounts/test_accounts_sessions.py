"""Signing up, in and out; sessions and CSRF."""

import asyncio

import asyncpg
import pytest
from aiohttp.test_utils import TestServer
from argon2 import PasswordHasher

from api.http.app_keys import CORE, SESSIONS
from tests.integration.conftest import StartServer, Visit
from tests.support.conditions import eventually
from tests.support.people import PASSWORD, Person

NOT_A_NAME = "Enter a valid username: letters, digits and @/./+/-/_ only."
NOT_LOGGED_IN = {"detail": "Authentication credentials were not provided."}


async def is_signed_out(person: Person) -> bool:
    answer = await person.get("/api/rooms/")
    assert (answer.status, answer.body) == (403, NOT_LOGGED_IN) or answer.status == 200
    return answer.status == 403


async def is_listening(server: TestServer) -> bool:
    return server.app[SESSIONS].announcements.is_listening


async def test_a_user_signs_up_and_logs_in(visit: Visit) -> None:
    ada = await visit()
    signed_up = await ada.post("/api/signup/", {"username": "ada", "password": PASSWORD})
    assert (signed_up.status, signed_up.body) == (201, {"id": 1, "username": "ada"})
    logged_in = await ada.post("/api/login/", {"username": "ADA", "password": PASSWORD})
    assert (logged_in.status, logged_in.body) == (
        200,
        {
            "id": 1,
            "username": "ada",
            "settings": {"push_notifications": {"enabled": False, "vapid_public_key": "", "firebase_config": {}}},
        },
    )


BAD_SIGN_UPS: tuple[tuple[object, object, object], ...] = (
    (None, 7, {"username": ["This field may not be null."], "password": ["Not a valid string."]}),
    ("", PASSWORD, {"username": ["This field may not be blank."]}),
    ("a b", PASSWORD, {"username": [NOT_A_NAME]}),
    ("a\0", PASSWORD, {"username": [NOT_A_NAME]}),
    ("x" * 151, PASSWORD, {"username": ["Ensure this field has no more than 150 characters."]}),
    ("eve", "short", {"password": ["Ensure this field has at least 10 characters."]}),
    ("eve", "x" * 1001, {"password": ["Ensure this field has no more than 1000 characters."]}),
    ("Ada", PASSWORD, {"username": ["A user with that username already exists."]}),
)


async def test_a_sign_up_is_refused_by_field(ada: Person) -> None:
    for username, password, problems in BAD_SIGN_UPS:
        answer = await ada.post("/api/signup/", {"username": username, "password": password})
        assert (answer.status, answer.body) == (400, problems)


async def test_many_who_want_one_name_at_once_leave_one_who_has_it(visit: Visit) -> None:
    anonymous = await visit()
    wanted = {"username": "ada", "password": PASSWORD}
    answers = await asyncio.gather(*(anonymous.post("/api/signup/", wanted) for _ in range(8)))
    assert sorted(answer.status for answer in answers) == [201] + [400] * 7


async def test_a_wrong_password_and_an_unknown_user_get_the_same_answer(ada: Person) -> None:
    answers = [
        await ada.post("/api/login/", {"username": username, "password": password})
        for username, password in (
            ("ada", "wrong password"),
            ("nobody", PASSWORD),
            ("a\0b", PASSWORD),
            ("x" * 999, "y"),
        )
    ]
    assert {(answer.status, answer.raw) for answer in answers} == {(400, b'{"detail":"invalid credentials"}')}
    for body in ({}, {"username": "ada"}, {"username": None, "password": "x"}):
        answer = await ada.post("/api/login/", body)
        assert (answer.status, answer.body) == (400, {"detail": "provide username and password"})


async def test_logout_ends_the_session_in_every_process(ada: Person, visit: Visit, start_server: StartServer) -> None:
    elsewhere = await visit(at=await start_server())
    elsewhere.http.cookie_jar.update_cookies((cookie.key, cookie) for cookie in ada.http.cookie_jar)
    assert (await elsewhere.get("/api/rooms/")).status == 200
    stolen = {"Cookie": f"sessionid={ada.cookies['sessionid']}"}
    assert (await ada.post("/api/logout/", {"device_id": "phone"})).body == {}
    await eventually(lambda: is_signed_out(elsewhere))  # as soon as a notification has travelled
    assert (await ada.get("/api/rooms/", headers=stolen)).status == 403


async def test_a_session_seen_a_moment_ago_asks_the_database_nothing(ada: Person, server: TestServer) -> None:
    await eventually(lambda: is_listening(server))
    assert (await ada.get("/api/rooms/")).status == 200
    await server.app[CORE].database.execute("DELETE FROM sessions")  # without an announcement
    assert (await ada.get("/api/rooms/")).status == 200


async def test_memory_is_not_trusted_while_announcements_are_not_heard(
    ada: Person, server: TestServer, database_url: str
) -> None:
    assert (await ada.get("/api/rooms/")).status == 200
    admin = await asyncpg.connect(database_url)
    await admin.execute("DELETE FROM sessions")
    await admin.execute(
        "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE query LIKE 'LISTEN%session_ended%'"
        " AND datname = current_database() AND pid <> pg_backend_pid()"
    )
    await admin.close()
    await eventually(lambda: is_signed_out(ada))
    await eventually(lambda: is_listening(server))


async def test_a_session_survives_a_restart(server: TestServer, ada: Person, start_server: StartServer) -> None:
    again = await start_server()
    await server.close()
    ada.url = again.make_url("/")
    assert (await ada.get("/api/rooms/")).status == 200


async def test_login_begins_a_new_session_and_ends_the_one_before(ada: Person) -> None:
    before = ada.cookies
    await ada.log_in("ada")
    assert ada.cookies["sessionid"] != before["sessionid"]
    async with Person(ada.url) as thief:
        answer = await thief.get("/api/rooms/", headers={"Cookie": f"sessionid={before['sessionid']}"})
    assert answer.status == 403


@pytest.mark.parametrize("limit", ["session_idle_s", "session_lifetime_s"])
async def test_a_session_ends_by_itself(start_server: StartServer, visit: Visit, limit: str) -> None:
    ada = await visit("ada", at=await start_server(**{limit: 0.3}))
    await eventually(lambda: is_signed_out(ada))


async def test_using_a_session_moves_its_idle_clock_once_a_minute(
    start_server: StartServer, visit: Visit, database_url: str
) -> None:
    ada = await visit("ada", at=await start_server(session_cache_s=0.001))
    admin = await asyncpg.connect(database_url)
    seen = "SELECT seen_at, idle_expires_at FROM sessions"
    fresh = await admin.fetchrow(seen)
    assert (await ada.get("/api/rooms/")).status == 200
    assert await admin.fetchrow(seen) == fresh
    await admin.execute("UPDATE sessions SET seen_at = seen_at - interval '2 minutes'")
    assert (await ada.get("/api/rooms/")).status == 200
    moved = await admin.fetchrow(seen)
    await admin.close()
    assert moved is not None
    assert fresh is not None
    assert moved["seen_at"] > fresh["seen_at"]
    assert moved["idle_expires_at"] > fresh["idle_expires_at"]


async def test_a_hash_of_weaker_times_is_replaced_at_the_next_login(ada: Person, server: TestServer) -> None:
    database = server.app[CORE].database
    weak = PasswordHasher(time_cost=1, memory_cost=8, parallelism=1).hash(PASSWORD)
    await database.execute("UPDATE users SET password_hash = $1", weak)
    await ada.log_in("ada")
    assert str(await database.fetchval("SELECT password_hash FROM users")).startswith("$argon2id$v=19$m=19456,t=2,p=1$")
    await ada.log_in("ada")


async def test_a_foreign_authorization_header_is_ignored(ada: Person) -> None:
    for nonsense in ("Bearer null", "Basic eDp5", "nonsense"):
        answer = await ada.post("/api/rooms/", {"name": nonsense}, headers={"Authorization": nonsense})
        assert answer.status == 201


async def test_a_made_up_session_is_none(visit: Visit) -> None:
    anonymous = await visit()
    for token in ("x", "ü", "x" * 5000, '"quoted"'):
        answer = await anonymous.get("/api/rooms/", headers={"Cookie": f"sessionid={token}"})
        assert (answer.status, answer.body) == (403, NOT_LOGGED_IN)


async def test_a_post_needs_the_csrf_token(ada: Person) -> None:
    for token in ("", "wrong", "ü"):
        for path in ("/api/rooms/", "/api/login/", "/api/signup/", "/api/logout/"):
            answer = await ada.post(path, {"name": "Engines"}, headers={"X-CSRFToken": token})
            assert answer.status == 403
            assert answer.body["detail"].startswith("CSRF Failed: ")
    async with Person(ada.url) as stranger:
        answer = await stranger.post("/api/rooms/", {}, headers={"Cookie": f"sessionid={ada.cookies['sessionid']}"})
    assert (answer.status, answer.body) == (403, {"detail": "CSRF Failed: CSRF cookie not set."})


async def test_the_csrf_token_stays_until_login_changes_it(visit: Visit) -> None:
    ada = await visit("ada")
    before = ada.csrf
    await ada.get_csrf()
    assert ada.csrf == before
    await ada.log_in("ada")
    assert ada.csrf != before
    assert (await ada.post("/api/rooms/", {"name": "Engines"}, headers={"X-CSRFToken": before})).status == 403


async def test_cookies_fit_the_scheme_and_are_for_no_script(start_server: StartServer, visit: Visit) -> None:
    server = await start_server(trusted_proxies="127.0.0.0/8")
    plain = await visit(at=server)
    answer = await plain.post("/api/signup/", {"username": "ada", "password": PASSWORD})
    for forwarded, name, secure in (("http", "csrftoken", ""), ("https", "__Host-csrftoken", True)):
        answer = await plain.get("/api/csrf/", headers={"X-Forwarded-Proto": forwarded})
        cookie = answer.cookies[name]
        assert (cookie["httponly"], cookie["samesite"], cookie["path"]) == (True, "Strict", "/")
        assert (cookie["secure"], cookie["domain"]) == (secure, "")


async def test_a_proxy_that_is_not_trusted_is_not_believed(visit: Visit) -> None:
    anonymous = await visit()
    answer = await anonymous.get("/api/csrf/", headers={"X-Forwarded-Proto": "https"})
    assert list(answer.cookies) == ["csrftoken"]


async def test_links_lead_back_through_the_proxy(start_server: StartServer, visit: Visit) -> None:
    ada = await visit("ada", at=await start_server(trusted_proxies="127.0.0.1"))
    for number in range(101):
        await ada.open_room(f"Room {number}")
    cookies = "; ".join(f"__Host-{name}={value}" for name, value in ada.cookies.items())
    headers = {"X-Forwarded-Proto": "https", "Host": "chat.example", "Cookie": cookies}
    assert (await ada.get("/api/rooms/", headers=headers)).body["next"] == "https://chat.example/api/rooms/?page=2"
