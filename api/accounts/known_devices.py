"""Known devices: a cookie that remembers, after a login, for which account this browser knew the password.

Guesses from elsewhere then do not slow down the owner's browser, and guesses from a stolen browser slow down only
that one.
Source: https://owasp.org/www-community/Slow_Down_Online_Guessing_Attacks_with_Device_Cookies
"""

import hmac
import secrets

from domain.values import UserId

LIFETIME_S = 365 * 86400


class KnownDevices:
    """Signs and checks the cookies; all processes share the `secret`."""

    def __init__(self, secret: str) -> None:
        self._key = hmac.digest(secret.encode(), b"known devices", "sha256")

    def cookie(self, user_id: UserId) -> str:
        """A cookie for a browser that has just logged in."""
        device = secrets.token_urlsafe(12)
        return f"{user_id}.{device}.{self._signature(user_id, device)}"

    def device(self, cookie: str, user_id: UserId) -> str | None:
        """The device's name, when the cookie is ours and for this account."""
        user, _, rest = cookie.partition(".")
        device, _, signature = rest.partition(".")
        if user != str(user_id):
            return None
        expected = self._signature(user_id, device)
        return device if hmac.compare_digest(signature.encode(), expected.encode()) else None

    def _signature(self, user_id: UserId, device: str) -> str:
        return hmac.digest(self._key, f"{user_id}.{device}".encode(), "sha256").hex()
