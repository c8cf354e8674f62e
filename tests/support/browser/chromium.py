"""A Chromium for the tests: the machine's, or one installed here by `python -m tests.support.browser.chromium`.

The headless shell is preferred, as Playwright itself does: each page of a whole Chromium starts parts of its window,
too, and takes eight times the processor time.
"""

import os
import shutil
import subprocess
import sys
from pathlib import Path

from playwright.sync_api import sync_playwright

SHELL = "chromium-headless-shell"
WHOLE = ("chromium", "chromium-browser", "google-chrome-stable", "google-chrome")

LAN_HOST = "lan.test"
"""Another name of this machine: unlike localhost, browsers do not trust it without https."""

SWITCHES = [
    f"--host-resolver-rules=MAP {LAN_HOST} 127.0.0.1",
    "--no-sandbox",  # containers run as root
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-gpu",
    "--disable-quic",
    "--disable-sync",
    "--no-first-run",
]


def chromium(*, whole: bool = False) -> str | None:
    """The path of a Chromium that is there: CHROMIUM_BIN, one on PATH, or Playwright's own.

    It may be the headless shell unless it must be a whole one, which alone shows notifications.
    """
    names = WHOLE if whole else (SHELL, *WHOLE)
    if found := os.environ.get("CHROMIUM_BIN") or next(filter(None, map(shutil.which, names)), None):
        return found
    with sync_playwright() as playwright:
        own = Path(playwright.chromium.executable_path)
    return str(own) if own.exists() else None


def install() -> None:
    """Debian's package where it may be installed, Playwright's own browser elsewhere."""
    if hasattr(os, "geteuid") and os.geteuid() == 0 and shutil.which("apt-get"):
        environment = {**os.environ, "DEBIAN_FRONTEND": "noninteractive"}
        subprocess.run(["apt-get", "update", "-qq"], check=False)
        for packages in ([SHELL, "chromium"], ["chromium"]):
            command = ["apt-get", "install", "-qq", "--no-install-recommends", *packages]
            if subprocess.run(command, env=environment, stdout=subprocess.DEVNULL).returncode == 0:
                return
    subprocess.run([sys.executable, "-m", "playwright", "install", "chromium"], check=True)


if __name__ == "__main__" and chromium(whole=True) is None:
    install()
