#!/usr/bin/python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""Unloading is refused while a socket uses the module.

That it succeeds afterwards is for tests/guest to say.
"""

import pathlib
import subprocess
import unittest

from peerlib import app, ktap, rawtls


class Refused(unittest.TestCase):
    """In use in every way that a socket can be."""

    def refused(self):
        done = subprocess.run(["rmmod", "sockauth"], capture_output=True,
                              text=True, timeout=60, check=False)
        self.assertNotEqual(done.returncode, 0)
        self.assertIn("in use", done.stderr)
        self.assertTrue(pathlib.Path("/sys/module/sockauth").is_dir())

    def test_listener(self):
        with app.Server():
            self.refused()

    def test_pending(self):
        with app.Server() as server, rawtls.Client(server.address) as client:
            client.push(client.begin())
            client.answer()
            self.refused()

    def test_ready(self):
        with app.Server() as server, rawtls.Client(server.address) as client:
            client.handshake()
            self.refused()

    def test_connection(self):
        """One connection is left, its listener is closed."""
        server = app.Server()
        with rawtls.Client(server.address) as client:
            client.handshake()
            with server.accept() as conn:
                server.sock.close()
                self.refused()
                client.send(b"works")
                self.assertEqual(conn.recv(100), b"works")


if __name__ == "__main__":
    ktap.main()
