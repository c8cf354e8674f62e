"""What pages offer of proofs without scripts: the file, who gets it, and what is said where there is no key."""

from pathlib import Path

import asyncpg
import pytest

from audit.tree import store
from postgres import locks
from replay.investigate import signing_pace
from tests.integration.audit.test_served_tree import signed_at
from tests.integration.conftest import StartServer, Visit
from tests.support.conditions import eventually
from tests.support.people import Person
from tests.support.vectors import LOG_KEY, LOG_SEED, ORIGIN

SECRET = "0123456789abcdef" * 4


async def page(person: Person, path: str) -> str:
    answer = await person.get(path)
    assert answer.status == 200, (path, answer.raw)
    return answer.raw.decode()


async def test_the_history_offers_the_proof_of_messages_to_those_who_may_read_them(ada: Person, bob: Person) -> None:
    room = await ada.open_room("General")
    await bob.post(f"/api/rooms/{room}/join/")
    said = (await ada.post(f"/api/rooms/{room}/messages/", {"content": "Nothing is lost."})).body["id"]
    await ada.submit(f"/rooms/{room}/messages/{said}/edit/", {"content": "Little is lost."})
    await signed_at(5, ada)
    for of in (said, said + 1):
        shown = await page(bob, f"/rooms/{room}/history/?at={of}&tab=proof")
        assert f'href="/api/rooms/{room}/messages/{said}/proof/?of={of}"' in shown
        assert "Check in this browser" in shown
    assert "This event is not a message." in await page(bob, f"/rooms/{room}/history/?at=2&tab=proof")
    await ada.post(f"/api/rooms/{room}/messages/{said}/retract/", {"why": ""})
    shown = await page(bob, f"/rooms/{room}/history/?at={said}&tab=proof")
    assert "The message was retracted." in shown
    assert "/proof/" not in shown
    assert f"{said}/proof/?of={said}" in await page(ada, f"/rooms/{room}/history/?at={said}&tab=proof")


@pytest.mark.parametrize("knows", ["the secret", "a policy", "nothing"])
async def test_the_key_in_the_page_is_that_of_the_secret_or_of_the_policy(
    start_server: StartServer, visit: Visit, database_url: str, tmp_path: Path, knows: str
) -> None:
    policy = tmp_path / "policy.txt"
    policy.write_text(f"log {LOG_KEY}\nquorum none\n")
    connection = await asyncpg.connect(database_url)
    await connection.execute("INSERT INTO audit_epochs (epoch, origin) VALUES (1, $1)", ORIGIN)
    await connection.close()
    server = await start_server(
        centrifugo_token_secret=SECRET,
        audit_key=LOG_SEED.hex() if knows == "the secret" else "",
        audit_policy=str(policy) if knows == "a policy" else "",
    )
    ada = await visit("ada", at=server)
    room = await ada.open_room("General")
    said = (await ada.post(f"/api/rooms/{room}/messages/", {"content": "hello"})).body["id"]
    shown = await page(ada, f"/rooms/{room}/messages/{said}/")
    assert (LOG_KEY in shown) == (knows != "nothing")
    assert ("does not know the public key of its log" in shown) == (knows == "nothing")


async def test_what_is_not_in_a_checkpoint_says_whether_one_comes_soon_late_or_not_at_all(
    ada: Person, database_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    room = await ada.open_room("General")
    await signed_at(2, ada)
    connection = await asyncpg.connect(database_url)
    await eventually(lambda: locks.AUDIT_TREE.try_take(connection), timeout_s=60)
    said = (await ada.post(f"/api/rooms/{room}/messages/", {"content": "Nothing is lost."})).body["id"]
    pages = (f"/rooms/{room}/messages/{said}/", f"/rooms/{room}/history/?at={said}&tab=proof")
    for path in pages:
        assert "usually within seconds" in await page(ada, path)
    with monkeypatch.context() as patched:
        patched.setattr(signing_pace, "SIGNED_WITHIN_S", -1.0)
        for path in pages:
            assert "Checkpoints are late at present" in await page(ada, path)
    await store.stop_epoch(1, "a tree of 4 events was signed, and the log has 3", connection)
    for path in pages:
        shown = await page(ada, path)
        assert "No checkpoint is signed at present" in shown
        assert "within seconds" not in shown
    await connection.close()
