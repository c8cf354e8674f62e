"""The README's five minutes, as a reader types them."""

import asyncio
import json
import re
import shutil
from pathlib import Path

import pytest
from aiohttp.test_utils import TestServer

from tests.support.compose_file import ROOT

needs_curl = pytest.mark.skipif(shutil.which("curl") is None, reason="needs curl")


@needs_curl
async def test_the_commands_of_the_readme_lead_from_sign_up_to_ones_own_message(
    server: TestServer, tmp_path: Path
) -> None:
    blocks = re.findall(r"^```sh\n(.*?)^```", (ROOT / "README.md").read_text(), re.MULTILINE | re.DOTALL)
    script = "\n".join(blocks).replace("localhost:9000", f"{server.host}:{server.port}")
    reader = await asyncio.create_subprocess_exec(
        "bash", "-euo", "pipefail", "-c", script, cwd=tmp_path, stdout=asyncio.subprocess.PIPE
    )
    output, _ = await reader.communicate()
    assert reader.returncode == 0
    csrf, signed_up, logged_in, room, said, repeated, page, events = map(json.loads, output.decode().splitlines())
    assert (csrf, signed_up["username"], logged_in["username"]) == ({}, "lovelace", "lovelace")
    assert (room["name"], room["member_count"]) == ("Notes", 1)
    assert said == repeated
    assert [message["content"] for message in page["results"]] == ["Nothing is lost."]
    assert [event["type"] for event in events["events"]] == ["room_opened", "user_joined", "message_added"]
