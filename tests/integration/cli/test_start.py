"""What the shell runs as `onrecord`."""

import subprocess
import sys

AT_THE_END = "import atexit, gc, sys; atexit.register(lambda: print(gc.isenabled()))"
RUN = "sys.argv = ['onrecord', '--version']; from cli.start import main; main()"


def test_the_program_runs_with_its_garbage_collected() -> None:
    run = subprocess.run([sys.executable, "-c", f"{AT_THE_END}; {RUN}"], capture_output=True, text=True, check=True)
    version, collects = run.stdout.splitlines()
    assert version.startswith("onrecord, version ")
    assert collects == "True"
