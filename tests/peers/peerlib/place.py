# SPDX-License-Identifier: GPL-2.0-or-later
"""Where things are, in the guest: see tests/daemon.sh."""

import contextlib
import os
import pathlib
import resource
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


#: Daemons that a test has ended, or has seen the end of, as it should.
_ended = set()


def daemon_may_end():
    """The test is about to end the daemon that there is now."""
    _ended.add(daemon_pid())


def daemon_stop():
    """End it in order."""
    daemon_may_end()
    daemon("daemon_stop")


def daemon_restore():
    """There is a daemon afterwards; one that has ended by itself is a failure."""
    pid = daemon_pid()
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        daemon("daemon_start")
        if pid not in _ended:
            raise AssertionError("the daemon has ended by itself") from None


@contextlib.contextmanager
def second_daemon():
    """Another daemon, of the same configuration; gives its process id."""
    pid = DIR / "second.pid"
    other = f"daemon_pid={pid} DAEMON_LOG={DIR}/second.log"
    daemon(f"{other}; daemon_start")
    try:
        yield int(pid.read_text())
    finally:
        daemon(f"{other}; daemon_stop")


@contextlib.contextmanager
def no_more_data(pid, more=1 << 20):
    """The process gets no memory from the kernel but MORE bytes."""
    for line in pathlib.Path(f"/proc/{pid}/status").read_text().splitlines():
        if line.startswith("VmData:"):
            size = int(line.split()[1]) * 1024 + more
    old = resource.prlimit(pid, resource.RLIMIT_DATA, (size, size))
    try:
        yield
    finally:
        resource.prlimit(pid, resource.RLIMIT_DATA, old)


def daemon_processes():
    """The daemon's processes, all of one session: {number: name}."""
    found = {}
    for stat in pathlib.Path("/proc").glob("[0-9]*/stat"):
        with contextlib.suppress(OSError):
            head, _, tail = stat.read_text().rpartition(")")
            words = tail.split()
            if words[3] == str(daemon_pid()) and words[0] not in "XZ":
                found[int(stat.parent.name)] = head.partition("(")[2]
    return found


class MemoryGroup:
    """A control group in which the daemon has MORE bytes of memory left."""

    ROOT = pathlib.Path("/sys/fs/cgroup")

    def __init__(self, more=1 << 20):
        (self.ROOT / "cgroup.subtree_control").write_text("+memory")
        self.path = self.ROOT / "sockauth-daemon"
        self.path.mkdir()
        # What they have already stays in the group where it was taken.
        for pid in daemon_processes():
            (self.path / "cgroup.procs").write_text(str(pid))
        (self.path / "memory.max").write_text(str(more))

    def __enter__(self):
        return self

    def __exit__(self, *_):
        (self.path / "memory.max").write_text("max")
        for pid in (self.path / "cgroup.procs").read_text().split():
            (self.ROOT / "cgroup.procs").write_text(pid)
        self.path.rmdir()
        (self.ROOT / "cgroup.subtree_control").write_text("-memory")

    def kills(self):
        """How many processes of it the kernel has killed for their memory."""
        return int(dict(map(str.split, (self.path / "memory.events")
                            .read_text().splitlines()))["oom_kill"])


def daemon_kill(name=""):
    """Kill it, and wait for the end of all; or only its process called NAME."""
    if not name:
        os.kill(daemon_pid(), signal.SIGKILL)
    for pid, known in daemon_processes().items():
        if known == name:
            os.kill(pid, signal.SIGKILL)
    daemon_ended(name)


def daemon_ended(name="", patience=20):
    """Wait until nothing is left of a daemon that was killed, or of NAME."""
    if not name:
        daemon_may_end()
    end = time.monotonic() + patience
    while (left := set(daemon_processes().values())) and \
            (not name or name in left):
        if time.monotonic() > end:
            raise TimeoutError(f"left behind: {left}")
        time.sleep(0.01)


def _running(pid):
    """The threads of a process that are not stopped."""
    stats = pathlib.Path(f"/proc/{pid}/task").glob("*/stat")
    return [stat.parent.name for stat in stats
            if stat.read_text().rpartition(")")[2].split()[0] != "T"]


@contextlib.contextmanager
def daemon_stopped(pid=None, patience=20):
    """The daemon, or another one, is there and does nothing.

    kill() does not wait for that: a thread that sleeps may be given a token and
    answer it before it stops.
    """
    pid = pid or daemon_pid()
    end = time.monotonic() + patience
    os.kill(pid, signal.SIGSTOP)
    try:
        while _running(pid):
            if time.monotonic() > end:
                raise TimeoutError("the daemon does not stop")
            time.sleep(0.01)
        yield
    finally:
        # It may have been killed meanwhile.
        with contextlib.suppress(ProcessLookupError):
            os.kill(pid, signal.SIGCONT)
