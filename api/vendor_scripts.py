"""The browser's libraries, as classic scripts that define one global each."""

import re

from api.files import CENTRIFUGE, MARKDOWN

COMMON_JS = """\
define("%s", (module, exports, require) => {
%s
});
"""

MARKDOWN_SCRIPT = """\
globalThis.MarkdownIt = (() => {
const modules = {};
const define = (name, run) => {
  const module = { exports: {} };
  run(module, module.exports, (required) => modules[required] ?? {});
  modules[name] = module.exports;
};
%sreturn modules["markdown-it"];
})();
"""
"""markdown-it asks for modules that are not here, with every HTML entity and with Punycode among them. Only rules that
`static/onrecord/markup/parser.js` leaves out use those; they would be half of what a browser loads."""


NOT_RUN = re.compile(r"^[ \t]*/\*(?:[^*]|\*(?!/))*\*/[ \t]*\n|^[ \t]*//.*\n|^[ \t]+|^\n", re.MULTILINE)
"""Comments on lines of their own, indentation, and empty lines: a quarter of a compressed script."""


def vendor_scripts() -> dict[str, bytes]:
    """Each script by the name of its file: `Centrifuge` as it is, and the CommonJS modules of `MarkdownIt` in one."""
    modules = [COMMON_JS % (name, NOT_RUN.sub("", path.read_text(encoding="utf-8"))) for name, path in MARKDOWN.items()]
    markdown = MARKDOWN_SCRIPT % "".join(modules)
    return {"centrifuge.js": CENTRIFUGE.read_bytes(), "markdown-it.js": markdown.encode()}
