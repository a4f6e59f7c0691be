"""Runs a command and prints what it cost, as JSON: CPU seconds (user and system, its children's too), wall seconds, peak
MiB of its largest process, exit code.

    python -I -S measured.py STDOUT STDERR COMMAND…

A process of its own, started bare: Linux counts for a new process the peak of the one it was forked from, so whoever
has loaded a library would lend its size to every program it measures. What remains is this interpreter's: some 10 MiB.
"""

import json
import os
import sys
import time


def main():
    out, err, *command = sys.argv[1:]
    write = os.O_WRONLY | os.O_CREAT | os.O_TRUNC
    files = [(os.POSIX_SPAWN_OPEN, 0, os.devnull, os.O_RDONLY, 0)]
    files += [(os.POSIX_SPAWN_OPEN, 1, out, write, 0o644), (os.POSIX_SPAWN_OPEN, 2, err, write, 0o644)]
    began = time.monotonic()
    pid = os.posix_spawn(command[0], command, os.environ, file_actions=files)
    _, status, used = os.wait4(pid, 0)
    cost = {"cpu": used.ru_utime + used.ru_stime, "wall": time.monotonic() - began, "mib": used.ru_maxrss / 1024}
    print(json.dumps(cost | {"code": os.waitstatus_to_exitcode(status)}))


if __name__ == "__main__":
    main()
