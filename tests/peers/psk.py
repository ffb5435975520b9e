#!/usr/bin/python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""Pre-shared keys of the profile, with OpenSSL and GnuTLS on either side.

No peer of Debian 12 has the importer of RFC 9258: OpenSSL 3.0 does not, and
GnuTLS does from 3.8.1 on.
"""

import errno
import unittest

from peerlib import app, client, ktap, place, program, servers, tool, uapi

FIRST = "00112233445566778899aabbccddeeff"
SECOND = "ffeeddccbbaa99887766554433221100"
LONG = "0123456789abcdef" * 8

PROFILES = f"""
[profile psk]
mechanisms = psk
psk = nobody:{FIRST}
psk = lap:top:{SECOND}:sha256
psk = long:{LONG}:sha384

[profile psk-sha384]
mechanisms = psk
psk = long:{LONG}:sha384

[profile psk-and-tls]
mechanisms = tls, psk
psk = nobody:{FIRST}
certificate = {place.DIR}/server.pem
key = {place.DIR}/server.key
"""

GNUTLS = "NORMAL:-VERS-ALL:+VERS-TLS1.3:-KX-ALL:+ECDHE-PSK:+DHE-PSK"


def setUpModule():
    """Profiles with keys."""
    with open(place.DIR / "sockauthd.conf", "a", encoding="ascii") as file:
        file.write(PROFILES)
    place.daemon("daemon_reload")


def openssl(address, identity, key, *options):
    """`openssl s_client` with a key."""
    return program.s_client(address, "-tls1_3", "-psk_identity", identity,
                            "-psk", key, *options)


def gnutls(address, identity, key):
    """`gnutls-cli` with a key."""
    return program.Program(
        "gnutls-cli", "-p", str(address[1]), "--pskusername", identity,
        "--pskkey", key, "--priority", GNUTLS, address[0])


class Acceptor(unittest.TestCase):
    """Clients of others."""

    def let_in(self, start, identity, key, profile="psk", host="127.0.0.1"):
        with app.Server(profile=profile, host=host) as server, \
                start(server.address, identity, key) as peer, \
                server.accept() as conn:
            self.assertEqual(app.peer_name(conn),
                             (uapi.SOCKAUTH_NAME_PSK, identity))
            status = app.status(conn)
            self.assertEqual(status.mechanism, uapi.SOCKAUTH_MECH_PSK)
            self.assertTrue(status.flags & uapi.SOCKAUTH_SEC_MUTUAL)
            self.assertFalse(status.flags & uapi.SOCKAUTH_SEC_RESUMED)
            conn.sendall(b"hello\n")
            peer.expect("hello")
            peer.say("good")
            self.assertEqual(conn.recv(100), b"good\n")

    def kept_out(self, start, identity, key, reason, profile="psk"):
        with app.Server(profile=profile) as server:
            with tool.counts(reason), \
                    start(server.address, identity, key) as peer:
                code, output = peer.finish()
            self.assertNotEqual(code, 0, output)
            self.assertTrue(server.sees_nothing())

    def test_openssl(self):
        self.let_in(openssl, "nobody", FIRST)
        self.let_in(openssl, "lap:top", SECOND)

    def test_gnutls(self):
        self.let_in(gnutls, "nobody", FIRST)
        self.let_in(gnutls, "lap:top", SECOND)

    def test_hello_retry(self):
        def start(*args):
            return openssl(*args, "-groups", "X448:X25519")
        self.let_in(start, "nobody", FIRST)

    def test_wrong_key(self):
        for start in openssl, gnutls:
            self.kept_out(start, "nobody", SECOND, "bad-cred")

    def test_stranger(self):
        for start in openssl, gnutls:
            self.kept_out(start, "stranger", FIRST, "no-cred")

    def test_wrong_hash(self):
        """What is for SHA-384 is nothing for a client with SHA-256."""
        self.kept_out(openssl, "long", LONG, "no-cred", "psk-sha384")

    def test_no_forward_secrecy(self):
        """psk_ke alone is not taken."""
        def start(address, identity, key):
            return program.Program(
                "gnutls-cli", "-p", str(address[1]), "--pskusername",
                identity, "--pskkey", key, "--priority",
                "NORMAL:-VERS-ALL:+VERS-TLS1.3:-KX-ALL:+PSK", address[0])
        self.kept_out(start, "nobody", FIRST, "no-cred")

    def test_with_certificates(self):
        """Who has no key gets a certificate."""
        self.let_in(openssl, "nobody", FIRST, "psk-and-tls")
        with app.Server(profile="psk-and-tls") as server, \
                program.s_client(server.address) as peer, \
                server.accept() as conn:
            self.assertEqual(app.status(conn).mechanism,
                             uapi.SOCKAUTH_MECH_TLS)
            conn.sendall(b"hello\n")
            peer.expect("hello")


class Initiator(unittest.TestCase):
    """Servers of others, and ours."""

    def connect(self, port, profile="psk", **options):
        sock = client.connect(("127.0.0.1", port), profile=profile, **options)
        self.addCleanup(sock.close)
        self.assertEqual(app.peer_name(sock)[0], uapi.SOCKAUTH_NAME_PSK)
        self.assertEqual(app.status(sock).mechanism, uapi.SOCKAUTH_MECH_PSK)
        return sock

    def openssl(self, key):
        port = servers.free_port()
        return servers.Server(self, port, "openssl", "s_server", "-accept",
                              str(port), "-nocert", "-tls1_3", "-quiet",
                              "-rev", "-psk_identity", "nobody", "-psk", key)

    def test_openssl(self):
        sock = self.connect(self.openssl(FIRST).port)
        self.assertEqual(app.peer_name(sock)[1], "nobody")
        sock.sendall(b"drawer\n")
        self.assertEqual(sock.recv(100), b"reward\n")

    def gnutls(self, key):
        passwords = place.DIR / "psk.passwd"
        passwords.write_text(f"nobody:{key}\n")
        port = servers.free_port()
        return servers.Server(self, port, "gnutls-serv", "-p", str(port),
                              "--echo", "--pskpasswd", str(passwords),
                              "--priority", GNUTLS)

    def test_gnutls(self):
        sock = self.connect(self.gnutls(FIRST).port)
        sock.sendall(b"there and back\n")
        self.assertEqual(sock.recv(100), b"there and back\n")

    def test_ours(self):
        for profile, name in ("psk", "nobody"), ("psk-sha384", "long"):
            with app.Server(profile=profile) as server:
                sock = self.connect(server.address[1], profile)
                with server.accept() as conn:
                    self.assertEqual(app.peer_name(conn)[1], name)
                    self.assertEqual(app.peer_name(sock)[1], name)
                    sock.sendall(b"ping")
                    self.assertEqual(conn.recv(100), b"ping")

    def test_target(self):
        """The application says whose key it shall be."""
        with app.Server(profile="psk") as server:
            for name in "long", "lap:top", "nobody":
                sock = self.connect(server.address[1], target=name)
                with server.accept() as conn:
                    self.assertEqual(app.peer_name(conn)[1], name)
                    self.assertEqual(app.peer_name(sock)[1], name)
            sock = client.marked(profile="psk", target="stranger")
            self.addCleanup(sock.close)
            with tool.counts_each({"name": 1, "peer-closed": 1}):
                self.assertEqual(sock.connect_ex(server.address),
                                 errno.EINVAL)
            self.assertEqual(client.error_text(sock), "no psk of the profile "
                             "has the identity stranger")
            self.assertTrue(server.sees_nothing())

    def refused(self, port, text):
        sock = client.marked(profile="psk")
        self.addCleanup(sock.close)
        with tool.counts("peer-refused"):
            self.assertEqual(sock.connect_ex(("127.0.0.1", port)),
                             errno.EKEYREJECTED)
        self.assertRegex(client.error_text(sock), text)

    def test_wrong_key(self):
        self.refused(self.openssl(SECOND).port, "^the peer ")
        self.refused(self.gnutls(SECOND).port, "^the peer ")


if __name__ == "__main__":
    ktap.main()
