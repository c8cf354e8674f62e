"""The browser's libraries, as classic scripts that define one global each."""

from api.files import CENTRIFUGE, LINKIFY

COMMON_JS = """\
define("%s", (module, exports, require) => {
%s
});
"""

LINKIFY_SCRIPT = """\
globalThis.LinkifyIt = (() => {
const modules = {};
const define = (name, run) => {
  const module = { exports: {} };
  run(module, module.exports, (required) => modules[required]);
  modules[name] = module.exports;
};
%sreturn modules["linkify-it"];
})();
"""


def vendor_scripts() -> dict[str, bytes]:
    """Each script by the name of its file: `Centrifuge` as it is, and the CommonJS modules of `LinkifyIt` in one."""
    modules = [COMMON_JS % (name, path.read_text()) for name, path in LINKIFY.items()]
    linkify = LINKIFY_SCRIPT % "".join(modules)
    return {"centrifuge.js": CENTRIFUGE.read_bytes(), "linkify-it.js": linkify.encode()}
