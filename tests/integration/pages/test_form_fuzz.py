"""No form, whatever is in it and around it, meets a server error."""

import asyncio
import http.client
from collections.abc import Iterator

import pytest
from aiohttp import web
from aiohttp.test_utils import TestServer
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from api.http.app_keys import ACCOUNTS
from tests.integration.conftest import Visit
from tests.support.operator import OPERATOR
from tests.support.people import Person

FORM = "application/x-www-form-urlencoded"
AWKWARD = st.sampled_from(("", "\x00", "%00", "\ud800", "%ff", "\u0660", "9" * 5000, "k" * 8000, "é", "\r\n", "=&="))
VALUES = st.one_of(AWKWARD, st.text(max_size=50))
NAMES = st.sampled_from(
    ("content", "name", "key", "username", "password", "next", "why", "position", "restart", "member", "minutes")
)
FIELDS = st.dictionaries(NAMES, VALUES, max_size=6)
TYPES = st.sampled_from(
    (
        FORM,
        f"{FORM}; charset=no-such-charset",
        f"{FORM}; charset=utf-16",
        f"{FORM}; charset=\x80",
        "multipart/form-data",
        "multipart/form-data; boundary=b",
        'multipart/form-data; boundary="' + "b" * 300 + '"',
        "application/json",
        "text/\xff",
        ";;;",
        "",
    )
)
MULTIPART = (
    b'--b\r\nContent-Disposition: form-data; name="csrf"; filename="%s"\r\n\r\nx\r\n--b--\r\n' % (b"f" * 300),
    b"--b\r\nContent-Disposition: form-data\r\n\r\nx\r\n--b--\r\n",
    b"--b\r\nContent-Transfer-Encoding: base64\r\n\r\n*\r\n--b--\r\n",
    b"--b\r\n",
)
BODIES = st.one_of(st.binary(max_size=100), st.sampled_from((*MULTIPART, b"a&" * 2000, b"x" * 70_000, b"csrf=%FF")))
ENCODINGS = st.sampled_from((None, None, None, None, "identity", "gzip", "deflate", "br", "no-such-encoding"))
HEADERS = st.dictionaries(
    st.sampled_from(("Cookie", "Host", "Accept", "X-Forwarded-For", "X-Request-ID", "Origin", "Idempotency-Key")),
    st.sampled_from(("", "\xff", "csrftoken=\xff", "sessionid=\xff; visitor=\xff", "a;b", '"', "\x01", "x" * 300)),
    max_size=1,
)
QUERIES = st.sampled_from(("", "", "?page=0", "?page=%ff", "?page=9999999999999", "?q=%00", "?z=%ff", "?next=%00"))
ROOMS = st.sampled_from(("%00", "%ff", "f" * 300, "00000000-0000-4000-8000-000000000000", ""))
"""What stands for the room where it is not the user's own."""


def form_paths(app: web.Application) -> Iterator[str]:
    """Every page that takes a form."""
    for route in app.router.routes():
        if route.method == "POST" and route.resource and not route.resource.canonical.startswith("/api/"):
            yield route.resource.canonical


def encoded(fields: dict[str, str]) -> bytes:
    """A form whose values are what they are, also where they cannot be."""
    return b"&".join(
        name.encode() + b"=" + "".join(f"%{byte:02x}" for byte in value.encode("utf-8", "surrogatepass")).encode()
        for name, value in fields.items()
    )


@pytest.mark.parametrize("has_session", [True, False])
async def test_no_form_meets_a_server_error(server: TestServer, visit: Visit, has_session: bool) -> None:
    met: dict[int, int] = {}

    def send(person: Person, path: str) -> None:
        cookies = "; ".join(f"{name}={value}" for name, value in person.cookies.items())

        @settings(max_examples=20, database=None, derandomize=True, suppress_health_check=[*HealthCheck])
        @given(data=st.data())
        def attempt(data: st.DataObject) -> None:
            is_form = data.draw(st.booleans())
            body = encoded({"csrf": person.csrf, **data.draw(FIELDS)}) if is_form else data.draw(BODIES)
            encoding = data.draw(ENCODINGS)
            headers = {
                "Cookie": cookies,
                "Content-Type": FORM if is_form and data.draw(st.booleans()) else data.draw(TYPES),
                **({} if encoding is None else {"Content-Encoding": encoding}),
                **data.draw(HEADERS),
            }
            filled = path.replace("{room_id}", data.draw(st.sampled_from((room, room, data.draw(ROOMS)))))
            filled = filled.replace("{dead_letter_id}", data.draw(st.sampled_from(("1", "x", "9" * 30, "%00"))))
            connection = http.client.HTTPConnection("127.0.0.1", server.port, timeout=20)
            try:
                connection.putrequest("POST", filled + data.draw(QUERIES), skip_host="Host" in headers)
                for name, value in {**headers, "Content-Length": str(len(body))}.items():
                    connection.putheader(name, value.encode("latin-1"))
                connection.endheaders(body)
                status = connection.getresponse().status
            finally:
                connection.close()
            met[status] = met.get(status, 0) + 1
            assert status < 500, (status, filled, headers, body[:200])

        attempt()

    room = "00000000-0000-4000-8000-000000000000"
    for number, path in enumerate(form_paths(server.app)):
        person = await visit(f"user{number}" if has_session else None)  # a form may end the session
        if has_session:
            await server.app[ACCOUNTS].set_role(f"user{number}", "admin", operator=OPERATOR)
            room = await person.open_room(f"Room {number}")
        await asyncio.to_thread(send, person, path)
    assert set(met) >= ({303, 400, 403, 404, 415} if has_session else {303, 400, 403, 415}), met


@pytest.mark.parametrize("path", ["/static/" + "x" * 300, "/static/%00", "/x" * 2000, "/" + "%F0%9F%98%80" * 80])
async def test_names_that_no_file_can_have_are_not_found(visit: Visit, path: str) -> None:
    assert (await (await visit()).get(path)).status == 404


async def test_a_key_is_as_in_the_api_and_a_form_is_a_form(ada: Person) -> None:
    room = await ada.open_room("Engines")
    for key in ("\x00", "k" * 8000, "\u200b"):
        assert (await ada.submit(f"/rooms/{room}/", {"content": "x", "key": key})).status == 400
        assert (await ada.submit("/discover/", {"name": "x", "key": key})).status == 400
    assert (await ada.get(f"/api/rooms/{room}/messages/")).body["count"] == 0


async def test_a_form_that_cannot_be_read_is_refused_by_a_page(visit: Visit) -> None:
    ada, stranger = await visit("ada"), await visit()
    headers = {"Content-Type": "text/plain", "Origin": f"http://{ada.url.authority}"}
    for person, path, status in (
        (ada, "/discover/", 415),
        (stranger, "/discover/", 415),
        (ada, "/operations/pause/", 403),
    ):
        answer = await person.post(path, raw=MULTIPART[0], headers=headers)
        assert (answer.status, answer.headers["Content-Type"]) == (status, "text/html; charset=utf-8")
