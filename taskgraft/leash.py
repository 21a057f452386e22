"""``python -I -S leash.py <parent pid> program …``: become a program that dies with the process that started it.

Runs between fork and exec of a part, as a program of its own: Python code run there by the parent may deadlock.
The kernel sends the signal when the *thread* that started this one ends, so parts are started by a thread that stays.
"""

import ctypes
import os
import signal
import sys

_PR_SET_PDEATHSIG = 1


def main() -> None:
    """Tie this process to its parent and become the program named in the arguments."""
    parent, *program = sys.argv[1:]
    if sys.platform == "linux":
        ctypes.CDLL(None).prctl(_PR_SET_PDEATHSIG, signal.SIGKILL)
    if os.getppid() != int(parent):  # it died before the line above
        sys.exit(1)
    os.execvp(program[0], program)  # noqa: S606 (a list, no shell)


if __name__ == "__main__":
    main()
