"""Text as people wrote it, into markup: always escaped, addresses made clickable.

`static/onrecord/text.js` does the same in browsers.
"""

import re

from markupsafe import Markup

ADDRESS = re.compile(r"https?://[^\s<>\"]+", re.IGNORECASE)
AFTER_ADDRESS = ".,;:!?)]}'*"
"""What ends a sentence rather than an address when it stands last."""

LINK = Markup('<a href="{0}" rel="noopener noreferrer nofollow" target="_blank">{0}</a>')


def linked(text: str) -> Markup:
    """`text` escaped, with its http and https addresses as links: no other scheme ever becomes one."""
    parts: list[Markup] = []
    end = 0
    for found in ADDRESS.finditer(text):
        address = found[0].rstrip(AFTER_ADDRESS)
        parts += [Markup.escape(text[end : found.start()]), LINK.format(address)]
        end = found.start() + len(address)
    return Markup("").join([*parts, Markup.escape(text[end:])])
