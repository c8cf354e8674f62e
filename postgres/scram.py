"""What PostgreSQL keeps of a password: with it, a role is given a password that the server and its log never see.

SCRAM-SHA-256 of RFC 5802 and RFC 7677. A password is prepared as RFC 4013 says or, as in PostgreSQL, taken as it is
where that refuses it.
"""

import base64
import hashlib
import hmac
import secrets
import stringprep
import unicodedata

ITERATIONS = 4096
"""PostgreSQL's own number; more of them slow down every connection of the service."""

SALT_BYTES = 16

PROHIBITED = (
    stringprep.in_table_c12,
    stringprep.in_table_c21_c22,
    stringprep.in_table_c3,
    stringprep.in_table_c4,
    stringprep.in_table_c5,
    stringprep.in_table_c6,
    stringprep.in_table_c7,
    stringprep.in_table_c8,
    stringprep.in_table_c9,
    stringprep.in_table_a1,
)


def scram_verifier(password: str, *, salt: bytes | None = None, iterations: int = ITERATIONS) -> str:
    """What `CREATE ROLE … PASSWORD` takes in place of the password."""
    salt = salt if salt is not None else secrets.token_bytes(SALT_BYTES)
    salted = hashlib.pbkdf2_hmac("sha256", prepared(password).encode(), salt, iterations)
    stored_key = hashlib.sha256(_hmac(salted, b"Client Key")).digest()
    server_key = _hmac(salted, b"Server Key")
    return f"SCRAM-SHA-256${iterations}:{_base64(salt)}${_base64(stored_key)}:{_base64(server_key)}"


def prepared(password: str) -> str:
    """The password as clients send it: spaces are one kind of space, what is invisible is left out, NFKC."""
    mapped = "".join(
        " " if stringprep.in_table_c12(each) else each for each in password if not stringprep.in_table_b1(each)
    )
    normal = unicodedata.normalize("NFKC", mapped)
    return normal if normal and _is_allowed(normal) else password


def _is_allowed(text: str) -> bool:
    if any(is_in_table(each) for each in text for is_in_table in PROHIBITED):
        return False
    runs_left = [stringprep.in_table_d1(each) for each in text]
    if not any(runs_left):
        return True
    return runs_left[0] and runs_left[-1] and not any(map(stringprep.in_table_d2, text))


def _hmac(key: bytes, text: bytes) -> bytes:
    return hmac.digest(key, text, "sha256")


def _base64(data: bytes) -> str:
    return base64.b64encode(data).decode()
