"""Messages as HTML. `static/pages/markup.js` makes the same elements."""

import html
import re
from collections.abc import Iterator, Sequence

import nh3
from markdown_it.token import Token
from markupsafe import Markup

from api.pages.markup.parser import tokens

MAX_EMPHASES = 8
"""How many may lie in each other. Deeper, their stars stay text."""

MARK = re.compile(r"[`*\0\r]")
LINE_MARK = re.compile(r"^[ \t]*(?:>|-[ \t]|[0-9]+\.[ \t]|$)", re.MULTILINE)

CONTROLS = {
    "\u061c": ("ALM", "Arabic letter mark"),
    "\u200e": ("LRM", "left-to-right mark"),
    "\u200f": ("RLM", "right-to-left mark"),
    "\u202a": ("LRE", "left-to-right embedding"),
    "\u202b": ("RLE", "right-to-left embedding"),
    "\u202c": ("PDF", "pop directional formatting"),
    "\u202d": ("LRO", "left-to-right override"),
    "\u202e": ("RLO", "right-to-left override"),
    "\u2066": ("LRI", "left-to-right isolate"),
    "\u2067": ("RLI", "right-to-left isolate"),
    "\u2068": ("FSI", "first strong isolate"),
    "\u2069": ("PDI", "pop directional isolate"),
}
"""The characters that change the direction of text and are not seen."""

TAG_OR_CONTROL = re.compile(f"<[^>]*>|[{''.join(CONTROLS)}]")

PLAIN_FROM = 400
"""So many characters of a message give its plain beginning: a message of 4,000 costs no more than a short one."""

BLOCK_END = re.compile("</(?:blockquote|li|p|pre)>")
TAG = re.compile("<[^>]*>")
WHITE_SPACE = re.compile("[ \\t\\n]+")

CLEANER = nh3.Cleaner(
    tags={"a", "blockquote", "code", "em", "li", "ol", "p", "pre", "strong", "ul"},
    attributes={"li": {"value"}, "pre": {"tabindex"}},
    allowed_classes={"p": {"language"}},
    link_rel=None,
)
"""The second wall. The first: every text is escaped, and every tag is one of those below. No address passes it. Escaped
text alone, without a tag, does not need it.
"""

ADDRESS = re.compile(r"<a>(https?://[^<]*)</a>", re.IGNORECASE)
LINK = '<a href="{}" rel="noopener noreferrer nofollow" target="_blank">{}</a>'


def needs_parser(text: str) -> bool:
    """Whether `text` may be more than one paragraph without marks. Few are; one expression would take longer."""
    return (
        MARK.search(text) is not None
        or "://" in text
        or LINE_MARK.match(text) is not None
        or ("\n" in text and LINE_MARK.search(text) is not None)
    )


def escaped(text: str) -> str:
    """`text` between tags, as browsers write it: not for attributes, where quotes count. A plain string is made faster
    than Markup.
    """
    return html.escape(text, quote=False).replace("\u00a0", "&nbsp;")


def attribute(text: str) -> str:
    """`text` for an attribute in double quotes."""
    return html.escape(text)


def with_markup(text: str) -> Markup:
    """`text` as its readers see it."""
    if not needs_parser(text):
        return Markup(f"<p>{escaped(text)}</p>")  # noqa: S704 - escaped
    shown = "".join(_blocks(tokens(text)))
    return Markup(ADDRESS.sub(_link, CLEANER.clean(shown)))  # noqa: S704 - what the cleaner let through


def _link(found: re.Match[str]) -> str:
    """A link leads where its text says."""
    return LINK.format(found[1].replace('"', "&quot;"), found[1])


def plain(text: str) -> str:
    """The words of `text` on one line, without its marks: for lists, where only the beginning of a message is shown."""
    beginning = text[:PLAIN_FROM]
    words = beginning
    if needs_parser(beginning):
        words = html.unescape(TAG.sub("", BLOCK_END.sub(" ", "".join(_blocks(tokens(beginning))))))
    return WHITE_SPACE.sub(" ", words).strip(" ")


def with_markup_and_controls(text: str) -> Markup:
    """Likewise, with a mark in place of each character that only changes the direction of text."""
    return with_controls_shown(with_markup(text))


def with_controls_shown(text: str) -> Markup:
    """`text` escaped, with a mark in place of each character that only changes the direction of text."""
    return Markup(TAG_OR_CONTROL.sub(_mark, Markup.escape(text)))  # noqa: S704 - marks of ours in it


def _mark(found: re.Match[str]) -> str:
    if found[0].startswith("<"):
        return found[0]
    name, meaning = CONTROLS[found[0]]
    return f'<span class="control" title="{meaning}">{name}</span>'


def _blocks(blocks: Sequence[Token]) -> Iterator[str]:
    for token in blocks:
        if token.type == "inline":
            yield from _line(token.children or ())
        elif token.type == "fence":
            language = token.info.strip(" \t")
            if language:
                yield f'<p class="language">{escaped(language)}</p>'
            code = token.content.removesuffix("\n")
            yield f'<pre tabindex="0"><code>{escaped(code)}</code></pre>'
        elif not token.hidden:
            yield _tag(token)


def _line(children: Sequence[Token]) -> Iterator[str]:
    depth = 0
    for token in children:
        if token.type == "text":
            yield escaped(token.content)
        elif token.type == "code_inline":
            yield f"<code>{escaped(token.content)}</code>"
        elif token.tag == "a":
            yield _tag(token)
        else:
            depth += max(token.nesting, 0)
            yield _tag(token) if depth <= MAX_EMPHASES else token.markup
            depth += min(token.nesting, 0)


def _tag(token: Token) -> str:
    if token.nesting == -1:
        return f"</{token.tag}>"
    return f'<{token.tag} value="{int(token.info)}">' if token.info else f"<{token.tag}>"  # a number of a list
