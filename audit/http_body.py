"""Bodies of answers that others give: read whole, and never more than a limit."""

import aiohttp


class BodyTooLong(Exception):
    """The answer is longer than anything that is expected."""


async def read_body(response: aiohttp.ClientResponse, limit: int) -> bytes:
    """The body of at most `limit` bytes. Raises BodyTooLong, and what aiohttp raises."""
    body = bytearray()
    async for chunk in response.content.iter_any():
        body += chunk
        if len(body) > limit:
            raise BodyTooLong(f"the answer has more than {limit} bytes")
    return bytes(body)
