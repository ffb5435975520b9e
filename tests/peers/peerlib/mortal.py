# SPDX-License-Identifier: GPL-2.0-or-later
"""A listener, its peers, and a daemon that a test may stop or kill."""

import unittest

from . import app, place, rawtls
from .load import MARKER


class Case(unittest.TestCase):
    """Each test may stop or kill the daemon; afterwards it runs."""

    #: How long an authentication of the listener may take.
    timeout_ms = 60000

    def setUp(self):
        self.server = app.Server(timeout_ms=self.timeout_ms)
        self.addCleanup(self.server.sock.close)

    def tearDown(self):
        place.daemon_restore()

    def talk(self, peer, conn):
        """Both directions of a connection of the listener."""
        peer.send(MARKER)
        self.assertEqual(conn.recv(100), MARKER)
        conn.sendall(MARKER)
        self.assertEqual(peer.read(100), MARKER)

    def come(self, server=None):
        """A peer of the listener, connected."""
        peer = rawtls.Client((server or self.server).address)
        self.addCleanup(peer.sock.close)
        return peer

    def established(self):
        """Both ends of a connection."""
        peer = self.come().handshake()
        conn = self.server.accept()
        self.addCleanup(conn.close)
        return peer, conn
