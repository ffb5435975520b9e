#!/usr/bin/python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""Unmodified TLS clients: openssl s_client, gnutls-cli, Python, curl."""

import os
import pathlib
import socket
import ssl
import subprocess
import tempfile
import unittest

from peerlib import app, ktap, place, program, rawtls, tool, uapi
from peerlib.place import DIR

AES128 = (0x1301, "TLS_AES_128_GCM_SHA256", "AES-128-GCM")
AES256 = (0x1302, "TLS_AES_256_GCM_SHA384", "AES-256-GCM")
CHACHA = (0x1303, "TLS_CHACHA20_POLY1305_SHA256", "CHACHA20-POLY1305")

PAGE = "a page over TLS 1.3\n"
LARGE = "0123456789abcdef" * 65536


class Talk(unittest.TestCase):
    """A client program and the application say something to each other."""

    def serve(self, profile="", host="127.0.0.1"):
        server = app.Server(profile=profile, host=host)
        self.addCleanup(server.sock.close)
        return server

    def talk(self, server, client, cipher=None):
        """Both ways, then the client ends it; the client's output."""
        with client, server.accept() as conn:
            conn.sendall(b"from the application\n")
            client.expect("from the application\n")
            client.say("from the client")
            self.assertEqual(conn.recv(100), b"from the client\n")
            if cipher:
                self.assertEqual(app.status(conn).cipher, cipher[0])
            code, output = client.finish()
            self.assertEqual(app.read_all(conn), b"")
        self.assertEqual(code, 0, output)
        return output

    def s_client(self, cipher, profile="", *options):
        server = self.serve(profile)
        output = self.talk(server, program.s_client(
            server.address, "-tls1_3", *options), cipher)
        self.assertIn(f"Cipher is {cipher[1]}", output)

    def gnutls_cli(self, cipher):
        server = self.serve()
        output = self.talk(server, program.gnutls_cli(
            server.address, "--priority", "NORMAL:-VERS-ALL:+VERS-TLS1.3:"
            f"-CIPHER-ALL:+{cipher[2]}"), cipher)
        self.assertIn(cipher[2], output)

    def test_s_client_ipv4(self):
        server = self.serve()
        output = self.talk(server, program.s_client(server.address))
        self.assertIn("Verify return code: 0 (ok)", output)
        self.assertIn("TLSv1.3", output)

    def test_s_client_ipv6(self):
        server = self.serve(host="::1")
        self.talk(server, program.s_client(("[::1]", server.address[1])))

    def test_s_client_aes128(self):
        self.s_client(AES128, "", "-ciphersuites", AES128[1])

    def test_s_client_aes256(self):
        self.s_client(AES256, "", "-ciphersuites", AES256[1])

    def test_s_client_chacha(self):
        self.s_client(CHACHA, "", "-ciphersuites", CHACHA[1])

    def test_profile_aes128(self):
        self.s_client(AES128, "aes128")

    def test_profile_aes256(self):
        self.s_client(AES256, "aes256")

    def test_profile_chacha(self):
        self.s_client(CHACHA, "chacha")

    def test_gnutls_cli_ipv6(self):
        server = self.serve(host="::1")
        self.talk(server, program.gnutls_cli(server.address))

    def test_gnutls_cli_aes128(self):
        self.gnutls_cli(AES128)

    def test_gnutls_cli_aes256(self):
        self.gnutls_cli(AES256)

    def test_gnutls_cli_chacha(self):
        self.gnutls_cli(CHACHA)

    def test_groups(self):
        """A group that the client has to be asked for: HelloRetryRequest."""
        server = self.serve()
        output = self.talk(server, program.s_client(
            server.address, "-groups", "ffdhe2048:P-256"))
        self.assertIn("Verify return code: 0 (ok)", output)

    def test_status(self):
        """What the application can know about its connection."""
        server = self.serve()
        with rawtls.Client(server.address) as client:
            client.handshake()
            with server.accept() as conn:
                status = app.status(conn)
                local = conn.getsockname()
        self.assertEqual(local, server.address)
        self.assertEqual(status.state, uapi.SOCKAUTH_STATE_OPEN)
        self.assertEqual(status.flags, uapi.SOCKAUTH_SEC_SECURED
                         | uapi.SOCKAUTH_SEC_ENCRYPTED)
        self.assertEqual(status.mechanism, uapi.SOCKAUTH_MECH_TLS)
        self.assertEqual(status.version, 0x0304)
        self.assertEqual(status.error, 0)
        self.assertGreater(status.id, 0)
        self.assertGreater(status.start, 1.7e9)
        self.assertEqual(status.uid, 0xffffffff)

    def test_unprivileged(self):
        """An application of nobody's; no right is needed."""
        ctx = rawtls.context()
        os.setegid(65534)
        os.seteuid(65534)
        try:
            server = self.serve()
            with rawtls.Client(server.address, ctx) as client:
                client.handshake()
                with server.accept() as conn:
                    client.send(b"hello")
                    self.assertEqual(conn.recv(100), b"hello")
        finally:
            os.seteuid(0)
            os.setegid(0)

    def test_binding(self):
        """tls-exporter is the same on both sides (as s_client exports it)."""
        server = self.serve()
        with program.s_client(server.address, "-keymatexport",
                              "EXPORTER-Channel-Binding", "-keymatexportlen",
                              "32") as client, server.accept() as conn:
            binding = app.get_option(conn, uapi.SOCKAUTH_BINDING,
                                     uapi.SOCKAUTH_BINDING_LEN)
            conn.close()
            _, output = client.finish()
        self.assertIn(f"Keying material: {binding.hex().upper()}", output)


class Web(unittest.TestCase):
    """curl, and examples/https-server.py as a user would start it."""

    def setUp(self):
        """Start the server on a free port, in a directory with two files."""
        directory = tempfile.TemporaryDirectory()
        self.addCleanup(directory.cleanup)
        pathlib.Path(directory.name, "page").write_text(PAGE)
        pathlib.Path(directory.name, "large").write_text(LARGE)
        with socket.create_server(("", 0)) as sock:
            self.port = sock.getsockname()[1]
        server = subprocess.Popen(
            [place.TOP / "examples/https-server.py", str(self.port)],
            cwd=directory.name, stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL)
        self.addCleanup(server.wait)
        self.addCleanup(server.kill)
        tool.wait_until(lambda: self.port in tool.listening(),
                        "the server listens")

    def curl(self, *args):
        """(exit code, output) of curl."""
        return program.run("curl", "-sS", "--cacert", str(DIR / "ca.pem"),
                           *args)

    def test_curl_ipv4(self):
        self.assertEqual(
            self.curl("-4", f"https://localhost:{self.port}/page"), (0, PAGE))

    def test_curl_ipv6(self):
        self.assertEqual(
            self.curl("-6", f"https://localhost:{self.port}/page"), (0, PAGE))

    def test_curl_address(self):
        """The certificate has the address too."""
        self.assertEqual(
            self.curl(f"https://127.0.0.1:{self.port}/page"), (0, PAGE))

    def test_curl_many(self):
        """Several requests at the same time."""
        url = f"https://localhost:{self.port}/page"
        self.assertEqual(
            self.curl("-Z", "--no-progress-meter", *[url] * 5),
            (0, 5 * PAGE))

    def test_curl_large(self):
        code, output = self.curl(f"https://localhost:{self.port}/large")
        self.assertEqual(code, 0)
        self.assertTrue(output == LARGE)

    def test_curl_without_tls(self):
        with tool.counts("malformed"):
            code, output = self.curl(f"http://127.0.0.1:{self.port}/page")
        self.assertNotEqual(code, 0)
        self.assertNotIn(PAGE, output)

    def test_curl_tls12(self):
        with tool.counts("version"):
            code, _ = self.curl("--tls-max", "1.2",
                                f"https://localhost:{self.port}/page")
        self.assertEqual(code, 35, "CURLE_SSL_CONNECT_ERROR")

    def test_gnutls_cli(self):
        with program.gnutls_cli(("localhost", self.port)) as client:
            client.say("GET /page HTTP/1.0\r\n\r")
            client.expect(PAGE)

    def test_python(self):
        ctx = ssl.create_default_context(cafile=DIR / "ca.pem")
        address = ("127.0.0.1", self.port)
        with socket.create_connection(address) as sock, \
             ctx.wrap_socket(sock, server_hostname="localhost") as tls:
            tls.sendall(b"GET /page HTTP/1.0\r\n\r\n")
            answer = b""
            while piece := tls.recv(65536):
                answer += piece
        self.assertTrue(answer.endswith(PAGE.encode()), answer)


class EchoServer(unittest.TestCase):
    """The example in C."""

    def test_echo(self):
        with socket.create_server(("", 0)) as sock:
            port = sock.getsockname()[1]
        server = subprocess.Popen([place.TOP / "build/examples/echo-server",
                                   str(port)], stdout=subprocess.DEVNULL,
                                  stderr=subprocess.DEVNULL)
        self.addCleanup(server.wait)
        self.addCleanup(server.kill)
        tool.wait_until(lambda: port in tool.listening(),
                        "the server listens")
        with program.s_client(("127.0.0.1", port)) as client:
            client.expect("Verify return code: 0 (ok)")
            client.say("there and back")
            client.expect("there and back\n")


if __name__ == "__main__":
    ktap.main()
