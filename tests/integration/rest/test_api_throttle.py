"""Too many requests."""

import asyncio

from tests.integration.conftest import StartServer, Visit
from tests.support.people import PASSWORD, Answer, Person


def assert_throttled(answer: Answer) -> None:
    assert (answer.status, answer.body["code"]) == (429, "throttled")
    assert int(answer.headers["Retry-After"]) >= 1


async def failed_login(person: Person, username: str, address: str = "10.0.0.1") -> Answer:
    body = {"username": username, "password": "wrong password"}
    return await person.post("/api/login/", body, headers={"X-Forwarded-For": address})


async def test_a_user_who_sends_too_much_learns_when_to_try_again(start_server: StartServer, visit: Visit) -> None:
    server = await start_server(request_rate=0.01, request_burst=5)
    ada = await visit("ada", at=server)
    answers = [await ada.get("/api/rooms/") for _ in range(6)]
    assert [answer.status for answer in answers[:5]] == [200] * 5
    assert_throttled(answers[5])
    assert (await ada.get("/healthz")).status == 200


async def test_an_account_is_protected_from_guessing_wherever_the_guesses_come_from(
    start_server: StartServer, visit: Visit
) -> None:
    server = await start_server(login_account_rate=0.001, login_account_burst=3, trusted_proxies="127.0.0.1")
    ada = await visit("ada", at=server)
    answers = await asyncio.gather(*(failed_login(ada, "Ada", f"10.0.0.{number}") for number in range(10)))
    assert sorted(answer.status for answer in answers)[:3] == [400] * 3
    assert sorted(answer.status for answer in answers)[6:] == [429] * 4
    assert_throttled(await ada.post("/api/login/", {"username": "ada", "password": PASSWORD}))
    assert (await failed_login(ada, "somebody else")).status == 400


async def test_an_address_that_tries_many_accounts_is_stopped(start_server: StartServer, visit: Visit) -> None:
    server = await start_server(login_address_rate=0.001, login_address_burst=3, trusted_proxies="127.0.0.1")
    anonymous = await visit(at=server)
    for number in range(3):
        assert (await failed_login(anonymous, f"user{number}")).status == 400
    assert_throttled(await failed_login(anonymous, "user9"))
    assert (await failed_login(anonymous, "user9", "10.0.0.2")).status == 400
    assert_throttled(await failed_login(anonymous, "user9", "10.0.0.9, 10.0.0.1"))


async def test_logins_that_succeed_are_not_counted(start_server: StartServer, visit: Visit) -> None:
    ada = await visit("ada", at=await start_server(login_account_burst=1, login_address_burst=1))
    for _ in range(5):
        await ada.log_in("ada")


async def test_an_address_opens_so_many_accounts_and_no_more(start_server: StartServer, visit: Visit) -> None:
    anonymous = await visit(at=await start_server(signup_rate=0.001, signup_burst=2))
    statuses = [
        (await anonymous.post("/api/signup/", {"username": f"user{number}", "password": PASSWORD})).status
        for number in range(3)
    ]
    assert statuses == [201, 201, 429]


async def test_a_user_posts_and_opens_so_much_by_forms_and_api_together(
    start_server: StartServer, visit: Visit
) -> None:
    server = await start_server(message_rate=0.001, message_burst=2, room_rate=0.001, room_burst=2)
    ada, bob = await visit("ada", at=server), await visit("bob", at=server)
    room = await ada.open_room("Engines")
    assert (await ada.submit("/discover/", {"name": "Looms"})).status == 303
    assert_throttled(await ada.post("/api/rooms/", {"name": "Mills"}))
    assert (await ada.submit("/discover/", {"name": "Mills"})).status == 429
    assert (await ada.post(f"/api/rooms/{room}/messages/", {"content": "one"})).status == 201
    assert (await ada.submit(f"/rooms/{room}/", {"content": "two"})).status == 303
    assert_throttled(await ada.post(f"/api/rooms/{room}/messages/", {"content": "three"}))
    assert (await ada.submit(f"/rooms/{room}/", {"content": "three"})).status == 429
    await bob.open_room("Mills")
