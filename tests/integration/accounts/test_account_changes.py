"""Passwords changed and reset, sessions listed and ended, accounts deactivated, sign-up by invitation."""

import re
import unicodedata
from collections.abc import Callable
from pathlib import Path

import asyncpg
import pytest
from aiohttp.test_utils import TestServer
from argon2 import PasswordHasher
from click.testing import CliRunner, Result

from api.http.app_keys import CORE
from cli.main import main
from tests.integration.cli.test_cli_commands import in_a_thread
from tests.integration.conftest import StartServer, Visit
from tests.support.conditions import eventually
from tests.support.people import PASSWORD, Person

NEW = "a quite different staple"
DECOMPOSED = unicodedata.normalize("NFD", "zwölf Äpfel im Körbchen")

Run = Callable[..., Result]


@pytest.fixture
def onrecord(database_url: str, tmp_path: Path) -> Run:
    def run(*arguments: str) -> Result:
        settings = {"DATABASE_URL": database_url, "DATA_DIR": str(tmp_path)}
        return CliRunner(env=settings).invoke(main, list(arguments))

    return run


async def logs_in(visit: Visit, username: str, password: str) -> bool:
    visitor = await visit()
    answer = await visitor.post("/api/login/", {"username": username, "password": password})
    assert answer.status in (200, 400), answer.raw
    return answer.status == 200


async def is_logged_out(person: Person) -> bool:
    return (await person.get("/api/rooms/")).status == 403


async def second_session(visit: Visit, username: str, at: TestServer) -> Person:
    person = await visit(at=at)
    await person.log_in(username)
    return person


async def actions(database_url: str) -> list[tuple[str, str, str]]:
    admin = await asyncpg.connect(database_url)
    rows = await admin.fetch("SELECT who, action, subject FROM operator_actions ORDER BY action_id")
    await admin.close()
    return [tuple(row) for row in rows]


async def test_a_changed_password_ends_the_other_sessions_in_every_process(
    ada: Person, visit: Visit, start_server: StartServer, database_url: str
) -> None:
    elsewhere = await second_session(visit, "ada", await start_server())
    changed = await ada.post("/api/account/password/", {"current": PASSWORD, "new": NEW})
    assert (changed.status, changed.body) == (200, {})
    await eventually(lambda: is_logged_out(elsewhere))
    assert not await is_logged_out(ada)
    assert not await logs_in(visit, "ada", PASSWORD)
    assert await logs_in(visit, "ada", NEW)
    assert await actions(database_url) == [("ada", "change password", "ada")]


async def test_a_password_is_changed_only_by_who_knows_it(ada: Person, visit: Visit) -> None:
    for current, new, problem in (
        ("wrong", NEW, {"current": ["This is not your password."]}),
        (PASSWORD, "short", {"new": ["Ensure this field has at least 10 characters."]}),
    ):
        refused = await ada.post("/api/account/password/", {"current": current, "new": new})
        assert (refused.status, refused.body) == (400, problem)
    guesses = [await ada.post("/api/account/password/", {"current": "wrong", "new": NEW}) for _ in range(12)]
    assert guesses[-1].status == 429
    assert not await is_logged_out(ada)


@pytest.mark.parametrize(
    ("username", "password", "problem"),
    [
        ("eve", "ninechars", "Ensure this field has at least 10 characters."),
        ("eve", "1234567890", "This password is too common."),
        ("eve", "QWERTYUIOP", "This password is too common."),
        ("Countess", "my-countess-1", "The password contains the user name."),
        ("eve@example.org", "EVE@EXAMPLE.ORG", "The password contains the user name."),
    ],
)
async def test_a_password_that_is_easily_guessed_is_refused(
    visit: Visit, username: str, password: str, problem: str
) -> None:
    refused = await (await visit()).post("/api/signup/", {"username": username, "password": password})
    assert (refused.status, refused.body) == (400, {"password": [problem]})


async def test_a_password_is_the_same_however_its_accents_were_typed(visit: Visit, server: TestServer) -> None:
    composed = unicodedata.normalize("NFC", DECOMPOSED)
    assert composed != DECOMPOSED
    for name, typed, later in (("ada", DECOMPOSED, composed), ("bob", composed, DECOMPOSED)):
        signed_up = await (await visit()).post("/api/signup/", {"username": name, "password": typed})
        assert signed_up.status == 201
        assert await logs_in(visit, name, later)
    old = PasswordHasher(time_cost=2, memory_cost=19 * 1024, parallelism=1).hash(DECOMPOSED)  # of an older release
    await server.app[CORE].database.execute("UPDATE users SET password_hash = $1", old)
    assert not await logs_in(visit, "ada", composed)
    assert await logs_in(visit, "ada", DECOMPOSED)
    assert await logs_in(visit, "ada", composed)


async def test_spaces_round_a_name_are_dropped(visit: Visit) -> None:
    signed_up = await (await visit()).post("/api/signup/", {"username": " ada\u00a0", "password": PASSWORD})
    assert signed_up.body["username"] == "ada"
    assert await logs_in(visit, "  ADA ", PASSWORD)


async def test_users_see_their_sessions_and_end_them(visit: Visit, server: TestServer) -> None:
    ada, bob = await visit("ada"), await visit("bob")
    firefox = {"User-Agent": "Mozilla/5.0 (X11; Linux x86_64; rv:140.0) Gecko/20100101 Firefox/140.0"}
    other = await visit()
    await other.post("/api/login/", {"username": "ada", "password": PASSWORD}, headers=firefox)
    sessions = (await ada.get("/api/sessions/")).body["sessions"]
    assert [(s["device"], s["network"], s["is_current"]) for s in sessions] == [
        ("Firefox on Linux", "127.0.0.0/24", False),
        ("another program", "127.0.0.0/24", True),
    ]
    assert set(sessions[0]) == {"id", "device", "network", "created_at", "seen_at", "is_current"}
    not_bobs = await bob.post("/api/sessions/end/", {"id": sessions[0]["id"]})
    assert not_bobs.status == 404
    assert not await is_logged_out(other)
    ended = await ada.post("/api/sessions/end/", {"id": sessions[0]["id"]})
    assert (ended.status, ended.body) == (200, {})
    assert await is_logged_out(other)
    third = await second_session(visit, "ada", server)
    assert (await ada.post("/api/sessions/end-all/", {})).status == 200
    assert await is_logged_out(ada)
    assert await is_logged_out(third)
    assert not await is_logged_out(bob)


async def test_the_account_page_does_the_same(visit: Visit, server: TestServer) -> None:
    ada = await visit("ada")
    other = await second_session(visit, "ada", server)
    page = (await ada.get("/account/")).raw.decode()
    (session_id,) = re.findall(r'name="id" value="(\d+)"', page)
    assert (await ada.submit("/account/end-session/", {"id": session_id})).status == 303
    assert await is_logged_out(other)
    assert (await ada.submit("/account/end-session/", {"id": "9" * 19})).status == 404
    refused = await ada.submit("/account/password/", {"current": "wrong", "new": NEW})
    assert (refused.status, b"This is not your password." in refused.raw) == (400, True)
    assert (await ada.submit("/account/password/", {"current": PASSWORD, "new": NEW})).status == 303
    assert await logs_in(visit, "ada", NEW)
    assert (await ada.submit("/account/end-all-sessions/")).status == 303
    assert await is_logged_out(ada)


async def reset_token(onrecord: Run, *options: str) -> str:
    printed = await in_a_thread(
        onrecord, "user", "reset-password", "ada", "--why", "forgot it", "--site", "https://chat.example", *options
    )
    assert printed.exit_code == 0, printed.output
    (token,) = re.findall(r"^https://chat\.example/password-reset/\?token=([\w-]+)\n$", printed.stdout)
    return str(token)


async def test_a_reset_link_works_once(ada: Person, visit: Visit, onrecord: Run, database_url: str) -> None:
    token = await reset_token(onrecord)
    stranger = await visit()
    weak = await stranger.post("/api/password-reset/", {"token": token, "password": "short"})
    assert (weak.status, list(weak.body)) == (400, ["password"])
    assert f'value="{token}"' in (await stranger.get(f"/password-reset/?token={token}")).raw.decode()
    set_anew = await stranger.submit("/password-reset/", {"token": token, "password": NEW})
    assert (set_anew.status, set_anew.headers["Location"]) == (303, "/login/")
    await eventually(lambda: is_logged_out(ada))
    assert await logs_in(visit, "ada", NEW)
    again = await stranger.post("/api/password-reset/", {"token": token, "password": PASSWORD})
    assert (again.status, list(again.body)) == (400, ["token"])
    admin = await asyncpg.connect(database_url)
    assert not await admin.fetchval("SELECT count(*) FROM password_resets")
    await admin.close()
    assert [action[1:] for action in await actions(database_url)] == [
        ("allow password reset", "ada"),
        ("reset password", "ada"),
    ]


async def test_a_reset_link_ends_with_time_a_newer_one_and_a_changed_password(
    ada: Person, visit: Visit, onrecord: Run, database_url: str
) -> None:
    stranger = await visit()

    async def is_refused(token: str) -> bool:
        answer = await stranger.post("/api/password-reset/", {"token": token, "password": NEW})
        assert answer.status in (200, 400), answer.raw
        return answer.status == 400

    replaced, expired = await reset_token(onrecord), await reset_token(onrecord)
    admin = await asyncpg.connect(database_url)
    assert await is_refused(replaced)
    assert expired.encode() not in await admin.fetchval("SELECT token_hash FROM password_resets")
    await admin.execute("UPDATE password_resets SET expires_at = now()")
    assert await is_refused(expired)
    await admin.close()
    outdated = await reset_token(onrecord)
    assert (await ada.post("/api/account/password/", {"current": PASSWORD, "new": NEW})).status == 200
    assert await is_refused(outdated)


async def test_a_deactivated_account_is_out_at_once_and_keeps_its_name_in_history(
    ada: Person, visit: Visit, onrecord: Run, start_server: StartServer, database_url: str
) -> None:
    bob = await visit("bob")
    room = await bob.open_room("Engines")
    assert (await ada.post(f"/api/rooms/{room}/join/", {})).status == 200
    assert (await ada.post(f"/api/rooms/{room}/messages/", {"content": "on record"})).status == 201
    elsewhere = await second_session(visit, "ada", await start_server())
    told = await in_a_thread(onrecord, "user", "deactivate", "Ada", "--why", "spam", "--by", "root")
    assert (told.exit_code, told.stdout) == (0, "ada is deactivated\n")
    await eventually(lambda: is_logged_out(ada))
    await eventually(lambda: is_logged_out(elsewhere))
    assert not await logs_in(visit, "ada", PASSWORD)
    messages = (await bob.get(f"/api/rooms/{room}/messages/")).body["results"]
    assert messages[0]["user"]["username"] == "ada"
    told = await in_a_thread(onrecord, "user", "reactivate", "ada", "--why", "a mistake", "--by", "root")
    assert (told.exit_code, told.stdout) == (0, "ada is active\n")
    assert await is_logged_out(ada)
    assert await logs_in(visit, "ada", PASSWORD)
    assert await actions(database_url) == [("root", "deactivate", "ada"), ("root", "reactivate", "ada")]
    for command in ("deactivate", "reactivate", "reset-password"):
        unknown = await in_a_thread(onrecord, "user", command, "nobody", "--why", "x")
        assert (unknown.exit_code, unknown.stderr) == (1, "Error: No such user: nobody.\n")


async def test_sign_up_is_closed_or_by_invitation(visit: Visit, start_server: StartServer, onrecord: Run) -> None:
    closed = await visit(at=await start_server(signup="closed"))
    refused = await closed.post("/api/signup/", {"username": "eve", "password": PASSWORD})
    assert (refused.status, refused.body["code"]) == (403, "signup_closed")
    assert (await closed.submit("/signup/", {"username": "eve", "password": PASSWORD})).status == 403
    assert "Sign up" not in (await closed.get("/login/")).raw.decode()
    printed = await in_a_thread(onrecord, "user", "invite", "--uses", "2", "--expires", "1h", "--why", "friends")
    (token,) = re.findall(r"/signup/\?invitation=([\w-]+)\n$", printed.stdout)
    guest = await visit(at=await start_server(signup="invite"))

    async def sign_up(username: str, invitation: str) -> int:
        body = {"username": username, "password": PASSWORD, "invitation": invitation}
        answer = await guest.post("/api/signup/", body)
        assert answer.status == 201 or "invitation" in answer.body or "username" in answer.body
        return answer.status

    assert [await sign_up("ada", ""), await sign_up("ada", "made-up")] == [400, 400]
    assert f'value="{token}"' in (await guest.get(f"/signup/?invitation={token}")).raw.decode()
    assert await sign_up("ada", token) == 201
    assert await sign_up("ADA", token) == 400  # a refused sign-up uses nothing up
    fields = {"username": "bob", "password": PASSWORD, "invitation": token}
    assert (await guest.submit("/signup/", fields)).status == 303
    await guest.get_csrf()
    assert await sign_up("eve", token) == 400
