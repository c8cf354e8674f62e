"""The pages for sign-up, login, logout and the user's own account."""

from aiohttp import web

from api.accounts.accounts import WrongCredentials
from api.accounts.demo import PASSWORD
from api.accounts.throttle import TooManyRequests
from api.http.app_keys import ACCOUNT_CHANGES, ACCOUNTS, SESSION, SESSIONS, SETTINGS
from api.http.endpoints import Access
from api.http.login import (
    change_password,
    disconnect,
    end_all_sessions,
    end_session,
    log_in,
    open_session,
    send_session,
    sign_up,
    start_session,
)
from api.http.parsing import BIGINT, as_number
from api.pages.admission import page
from api.pages.kept_form import kept_through_login, offer
from api.pages.login_page import demo_people, login_page
from api.pages.page import Context, field, local_path, redirect, render
from api.pages.state import layout_context, my_rooms
from domain.errors import InvalidField
from projections.readmodels.shapes import User


async def get_login(request: web.Request) -> web.Response:
    """GET /login/?next=."""
    next_path = local_path(request.query.get("next", "/"))
    if SESSION in request:
        return redirect(next_path)
    return await login_page(request, next_path)


async def post_login(request: web.Request) -> web.Response:
    """POST /login/."""
    username, next_path = await field(request, "username"), local_path(await field(request, "next"))
    kept = await kept_through_login(request)

    async def again(problem: str, status: int) -> web.Response:
        problems = {"password": problem}
        return await login_page(request, next_path, username=username, problems=problems, kept=kept, status=status)

    try:
        user = await log_in(request, username, await field(request, "password"))
    except WrongCredentials:
        return await again("Wrong user name or password.", 400)
    except TooManyRequests as error:
        return await again(str(error), 429)
    return await _logged_in(request, user, next_path)


async def post_demo_login(request: web.Request) -> web.Response:
    """POST /demo-login/: log in as one of the demo users, from this machine and in demo mode only."""
    name = await field(request, "username")
    if name not in await demo_people(request):
        raise web.HTTPNotFound
    user = await log_in(request, name, PASSWORD)
    return await _logged_in(request, user, local_path(await field(request, "next")))


async def _logged_in(request: web.Request, user: User, next_path: str) -> web.Response:
    """On to the next page, or to the form that the login has kept."""
    token = await open_session(request, user)
    kept = await kept_through_login(request)
    response = redirect(next_path) if kept is None else offer(request, kept, next_path)
    return send_session(request, token, response)


async def get_signup(request: web.Request) -> web.Response:
    """GET /signup/?next=."""
    next_path = local_path(request.query.get("next", "/"))
    if SESSION in request:
        return redirect(next_path)
    invitation = request.query.get("invitation", "")
    return render(request, "signup.html", _signup_context(request, next_path, "", invitation, {}))


def _signup_context(
    request: web.Request, next_path: str, username: str, invitation: str, problems: dict[str, str]
) -> Context:
    policy = request.app[SETTINGS].signup
    return {
        "next": next_path,
        "username": username,
        "invitation": invitation,
        "problems": problems,
        "kept": "",
        "is_closed": policy == "closed" or (policy == "invite" and not invitation),
    }


async def post_signup(request: web.Request) -> web.Response:
    """POST /signup/: create an account and log in to it."""
    username, next_path = await field(request, "username"), local_path(await field(request, "next"))
    invitation = await field(request, "invitation")
    try:
        user = await sign_up(request, username, await field(request, "password"), invitation)
    except InvalidField as error:
        context = _signup_context(request, next_path, username, invitation, {error.field: str(error)})
        return render(request, "signup.html", context, status=400)
    return await start_session(request, user, redirect(next_path))


async def post_logout(request: web.Request) -> web.Response:
    """POST /logout/."""
    return await end_session(request, redirect("/login/"))


async def get_account(request: web.Request) -> web.Response:
    """GET /account/."""
    return await _account(request)


async def post_password(request: web.Request) -> web.Response:
    """POST /account/password/: change the password; the user's other sessions end."""
    current, new = await field(request, "current"), await field(request, "new")
    try:
        await change_password(request, current=current, new=new)
    except InvalidField as error:
        return await _account(request, problems={error.field: str(error)}, status=400)
    return redirect("/account/?changed=password")


async def post_end_session(request: web.Request) -> web.Response:
    """POST /account/end-session/: end one of the user's sessions."""
    user = request[SESSION].user
    session_id = as_number(await field(request, "id"))
    if session_id is None or not await request.app[SESSIONS].end_one(user.id, min(session_id, BIGINT)):
        raise web.HTTPNotFound
    await disconnect(request, user.id)
    return redirect("/account/")


async def post_end_all_sessions(request: web.Request) -> web.Response:
    """POST /account/end-all-sessions/: log out everywhere."""
    return await end_all_sessions(request, redirect("/login/"))


async def _account(request: web.Request, *, problems: dict[str, str] | None = None, status: int = 200) -> web.Response:
    state = await my_rooms(request)
    context = {
        **layout_context(state),
        "account": await request.app[ACCOUNTS].summary(state.user.id),
        "sessions": await request.app[SESSIONS].of(request[SESSION]),
        "has_changed": request.query.get("changed") == "password",
        "problems": problems or {},
    }
    return render(request, "account.html", context, status=status)


async def get_password_reset(request: web.Request) -> web.Response:
    """GET /password-reset/?token=: the page that a reset link leads to. It does not use the link up."""
    return render(request, "password_reset.html", {"token": request.query.get("token", ""), "problems": {}})


async def post_password_reset(request: web.Request) -> web.Response:
    """POST /password-reset/: set a new password."""
    token = await field(request, "token")
    try:
        user_id = await request.app[ACCOUNT_CHANGES].reset_password(token, await field(request, "password"))
    except InvalidField as error:
        context = {"token": token, "problems": {error.field: str(error)}}
        return render(request, "password_reset.html", context, status=400)
    await disconnect(request, user_id)
    return redirect("/login/")


ROUTES = (
    web.get("/signup/", page(get_signup, Access.EVERYONE)),
    web.post("/signup/", page(post_signup, Access.EVERYONE)),
    web.get("/login/", page(get_login, Access.EVERYONE)),
    web.post("/login/", page(post_login, Access.EVERYONE)),
    web.post("/demo-login/", page(post_demo_login, Access.EVERYONE)),
    web.post("/logout/", page(post_logout)),
    web.get("/account/", page(get_account)),
    web.post("/account/password/", page(post_password)),
    web.post("/account/end-session/", page(post_end_session)),
    web.post("/account/end-all-sessions/", page(post_end_all_sessions)),
    web.get("/password-reset/", page(get_password_reset, Access.EVERYONE)),
    web.post("/password-reset/", page(post_password_reset, Access.EVERYONE)),
)
