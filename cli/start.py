"""What the shell runs as `onrecord`: loads the program, then runs it."""

import gc


def main() -> None:
    """Load the program without looking for garbage meanwhile, which takes an eighth of the time: modules leave none."""
    gc.disable()
    from cli.main import main as program

    gc.freeze()
    gc.enable()
    program()
