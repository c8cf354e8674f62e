"""`python -m benchmarks [NAME …]`: measure, and print tables in Markdown."""

import importlib
import platform
import sys

import uvloop

NAMES = (
    "results",
    "append",
    "posting",
    "bare",
    "reading",
    "many_rooms",
    "hub",
    "fanout",
    "arrival",
    "lanes",
    "backlog",
    "crowd",
    "pages",
    "edited",
    "replay",
    "search",
    "proof",
    "tree",
    "day",
    "growth.comparison",
)


def main() -> None:
    names = sys.argv[1:] or NAMES
    if unknown := set(names) - set(NAMES):
        sys.exit(f"no such benchmark: {', '.join(sorted(unknown))}; there are {', '.join(NAMES)}")
    print(f"Python {platform.python_version()}, {platform.machine()}, {platform.system()}")
    for name in names:
        uvloop.run(importlib.import_module(f"benchmarks.{name}").run())


if __name__ == "__main__":
    main()
