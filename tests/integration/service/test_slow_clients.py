"""Clients that send slowly do not keep a connection."""

import asyncio

import pytest

from tests.support.serving import Service, serving

REQUEST = b"GET /healthz HTTP/1.1\r\nHost: localhost\r\n\r\n"


async def is_closed_after(service: Service, sent: bytes) -> bool:
    """Send this much of a request, and wait for the service to close the connection without an answer."""
    reader, writer = await asyncio.open_connection("127.0.0.1", service.url.port)
    writer.write(sent)
    try:
        async with asyncio.timeout(60):
            return await reader.read() == b""
    finally:
        writer.close()


@pytest.mark.parametrize("sent", [b"", REQUEST[:-4]])
async def test_half_sent_headers_end_the_connection_and_no_other(database_url: str, sent: bytes) -> None:
    async with serving(DATABASE_URL=database_url, DEMO="no", HEADER_TIMEOUT_S="0.5") as service:
        reader, writer = await asyncio.open_connection("127.0.0.1", service.url.port)
        for _ in range(2):
            writer.write(REQUEST)
            assert (await reader.readuntil(b"}")).startswith(b"HTTP/1.1 200")
            assert await is_closed_after(service, sent)  # and so later than the other connection's deadline
        writer.close()
