"""A form that was sent after its session had ended: its fields go through the login, and it can be sent again."""

from urllib.parse import urlsplit

import msgspec
from aiohttp import web
from msgspec import Struct

from api.http.access import SAFE
from api.http.acting_user import OtherUser, check_user
from api.http.errors import REFUSALS
from api.pages.page import CSRF_FIELD, USER_FIELD, field, form_fields, local_path, refusal_page, render

FIELD = "kept"
"""The hidden field of the login form that holds a kept form, as JSON."""

TYPED_FIELDS = {"content": "Message", "name": "Name", "topic": "Topic", "why": "Why", "usernames": "People"}
"""The fields that people type into, and what they are called."""


class KeptForm(Struct, frozen=True):
    """Where the form is sent, and its fields except the CSRF token."""

    action: str
    fields: dict[str, str]


async def kept_form(request: web.Request) -> KeptForm | None:
    """The form that this request sends, if a page of ours sent it and the user typed into it."""
    if request.method in SAFE or not _is_from_here(request):
        return None
    fields = {name: text for name, text in (await form_fields(request)).items() if name != CSRF_FIELD}
    return KeptForm(request.path, fields) if any(fields.get(name) for name in TYPED_FIELDS) else None


async def kept_through_login(request: web.Request) -> KeptForm | None:
    """The form that the login form has kept."""
    text = await field(request, FIELD)
    try:
        return msgspec.json.decode(text, type=KeptForm) if text else None
    except msgspec.DecodeError:
        return None


def offer(request: web.Request, kept: KeptForm, following: str) -> web.Response:
    """A page with the form as it was typed, to be sent again; `following` is the page that it was on.

    A user who did not type it sees the text, but cannot send it.
    """
    typed = {name: kept.fields[name] for name in TYPED_FIELDS if kept.fields.get(name)}
    try:
        check_user(request, kept.fields.get(USER_FIELD, ""))
    except OtherUser as error:
        return refusal_page(request, REFUSALS[OtherUser](error), typed="\n".join(typed.values()))
    hidden = {name: value for name, value in kept.fields.items() if name not in typed and name != USER_FIELD}
    context = {
        "action": local_path(kept.action),
        "typed": typed,
        "hidden": hidden,
        "labels": TYPED_FIELDS,
        "following": following,
    }
    return render(request, "kept_form.html", context)


def _is_from_here(request: web.Request) -> bool:
    """Whether a page of this host sent the form: browsers say so in Origin, and no other site can."""
    return urlsplit(request.headers.get("Origin", "")).netloc == request.host
