#!/usr/bin/python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""The daemon is away, dies, comes back: nobody is let in unauthenticated."""

import contextlib
import os
import select
import signal
import time

from peerlib import app, client, ktap, mortal, place, rawtls, tool


class Outage(mortal.Case):
    """Each test may stop the daemon; afterwards it runs."""

    def kill(self):
        place.daemon_may_end()
        os.kill(place.daemon_pid(), signal.SIGKILL)
        tool.wait_until(lambda: not tool.show("workers"),
                        "the workers are gone")

    def test_no_daemon(self):
        """Waits, and ends with the time-out under its own reason."""
        place.daemon_stop()
        server = app.Server(timeout_ms=3000)
        self.addCleanup(server.sock.close)
        with tool.counts("no-worker"):
            start = time.monotonic()
            peer = self.come(server)
            peer.push(peer.begin())
            with contextlib.suppress(ConnectionResetError):
                self.assertEqual(rawtls.until_end(peer.sock), b"")
            self.assertGreater(time.monotonic() - start, 2.9)
        self.assertTrue(server.sees_nothing())

    def test_daemon_comes_late(self):
        """Whoever waits is served once the daemon is there."""
        place.daemon_stop()
        peer = self.come()
        peer.push(peer.begin())
        tool.wait_until(lambda: tool.pending() == 1, "it waits")
        self.assertTrue(self.server.sees_nothing())
        place.daemon("daemon_start")
        peer.push(peer.answer())
        self.talk(peer, self.server.accept())

    def test_killed(self):
        """In the middle of one handshake, with another one complete."""
        established = self.established()
        self.talk(*established)
        middle = self.come()
        middle.push(middle.begin())
        finished = middle.answer()
        with tool.counts("worker-died"):
            self.kill()
        with contextlib.suppress(ConnectionError):
            middle.push(finished)
            rawtls.until_end(middle.sock)
        self.assertTrue(self.server.sees_nothing())
        self.talk(*established)

        place.daemon("daemon_start")
        peer = self.come().handshake()
        self.talk(peer, self.server.accept())
        self.talk(*established)

    def test_killed_before_the_first_token(self):
        """A silent client does not notice that the daemon was replaced."""
        peer = self.come()
        tool.wait_until(lambda: tool.pending() == 1, "it is pending")
        self.kill()
        place.daemon("daemon_start")
        peer.handshake()
        self.talk(peer, self.server.accept())

    def test_stopped(self):
        """All of the daemon stands still: who is open goes on, others wait."""
        established = self.established()
        self.talk(*established)
        seconds = float(os.environ.get("HOSTILE_STOP", "2"))
        with place.daemon_stopped():
            peer = self.come()
            peer.push(peer.begin())
            tool.wait_until(lambda: "asked" in tool.states(), "it is asked")
            self.assertFalse(client.events(peer.sock, select.POLLIN, seconds),
                             "who waits is answered by nobody")
            self.assertIn("asked", tool.states())
            self.talk(*established)
            self.assertTrue(self.server.sees_nothing())
        peer.push(peer.answer())
        self.talk(peer, self.server.accept())

    def test_reload(self):
        """SIGHUP drops nobody, not even in the middle of a handshake."""
        peer = self.come()
        peer.push(peer.begin())
        finished = peer.answer()
        with tool.unfailed():
            place.daemon("daemon_reload")
            peer.push(finished)
            self.talk(peer, self.server.accept())
        self.talk(self.come().handshake(), self.server.accept())

    def test_reload_of_a_bad_file(self):
        """The old configuration stays in force, and the log says why."""
        config = place.DIR / "sockauthd.conf"
        good = config.read_text()
        self.addCleanup(config.write_text, good)
        config.write_text(good + "\nnonsense = 1\n")
        os.kill(place.daemon_pid(), signal.SIGHUP)
        line = good.count("\n") + 2
        tool.wait_until(lambda: f"sockauthd.conf:{line}" in
                        (place.DIR / "sockauthd.log").read_text(),
                        "the log names file and line")
        self.talk(self.come().handshake(), self.server.accept())


if __name__ == "__main__":
    ktap.main()
