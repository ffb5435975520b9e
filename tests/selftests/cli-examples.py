#!/usr/bin/python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""The programs of examples/, as their readers would try them."""

import pathlib
import subprocess
import sys
import unittest

TOP = pathlib.Path(__file__).resolve().parents[2]
sys.path.insert(0, str(TOP / "tests/peers"))
# pylint: disable=wrong-import-position
from peerlib import ktap, place, rawtls, servers, tool  # noqa: E402


class Example(unittest.TestCase):
    """One example, started with a port and what else it takes."""

    def start(self, program, *args, **options):
        self.port = servers.free_port()
        process = subprocess.Popen([TOP / program, str(self.port), *args],
                                   stdout=subprocess.PIPE, text=True,
                                   **options)
        self.addCleanup(process.stdout.close)
        self.addCleanup(process.wait)
        self.addCleanup(process.kill)
        tool.wait_until(lambda: self.port in tool.listening(), "it listens")
        return process

    def echo(self, host, context):
        with rawtls.Client((host, self.port), context).handshake() as client:
            client.send(b"hello")
            self.assertEqual(client.read_exactly(5), b"hello")
            client.push(client.seal(close=True))
            self.assertEqual(client.read_all(), b"")

    def test_echo_server(self):
        process = self.start("build/examples/echo-server", "mutual")
        for host in "::1", "127.0.0.1":
            self.echo(host, rawtls.context("good"))
            self.assertEqual(process.stdout.readline(), "good@example.test\n")

    def test_echo_server_anonymous(self):
        process = self.start("build/examples/echo-server")
        self.echo("::1", rawtls.context())
        self.assertEqual(process.stdout.readline(), "anonymous\n")

    def test_echo_server_profile(self):
        """A profile that is not there is named."""
        done = subprocess.run([TOP / "build/examples/echo-server", "0", "no"],
                              capture_output=True, text=True, check=False,
                              timeout=rawtls.PATIENCE)
        self.assertNotEqual(done.returncode, 0)
        self.assertIn('profile "no": No such file', done.stderr)

    def test_https_server(self):
        self.start("examples/https-server.py", "default", cwd=TOP,
                   stderr=subprocess.DEVNULL)
        for family in "--ipv4", "--ipv6":
            done = subprocess.run(
                ["curl", "--silent", "--show-error", family, "--cacert",
                 place.DIR / "ca.pem", "--noproxy", "*",
                 f"https://localhost:{self.port}/MAINTAINERS"],
                capture_output=True, check=True, timeout=rawtls.PATIENCE)
            self.assertEqual(done.stdout, (TOP / "MAINTAINERS").read_bytes())


if __name__ == "__main__":
    ktap.main()
