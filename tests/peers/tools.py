#!/usr/bin/python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""What `sockauth` shows of connections that are there."""

import subprocess
import unittest

from peerlib import app, ktap, rawtls, tool


class Show(unittest.TestCase):
    """The administrator sees what the application has."""

    def setUp(self):
        self.server = app.Server(profile="mutual")
        self.addCleanup(self.server.sock.close)
        self.port = self.server.address[1]

    def open(self):
        client = rawtls.Client(self.server.address, rawtls.context("good"))
        self.addCleanup(client.sock.close)
        client.handshake()
        conn = self.server.accept()
        self.addCleanup(conn.close)
        return client, conn

    def entries(self, what):
        return [entry for entry in tool.show(what)
                if entry["local"]["port"] == self.port]

    def test_connection(self):
        client, conn = self.open()
        entry, = self.entries("connections")
        self.assertEqual(entry["id"], app.status(conn).id)
        self.assertEqual(entry["state"], "open")
        self.assertEqual(entry["profile"], "mutual")
        self.assertEqual(entry["peer"], "good@example.test")
        self.assertEqual(entry["remote"]["port"],
                         client.sock.getsockname()[1])

    def test_connection_gone(self):
        _, conn = self.open()
        conn.close()
        self.assertEqual(self.entries("connections"), [])

    def test_listener(self):
        entry, = self.entries("listeners")
        self.assertEqual((entry["pending"], entry["ready"],
                          entry["accepted"]), (0, 0, 0))
        self.open()
        entry, = self.entries("listeners")
        self.assertEqual(entry["accepted"], 1)

    def test_workers(self):
        self.assertGreaterEqual(len(tool.show("workers")), 1)

    def test_table(self):
        """For people: the same in words."""
        self.open()
        done = subprocess.run(["sockauth", "show", "connections"], check=True,
                              capture_output=True, text=True, timeout=60)
        self.assertIn("good@example.test", done.stdout)

    def test_monitor(self):
        """An event when a connection opens, and one when it ends."""
        with tool.Monitor() as monitor:
            client, conn = self.open()
            event = monitor.event("opened")
            self.assertEqual(event["id"], app.status(conn).id)
            client.push(client.seal(close=True))
            app.read_all(conn)
            conn.close()
            monitor.event("ended", id=event["id"])

    def test_stats(self):
        before = tool.stats()
        self.open()
        after = tool.stats()
        self.assertEqual(after["started"], before["started"] + 1)
        self.assertEqual(after["done"], before["done"] + 1)
        self.assertEqual(after["open"], before["open"] + 1)


if __name__ == "__main__":
    ktap.main()
