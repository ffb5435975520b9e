# SPDX-License-Identifier: GPL-2.0-or-later
"""Where things are, in the guest: see tests/daemon.sh."""

import os
import pathlib
import subprocess

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
