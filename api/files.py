"""Where the files are that the application serves: in a checkout as in an installed wheel.

The build of a wheel runs this file too (hatch_build.py), so it imports the standard library only.
"""

from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
TEMPLATES = ROOT / "templates"
STATIC = ROOT / "static"
NODE_MODULES = ROOT / "node_modules"

CENTRIFUGE = NODE_MODULES / "centrifuge" / "dist" / "centrifuge.js"
"""The real-time client: a classic script that defines `Centrifuge`."""

MARKDOWN = {
    "uc.micro": NODE_MODULES / "uc.micro" / "build" / "index.cjs.js",
    "linkify-it": NODE_MODULES / "linkify-it" / "build" / "index.cjs.js",
    "markdown-it": NODE_MODULES / "markdown-it" / "dist" / "index.cjs.js",
}
"""What finds markup and links in messages: CommonJS modules by name, each after those that it requires."""

VENDORED = (CENTRIFUGE, *MARKDOWN.values())
"""Every file of others that browsers get: npm brings them, a wheel holds them."""
