"""Packs the browser's libraries into the wheel: npm brings them, and the repository does not hold them."""

import runpy
from pathlib import Path
from typing import Any

from hatchling.builders.config import BuilderConfig
from hatchling.builders.hooks.plugin.interface import BuildHookInterface


class VendorHook(BuildHookInterface[BuilderConfig]):
    """Adds each vendored file, and the licence of its package. An editable install finds them in the checkout."""

    def initialize(self, version: str, build_data: dict[str, Any]) -> None:
        """Ends the build with a line that names the file when npm has not brought one."""
        if version == "editable":
            return
        files = runpy.run_path(str(Path(self.root, "api", "files.py")))
        for script in files["VENDORED"]:
            if not script.exists():
                raise SystemExit(f"{script.relative_to(files['ROOT'])} is missing: run `make wheel`, or `npm ci` first")
            package = files["NODE_MODULES"] / script.relative_to(files["NODE_MODULES"]).parts[0]
            for file in (script, *package.glob("LICENSE*")):
                build_data["force_include"][str(file)] = str(file.relative_to(files["ROOT"]))
