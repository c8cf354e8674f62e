"""Which parts of a text are links."""

from linkify_it import LinkifyIt

SEPARATORS = "[><\uff5c]"
"""What ends an address, as linkify-it's expressions spell it."""

MORE_SEPARATORS = (
    "\u2018-\u201f\u2026\u3001-\u3003\u3008-\u3011\u3014-\u301f"
    "\uff01\uff08\uff09\uff0c\uff0e\uff1a\uff1b\uff1f\uff3b\uff3d\uff5b\uff5d\uff5f-\uff65"
)
"""What also ends one: typographic quotes, the ellipsis, and the punctuation of Chinese, Japanese and Korean."""

PUNCTUATION_SINCE_UNICODE_16 = (
    "\u1b4e\u1b4f\u1b7f\U00010d6e\U000113d4\U000113d5\U000113d7\U000113d8\U00011be1\U00016d6d-\U00016d6f\U0001e5ff"
)
"""What linkify-it-py takes for punctuation and linkify-it does not, yet."""


class Linkifier(LinkifyIt):  # type: ignore[misc]  # the library has no types
    """Finds http and https addresses, and nothing else."""

    re: dict[str, str]

    def __init__(self) -> None:
        super().__init__(
            {"ftp:": None, "mailto:": None, "//": None},
            {"fuzzy_link": False, "fuzzy_email": False, "fuzzy_ip": False},
        )

    def _on_compile(self) -> None:
        self.re["src_path"] = self.re["src_path"].replace(SEPARATORS, f"[><\uff5c{MORE_SEPARATORS}]")
        for part in ("src_auth", "src_host_port_strict", "src_path"):
            self.re[part] = f"(?a:{self.re[part]})"  # digits and letters are ASCII's, as in JavaScript
        punctuation = self.re["src_P"]
        as_in_browsers = f"(?![{PUNCTUATION_SINCE_UNICODE_16}]){punctuation}"
        self.re = {name: part.replace(punctuation, as_in_browsers) for name, part in self.re.items()}


LINKIFIER = Linkifier()


def addresses(text: str) -> dict[int, str]:
    """The http and https addresses in `text` by where they begin. Stars at the end of one end an emphasis."""
    return {found.index: found.url.rstrip("*") for found in LINKIFIER.match(text) or ()}
