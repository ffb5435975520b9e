#!/usr/bin/python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""Tickets: the second connection needs no certificate."""

import pathlib
import tempfile
import unittest

from peerlib import app, ktap, program, rawtls, tool, uapi


class Resumption(unittest.TestCase):
    """Two connections, the second one with what the first one left."""

    def setUp(self):
        directory = tempfile.TemporaryDirectory()
        self.addCleanup(directory.cleanup)
        self.session = pathlib.Path(directory.name) / "session"

    def serve(self, profile="", **request):
        server = app.Server(profile=profile, **request)
        self.addCleanup(server.sock.close)
        return server

    def s_client(self, server, *options):
        """(status of the application's side, output of s_client)."""
        with program.s_client(server.address, *options) as client, \
             server.accept() as conn:
            # The tickets are before this line on the wire.
            conn.sendall(b"welcome\n")
            client.expect("welcome\n")
            status = app.status(conn)
            code, output = client.finish()
        self.assertEqual(code, 0, output)
        return status, output

    def python(self, server, ctx, session=None):
        """(is it resumed, session, name of the peer or None)."""
        with rawtls.Client(server.address, ctx, session=session) as client:
            client.handshake()
            with server.accept() as conn:
                conn.sendall(b"welcome")
                client.read_exactly(7)
                try:
                    name = app.peer_name(conn)[1]
                except OSError:
                    name = None
                resumed = bool(app.status(conn).flags
                               & uapi.SOCKAUTH_SEC_RESUMED)
                self.assertEqual(resumed, client.tls.session_reused)
                return resumed, client.tls.session, name

    def test_s_client(self):
        server = self.serve()
        before = tool.stats()["resumed"]
        status, output = self.s_client(server, "-sess_out",
                                       str(self.session))
        self.assertFalse(status.flags & uapi.SOCKAUTH_SEC_RESUMED)
        self.assertIn("New, TLSv1.3", output)
        status, output = self.s_client(server, "-sess_in", str(self.session))
        self.assertTrue(status.flags & uapi.SOCKAUTH_SEC_RESUMED)
        self.assertIn("Reused, TLSv1.3", output)
        self.assertEqual(tool.stats()["resumed"], before + 1)

    def test_name_survives(self):
        """A resumed peer is who it was."""
        server, ctx = self.serve("mutual"), rawtls.context("good")
        resumed, session, name = self.python(server, ctx)
        self.assertEqual((resumed, name), (False, "good@example.test"))
        resumed, _, name = self.python(server, ctx, session)
        self.assertEqual((resumed, name), (True, "good@example.test"))

    def test_other_listener(self):
        """Tickets belong to the profile, not to the socket."""
        ctx = rawtls.context()
        _, session, _ = self.python(self.serve(), ctx)
        self.assertTrue(self.python(self.serve(), ctx, session)[0])

    def test_other_profile(self):
        """What one profile's peer proved is not enough for another."""
        ctx = rawtls.context("good")
        _, session, _ = self.python(self.serve(), ctx)
        resumed, _, name = self.python(self.serve("mutual"), ctx, session)
        self.assertEqual((resumed, name), (False, "good@example.test"))

    def test_anonymous_ticket(self):
        """A ticket of an anonymous peer does not pass a tightened server."""
        ctx = rawtls.context()
        _, session, name = self.python(self.serve("request"), ctx)
        self.assertIsNone(name)
        server = self.serve("request", flags=uapi.SOCKAUTH_REQ_MUTUAL)
        with tool.counts("no-cred"), \
             rawtls.Client(server.address, ctx, session=session) as client, \
             self.assertRaises(OSError):
            client.handshake()
            client.read()
        self.assertTrue(server.sees_nothing())

    def test_profile_without_tickets(self):
        ctx = rawtls.context()
        server = self.serve("notickets")
        with rawtls.Client(server.address, ctx) as client:
            client.handshake()
            with server.accept() as conn:
                conn.sendall(b"welcome")
                client.read_exactly(7)
                self.assertFalse(client.tls.session.has_ticket)


if __name__ == "__main__":
    ktap.main()
