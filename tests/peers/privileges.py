#!/usr/bin/python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""What the daemon's processes are left with once they have started as root."""

import os
import pathlib
import pwd
import resource
import unittest

from peerlib import ktap, mortal, place, tool

DAC_READ_SEARCH, KILL, SETGID, SETUID = (1 << n for n in (2, 5, 6, 7))
SECCOMP_FILTER = "2"


def status(directory):
    """Fields of /proc/PID/status, or of a thread's."""
    lines = (directory / "status").read_text().splitlines()
    return {key: value.strip()
            for key, _, value in (line.partition(":") for line in lines)}


class Privileges(unittest.TestCase):
    """Capabilities, user, and what could be read out of the memory."""

    def process(self, name, uid, capabilities):
        """The daemon's process of that name has these, and no others."""
        pid, = (number for number, known in place.daemon_processes().items()
                if known == name)
        root = pathlib.Path(f"/proc/{pid}")
        self.assertEqual(resource.prlimit(pid, resource.RLIMIT_CORE), (0, 0))
        # Of whom cannot be dumped, this is root's.
        self.assertEqual(os.stat(root / "mem").st_uid, 0)
        tasks = [status(task) for task in (root / "task").iterdir()]
        for task in tasks:
            self.assertEqual(set(task["Uid"].split()), {str(uid)})
            for kind in "CapEff", "CapPrm":
                self.assertEqual(int(task[kind], 16), capabilities, kind)
            for kind in "CapInh", "CapBnd", "CapAmb":
                self.assertEqual(int(task[kind], 16), 0, kind)
            self.assertEqual(task["NoNewPrivs"], "1")
        return tasks

    def test_daemon(self):
        uid = pwd.getpwnam("sockauth").pw_uid
        tasks = self.process("sockauthd", uid, 0)
        # Two workers, and who started them.
        self.assertEqual(len(tasks), 3)
        for task in tasks:
            self.assertEqual(task["Seccomp"], SECCOMP_FILTER)
            self.assertEqual(task["Groups"], "")

    def test_loader(self):
        self.process("sockauthd-load", pwd.getpwnam("sockauth").pw_uid,
                     DAC_READ_SEARCH)

    def test_broker(self):
        self.process("sockauthd-brok", 0, SETUID | SETGID | KILL)


class Order(mortal.Case):
    """What is given up, before anything of a stranger's is read."""

    def test_order(self):
        """Of whoever waits already when the daemon starts."""
        place.daemon("daemon_stop")
        client = self.come()
        client.push(client.begin())
        tool.wait_until(lambda: tool.pending() == 1, "it waits")
        log = place.DIR / "sockauthd.log"
        before = len(log.read_text())
        place.daemon(f"LD_PRELOAD={place.TOP}/build/tests/witness.so "
                     "daemon_start")
        client.push(client.answer())
        self.talk(client, self.server.accept())
        seen = [line.partition(" ")[2]
                for line in log.read_text()[before:].splitlines()
                if line.startswith("witness: ")]
        self.assertEqual(seen[:2], ["filter", "handshake"])
        place.daemon("daemon_stop")
        place.daemon("daemon_start")


if __name__ == "__main__":
    ktap.main()
