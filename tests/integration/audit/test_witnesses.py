"""Witnesses cosign what we sign: ours, over HTTP, and some that are slow, dead or lie."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import AsyncExitStack
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path

import asyncpg
import pytest
from aiohttp import web
from aiohttp.test_utils import TestServer

from audit.append_only_file import AppendOnlyFile
from audit.proofs.policy import Witness, parse_policy
from audit.signing.anchor import AnchorFile
from audit.signing.checkpoint import Checkpoint
from audit.signing.key_limits import LimitedKey
from audit.signing.keys import SignerKeys
from audit.signing.notes import COSIGNATURE, Note, SigningKey, parse_note
from audit.signing.signer import Contradiction, Signer
from audit.tree.store import Published
from audit.witnesses.cosigning import RolledBack, Witnesses
from audit.witnesses.seen_trees import SeenTrees
from audit.witnesses.standing import Standing, read_standings
from audit.witnesses.submission import Submission
from audit.witnesses.witness import CheckpointWitness
from audit.witnesses.witness_server import create_witness_app
from tests.integration.audit.test_tree_growth import ADD, ORIGIN, connection, grown
from tests.support.signing import CHANGES, ring
from tests.support.vectors import WITNESS_NAME, WITNESS_SEED

__all__ = ["connection"]

SEED = bytes(range(32))
KEYS = SignerKeys(ORIGIN, SEED)
WITNESS_KEY = SigningKey(WITNESS_NAME, WITNESS_SEED, type=COSIGNATURE)
NOON = datetime(2026, 1, 1, 12, tzinfo=UTC)
PATIENCE_S = 60.0
SHORT_S = 1.0

Answer = Callable[[web.Request], Awaitable[web.StreamResponse]]


@dataclass
class Log:
    """One process that signs, and its witnesses."""

    connection: asyncpg.Connection
    anchor: Path
    running: AsyncExitStack
    patience_s: float = PATIENCE_S
    signer: Signer = field(init=False)
    asked: list[str] = field(default_factory=list)

    async def serve(self, app: web.Application) -> str:
        server = await self.running.enter_async_context(TestServer(app))
        return str(server.make_url("/"))

    async def answering(self, answer: Answer) -> str:
        """A witness that answers in its own way; what it was asked is kept."""

        async def handle(request: web.Request) -> web.StreamResponse:
            self.asked.append(await request.text())
            return await answer(request)

        app = web.Application()
        app.router.add_post("/add-checkpoint", handle)
        return await self.serve(app)

    def ask(self, *urls: str) -> None:
        """From now on, ask witnesses at these addresses. All have one key; their names tell them apart."""
        asked = [Witness(f"w{number}", WITNESS_KEY.verifier, url) for number, url in enumerate(urls, start=1)]
        self.signer = Signer(
            AnchorFile(AppendOnlyFile(self.anchor)),
            ring(SEED),
            CHANGES,
            Witnesses(asked, patience_s=self.patience_s),
            now=lambda: NOON,
        )

    async def sign(self, *, rows: int) -> Note:
        """Add rows, and sign."""
        await self.connection.execute(ADD, f"rows {rows}", rows)
        signed: Published | None = await self.signer.sign(await grown(self.connection), self.connection)
        assert signed is not None
        return parse_note(signed.note)

    async def look(self) -> Note | None:
        """Look again without news; what is published then, where that is more than before."""
        found = await self.signer.sign(await grown(self.connection), self.connection)
        return parse_note(found.note) if found is not None else None

    async def standing(self, name: str = "w1") -> Standing:
        (found,) = [each for each in await read_standings(1, self.connection) if each.name == name]
        return found


@pytest.fixture
async def log(connection: asyncpg.Connection, tmp_path: Path) -> AsyncIterator[Log]:
    async with AsyncExitStack() as running:
        yield Log(connection, tmp_path / "anchor.jsonl", running)


def witness_app(folder: Path, *, time: float = 1_800_000_000.0) -> web.Application:
    """A witness of ours that knows the log."""
    seen = SeenTrees(folder / "seen.sqlite")
    return create_witness_app(CheckpointWitness(WITNESS_KEY, [LimitedKey(KEYS.log)], seen, now=lambda: time))


async def test_a_checkpoint_carries_the_cosignature_of_a_witness_that_saw_one_history(log: Log, tmp_path: Path) -> None:
    log.ask(await log.serve(witness_app(tmp_path)))
    policy = parse_policy(f"log {KEYS.log}\nwitness w1 {WITNESS_KEY.verifier}\nquorum w1\n")
    for rows in (3, 300, 1):
        note = await log.sign(rows=rows)
        assert note.signed_by(KEYS.log)
        assert note.signed_at(WITNESS_KEY.verifier) == 1_800_000_000
        assert policy.is_satisfied(policy.cosigned_at(note))
    standing = await log.standing()
    assert (standing.size, standing.problem) == (304, None)
    assert standing.cosigned_at == datetime.fromtimestamp(1_800_000_000, UTC)


async def test_a_witness_that_saw_more_than_we_remember_is_asked_from_there(log: Log, tmp_path: Path) -> None:
    url = await log.serve(witness_app(tmp_path))
    log.ask(url)
    await log.sign(rows=3)
    await log.connection.execute("DELETE FROM audit_witnesses")  # as where the answer was lost
    assert (await log.sign(rows=40)).signed_at(WITNESS_KEY.verifier)


async def test_a_witness_that_the_policy_gains_is_offered_the_newest_checkpoint_at_once(
    log: Log, tmp_path: Path
) -> None:
    log.ask()
    signed = await log.sign(rows=3)
    anchored = log.anchor.read_text()
    assert await log.look() is None, "no news, and no witness"
    log.ask(await log.serve(witness_app(tmp_path)))
    cosigned = await log.look()
    assert cosigned is not None
    assert (cosigned.text, cosigned.signatures[:2]) == (signed.text, signed.signatures)
    assert cosigned.signed_at(WITNESS_KEY.verifier) == 1_800_000_000
    assert log.anchor.read_text() == anchored, "nothing was signed anew"
    assert (await log.standing()).size == 3
    assert await log.look() is None


async def test_a_witness_that_was_away_cosigns_without_news_as_soon_as_it_is_asked_again(
    log: Log, tmp_path: Path
) -> None:
    log.ask("http://127.0.0.1:1/")
    await log.sign(rows=3)
    log.ask(await log.serve(witness_app(tmp_path)))
    assert (await log.standing()).problem is not None
    cosigned = await log.look()
    assert cosigned is not None
    assert cosigned.signed_at(WITNESS_KEY.verifier)
    assert (await log.standing()).problem is None


async def test_a_slow_witness_holds_up_one_checkpoint_for_a_moment_and_is_left_alone(log: Log) -> None:
    never = asyncio.Event()

    async def wait(_: web.Request) -> web.Response:
        await never.wait()
        return web.Response()

    log.patience_s = SHORT_S
    log.ask(await log.answering(wait))
    for rows in (3, 4, 5):
        note = await log.sign(rows=rows)
        assert note.signed_by(KEYS.log)
        assert note.signed_at(WITNESS_KEY.verifier) is None
    never.set()
    assert len(log.asked) == 1
    assert (await log.standing()).problem == "it did not answer within 1 s"


async def test_a_dead_witness_does_not_keep_the_others_from_cosigning(log: Log, tmp_path: Path) -> None:
    log.ask("http://127.0.0.1:1/", await log.serve(witness_app(tmp_path)))
    assert (await log.sign(rows=3)).signed_at(WITNESS_KEY.verifier)
    assert "cannot be reached" in ((await log.standing()).problem or "")
    assert (await log.standing("w2")).size == 3


def of_another_tree(text: str) -> str:
    """A cosignature that fits another root."""
    other = Checkpoint(ORIGIN, Checkpoint.parse(Submission.parse(text).checkpoint.text).size, bytes(32))
    return WITNESS_KEY.sign(other.text, time=1_800_000_000).line


def without_a_time(text: str) -> str:
    return WITNESS_KEY.sign(Submission.parse(text).checkpoint.text, time=0).line


@pytest.mark.parametrize(
    ("answer", "problem"),
    [
        (lambda text: web.Response(text=of_another_tree(text)), "does not fit"),
        (lambda text: web.Response(text=without_a_time(text)), "with a time"),
        (lambda text: web.Response(text="signed\n"), "cannot be used"),
        (lambda text: web.Response(status=409, text="many\n"), "cannot be used"),
        (lambda text: web.Response(status=409, text="0\n"), "it saw a tree of 0 events last"),
        (lambda text: web.Response(status=403), "does not know this log"),
        (lambda text: web.Response(status=404), "does not know this log"),
        (lambda text: web.Response(status=422), "does not continue"),
        (lambda text: web.Response(status=302, headers={"Location": "/"}), "it answered 302"),
    ],
    ids=["another tree", "no time", "no signature", "no size", "the same again", "403", "404", "422", "302"],
)
async def test_what_a_witness_does_wrong_is_said_and_stays_out_of_the_checkpoint(
    log: Log, answer: Callable[[str], web.Response], problem: str
) -> None:
    async def handle(request: web.Request) -> web.Response:
        return answer(await request.text())

    log.ask(await log.answering(handle))
    note = await log.sign(rows=3)
    assert [each.name for each in note.signatures] == [ORIGIN, f"{ORIGIN}/time"]
    standing = await log.standing()
    assert problem in (standing.problem or "")
    assert (standing.size, standing.cosigned_at) == (0, None)
    asked = len(log.asked)
    assert await log.look() is None
    assert len(log.asked) == asked, "it is left alone for a while"


async def test_an_answer_in_pieces_is_taken_whole_and_one_without_end_is_not(log: Log) -> None:
    def in_pieces(repeated: int) -> Answer:
        async def handle(request: web.Request) -> web.StreamResponse:
            line = WITNESS_KEY.sign(Submission.parse(await request.text()).checkpoint.text, time=7).line.encode()
            response = web.StreamResponse()
            await response.prepare(request)
            for piece in (line[:40], line[40:] * repeated):
                await response.write(piece)
                await asyncio.sleep(0.05)  # so that the pieces arrive one by one
            return response

        return handle

    log.ask(await log.answering(in_pieces(1)), await log.answering(in_pieces(1000)))
    assert (await log.sign(rows=3)).signed_at(WITNESS_KEY.verifier) == 7
    assert (await log.standing()).problem is None
    assert "more than 65536 bytes" in ((await log.standing("w2")).problem or "")


async def test_a_witness_that_cosigned_a_larger_tree_stops_signing(log: Log) -> None:
    async def more(_: web.Request) -> web.Response:
        return web.Response(status=409, text="900\n", content_type="text/x.tlog.size")

    log.ask(await log.answering(more))
    with pytest.raises(RolledBack, match="w1 has cosigned a tree of 900 events, and the log has 3"):
        await log.sign(rows=3)
    assert issubclass(RolledBack, Contradiction), "the epoch is stopped"
    assert len(log.asked) == 1, "not asked again"
    assert "900" in ((await log.standing()).problem or "")
