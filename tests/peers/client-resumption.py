#!/usr/bin/python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""Tickets of a server of others: the second connect() needs no certificate."""

import os
import re
import socket
import unittest

from peerlib import app, ktap, place, program, rawtls, tool, uapi

NOBODY = 65534


def learnt():
    """Has the daemon answered everything, tickets among it?"""
    return all(w["outstanding"] == 0 for w in tool.show("workers"))


class Resumption(unittest.TestCase):
    """Connections to `openssl s_server`, with what earlier ones left."""

    def setUp(self):
        self.serve(0)

    def serve(self, port, *options):
        """Start a server; one that did run does not any more."""
        if port:
            self.server.__exit__()
        self.server = program.Program(
            "openssl", "s_server", "-accept", f"127.0.0.1:{port}", "-cert",
            str(place.DIR / "server.pem"), "-key",
            str(place.DIR / "server.key"), *options)
        self.addCleanup(self.server.__exit__)
        # Its port it tells only if it was not told.
        self.server.expect("ACCEPT\n" if port else "ACCEPT 127.0.0.1:")
        if not port:
            port = int(re.search(rb"ACCEPT \S+:(\d+)",
                                 self.server.output)[1])
        self.address = "127.0.0.1", port

    def connect(self, target="localhost"):
        """A connection of a client that trusts the CA."""
        sock = socket.socket()
        self.addCleanup(sock.close)
        sock.settimeout(rawtls.PATIENCE)
        sock.setsockopt(socket.IPPROTO_IP, uapi.SOCKAUTH_REQUEST,
                        uapi.request("request", target))
        sock.connect(self.address)
        return sock

    def read(self, sock):
        """What the server says, and before it its tickets."""
        self.server.say("welcome")
        self.assertEqual(sock.recv(100), b"welcome\n")
        tool.wait_until(learnt, "the daemon has the tickets")

    def visit(self, target="localhost"):
        """(is it resumed, what the application knows of the peer)."""
        with self.connect(target) as sock:
            self.read(sock)
            status = app.status(sock)
            return (bool(status.flags & uapi.SOCKAUTH_SEC_RESUMED),
                    (status.flags & ~uapi.SOCKAUTH_SEC_RESUMED,
                     status.mechanism, status.version, status.cipher,
                     status.expiry, app.peer_name(sock)))

    def test_resumed(self):
        before = tool.stats()["resumed"]
        resumed, peer = self.visit()
        self.assertFalse(resumed)
        self.assertEqual(peer[-1], (uapi.SOCKAUTH_NAME_DNS, "localhost"))
        # Again and again: each time there is a new ticket.
        for _ in range(3):
            self.assertEqual(self.visit(), (True, peer))
        self.assertEqual(tool.stats()["resumed"], before + 3)
        self.server.expect("Reused session-id")

    def test_other_hash(self):
        """Tickets of a suite with SHA-384, and of one with SHA-256."""
        for suite in "TLS_AES_256_GCM_SHA384", "TLS_AES_128_GCM_SHA256":
            self.serve(self.address[1], "-ciphersuites", suite)
            self.visit()
            self.assertTrue(self.visit()[0])

    def test_stateful(self):
        """A ticket that is no more than a number."""
        self.serve(self.address[1], "-no_ticket")
        self.assertFalse(self.visit()[0])
        self.assertTrue(self.visit()[0])

    def test_declined(self):
        """The server has lost its keys."""
        self.visit()
        self.serve(self.address[1])
        self.assertFalse(self.visit()[0])
        self.assertTrue(self.visit()[0])

    def test_other_target(self):
        """Who proved to be one is not believed to be another."""
        self.visit()
        self.assertFalse(self.visit("127.0.0.1")[0])
        self.assertTrue(self.visit()[0])

    def test_other_user(self):
        """Nobody uses what another user's connections left."""
        self.visit()
        os.seteuid(NOBODY)
        try:
            sock = self.connect()
        finally:
            os.seteuid(0)
        self.read(sock)
        self.assertFalse(app.status(sock).flags & uapi.SOCKAUTH_SEC_RESUMED)

    def test_many(self):
        """However many a server sends, the daemon hears of a few."""
        def asked(tickets):
            self.serve(self.address[1], "-num_tickets", str(tickets))
            before = sum(w["answered"] for w in tool.show("workers"))
            self.visit()
            return sum(w["answered"] for w in tool.show("workers")) - before

        without = asked(0)
        # 8 records are told; a leg more or less is the server's business.
        self.assertLess(asked(40), without + 12)
        self.assertTrue(self.visit()[0])

    def test_another_daemon(self):
        """The daemon that gets a ticket did not see the handshake."""
        with self.connect() as sock:
            place.daemon("daemon_stop && daemon_start")
            self.read(sock)
        self.assertTrue(self.visit()[0])


if __name__ == "__main__":
    ktap.main()
