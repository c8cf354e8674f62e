"""Guessing passwords: it slows the guesser, in every process, and not the owner."""

import asyncio
from hashlib import sha256

import asyncpg
from aiohttp.test_utils import TestServer

from api.http.app_keys import CORE
from tests.integration.conftest import StartServer, Visit
from tests.support.people import PASSWORD, Answer, Person

FEW = {"login_account_rate": 0.001, "login_account_burst": 3, "trusted_proxies": "127.0.0.1"}


async def guess(person: Person, username: str, password: str = "wrong password", address: str = "192.0.2.1") -> Answer:
    body = {"username": username, "password": password}
    return await person.post("/api/login/", body, headers={"X-Forwarded-For": address})


async def test_guesses_from_elsewhere_do_not_slow_the_owners_own_browser(
    start_server: StartServer, visit: Visit
) -> None:
    server = await start_server(**FEW)
    ada, mallory = await visit("ada", at=server), await visit(at=server)
    for _ in range(3):
        assert (await guess(mallory, "ada")).status == 400
    assert (await guess(mallory, "ada", PASSWORD)).status == 429
    assert (await guess(ada, "ada", PASSWORD)).status == 200


async def test_a_known_device_that_guesses_slows_itself_only(start_server: StartServer, visit: Visit) -> None:
    server = await start_server(**FEW)
    stolen = await visit("ada", at=server)
    statuses = [(await guess(stolen, "ada")).status for _ in range(4)]
    assert statuses == [400, 400, 400, 429]
    assert (await guess(await visit(at=server), "ada", PASSWORD)).status == 200


async def test_a_device_is_known_for_its_account_and_with_its_signature_only(
    start_server: StartServer, visit: Visit
) -> None:
    server = await start_server(**FEW)
    ada, _ = await visit("ada", at=server), await visit("bob", at=server)
    for _ in range(3):
        assert (await guess(await visit(at=server), "bob")).status == 400
    assert (await guess(ada, "bob", PASSWORD)).status == 429
    forged = await visit(at=server)
    for _ in range(3):
        assert (await guess(forged, "ada")).status == 400
    anonymous = f"csrftoken={forged.csrf}; visitor={forged.cookies['visitor']}"
    for cookie in (ada.cookies["device"][:-1], "1..", "1.x.y", "9" * 50, "٣.x.y"):
        headers = {"Cookie": f"{anonymous}; device={cookie}", "X-Forwarded-For": "192.0.2.1"}
        body = {"username": "ada", "password": PASSWORD}
        forged.http.cookie_jar.clear()
        assert (await forged.post("/api/login/", body, headers=headers)).status == 429


async def test_two_processes_count_failures_together(start_server: StartServer, visit: Visit) -> None:
    one, two = await start_server(**FEW), await start_server(**FEW)
    await visit("ada", at=one)
    guessers = [await visit(at=server) for server in (one, two)]
    statuses = [(await guess(guessers[number % 2], "ada")).status for number in range(6)]
    assert statuses == [400, 400, 400, 429, 429, 429]
    assert (await guess(guessers[1], "nobody", address="192.0.2.9")).status == 400


async def test_an_address_counts_as_a_network(start_server: StartServer, visit: Visit) -> None:
    server = await start_server(login_address_rate=0.001, login_address_burst=3, trusted_proxies="127.0.0.1")
    mallory = await visit(at=server)
    answers = await asyncio.gather(*(guess(mallory, f"u{n}", address=f"[2001:db8::{n}]:{n}") for n in range(1, 4)))
    assert [answer.status for answer in answers] == [400] * 3
    assert (await guess(mallory, "u9", address="2001:db8::ffff")).status == 429
    assert (await guess(mallory, "u9", address="2001:db8:0:1::1")).status == 400


BY_THE_RELEASE_BEFORE = """
INSERT INTO failed_logins AS bucket (key, tokens, rate, burst, counted_at) VALUES ($1, 0, 0.001, 3, now())
ON CONFLICT (key) DO UPDATE SET tokens = bucket.tokens - 1, counted_at = now()
"""


async def test_failures_that_a_process_of_the_release_before_counts_are_counted(
    start_server: StartServer, visit: Visit, database_url: str
) -> None:
    server = await start_server(**FEW)
    await visit("ada", at=server)
    mallory = await visit(at=server)
    assert (await guess(mallory, "ada")).status == 400
    psql = await asyncpg.connect(database_url)
    for row in await psql.fetch("SELECT key FROM failed_logins"):  # of the account, and of the address
        for _ in range(3):
            await psql.execute(BY_THE_RELEASE_BEFORE, row["key"])
    await psql.close()
    assert (await guess(mallory, "ada")).status == 429


async def test_the_table_of_buckets_does_not_tell_whether_a_guessed_name_or_address_was_counted(
    server: TestServer, visit: Visit
) -> None:
    await visit("ada")
    stranger = await visit()
    for name in ("ada", "nobody"):
        assert (await stranger.post("/api/login/", {"username": name, "password": "wrong"})).status == 400
    keys = {bytes(row["key"]) for row in await server.app[CORE].database.fetch("SELECT key FROM throttle_buckets")}
    guesses = ("account ada", "account nobody", "address 127.0.0.1", "signups 127.0.0.1")
    assert len(keys) >= len(guesses)
    assert keys.isdisjoint(sha256(guess.encode()).digest() for guess in guesses)
