"""Every door of the service: what to ask at each route that the program has. A route without an answer here fails."""

import re
from collections.abc import Awaitable, Callable, Iterator
from typing import Any

from api.app import create_app
from api.settings import Settings
from benchmarks.growth.scene import PASSWORD, Ask, Member, Scene

WHY = {"why": "to try it"}
EMOJI = "%F0%9F%91%8D"

NOT_ASKED = {
    "/static/{name}": "files, from memory",
    "/{path}": "every other path",
    "/connection/websocket": "the hub: measured by arrivals",
    "/demo-login/": "there are no demo accounts",
    "/operations/rebuild/": "begins a rebuild, which reads the whole log in the background",
    "/operations/cancel-rebuild/": "belongs to a rebuild",
}
"""Routes that are left out, and why."""

QUERIES: dict[str, tuple[str, ...]] = {
    "/api/rooms/{room_id}/messages/": ("", "?page=2", "?before=100&limit=50"),
    "/api/rooms/{room_id}/members/": ("", "?at=20"),
    "/api/token/subscription/": ("?channel=personal:1",),
    "/api/search/": ("?q=", "?q=Room 1"),
    "/api/search/messages/": ("?q=a", "?q=said"),
    "/api/join/": ("?link={link}",),
    "/api/rooms/{room_id}/events/": ("?after={before_head}",),
    "/api/feed/": ("?after={head}", "?after={before_head}", "?after=0&limit=100"),
    "/discover/": ("", "?q=Room 1"),
    "/search/": ("", "?q=said"),
    "/join/": ("?link={link}",),
    "/rooms/{room_id}/": ("", "?at=30"),
    "/rooms/{room_id}/history/": ("", "?tab=people", "?at=30"),
}
"""What is asked of a page or list; nothing where it does not stand here."""

Way = Callable[[Scene], Awaitable[tuple[Member, Ask]]]


def reads() -> Iterator[str]:
    """What is asked at the routes that answer GET, with names of the scene for what differs."""
    for path in sorted({path for method, path in _routes() if method == "GET"} - NOT_ASKED.keys()):
        for query in QUERIES.get(path, ("",)):
            yield f"{path}{query}"


def read(scene: Scene, path: str) -> Ask:
    """The request for one of them."""
    of_side = "{version}" in path or path.endswith(("/links/", "/invitations/"))
    values = {
        "room_id": scene.side if of_side else scene.general,
        "version": str(scene.with_file if "upload_id" in path else scene.said[0]),
        "upload_id": scene.upload,
        "dead_letter_id": "1",
        "epoch": "1",
        "level": "0",
        "number": "000",
        "width": "3",
        "link": scene.link,
        "head": str(scene.head),
        "before_head": str(scene.head - 100 if "feed" in path else scene.general_version - 100),
    }
    return Ask("GET", re.sub(r"{(\w+)}", lambda found: values[found[1]], path).replace(" ", "%20"))


def _routes() -> set[tuple[str, str]]:
    router = create_app(Settings(database_url="postgresql://nowhere/none")).router
    return {(route.method, route.resource.canonical) for route in router.routes() if route.resource is not None}


def changes() -> list[str]:
    """The names of the routes that change something, in the order in which they are asked. Raises KeyError-like
    AssertionError for a route without an entry in this module.
    """
    routes = {f"{method} {path}" for method, path in _routes() if method not in ("GET", "HEAD", "*", "OPTIONS")}
    left_out = {name for name in routes if name.split()[1] in NOT_ASKED}
    assert routes - left_out == set(WAYS), (routes - left_out) ^ set(WAYS)
    return list(WAYS)


def by_ada(method: str, path: str, body: object = None, form: dict[str, str] | None = None) -> Way:
    """A request of hers. In the path and in texts `{side}` is the second room, and `{use}`, as in {said:use},
    {outside:use} and {other:use}, a message, a person outside or a member; each use has its own sequence.
    """

    async def way(scene: Scene) -> tuple[Member, Ask]:
        return scene.ada, Ask(method, _filled(scene, path), _deep(scene, body), _deep(scene, form))

    return way


def by_grace(method: str, path: str, body: object = None, form: dict[str, str] | None = None) -> Way:
    """The same of Grace's, who is in no room of Ada's when it begins."""

    async def way(scene: Scene) -> tuple[Member, Ask]:
        return scene.grace, Ask(method, _filled(scene, path), _deep(scene, body), _deep(scene, form))

    return way


def _deep(scene: Scene, value):  # type: ignore[no-untyped-def]
    if isinstance(value, dict):
        return {key: _deep(scene, each) for key, each in value.items()}
    if isinstance(value, list):
        return [_deep(scene, each) for each in value]
    if isinstance(value, str):
        text = _filled(scene, value)
        return int(text[1:]) if text.startswith("#") else text
    return value


def _filled(scene: Scene, text: str) -> str:
    return re.sub(r"{(\w+)(?::([\w ]+))?}", lambda found: scene.value(found[1], found[2] or ""), text)


async def uploading(scene: Scene) -> tuple[Member, Ask]:
    return scene.ada, Ask("POST", f"/api/rooms/{scene.side}/attachments/", raw=b"a file")


def of_account(path: str, **fields: str) -> Way:
    """Of a person who has just logged in."""

    async def way(scene: Scene) -> tuple[Member, Ask]:
        asked = {name: _filled(scene, text) for name, text in fields.items()}
        return await Member.log_in(scene.url, "user6"), _either(path, asked)

    return way


def joining(path: str) -> Way:
    """Of Grace, by a link that Ada makes; she leaves first."""

    async def way(scene: Scene) -> tuple[Member, Ask]:
        await scene.grace.send(Ask("POST", f"/api/rooms/{scene.side}/leave/", {}))
        made = await scene.ada.done(Ask("POST", f"/api/rooms/{scene.side}/links/", {"uses": 1}))
        return scene.grace, _either(path, {"token": made["token"]})

    return way


def declining(path: str) -> Way:
    """Of Grace, whom Ada invites; she leaves first."""

    async def way(scene: Scene) -> tuple[Member, Ask]:
        await scene.grace.send(Ask("POST", f"/api/rooms/{scene.side}/leave/", {}))
        await scene.ada.done(Ask("POST", f"/api/rooms/{scene.side}/invite/", {"username": "grace"}))
        return scene.grace, _either(path.format(room_id=scene.side), {})

    return way


def revoking(path: str) -> Way:
    """Of Ada, a link that she has just made."""

    async def way(scene: Scene) -> tuple[Member, Ask]:
        made = await scene.ada.done(Ask("POST", f"/api/rooms/{scene.side}/links/", {"uses": 1}))
        return scene.ada, _either(path.format(room_id=scene.side), {"link": made["link"]})

    return way


def removing(path: str, **fields: str) -> Way:
    """Of Ada, Grace from a room that she has just joined."""

    async def way(scene: Scene) -> tuple[Member, Ask]:
        room, grace = scene.value("room", "remove"), scene.grace.user_id
        await scene.grace.send(Ask("POST", f"/api/rooms/{room}/join/", {}))
        return scene.ada, _either(path.format(room_id=room, user_id=grace), {**fields, **WHY})

    return way


def _either(path: str, fields: dict[str, Any]) -> Ask:
    """To an endpoint, or by a form."""
    if path.startswith("/api/"):
        return Ask("POST", path, fields)
    return Ask("POST", path, form={name: str(value) for name, value in fields.items()})


ROOM, MESSAGE, MEMBER = "/api/rooms/{side}", "/api/rooms/{side}/messages/{said:%s}/", "/api/rooms/{side}/members/{%s}/"
PAGE, OF_MESSAGE = "/rooms/{side}/", "/rooms/{side}/messages/{said:%s}/"

WAYS: dict[str, Way] = {}


def _way(name: str, way: Way) -> None:
    WAYS[name] = way


def _api(method: str, path: str, asked: str, body: object = None, by: Callable[..., Way] = by_ada) -> None:
    WAYS[f"{method} {path}"] = by(method, asked, {} if body is None else body)


def _form(path: str, asked: str, **form: str) -> None:
    WAYS[f"POST {path}"] = by_ada("POST", asked, None, form)


R = "/api/rooms/{room_id}"
_api("POST", f"{R}/messages/", f"{ROOM}/messages/", {"content": "What was said is kept. {n:said}"})
_api("PATCH", f"{R}/messages/{{version}}/", MESSAGE % "edit", {"content": "edited {n:edit}"})
_api("PUT", f"{R}/messages/{{version}}/reactions/{{emoji}}/", f"{MESSAGE % 'react'}reactions/{EMOJI}/")
_api("DELETE", f"{R}/messages/{{version}}/reactions/{{emoji}}/", f"{MESSAGE % 'unreact'}reactions/{EMOJI}/")
_api("PUT", f"{R}/messages/{{version}}/pin/", f"{MESSAGE % 'pin'}pin/")
_api("DELETE", f"{R}/messages/{{version}}/pin/", f"{MESSAGE % 'unpin'}pin/")
_api("POST", f"{R}/messages/{{version}}/retract/", f"{MESSAGE % 'last'}retract/", WHY)
_way(f"POST {R}/attachments/", uploading)
_api("POST", f"{R}/read/", f"{ROOM}/read/", {"version": "#{said:read}"})
_api("PUT", f"{R}/mute/", f"{ROOM}/mute/")
_api("DELETE", f"{R}/mute/", f"{ROOM}/mute/")
_api("POST", f"{R}/typing/", f"{ROOM}/typing/")
_api("POST", f"{R}/rename/", f"{ROOM}/rename/", {"name": "Renamed {n:name}"})
_api("PUT", f"{R}/topic/", f"{ROOM}/topic/", {"topic": "About {n:topic}"})
_api("POST", f"{R}/archive/", "/api/rooms/{room:archive}/archive/")
_api("POST", f"{R}/reopen/", "/api/rooms/{room:reopen}/reopen/")
_api("POST", f"{R}/join/", "/api/rooms/{room:join}/join/", by=by_grace)
_api("POST", f"{R}/leave/", "/api/rooms/{room:leave}/leave/", by=by_grace)
_api("POST", f"{R}/invite/", f"{ROOM}/invite/", {"username": "user{outside:invite}"})
_api("POST", f"{R}/withdraw-invitation/", f"{ROOM}/withdraw-invitation/", {"user_id": "#{outside:withdraw}"})
_way(f"POST {R}/decline/", declining("/api/rooms/{room_id}/decline/"))
_api("POST", f"{R}/links/", "/api/rooms/{room:link}/links/", {"uses": 1})
_way(f"POST {R}/revoke-link/", revoking("/api/rooms/{room_id}/revoke-link/"))
_way("POST /api/join/", joining("/api/join/"))
_api("POST", f"{R}/visibility/", f"{ROOM}/visibility/", {"visibility": "{turn:visibility private public}"})
_api("POST", f"{R}/history/", f"{ROOM}/history/", {"history": "{turn:history since_joining all}"})
_api("PUT", f"{R}/members/{{user_id}}/role/", f"{MEMBER % 'other:role'}role/", {"role": "moderator", **WHY})
_api("POST", f"{R}/members/{{user_id}}/mute/", f"{MEMBER % 'other:mute'}mute/", {"minutes": 60, **WHY})
_api("DELETE", f"{R}/members/{{user_id}}/mute/", f"{MEMBER % 'other:unmute'}mute/", WHY)
_api("POST", f"{R}/members/{{user_id}}/ban/", f"{MEMBER % 'outside:ban'}ban/", {"minutes": 60, **WHY})
_api("DELETE", f"{R}/members/{{user_id}}/ban/", f"{MEMBER % 'outside:unban'}ban/", WHY)
_way(f"POST {R}/members/{{user_id}}/remove/", removing(f"{R}/members/{{user_id}}/remove/"))
_api("POST", f"{R}/erase/", f"{ROOM}/erase/", {"versions": ["#{said:erase}"], "dry_run": False, **WHY})
_api("POST", "/api/users/{user_id}/erase/", "/api/users/{outside:gone}/erase/", {"dry_run": True, **WHY})
_api("POST", "/api/rooms/", "/api/rooms/", {"name": "Opened {n:opened}"})
_api("POST", "/api/direct/", "/api/direct/", {"usernames": ["user{outside:direct}"]})
_way("POST /api/signup/", of_account("/api/signup/", username="new{n:new}", password=PASSWORD))
_way("POST /api/login/", of_account("/api/login/", username="user4", password=PASSWORD))
_way("POST /api/logout/", of_account("/api/logout/"))
_way("POST /api/account/password/", of_account("/api/account/password/", current=PASSWORD, new=PASSWORD))
_way("POST /api/password-reset/", of_account("/api/password-reset/", token="none", password=PASSWORD))
_api("POST", "/api/sessions/end/", "/api/sessions/end/", {"id": 10**9})
_way("POST /api/sessions/end-all/", of_account("/api/sessions/end-all/"))

P = "/rooms/{room_id}"
_form(f"{P}/", PAGE, content="Said on a page {n:page}")
_form(f"{P}/messages/{{version}}/edit/", f"{OF_MESSAGE % 'page edit'}edit/", content="edited on a page {n:page edit}")
_form(f"{P}/messages/{{version}}/react/", f"{OF_MESSAGE % 'page react'}react/", emoji="👍")
_form(f"{P}/messages/{{version}}/unreact/", f"{OF_MESSAGE % 'page unreact'}unreact/", emoji="👍")
_form(f"{P}/messages/{{version}}/pin/", f"{OF_MESSAGE % 'page pin'}pin/")
_form(f"{P}/messages/{{version}}/unpin/", f"{OF_MESSAGE % 'page unpin'}unpin/")
_form(f"{P}/messages/{{version}}/retract/", f"{OF_MESSAGE % 'last'}retract/", **WHY)
_form(f"{P}/read/", f"{PAGE}read/", version="{said:page read}")
_form(f"{P}/mute/", f"{PAGE}mute/", muted="{turn:muted yes no}")
_form(f"{P}/rename/", f"{PAGE}rename/", name="Named {n:page name}")
_form(f"{P}/people/topic/", f"{PAGE}people/topic/", topic="About {n:page topic}")
_form(f"{P}/people/archive/", "/rooms/{room:page archive}/people/archive/")
_form(f"{P}/people/reopen/", "/rooms/{room:page reopen}/people/reopen/")
_form(f"{P}/people/role/", f"{PAGE}people/role/", member="{other:role}", role="moderator", **WHY)
_form(f"{P}/people/mute/", f"{PAGE}people/mute/", member="{other:page mute}", minutes="60", **WHY)
_form(f"{P}/people/lift-mute/", f"{PAGE}people/lift-mute/", member="{other:page unmute}", **WHY)
_form(f"{P}/people/ban/", f"{PAGE}people/ban/", member="{outside:page ban}", minutes="60", **WHY)
_form(f"{P}/people/lift-ban/", f"{PAGE}people/lift-ban/", member="{outside:page unban}", **WHY)
_way(f"POST {P}/people/remove/", removing(f"{P}/people/remove/", member="2"))
_way(f"POST {P}/join/", by_grace("POST", "/rooms/{room:page join}/join/", form={}))
_way(f"POST {P}/leave/", by_grace("POST", "/rooms/{room:page leave}/leave/", form={}))
_way(f"POST {P}/decline/", declining("/rooms/{room_id}/decline/"))
_form(f"{P}/invitations/invite/", f"{PAGE}invitations/invite/", usernames="user{outside:page invite}")
_form(f"{P}/invitations/withdraw/", f"{PAGE}invitations/withdraw/", member="{outside:page withdraw}")
_form(f"{P}/invitations/make-link/", "/rooms/{room:page link}/invitations/make-link/", days="1", uses="1")
_way(f"POST {P}/invitations/revoke-link/", revoking("/rooms/{room_id}/invitations/revoke-link/"))
_form(f"{P}/invitations/visibility/", f"{PAGE}invitations/visibility/", visibility="{turn:pv private public}")
_form(f"{P}/invitations/reading/", f"{PAGE}invitations/reading/", history="{turn:ph since_joining all}")
_way("POST /join/", joining("/join/"))
_form("/discover/", "/discover/", name="Opened on a page {n:opened}")
_form("/direct/", "/direct/", usernames="user{outside:page direct}")
_way("POST /signup/", of_account("/signup/", username="paged{n:new}", password=PASSWORD))
_way("POST /login/", of_account("/login/", username="user4", password=PASSWORD))
_way("POST /logout/", of_account("/logout/"))
_way("POST /account/password/", of_account("/account/password/", current=PASSWORD, new=PASSWORD))
_form("/account/end-session/", "/account/end-session/", session="1000000000")
_way("POST /account/end-all-sessions/", of_account("/account/end-all-sessions/"))
_way("POST /password-reset/", of_account("/password-reset/", token="none", password=PASSWORD))
_form("/operations/pause/", "/operations/pause/", **WHY)
_form("/operations/resume/", "/operations/resume/", **WHY)
_form("/operations/skip/", "/operations/skip/", position="1", **WHY)
for each in ("retry", "discard"):
    _form(f"/operations/dead-letters/{{dead_letter_id}}/{each}/", f"/operations/dead-letters/1/{each}/", **WHY)
C = "/operations/custody"
_form(f"{C}/place-hold/", f"{C}/place-hold/", case="A case", person="user{outside:held}", **WHY)
_form(f"{C}/end-hold/", f"{C}/end-hold/", hold="1", **WHY)
_form(f"{C}/set-rule/", f"{C}/set-rule/", room="{side}", keep="30", erase_after="3650", **WHY)
_form(f"{C}/end-rule/", f"{C}/end-rule/", room="{side}", **WHY)
