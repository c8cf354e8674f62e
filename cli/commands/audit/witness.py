"""`onrecord audit witness`: a witness for the logs of others."""

import asyncio
import signal
import sqlite3
import time
from collections.abc import Callable
from pathlib import Path

import click
from aiohttp import web

from api.logs import configure_logs
from audit.proofs.policy import BadPolicy, parse_policy
from audit.signing.notes import COSIGNATURE, BadNote, SigningKey
from audit.signing.seed import read_seed
from audit.witnesses.seen_trees import SeenTrees
from audit.witnesses.witness import CheckpointWitness
from audit.witnesses.witness_server import create_witness_app

KEY_FILE = "witness_key"
SEEN_FILE = "seen.sqlite"


@click.command()
@click.argument("policy", type=click.Path(path_type=Path, exists=True, dir_okay=False))
@click.option("--name", required=True, help="Of the witness, as witness.example/w1: it is in every cosignature.")
@click.option(
    "--data", type=click.Path(path_type=Path, file_okay=False), required=True, help="Where key and record are."
)
@click.option("--host", default="127.0.0.1", show_default=True)
@click.option("--port", type=click.IntRange(0, 65535), default=9300, show_default=True)
def witness(policy: Path, name: str, data: Path, host: str, port: int) -> None:
    """Cosign the checkpoints of the logs in a POLICY file (lines `log <key>`), for those who run them.

    A checkpoint is cosigned when it continues the one that was cosigned last; that is recorded in --data first. Run it
    on a machine of its own, keep --data, and give the logs' operators the line that is printed at the start.

    \b
    onrecord audit witness logs.txt --name witness.example/w1 --data /srv/witness
    """
    try:
        logs = parse_policy(policy.read_text(encoding="utf-8")).logs
        key = SigningKey(name, _seed(data), type=COSIGNATURE)
        seen = SeenTrees(data / SEEN_FILE)
    except (BadPolicy, BadNote, UnicodeDecodeError, ValueError) as error:
        raise click.ClickException(str(error)) from None
    except OSError as error:
        raise click.ClickException(f"{error.filename}: {error.strerror}") from None
    except sqlite3.Error as error:
        raise click.ClickException(f"{data / SEEN_FILE}: {error}") from None
    if not logs:
        raise click.ClickException(f"{policy} has no line `log`: there is nothing to cosign")
    configure_logs("info")
    app = create_witness_app(CheckpointWitness(key, logs, seen, now=time.time))
    asyncio.run(_serve(app, host, port, lambda url: click.echo(f"witness {name} {key.verifier} {url}")))


async def _serve(app: web.Application, host: str, port: int, ready: Callable[[str], None]) -> None:
    """Answer until a signal to stop; `ready` is called with the URL."""
    stop = asyncio.Event()
    for number in (signal.SIGINT, signal.SIGTERM):
        asyncio.get_running_loop().add_signal_handler(number, stop.set)
    runner = web.AppRunner(app, access_log=None)
    await runner.setup()
    try:
        await web.TCPSite(runner, host, port).start()
        ready(f"http://{host}:{runner.addresses[0][1]}/")
        await stop.wait()
    except OSError as error:
        raise click.ClickException(f"cannot listen on {host}:{port} ({error.strerror})") from None
    finally:
        await runner.cleanup()


def _seed(data: Path) -> bytes:
    """The secret of the witness, generated at its first start. Raises OSError, and ValueError for a damaged one."""
    data.mkdir(parents=True, exist_ok=True)
    try:
        seed = read_seed(data / KEY_FILE, generates=True)
    except ValueError as error:
        raise ValueError(f"{data / KEY_FILE} is damaged ({error})") from error
    assert seed is not None, "it is generated"
    return seed
