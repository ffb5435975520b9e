#!/usr/bin/python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""`sockauth` against a real kernel: what it changes, what it refuses, and the
schema of sockauth(8).  tests/peers/tools.py has what it shows."""

import errno
import json
import os
import pathlib
import pwd
import shutil
import subprocess
import sys
import tempfile
import unittest

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / "peers"))
# pylint: disable=wrong-import-position
from peerlib import app, ktap, rawtls, tool  # noqa: E402

OK, REFUSED, USAGE, NO_MODULE, NO_RIGHTS = range(5)


def run(*args):
    """A finished `sockauth ARGS`."""
    return subprocess.run(["sockauth", *args], capture_output=True, text=True,
                          check=False, timeout=rawtls.PATIENCE)


class Connected(unittest.TestCase):
    """With connections of two clients, of which one has a name."""

    def setUp(self):
        self.named = self.connection("mutual", rawtls.context("good"))
        self.anonymous = self.connection("default", rawtls.context())

    def connection(self, profile, context):
        """The server's side of a new connection."""
        with app.Server(profile=profile) as server:
            client = rawtls.Client(server.address, context).handshake()
            self.addCleanup(client.sock.close)
            conn = server.accept()
        self.addCleanup(conn.close)
        return conn

    def assert_killed(self, conn):
        with self.assertRaises(OSError) as caught:
            conn.recv(1)
        self.assertEqual(caught.exception.errno, errno.ECONNABORTED)

    def assert_open(self, conn):
        self.assertEqual(app.status(conn).error, 0)
        conn.setblocking(False)
        with self.assertRaises(BlockingIOError):
            conn.recv(1)

    def test_kill_id(self):
        number = str(app.status(self.named).id)
        with tool.counts("killed"):
            done = run("kill", "id", number)
        self.assertEqual((done.returncode, done.stdout),
                         (OK, "1 connection ended\n"))
        self.assert_killed(self.named)
        self.assert_open(self.anonymous)
        self.assertEqual(run("kill", "id", number).returncode, REFUSED)

    def test_kill_peer(self):
        self.assertEqual(tool.run("kill", "peer", "good@example.test"),
                         {"killed": 1})
        self.assert_killed(self.named)
        self.assert_open(self.anonymous)

    def test_kill_profile(self):
        self.assertEqual(tool.run("kill", "profile", "default"),
                         {"killed": 1})
        self.assert_killed(self.anonymous)
        self.assert_open(self.named)

    def test_kill_nobody(self):
        done = run("-j", "kill", "peer", "good")
        self.assertEqual((done.returncode, json.loads(done.stdout)),
                         (REFUSED, {"killed": 0}))
        self.assertIn("no connection has peer good", done.stderr)
        self.assert_open(self.named)

    def test_other_namespace(self):
        """Nothing is seen or ended from another network namespace."""
        for what in "connections", "listeners", "workers":
            done = subprocess.run(
                ["unshare", "--net", "sockauth", "-j", "show", what],
                capture_output=True, check=True, timeout=rawtls.PATIENCE)
            self.assertEqual(json.loads(done.stdout), {what: []})
        done = subprocess.run(
            ["unshare", "--net", "sockauth", "kill", "profile", "default"],
            capture_output=True, check=False, timeout=rawtls.PATIENCE)
        self.assertEqual(done.returncode, REFUSED)
        self.assert_open(self.anonymous)


class Limits(unittest.TestCase):
    """`sockauth set` and `sockauth show limits`."""

    def setUp(self):
        self.before = tool.show("limits")
        self.addCleanup(self.restore)

    def restore(self):
        pairs = [str(word) for pair in self.before.items() for word in pair]
        run("set", *pairs)

    def test_set(self):
        done = run("set", "legs", "7", "timeout-ms", "12345")
        self.assertEqual((done.returncode, done.stdout), (OK, ""))
        self.assertEqual(tool.show("limits"),
                         self.before | {"legs": 7, "timeout-ms": 12345})
        self.assertIn("timeout-ms   12345 ", run("show", "limits").stdout)

    def test_set_tells_programs(self):
        self.assertEqual(tool.run("set", "pending", "77"),
                         {"limits": self.before | {"pending": 77}})

    def test_set_all_or_nothing(self):
        done = run("set", "legs", "9", "bytes", "1")
        self.assertEqual(done.returncode, USAGE)
        self.assertEqual(tool.show("limits"), self.before)

    def test_set_whole_range(self):
        """What the program lets through, the kernel takes."""
        for words in (["legs", "2", "bytes", "16645", "timeout-ms", "1",
                       "pending", "1", "pending-net", "1", "guests", "0"],
                      ["legs", "4096", "bytes", "16777216", "timeout-ms",
                       "600000", "pending", "1048576", "pending-net",
                       "1048576", "guests", "1048576"]):
            self.assertEqual(run("set", *words).returncode, OK)
            values = dict(zip(words[::2], map(int, words[1::2])))
            self.assertEqual(tool.show("limits"), values)

    def test_guests_of_the_host(self):
        """Only the initial namespace can have guests."""
        done = subprocess.run(
            ["unshare", "--net", "sockauth", "set", "guests", "1"],
            capture_output=True, text=True, check=False,
            timeout=rawtls.PATIENCE)
        self.assertEqual((done.returncode, done.stdout), (REFUSED, ""))
        self.assertIn("only the initial network namespace has guests",
                      done.stderr)


class Rights(unittest.TestCase):
    """Without CAP_NET_ADMIN."""

    def setUp(self):
        # Nobody may not be allowed into the directory of the checkout.
        place = tempfile.TemporaryDirectory()
        self.addCleanup(place.cleanup)
        os.chmod(place.name, 0o755)
        self.program = shutil.copy(shutil.which("sockauth"), place.name)

    def run_as_nobody(self, *args):
        return subprocess.run([self.program, *args], capture_output=True,
                              text=True, check=False, cwd="/",
                              timeout=rawtls.PATIENCE,
                              user=pwd.getpwnam("nobody").pw_uid)

    def test_needs_rights(self):
        for args in (["show"], ["show", "listeners"], ["show", "workers"],
                     ["monitor"], ["kill", "profile", "default"],
                     ["set", "legs", "3"]):
            with self.subTest(args):
                done = self.run_as_nobody(*args)
                self.assertEqual((done.returncode, done.stdout),
                                 (NO_RIGHTS, ""))
                self.assertIn("CAP_NET_ADMIN: run as root", done.stderr)

    def test_needs_none(self):
        for args in ["show", "limits"], ["stats"]:
            self.assertEqual(self.run_as_nobody(*args).returncode, OK)


class Output(unittest.TestCase):
    """Output that cannot be written."""

    def test_full_disk(self):
        with open("/dev/full", "w", encoding="ascii") as full:
            done = subprocess.run(["sockauth", "show"], stdout=full,
                                  stderr=subprocess.PIPE, check=False,
                                  text=True, timeout=rawtls.PATIENCE)
        self.assertEqual(done.returncode, REFUSED)
        self.assertIn("No space left", done.stderr)

    def test_monitor_full_disk(self):
        """The monitor ends at the first event that it cannot write."""
        with open("/dev/full", "w", encoding="ascii") as full, \
                subprocess.Popen(["sockauth", "monitor"], stdout=full,
                                 stderr=subprocess.PIPE, text=True) as monitor:
            self.addCleanup(monitor.kill)
            tool.wait_until(lambda: tool.hears_events(monitor.pid),
                            "it listens")
            with app.Server() as server:
                rawtls.Client(server.address).handshake().sock.close()
                server.accept().close()
            _, said = monitor.communicate(timeout=rawtls.PATIENCE)
        self.assertEqual(monitor.returncode, REFUSED)
        self.assertIn("No space left", said)


class Schema(unittest.TestCase):
    """Every member of the answers is in sockauth(8), with its type."""

    ADDRESS = {"address": str, "port": int}
    CONNECTION = {
        "id": int, "state": str, "age_ms": int, "role": str, "legs": int,
        "local": dict, "remote": dict, "profile": str, "mechanism": str,
        "security": list, "version": str, "cipher": str, "peer_type": str,
        "peer": str, "alpn": str, "expiry": int,
    }
    LISTENER = {
        "local": dict, "profile": str, "request": list, "pending": int,
        "ready": int, "backlog": int, "accepted": int, "uid": int,
        "inode": int,
    }
    WORKER = {"portid": int, "age_ms": int, "window": int,
              "outstanding": int, "contexts": int, "answered": int}

    def assert_schema(self, value, schema, optional=()):
        self.assertEqual(value.keys() - optional, schema.keys() - optional)
        for name, member in value.items():
            self.assertIs(type(member), schema[name], name)
        for end in "local", "remote":
            if end in value:
                self.assert_schema(value[end], self.ADDRESS)

    def test_schema(self):
        with app.Server("mutual", protocols=["h2"], host="::1") as server:
            context = rawtls.context("good", alpn=["h2"])
            client = rawtls.Client(server.address, context).handshake()
            with client, server.accept() as conn:
                number = app.status(conn).id
                entry, = (c for c in tool.show("connections")
                          if c["id"] == number)
                listener, = (entry for entry in tool.show("listeners")
                             if entry["local"]["port"] == server.address[1])
        self.assert_schema(entry, self.CONNECTION)
        self.assertEqual((entry["alpn"], entry["peer_type"],
                          entry["version"], entry["local"]["address"]),
                         ("h2", "email", "TLSv1.3", "::1"))
        self.assertLessEqual({"secured", "encrypted", "mutual"},
                             set(entry["security"]))
        self.assert_schema(listener, self.LISTENER)
        self.assertEqual(listener["uid"], os.geteuid())
        for worker in tool.show("workers"):
            self.assert_schema(worker, self.WORKER)


if __name__ == "__main__":
    ktap.main()
