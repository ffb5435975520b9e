#!/usr/bin/python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""Who proves what to whom: server names, client certificates, protocols."""

import errno
import ssl
import unittest

from peerlib import app, ktap, rawtls, tool, uapi
from peerlib.place import DIR


NO_APPLICATION_PROTOCOL = 120


def der(name):
    """The certificate NAME.pem."""
    return ssl.PEM_cert_to_DER_cert((DIR / f"{name}.pem").read_text())


class Case(unittest.TestCase):
    """A server for each test, and clients that are closed at its end."""

    def serve(self, **request):
        server = app.Server(**request)
        self.addCleanup(server.sock.close)
        return server

    def client(self, server, ctx=None, name="localhost"):
        client = rawtls.Client(server.address, ctx, name)
        self.addCleanup(client.sock.close)
        return client

    def accept(self, server):
        conn = server.accept()
        self.addCleanup(conn.close)
        return conn

    def refused(self, server, ctx, alert, reason):
        """The client is told why by ALERT, the administrator by REASON."""
        with tool.counts(reason):
            client = self.client(server, ctx)
            with self.assertRaises(ssl.SSLError) as caught:
                # The server's refusal comes after our Finished.
                client.handshake()
                client.read()
            self.assertTrue(caught.exception.reason.endswith(alert),
                            caught.exception.reason)
        self.assertTrue(server.sees_nothing())


class ServerName(Case):
    """One profile, several certificates."""

    def names(self, name):
        ctx = rawtls.context()
        ctx.check_hostname = False
        client = self.client(self.serve(), ctx, name).handshake()
        return client.tls.getpeercert(True)

    def test_first_by_name(self):
        self.assertEqual(self.names("localhost"), der("server"))

    def test_second_by_name(self):
        self.assertEqual(self.names("a.test"), der("a"))

    def test_third_by_name(self):
        self.assertEqual(self.names("b.test"), der("b"))

    def test_unknown_name(self):
        """The first certificate; whether it is right is for the client."""
        self.assertEqual(self.names("nonesuch.test"), der("server"))

    def test_no_name(self):
        self.assertEqual(self.names(None), der("server"))

    def test_client_refuses_us(self):
        """A client that does not trust our issuer says so and goes."""
        server = self.serve()
        ctx = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
        ctx.load_verify_locations(DIR / "other-ca.pem")
        client = self.client(server, ctx)
        with tool.counts("peer-refused"):
            client.push(client.begin())
            with self.assertRaises(ssl.SSLCertVerificationError):
                client.answer()
            client.push(client.flight())
        self.assertTrue(server.sees_nothing())


class Mutual(Case):
    """Profiles that ask for the client's certificate."""

    def test_name(self):
        server = self.serve(profile="mutual")
        self.client(server, rawtls.context("good")).handshake()
        conn = self.accept(server)
        self.assertEqual(app.peer_name(conn), (uapi.SOCKAUTH_NAME_EMAIL,
                                               "good@example.test"))
        status = app.status(conn)
        self.assertTrue(status.flags & uapi.SOCKAUTH_SEC_MUTUAL)
        self.assertEqual(status.name_type, uapi.SOCKAUTH_NAME_EMAIL)
        # The certificate's notAfter, 30 days after it was made.
        self.assertGreater(status.expiry, status.start + 28 * 86400)
        self.assertLess(status.expiry, status.start + 31 * 86400)

    def test_missing(self):
        self.refused(self.serve(profile="mutual"), rawtls.context(),
                     "CERTIFICATE_REQUIRED", "no-cred")

    def test_missing_monitor(self):
        """`sockauth monitor` says why the application saw nobody."""
        server = self.serve(profile="mutual")
        with tool.Monitor() as monitor:
            client = self.client(server)
            client.handshake()
            with self.assertRaises(ssl.SSLError):
                client.read()
            event = monitor.event("failed", reason="no-cred")
        self.assertIn("certificate", event["text"])

    def test_expired(self):
        self.refused(self.serve(profile="mutual"), rawtls.context("expired"),
                     "CERTIFICATE_EXPIRED", "cred-expired")

    def test_stranger(self):
        self.refused(self.serve(profile="mutual"), rawtls.context("stranger"),
                     "UNKNOWN_CA", "bad-cred")

    def test_server_certificate(self):
        """Is not for clients."""
        self.refused(self.serve(profile="mutual"), rawtls.context("a"),
                     "UNSUPPORTED_CERTIFICATE", "bad-cred")

    def test_requested(self):
        server = self.serve(profile="request")
        self.client(server, rawtls.context("good")).handshake()
        self.assertEqual(app.peer_name(self.accept(server))[1],
                         "good@example.test")

    def test_requested_missing(self):
        """The peer is anonymous, which the profile allows."""
        server = self.serve(profile="request")
        self.client(server).handshake()
        conn = self.accept(server)
        with self.assertRaises(OSError) as caught:
            app.peer_name(conn)
        self.assertEqual(caught.exception.errno, errno.ENODATA)
        status = app.status(conn)
        self.assertFalse(status.flags & uapi.SOCKAUTH_SEC_MUTUAL)

    def test_requested_stranger(self):
        """Bad credentials are worse than none."""
        self.refused(self.serve(profile="request"),
                     rawtls.context("stranger"), "UNKNOWN_CA", "bad-cred")

    def test_tightened(self):
        """The application may ask for more than the profile does."""
        self.refused(self.serve(profile="request",
                                flags=uapi.SOCKAUTH_REQ_MUTUAL),
                     rawtls.context(), "CERTIFICATE_REQUIRED", "no-cred")

    def test_not_asked(self):
        """A certificate that nobody asked for is nobody's name."""
        server = self.serve()
        self.client(server, rawtls.context("good")).handshake()
        with self.assertRaises(OSError) as caught:
            app.peer_name(self.accept(server))
        self.assertEqual(caught.exception.errno, errno.ENODATA)

    def test_credentials(self):
        """Kept if asked for: DER certificates, each after its length."""
        server = self.serve(profile="mutual",
                            flags=uapi.SOCKAUTH_REQ_KEEP_CRED)
        self.client(server, rawtls.context("good")).handshake()
        conn = self.accept(server)
        chain = app.get_option(conn, uapi.SOCKAUTH_PEER_CRED,
                               uapi.SOCKAUTH_PEER_CRED_MAX)
        good = der("good")
        self.assertEqual(chain[:3], len(good).to_bytes(3, "big"))
        self.assertEqual(chain[3:3 + len(good)], good)

    def test_credentials_not_kept(self):
        server = self.serve(profile="mutual")
        self.client(server, rawtls.context("good")).handshake()
        with self.assertRaises(OSError) as caught:
            app.get_option(self.accept(server), uapi.SOCKAUTH_PEER_CRED,
                           uapi.SOCKAUTH_PEER_CRED_MAX)
        self.assertEqual(caught.exception.errno, errno.ENODATA)


class Protocol(Case):
    """ALPN: the server chooses."""

    def agreed(self, server, offered):
        client = self.client(server, rawtls.context(alpn=offered)).handshake()
        theirs = client.tls.selected_alpn_protocol() or ""
        self.assertEqual(app.alpn(self.accept(server)), theirs)
        return theirs

    def test_alpn_profile(self):
        """The best of the profile, whatever the client likes most."""
        server = self.serve(profile="alpn")
        self.assertEqual(self.agreed(server, ["http/1.1", "h2"]), "h2")

    def test_alpn_application(self):
        server = self.serve(protocols=["test/2", "test/1"])
        self.assertEqual(self.agreed(server, ["other", "test/1"]), "test/1")

    def test_alpn_tightened(self):
        """What the profile does not have, the application cannot add."""
        server = self.serve(profile="alpn", protocols=["http/1.1"])
        self.assertEqual(self.agreed(server, ["h2", "http/1.1"]), "http/1.1")

    def test_alpn_not_offered(self):
        server = self.serve(profile="alpn")
        self.assertEqual(self.agreed(server, None), "")

    def test_alpn_wrong(self):
        """The alert comes in plain text, before any key is agreed on."""
        server = self.serve(profile="alpn")
        with tool.counts("alpn"):
            client = self.client(server, rawtls.context(alpn=["smtp"]))
            client.push(client.begin())
            found = rawtls.plain_alerts(rawtls.until_end(client.sock))
            self.assertEqual(found, [NO_APPLICATION_PROTOCOL])
        self.assertTrue(server.sees_nothing())


if __name__ == "__main__":
    ktap.main()
