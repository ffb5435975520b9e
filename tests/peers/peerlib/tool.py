# SPDX-License-Identifier: GPL-2.0-or-later
"""The administrator's view: `sockauth -j`."""

import contextlib
import json
import subprocess
import time

from .rawtls import PATIENCE

#: How long workers have for what they were asked, if nothing is to come of it.
MOMENT = 1


def run(*args):
    """What `sockauth -j ARGS` prints, as an object."""
    done = subprocess.run(["sockauth", "-j", *args], check=True,
                          capture_output=True, text=True, timeout=PATIENCE)
    return json.loads(done.stdout)


def show(what):
    """The entries of `sockauth show WHAT`."""
    return run("show", what)[what]


def stats():
    """The counters of the namespace."""
    return run("stats")


def pending():
    """How many connections are being authenticated."""
    return sum(entry["pending"] for entry in show("listeners"))


def listening():
    """The ports of all listeners."""
    return [entry["local"]["port"] for entry in show("listeners")]


def ready():
    """How many authenticated ones wait for accept()."""
    return sum(entry["ready"] for entry in show("listeners"))


def states():
    """The states of all connections, in the order of their ids."""
    return [entry["state"] for entry in show("connections")]


def wait_until(condition, what, patience=PATIENCE):
    """Return the first true value of CONDITION(), or fail."""
    end = time.monotonic() + patience
    while True:
        value = condition()
        if value:
            return value
        if time.monotonic() > end:
            raise AssertionError(f"{what}: not within {patience} s")
        time.sleep(0.02)


def _failures():
    return {k: v for k, v in stats()["failed"].items() if v}


def _new_failures(before):
    now = _failures()
    return {k: now[k] - before.get(k, 0) for k in now
            if now[k] != before.get(k, 0)}


def _settled(before):
    """What has failed since BEFORE, once no worker has anything to answer.

    One that is stopped never will: that is waited for a moment, no longer.
    """
    end = time.monotonic() + MOMENT
    while any(worker["outstanding"] for worker in show("workers")) and \
            time.monotonic() < end:
        time.sleep(0.02)
    return _new_failures(before)


@contextlib.contextmanager
def counts_each(wanted):
    """What happens inside makes connections end: {reason: number} of them."""
    before = _failures()
    yield
    end = time.monotonic() + PATIENCE
    while sum(_new_failures(before).values()) < sum(wanted.values()) and \
            time.monotonic() < end:
        time.sleep(0.02)
    # One more is one too many.
    new = _settled(before)
    if new != wanted:
        raise AssertionError(f"counted {new}, not {wanted}")


def counts(reason, number=1):
    """What happens inside makes NUMBER connections end for REASON alone."""
    return counts_each({reason: number})


@contextlib.contextmanager
def unfailed():
    """What happens inside makes no connection fail."""
    before = _failures()
    yield
    if new := _settled(before):
        raise AssertionError(f"counted {new}")


def hears_events(pid):
    """Has the process joined a group of generic netlink (protocol 16)?"""
    with open("/proc/net/netlink", encoding="ascii") as file:
        rows = [line.split() for line in file][1:]
    return any(row[1] == "16" and row[2] == str(pid) and int(row[3], 16)
               for row in rows)


class Monitor:
    """`sockauth -j monitor`: one object for each event."""

    def __init__(self):
        self.process = subprocess.Popen(
            ["sockauth", "-j", "monitor"], stdout=subprocess.PIPE, text=True)
        wait_until(lambda: hears_events(self.process.pid),
                   "the monitor listens")

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.process.kill()
        self.process.wait()
        self.process.stdout.close()

    def event(self, kind, **wanted):
        """The connection of the next event of KIND, with WANTED members."""
        for line in self.process.stdout:
            event = json.loads(line)
            if event["event"] == kind and \
               wanted.items() <= event["connection"].items():
                return event["connection"]
        raise AssertionError("the monitor has ended")
