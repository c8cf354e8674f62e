"""The markup of messages as markdown-it's tokens. `static/onrecord/markup.js` has the same rules."""

import re
from collections.abc import Callable
from functools import cache

from markdown_it import MarkdownIt
from markdown_it.ruler import RuleOptionsType
from markdown_it.rules_block import StateBlock, blockquote, fence, list_block, paragraph
from markdown_it.rules_inline import StateInline, backtick
from markdown_it.rules_inline.state_inline import Delimiter
from markdown_it.token import Token

from api.pages.markup.links import addresses

BlockRule = Callable[[StateBlock, int, int, bool], bool]

MAX_LEVEL = 8
"""How deep quotes and lists may lie in each other: eight quotes, or four lists, which count twice. Deeper, their marks
stay text."""

SPACE = re.compile("[\\t-\\r \u00a0\u1680\u2000-\u200a\u2028\u2029\u202f\u205f\u3000\ufeff]")
WORD = re.compile("[0-9A-Za-z]")

QUOTE = re.compile(">")
FENCE = re.compile("```")
LIST = re.compile(r"(?:[-*]|(?:0|[1-9][0-9]{0,8})\.)[ \t]+[^ \t]")
"""The first line of a list. A lone mark is text, and so are `+ 1` and `1) `, which would not look as typed."""


def tokens(text: str) -> list[Token]:
    """The blocks of `text` in order; the children of `inline` tokens are what is in a line."""
    return _parser().parse(text, {})


@cache
def _parser() -> MarkdownIt:
    parser = MarkdownIt("zero")
    parser.enable(["fence", "blockquote", "list", "backticks", "emphasis", "code"])
    blocks, inline = parser.block.ruler, parser.inline.ruler
    interrupts: RuleOptionsType = {"alt": ["paragraph", "blockquote", "list"]}
    blocks.at("code", _nothing)
    blocks.at("fence", _only(fence, FENCE, spare_lines=1), interrupts)
    blocks.at("blockquote", _only(blockquote, QUOTE), interrupts)
    blocks.at("list", _only(list_block, LIST), {"alt": ["paragraph", "blockquote"]})
    blocks.at("paragraph", _whole_paragraph)
    blocks.before("fence", "end_of_block", _ends_block, {"alt": ["paragraph", "blockquote"]})
    inline.at("backticks", _whole_code)
    inline.at("emphasis", _stars)
    inline.before("backticks", "address", _address)
    return parser


def _nothing(_state: StateBlock, _line: int, _end: int, _silent: bool) -> bool:
    """No code by indentation. A rule `code` must be there all the same: without it, the library has fewer lines end a
    list than markdown-it has in browsers."""
    return False


def _only(rule: BlockRule, beginning: re.Pattern[str], *, spare_lines: int = 0) -> BlockRule:
    """`rule` for lines that begin like this, have so many after them in the message, and do not lie too deep."""

    def apply(state: StateBlock, line: int, end: int, silent: bool) -> bool:
        start = state.bMarks[line] + state.tShift[line]
        fits = state.level < MAX_LEVEL and line + spare_lines < len(state.bMarks) - 1
        return fits and bool(beginning.match(state.src, start, state.eMarks[line])) and rule(state, line, end, silent)

    return apply


def _ends_block(state: StateBlock, line: int, end: int, silent: bool) -> bool:
    """A quote ends before a line without `>`, an item before one that is not indented: those are the answer to it."""
    return silent and (state.parentType == "blockquote" or state.sCount[line] < state.blkIndent)


def _whole_paragraph(state: StateBlock, line: int, end: int, silent: bool) -> bool:
    """A paragraph with all its white space."""
    found = paragraph(state, line, end, silent)
    state.tokens[-2].content = state.getLines(line, state.line, state.blkIndent, False)
    return found


def _whole_code(state: StateInline, silent: bool) -> bool:
    """Code with its line breaks. One space at either side is for code that begins or ends with a backtick."""
    start, count = state.pos, len(state.tokens)
    if not backtick(state, silent):
        return False
    token = state.tokens[-1] if len(state.tokens) > count else None
    if token is not None and token.type == "code_inline":
        width = len(token.markup)
        code = state.src[start + width : state.pos - width]
        is_spaced = code.startswith(" ") and code.endswith(" ") and code.strip(" ") != ""
        token.content = code[1:-1] if is_spaced else code
    return True


def _stars(state: StateInline, silent: bool) -> bool:
    """A star opens an emphasis before a non-space and closes one after it, but not inside `2*3*4` or `a**b`."""
    start = end = state.pos
    if silent or state.src[start] != "*":
        return False
    while end < state.posMax and state.src[end] == "*":
        end += 1
    before, after = state.src[max(start - 1, 0) : start], state.src[end : end + 1]
    is_in_word = bool(WORD.match(before) and WORD.match(after))
    opens = not is_in_word and after != "" and not SPACE.match(after)
    closes = not is_in_word and before != "" and not SPACE.match(before)
    for _ in range(start, end):
        token = state.push("text", "", 0)
        token.content = "*"
        place = len(state.tokens) - 1
        state.delimiters.append(Delimiter(ord("*"), end - start, place, -1, opens, closes))
    state.pos = end
    return True


def _address(state: StateInline, silent: bool) -> bool:
    """An http or https address, from its colon: `text` has taken the scheme."""
    if not state.src.startswith("://", state.pos):
        return False
    if state.src not in state.env:
        state.env[state.src] = addresses(state.src)
    for width in (len("http"), len("https")):
        url = state.env[state.src].get(state.pos - width)
        if url is not None:
            state.pending = state.pending[:-width]
            state.push("link_open", "a", 1)
            state.push("text", "", 0).content = url
            state.push("link_close", "a", -1)
            state.pos += len(url) - width
            return True
    return False
