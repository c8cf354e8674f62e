"""`python -m benchmarks [NAME …]`: run the named benchmarks, or all, and print their tables."""

import sys

import uvloop

from benchmarks import appends, conditions, posts, reads, room_sizes

BENCHMARKS = {"appends": appends.run, "posts": posts.run, "room_sizes": room_sizes.run, "reads": reads.run}


def main(names: list[str]) -> None:
    if unknown := set(names) - set(BENCHMARKS):
        sys.exit(f"no benchmark is called {', '.join(sorted(unknown))}; there are {', '.join(BENCHMARKS)}")
    print(conditions.text(), flush=True)
    for name in names or BENCHMARKS:
        for table in uvloop.run(BENCHMARKS[name]()):
            print("\n" + table.markdown(), flush=True)


if __name__ == "__main__":
    main(sys.argv[1:])
