"""Pages for people who come and go: sign-up, login, logout, my account."""

from aiohttp import web

from api.accounts.accounts import WrongCredentials
from api.accounts.throttle import TooManyRequests
from api.demo import PASSWORD, PEOPLE
from api.http.app_keys import ACCOUNTS, CLIENTS, SESSION, SETTINGS, SIGNUPS
from api.http.cookies import delete_cookie
from api.pages.kept_form import kept_through_login, offer
from api.pages.login_page import login_page
from api.pages.page import field, local, redirect, render
from api.pages.state import beside, my_rooms
from api.rest.accounts import begin_session, end_session, signed_in, with_session
from domain.errors import InvalidField
from projections.readmodels.shapes import User


async def get_login(request: web.Request) -> web.Response:
    """GET /login/?next=."""
    following = local(request.query.get("next", "/"))
    if SESSION in request:
        return redirect(following)
    return login_page(request, following)


async def post_login(request: web.Request) -> web.Response:
    """POST /login/."""
    username, following = await field(request, "username"), local(await field(request, "next"))
    kept = await kept_through_login(request)
    address = request.app[CLIENTS].address(request)

    def again(problem: str, status: int) -> web.Response:
        problems = {"password": problem}
        return login_page(request, following, username=username, problems=problems, kept=kept, status=status)

    try:
        user = await request.app[ACCOUNTS].log_in(username, await field(request, "password"), address=address)
    except WrongCredentials:
        return again("This name and this password do not belong together.", 400)
    except TooManyRequests as error:
        return again(str(error), 429)
    return await _logged_in(request, user, following)


async def post_demo_login(request: web.Request) -> web.Response:
    """POST /demo-login/: be one of the demo people, in demo mode only."""
    name = await field(request, "username")
    if not request.app[SETTINGS].seeds_demo or name not in PEOPLE:
        raise web.HTTPNotFound
    address = request.app[CLIENTS].address(request)
    user = await request.app[ACCOUNTS].log_in(name, PASSWORD, address=address)
    return await _logged_in(request, user, local(await field(request, "next")))


async def _logged_in(request: web.Request, user: User, following: str) -> web.Response:
    """On to where they were going, or to the form that the login has kept."""
    token = await begin_session(request, user)
    kept = await kept_through_login(request)
    response = redirect(following) if kept is None else offer(request, kept, following)
    return with_session(request, token, response)


async def get_signup(request: web.Request) -> web.Response:
    """GET /signup/?next=."""
    following = local(request.query.get("next", "/"))
    if SESSION in request:
        return redirect(following)
    return render(request, "signup.html", {"next": following, "username": "", "problems": {}, "kept": ""})


async def post_signup(request: web.Request) -> web.Response:
    """POST /signup/: a new account, and logged in to it."""
    request.app[SIGNUPS].take(request.app[CLIENTS].address(request))
    username, following = await field(request, "username"), local(await field(request, "next"))
    try:
        user = await request.app[ACCOUNTS].sign_up(username, await field(request, "password"))
    except InvalidField as error:
        context = {"next": following, "username": username, "problems": {error.field: str(error)}, "kept": ""}
        return render(request, "signup.html", context, status=400)
    return await signed_in(request, user, redirect(following))


async def post_logout(request: web.Request) -> web.Response:
    """POST /logout/."""
    await end_session(request)
    response = redirect("/login/")
    delete_cookie(request, response, "sessionid")
    return response


async def get_account(request: web.Request) -> web.Response:
    """GET /account/."""
    state = await my_rooms(request)
    account = await request.app[ACCOUNTS].about(state.user.id)
    return render(request, "account.html", {**beside(state), "account": account})
