"""The one middleware: gives every request an id, every error an answer, and every answer a log line and a count."""

import itertools
import logging
import re
import secrets
import time

from aiohttp import web
from aiohttp.typedefs import Handler

from api.http.app_keys import BUILD, CORE, HEADER_DEADLINE, METRICS, PROXIES, SESSION
from api.http.errors import ACCESS_REFUSAL, Refusal, note_refusal, refusal_of
from api.http.files.compression import compress
from api.http.parsing import check_request
from api.logs import CLIENT_ADDRESS, REQUEST_ID, SECURITY
from eventstore.errors import UnreadableEvent

REQUEST_ID_HEADER = "X-Request-ID"
BUILD_HEADER = "X-Build"
ACCEPTABLE_ID = re.compile(r"[A-Za-z0-9._-]{1,64}")
METHODS = frozenset({"GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"})
WITHOUT_WORDS = ("/healthz", "/readyz", "/metrics", "/static/", "/audit/")
"""What is served also while words are withheld. The tree has hashes only: auditors see what became of it."""
POLICY = "default-src 'none'; frame-ancestors 'none'"
"""For answers that are not pages: opened in a browser, they load nothing and run nothing."""
HTTPS_ONLY = f"max-age={365 * 86400}"
INTERNAL = Refusal(500, {"detail": "Internal server error."})

access = logging.getLogger("onrecord.access")
log = logging.getLogger("onrecord.errors")
security = logging.getLogger(SECURITY)

_prefix = secrets.token_hex(6)
_numbers = itertools.count(1)


@web.middleware
async def request_middleware(request: web.Request, handler: Handler) -> web.StreamResponse:
    """Handle a request. A defect becomes a plain 500, and its traceback goes to the log."""
    app = request.app
    app[HEADER_DEADLINE].arrived(request)
    started = time.perf_counter()
    request_id = _request_id(request)
    token = REQUEST_ID.set(request_id)
    proxies = app[PROXIES]
    address = CLIENT_ADDRESS.set(proxies.address(request))
    try:
        response = await _handle(request, handler)
        seconds = time.perf_counter() - started
        if not response.prepared:
            headers = response.headers
            headers[REQUEST_ID_HEADER] = request_id
            headers["X-Content-Type-Options"] = "nosniff"
            headers[BUILD_HEADER] = app[BUILD]
            headers.setdefault("Content-Security-Policy", POLICY)
            if proxies.is_secure(request):
                headers["Strict-Transport-Security"] = HTTPS_ONLY
            if isinstance(response, web.Response) and response.content_type == "text/html":
                compress(request, response)
        _log_and_count(request, response.status, seconds)
        return response
    finally:
        CLIENT_ADDRESS.reset(address)
        REQUEST_ID.reset(token)


async def _handle(request: web.Request, handler: Handler) -> web.StreamResponse:
    try:
        check_request(request)
        if request.path.startswith(WITHOUT_WORDS):
            return await handler(request)
        return await _handle_with_words(request, handler)
    except Exception as error:
        note_refusal(request, error)
        refusal = refusal_of(error)
        if refusal is None:
            log.exception("unexpected error")
            refusal = INTERNAL
        elif isinstance(error, UnreadableEvent):  # every command is refused until this event can be read
            log.error("stopped at an event in the log", extra={"reason": str(error)})
        return refusal.response()


async def _handle_with_words(request: web.Request, handler: Handler) -> web.StreamResponse:
    """Refused while words are withheld, also when that began after the handler read some."""
    gate = request.app[CORE].known.gate
    closings = gate.closings
    gate.check(closings)
    response = await handler(request)
    if not response.prepared:
        gate.check(closings)
    return response


def _log_and_count(request: web.Request, status: int, seconds: float) -> None:
    resource = request.match_info.route.resource
    route = resource.canonical if resource is not None else "none"
    method = request.method if request.method in METHODS else "other"
    request.app[METRICS].request(method, route, status, seconds)
    if ACCESS_REFUSAL in request:
        event = "token refused" if route.startswith("/api/token/") else "access refused"
        user_id = request[SESSION].user.id if SESSION in request else None
        security.warning(
            event,
            extra={
                "user_id": user_id,
                "reason": request[ACCESS_REFUSAL],
                "method": method,
                "route": route,
                "status": status,
            },
        )
    if access.isEnabledFor(logging.INFO):
        access.info(
            "request",
            extra={"method": method, "route": route, "status": status, "ms": round(seconds * 1000, 2)},
        )


def _request_id(request: web.Request) -> str:
    """The id that a proxy or client sent, or a new one: unique in this process, and cheap."""
    sent = request.headers.get(REQUEST_ID_HEADER, "")
    return sent if ACCEPTABLE_ID.fullmatch(sent) else f"{_prefix}-{next(_numbers):x}"
