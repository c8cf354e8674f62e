"""How fast it is, and what it costs: tables for docs/benchmarks.md, by `make bench` or `python -m benchmarks NAME …`.

A benchmark is a module with `async def run() -> list[Table]`, bounded in time, named in `benchmarks.__main__`.
"""
