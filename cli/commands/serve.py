"""`onrecord serve`: the service."""

import asyncio
import contextlib
import functools
import logging
import os
import signal
import socket
from collections.abc import Callable, Iterator
from types import FrameType

import click
import uvloop
from aiohttp import web

from api.app import create_app
from api.http.app_keys import ACCOUNTS, CORE, HEADER_DEADLINE
from api.logs import configure_logs, logs_held_back
from api.settings import Settings
from cli.support.demo_data import seed
from cli.support.environment import bring_up_to_date, database, location
from cli.support.garbage import collect_garbage_less_often
from cli.support.servers.sole_hub import RealtimePlace, sole_hub
from cli.support.servers.sole_server import sole_server

SHUTDOWN_S = 5.0
"""How long requests under way may take to finish after a signal to stop."""

BACKLOG = 1024

log = logging.getLogger(__name__)


@click.command()
def serve() -> None:
    """Run the service, with the embedded PostgreSQL unless DATABASE_URL names another. Ctrl-C stops everything.

    \b
    onrecord serve
    PORT=9100 DATA_DIR=/srv/onrecord onrecord serve
    DATABASE_URL=postgresql://onrecord@db/onrecord HOST=0.0.0.0 onrecord serve
    """
    settings = Settings.from_environment()
    settings.refuse_public_demo()
    configure_logs(settings.log_level)
    with (
        contextlib.suppress(KeyboardInterrupt),
        logs_held_back() as release_logs,
        _terminated_as_interrupted(),
        _listening(settings) as listener,
        sole_server(settings, _address(listener)),
        database(settings) as running,
    ):
        bring_up_to_date(running)
        if settings.embedded and os.geteuid() == 0:
            log.warning("started by root: PostgreSQL runs as another user; start the service as an ordinary user")
        with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
            print_addresses = functools.partial(_print_addresses, settings, listener)
            runner.run(_serve(running, listener, print_addresses, seeds_demo=settings.seeds_demo, ready=release_logs))


async def _serve(
    settings: Settings,
    listener: socket.socket,
    print_addresses: Callable[[str | None], None],
    *,
    seeds_demo: bool,
    ready: Callable[[], None],
) -> None:
    """Answer requests on `listener` until a signal to stop; `ready` is called once the addresses are printed."""
    stop = asyncio.Event()
    for number in (signal.SIGINT, signal.SIGTERM):
        asyncio.get_running_loop().add_signal_handler(number, stop.set)
    async with sole_hub(settings) as place, contextlib.AsyncExitStack() as cleanup:
        app = create_app(settings)
        runner = web.AppRunner(app, access_log=None, shutdown_timeout=SHUTDOWN_S, auto_decompress=False)
        await runner.setup()
        cleanup.push_async_callback(runner.cleanup)
        protocols = runner.server
        assert protocols is not None
        demo_logins = await seed(app[CORE].chat, app[ACCOUNTS]) if seeds_demo else None
        accepting = await asyncio.get_running_loop().create_server(
            lambda: app[HEADER_DEADLINE].watched(protocols), sock=listener, backlog=BACKLOG
        )
        cleanup.callback(accepting.close)  # first: what is under way may finish
        print_addresses(demo_logins)
        ready()
        collect_garbage_less_often()
        await _until_stopped(stop, place)


async def _until_stopped(stop: asyncio.Event, place: RealtimePlace) -> None:
    """Raises ClickException when another server has taken our place."""
    keeping = asyncio.create_task(place.keep())
    keeping.add_done_callback(lambda _: stop.set())
    await stop.wait()
    keeping.cancel()
    with contextlib.suppress(asyncio.CancelledError):
        await keeping


def _print_addresses(settings: Settings, listener: socket.socket, demo_logins: str | None) -> None:
    address = _address(listener)
    click.echo(f"onrecord is at {address}")
    click.echo(f"  the API, explained   {address}/api/docs/")
    if demo_logins is not None:
        click.echo(f"  demo logins          {demo_logins}")
    click.echo(f"  data                 {location(settings)}")
    click.echo("Ctrl-C stops it.")


def _address(listener: socket.socket) -> str:
    """The URL to open on this machine."""
    host, port = listener.getsockname()[:2]
    shown = "localhost" if host in ("127.0.0.1", "0.0.0.0", "::", "::1") else host  # noqa: S104 - compared, not bound
    return f"http://{shown}:{port}"


@contextlib.contextmanager
def _listening(settings: Settings) -> Iterator[socket.socket]:
    """The socket, bound before anything slow begins, so that a port in use is reported at once."""
    family = socket.AF_INET6 if ":" in settings.host else socket.AF_INET
    with socket.socket(family, socket.SOCK_STREAM) as listener:
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            listener.bind((settings.host, settings.port))
        except OSError as error:
            raise click.ClickException(
                f"cannot listen on {settings.host}:{settings.port} ({error.strerror}); choose another with PORT="
            ) from None
        yield listener


@contextlib.contextmanager
def _terminated_as_interrupted() -> Iterator[None]:
    """SIGTERM ends the process the way Ctrl-C does, so that everything that was started is stopped."""

    def interrupt(_: int, __: FrameType | None) -> None:
        raise KeyboardInterrupt

    before = signal.signal(signal.SIGTERM, interrupt)
    try:
        yield
    finally:
        signal.signal(signal.SIGTERM, before)
