"""What people may type into a room: names, messages, reasons."""

import unicodedata

from domain.errors import InvalidField
from domain.names import has_hidden, is_blank

NAME_LIMIT = 100
CONTENT_LIMIT = 4000
REASON_LIMIT = 500
TOPIC_LIMIT = 250
HIDDEN = "A name has no invisible characters."


def check_name(name: str) -> None:
    """Raises InvalidField unless `name` can be a room's: 1 to 100 characters on one line."""
    check_line("name", name, NAME_LIMIT, "A name is one line of text.", HIDDEN)


def check_topic(topic: str) -> None:
    """Raises InvalidField unless `topic` can be a room's: 1 to 250 characters on one line."""
    hidden = "A topic has no invisible characters."
    check_line("topic", topic, TOPIC_LIMIT, "A topic is one line of text.", hidden)


def check_line(field: str, text: str, limit: int, more_lines: str, hidden: str) -> None:
    """Raises InvalidField unless `text` is one line of 1 to `limit` characters; the last two say what else is wrong."""
    check_text(field, text)
    if len(text) > limit:
        raise InvalidField(field, f"Ensure this field has no more than {limit} characters.")
    if any(unicodedata.category(character) in ("Cc", "Zl", "Zp") for character in text.strip()):
        raise InvalidField(field, more_lines)
    if has_hidden(text.strip()):
        raise InvalidField(field, hidden)


def check_content(content: str, *, has_files: bool = False) -> None:
    """Raises InvalidField unless `content` can be a message: 1 to 4,000 characters that are not all white space. A
    message that has files may be without words.
    """
    if content or not has_files:
        check_text("content", content)
    if len(content) > CONTENT_LIMIT:
        raise InvalidField("content", f"Ensure this field has no more than {CONTENT_LIMIT} characters.")


def check_reason(why: str) -> None:
    """Raises InvalidField unless `why` can be the reason for something: 1 to 500 characters, not all white space."""
    check_text("why", why)
    if len(why) > REASON_LIMIT:
        raise InvalidField("why", f"Ensure this field has no more than {REASON_LIMIT} characters.")


def check_text(field: str, text: str) -> None:
    """Raises InvalidField for text that a store cannot keep (NUL, lone surrogates) and for blank text."""
    if "\x00" in text:
        raise InvalidField(field, "Null characters are not allowed.")
    if not text.isprintable() and any("\ud800" <= character <= "\udfff" for character in text):
        raise InvalidField(field, "Lone surrogates are not allowed.")
    if is_blank(text):
        raise InvalidField(field, "This field may not be blank.")
