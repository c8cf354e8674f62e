"""Where the files are that the application serves."""

from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
TEMPLATES = ROOT / "templates"
STATIC = ROOT / "static"
CENTRIFUGE = ROOT / "node_modules" / "centrifuge" / "dist" / "centrifuge.js"
"""The real-time client, as npm installed it."""
