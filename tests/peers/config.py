#!/usr/bin/python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""Mistakes in the configuration: file, line, what is wrong, what is allowed.

`sockauthd --check-config` needs no kernel and no privilege.
"""

import pathlib
import subprocess
import tempfile
import unittest

from peerlib import ktap
from peerlib.place import DIR


class CheckConfig(unittest.TestCase):
    """Each test writes a file and has it checked."""

    def setUp(self):
        directory = tempfile.TemporaryDirectory()
        self.addCleanup(directory.cleanup)
        self.path = pathlib.Path(directory.name) / "test.conf"

    def check(self, *lines):
        """(exit code, what it says) for a file of LINES."""
        self.path.write_text("".join(f"{line}\n" for line in lines))
        done = subprocess.run(
            ["sockauthd", "--check-config", "-c", self.path],
            capture_output=True, text=True, timeout=60, check=False)
        return done.returncode, done.stdout + done.stderr

    def bad(self, number, *wanted, lines):
        """LINES are wrong in line NUMBER; the message has all WANTED."""
        code, said = self.check(*lines)
        self.assertEqual(code, 2, said)
        self.assertIn(f"{self.path}:{number}:", said)
        for word in wanted:
            self.assertIn(word, said)
        self.assertEqual(said.count("\n"), 1, said)

    @staticmethod
    def profile(*lines):
        return ["[profile default]", f"certificate = {DIR}/server.pem",
                f"key = {DIR}/server.key", *lines]

    def test_good(self):
        code, said = self.check(*self.profile())
        self.assertEqual(code, 0, said)

    def test_of_these_tests(self):
        done = subprocess.run(["sockauthd", "--check-config", "-c",
                               DIR / "sockauthd.conf"], timeout=60,
                              check=False)
        self.assertEqual(done.returncode, 0)

    def test_unknown_key(self):
        self.bad(4, "chipers", lines=self.profile("chipers = x"))

    def test_unknown_section(self):
        self.bad(1, "nonsense", lines=["[nonsense]", "a = b"])

    def test_bad_word(self):
        self.bad(4, "client-certificate", "maybe", "none", "request",
                 "require", lines=self.profile("client-certificate = maybe"))

    def test_bad_number(self):
        self.bad(4, "tickets", "900", lines=self.profile("tickets = 900"))

    def test_bad_cipher(self):
        self.bad(4, "ciphers", "RC4", "TLS_AES_128_GCM_SHA256",
                 lines=self.profile("ciphers = RC4"))

    def test_no_such_file(self):
        self.bad(2, "/nonesuch.pem", lines=[
            "[profile default]", "certificate = /nonesuch.pem"])

    def test_no_certificate_in_it(self):
        self.bad(2, "/etc/passwd", lines=[
            "[profile default]", "certificate = /etc/passwd"])

    def test_other_key(self):
        """The key of another certificate."""
        self.bad(2, "a.key", lines=[
            "[profile default]", f"certificate = {DIR}/server.pem",
            f"key = {DIR}/a.key"])

    def test_given_twice(self):
        self.bad(5, "tickets", lines=self.profile("tickets = 1",
                                                  "tickets = 2"))

    def test_no_equals_sign(self):
        self.bad(4, lines=self.profile("what is this"))

    def test_no_such_config(self):
        done = subprocess.run(
            ["sockauthd", "--check-config", "-c", "/nonesuch.conf"],
            capture_output=True, text=True, timeout=60, check=False)
        self.assertEqual(done.returncode, 2)
        self.assertIn("/nonesuch.conf", done.stdout + done.stderr)


if __name__ == "__main__":
    ktap.main()
