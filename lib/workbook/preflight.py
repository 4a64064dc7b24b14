"""Before anything is installed: is this Python new enough, is there room, can it make a virtual environment?

Run by whatever `python3` there is, so: standard library only, and syntax that even Python 3.6 reads.
"""

import importlib.util
import os
import shutil
import sys

NEEDS = (3, 11)
ROOM_GB = 8  # torch with its libraries, the rest, and room to unpack


def version_problem(version, others=()):
    """One sentence when Python is too old, else an empty string; `others` are newer ones found on this machine."""
    if tuple(version[:2]) >= NEEDS:
        return ""
    better = "Try: make run PYTHON=%s" % others[0] if others else "Install Python 3.11 or newer from python.org."
    return "Hearsay needs Python %d.%d or newer; this is %d.%d. %s" % (NEEDS + tuple(version[:2]) + (better,))


def room_problem(free_bytes, folder):
    """One sentence when the disk is too full for the packages, else an empty string."""
    free = free_bytes / 1e9
    if free >= ROOM_GB:
        return ""
    return "Hearsay's packages need about %d GB in %s; %.1f GB are free. Free some space, then try again." % (
        ROOM_GB, folder, free)  # fmt: skip


def venv_problem(has_venv, has_pip):
    """One sentence when Python cannot make virtual environments (Debian and Ubuntu ship that apart)."""
    if has_venv and has_pip:
        return ""
    return "This Python cannot make a virtual environment. On Debian or Ubuntu: sudo apt install python3-venv"


def main(folder="."):
    """0 when all is well; else prints the first problem, one sentence, and returns 1."""
    newer = [n for n in ("python3.14", "python3.13", "python3.12", "python3.11") if shutil.which(n)]
    found = [importlib.util.find_spec(name) is not None for name in ("venv", "ensurepip")]
    problems = [version_problem(sys.version_info, newer), venv_problem(*found)]
    if not os.path.exists(os.path.join(folder, ".venv", ".ready")):  # an update needs little room
        problems.append(room_problem(shutil.disk_usage(folder).free, os.path.abspath(folder)))
    for problem in filter(None, problems):
        sys.stderr.write(problem + "\n")
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
