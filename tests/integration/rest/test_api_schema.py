"""The API does what its own description says, whatever it is sent."""

import asyncio
import sys

import pytest

from tests.support.people import Person

CHECKS = (
    "not_a_server_error",
    "status_code_conformance",
    "content_type_conformance",
    "response_headers_conformance",
    "response_schema_conformance",
    "unsupported_method",
    "allow_header_conformance",
)


@pytest.mark.long
async def test_a_fuzzer_meets_no_server_error_and_no_answer_outside_the_schema(ada: Person) -> None:
    await ada.open_room("Engines")
    cookies = "; ".join(f"{name}={value}" for name, value in ada.cookies.items())
    fuzzer = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "schemathesis.cli", "run", f"{ada.url}api/openapi.json"),
        *("-H", f"Cookie: {cookies}", "-H", f"X-CSRFToken: {ada.csrf}"),
        # These would end the session that all the others need.
        *("--exclude-path-regex", "/api/(log(in|out)|sessions/end-all)/"),
        *("--checks", ",".join(CHECKS), "--max-examples", "10", "--seed", "1", "--generation-database", "none"),
        *("--phases", "coverage,fuzzing,stateful", "--no-color"),
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.STDOUT,
    )
    output, _ = await fuzzer.communicate()
    assert fuzzer.returncode == 0, output.decode()[-5000:]


async def test_people_read_the_same_on_a_page_that_asks_no_other_host(ada: Person) -> None:
    page = (await ada.get("/api/docs/")).raw.decode()
    described = (await ada.get("/api/openapi.json")).body
    for path, operations in described["paths"].items():
        for method in operations:
            assert f"{method.upper()} {path}" in page
    for name in described["components"]["schemas"]:
        assert f'id="{name}"' in page
    assert "http://" not in page
    assert "https://" not in page
