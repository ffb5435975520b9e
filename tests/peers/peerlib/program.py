# SPDX-License-Identifier: GPL-2.0-or-later
"""A program of others at a pipe: openssl s_client, gnutls-cli, curl."""

import os
import select
import subprocess
import time

from .place import DIR
from .rawtls import PATIENCE


class Program:
    """Talk to a running program; it is gone at the end of the with block."""

    def __init__(self, *args):
        self.name = args[0]
        self.output = b""
        self.process = subprocess.Popen(
            args, stdin=subprocess.PIPE, stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT)

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.process.kill()
        self.process.wait()
        self.process.stdin.close()
        self.process.stdout.close()

    def _read(self, end):
        """More output; False at its end."""
        left = end - time.monotonic()
        out = self.process.stdout.fileno()
        if left < 0 or not select.select([out], [], [], left)[0]:
            raise AssertionError(f"{self.name} said only {self.output!r}")
        piece = os.read(out, 65536)
        self.output += piece
        return bool(piece)

    def expect(self, text):
        """Wait until TEXT is in the output."""
        end = time.monotonic() + PATIENCE
        while text.encode() not in self.output:
            if not self._read(end):
                raise AssertionError(f"{self.name} ended without {text!r}: "
                                     f"{self.output!r}")

    def say(self, text):
        """A line of input."""
        self.process.stdin.write(text.encode() + b"\n")
        self.process.stdin.flush()

    def finish(self):
        """End the input and wait for the end; (exit code, output)."""
        self.process.stdin.close()
        end = time.monotonic() + PATIENCE
        while self._read(end):
            pass
        return (self.process.wait(PATIENCE),
                self.output.decode(errors="replace"))


def s_client(address, *options):
    """`openssl s_client` that checks our certificate."""
    return Program("openssl", "s_client", "-connect",
                   f"{address[0]}:{address[1]}", "-CAfile",
                   str(DIR / "ca.pem"), "-verify_return_error",
                   "-verify_hostname", "localhost", *options)


def gnutls_cli(address, *options):
    """`gnutls-cli` that checks our certificate."""
    return Program("gnutls-cli", "--x509cafile", str(DIR / "ca.pem"),
                   "--sni-hostname", "localhost", "--verify-hostname",
                   "localhost", "-p", str(address[1]), *options, address[0])


def run(*args):
    """Run a program to its end; (exit code, output)."""
    with Program(*args) as program:
        return program.finish()
