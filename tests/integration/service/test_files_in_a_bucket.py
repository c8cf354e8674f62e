"""Files of messages in a bucket that speaks S3: kept, read, erased, moved; and what happens while it is away."""

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from aiohttp.test_utils import TestServer
from click.testing import CliRunner, Result

from api.settings import Settings
from cli.main import main
from tests.integration.conftest import StartServer
from tests.support.conditions import eventually
from tests.support.folders import read_files
from tests.support.object_storage import ObjectStorage, object_storage
from tests.support.people import Answer, Person

BIG = bytes(range(256)) * 30_000
"""More than S3 takes in one piece: 7.7 MB."""


@pytest.fixture
async def bucket(tmp_path: Path) -> AsyncIterator[ObjectStorage]:
    async with object_storage(tmp_path / "objects") as storage:
        yield storage


@pytest.fixture
async def server(start_server: StartServer, bucket: ObjectStorage) -> TestServer:
    return await start_server(**bucket.settings)


@pytest.fixture
async def room(ada: Person) -> str:
    return await ada.open_room("General")


async def upload(person: Person, room: str, data: bytes) -> Answer:
    return await person.post(f"/api/rooms/{room}/attachments/", raw=data, headers={"X-File-Name": "a.bin"})


async def say(person: Person, room: str, *uploads: Answer) -> str:
    """A message with these files; the path of its files."""
    body = {"content": "see", "attachments": [each.body["id"] for each in uploads]}
    said = await person.post(f"/api/rooms/{room}/messages/", body)
    assert said.status == 201, said.raw
    return f"/api/rooms/{room}/messages/{said.body['id']}/attachments"


def objects(bucket: ObjectStorage) -> list[bytes]:
    return sorted(read_files(bucket.objects).values())


async def onrecord(settings: Settings, bucket: ObjectStorage, *arguments: str) -> Result:
    named = {name.upper(): value for name, value in bucket.settings.items()}
    runner = CliRunner(env={"DATABASE_URL": settings.database_url, "DATA_DIR": settings.data_dir, **named})
    return await asyncio.to_thread(runner.invoke, main, list(arguments))


async def test_files_are_kept_read_and_erased_there(
    ada: Person, bob: Person, admin: Person, room: str, bucket: ObjectStorage, settings: Settings, tmp_path: Path
) -> None:
    await bob.post(f"/api/rooms/{room}/join/")
    sent = [await upload(ada, room, data) for data in (BIG, b"", b"small")]
    assert [each.status for each in sent] == [201, 201, 201]
    path = await say(ada, room, *sent)
    for each, data in zip(sent, (BIG, b"", b"small"), strict=True):
        got = await bob.get(f"{path}/{each.body['id']}/")
        assert (got.status, got.raw == data, got.headers["Content-Length"]) == (200, True, str(len(data)))
        assert got.headers["X-Content-Type-Options"] == "nosniff"
        assert got.headers["Content-Security-Policy"].startswith("sandbox; default-src 'none'")
    assert objects(bucket) == sorted([BIG, b"", b"small"])
    assert not settings.attachments_folder.exists()
    verified = await onrecord(settings, bucket, "attachments", "verify")
    assert verified.stdout == f"3 files of messages, {len(BIG) + 5:,} bytes: all are there, as the log says\n"
    exported = await onrecord(settings, bucket, "events", "export", str(tmp_path / "log.jsonl.gz"))
    assert exported.stdout.endswith("and 3 files of messages\n"), exported.output

    versions = [int(path.split("/")[5])]
    body = {"versions": versions, "why": "asked for", "dry_run": False}
    assert (await admin.post(f"/api/rooms/{room}/erase/", body)).status == 200

    async def are_removed() -> bool:
        return objects(bucket) == []

    await eventually(are_removed)
    assert (await onrecord(settings, bucket, "attachments", "verify")).exit_code == 0


async def test_what_does_not_come_whole_leaves_nothing_there(
    start_server: StartServer, bucket: ObjectStorage, ada: Person, room: str
) -> None:
    small = await start_server(**bucket.settings, attachment_limit=100_000)
    async with Person(small.make_url("/")) as other:
        await other.log_in("ada")
        assert (await upload(other, room, b"x" * 100_001)).status == 413
    assert objects(bucket) == []


async def test_while_it_is_away_files_are_answered_503_and_everything_else_goes_on(
    ada: Person, room: str, bucket: ObjectStorage, settings: Settings
) -> None:
    sent = await upload(ada, room, b"kept")
    path = await say(ada, room, sent)
    await bucket.stop()
    for answer in (await upload(ada, room, b"new"), await ada.get(f"{path}/{sent.body['id']}/")):
        assert (answer.status, answer.body["code"]) == (503, "files_unavailable")
        assert answer.headers["Retry-After"]
    assert (await ada.post(f"/api/rooms/{room}/messages/", {"content": "words go on"})).status == 201
    form = await ada.submit(f"/rooms/{room}/", {"content": "typed"}, files=[("a", b"x")])
    assert (form.status, b"typed" in form.raw) == (503, True), form.raw
    failed = await onrecord(settings, bucket, "attachments", "verify")
    assert (failed.exit_code, failed.stderr.count("\n")) == (1, 1), failed.stderr
    await bucket.start()

    assert (await ada.get(f"{path}/{sent.body['id']}/")).raw == b"kept"
    assert (await upload(ada, room, b"new")).status == 201


@pytest.mark.parametrize("changed", [{"aws_secret_access_key": "another"}, {"attachments": "s3://nowhere"}], ids=str)
async def test_a_bucket_that_is_not_ours_is_answered_503(
    start_server: StartServer, bucket: ObjectStorage, ada: Person, room: str, changed: dict[str, str]
) -> None:
    wrong = await start_server(**{**bucket.settings, **changed})
    async with Person(wrong.make_url("/")) as other:
        await other.log_in("ada")
        answer = await upload(other, room, b"x")
        assert (answer.status, answer.body["code"]) == (503, "files_unavailable"), answer.raw
    assert objects(bucket) == []
