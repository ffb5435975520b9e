# SPDX-License-Identifier: GPL-2.0-or-later
"""Where things are, in the guest: see tests/daemon.sh."""

import contextlib
import os
import pathlib
import signal
import subprocess
import time

TOP = pathlib.Path(__file__).resolve().parents[3]

#: Certificates, configuration and log of the daemon under test.
DIR = pathlib.Path(os.environ.get("SOCKAUTH_TEST_DIR", "/run/sockauth-test"))


def daemon(function):
    """Call a function of tests/daemon.sh."""
    subprocess.run(["bash", "-c", f". {TOP}/tests/daemon.sh; {function}"],
                   check=True, timeout=60)


def log_count(text):
    """How often the daemon has said TEXT."""
    return (DIR / "sockauthd.log").read_text().count(text)


def daemon_pid():
    """The process id of the daemon."""
    return int((DIR / "sockauthd.pid").read_text())


def _running(pid):
    """The threads of a process that are not stopped."""
    stats = pathlib.Path(f"/proc/{pid}/task").glob("*/stat")
    return [stat.parent.name for stat in stats
            if stat.read_text().rpartition(")")[2].split()[0] != "T"]


@contextlib.contextmanager
def daemon_stopped(patience=20):
    """The daemon is there and does nothing.

    kill() does not wait for that: a thread that sleeps may be given a token and
    answer it before it stops.
    """
    pid = daemon_pid()
    end = time.monotonic() + patience
    os.kill(pid, signal.SIGSTOP)
    try:
        while _running(pid):
            if time.monotonic() > end:
                raise TimeoutError("the daemon does not stop")
            time.sleep(0.01)
        yield
    finally:
        os.kill(pid, signal.SIGCONT)
