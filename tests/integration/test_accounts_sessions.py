"""Signing up, in and out."""

from tests.integration.conftest import StartServer, Visit
from tests.people import PASSWORD, Person

NOT_SIGNED_IN = {"detail": "Authentication credentials were not provided."}


async def test_somebody_signs_up_and_logs_in(visit: Visit) -> None:
    ada = await visit()
    signed_up = await ada.post("/api/signup/", {"username": "ada", "password": PASSWORD})
    assert (signed_up.status, signed_up.body) == (201, {"id": 1, "username": "ada"})
    logged_in = await ada.post("/api/login/", {"username": "ada", "password": PASSWORD})
    assert (logged_in.status, logged_in.body) == (
        200,
        {
            "id": 1,
            "username": "ada",
            "settings": {"push_notifications": {"enabled": False, "vapid_public_key": "", "firebase_config": {}}},
        },
    )


async def test_logout_ends_the_session_in_every_process(ada: Person, visit: Visit, start_server: StartServer) -> None:
    elsewhere = await visit(at=await start_server())
    elsewhere.http.cookie_jar.update_cookies((c.key, c) for c in ada.http.cookie_jar)
    elsewhere.csrf = ada.csrf
    assert (await ada.post("/api/logout/", {})).status == 200
    for person in (ada, elsewhere):
        answer = await person.post("/api/logout/", {})
        assert (answer.status, answer.body) == (403, NOT_SIGNED_IN)
