#!/usr/bin/python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""The daemon is killed, stopped and starved, at every moment.

    HOSTILE_DEATHS  how often it is killed under load (default 20)
    HOSTILE_STOP    for how many seconds it is stopped (default 3)
    HOSTILE_SEED    when it is killed (default 1)

What was not begun, another daemon does; what was begun ends with a documented
error; what is established goes on. Nobody is let in unauthenticated.
"""

import contextlib
import errno
import os
import random
import select
import signal
import socket
import ssl
import time

from peerlib import app, client, ktap, load, mortal, place, rawtls, servers, tool
from peerlib.load import MARKER

# More than there is memory for.
CROWD = 1000
# How many are to be refused, and come at a time.
REFUSED = 20

INTERNAL_ERROR = 80


def number(name, otherwise):
    """A setting of the environment."""
    return float(os.environ.get(name, otherwise))


class Case(mortal.Case):
    """Each test may kill the daemon; afterwards it runs."""

    timeout_ms = 600000

    def refused(self, peer, data=b""):
        """The peer learns that it is over, and the application nothing."""
        with contextlib.suppress(ConnectionError):
            peer.push(data)
            rawtls.until_end(peer.sock)
        self.assertTrue(self.server.sees_nothing())

    def replaced(self):
        """The daemon is killed, and there is another one."""
        place.daemon_kill()
        place.daemon("daemon_start")


class Acceptor(Case):
    """Killed at each step of an acceptor's authentication."""

    def asked(self, peer, data):
        """The daemon is asked about DATA, and killed before it answers."""
        with place.daemon_stopped():
            peer.push(data)
            tool.wait_until(lambda: tool.states() == ["asked"], "it is asked")
            place.daemon_kill()
        place.daemon("daemon_start")

    def served(self, peer):
        self.talk(peer, self.server.accept())

    def test_silent(self):
        with tool.unfailed():
            peer = self.come()
            tool.wait_until(lambda: tool.pending() == 1, "it is pending")
            self.replaced()
            self.served(peer.handshake())

    def test_half_a_hello(self):
        with tool.unfailed():
            peer = self.come()
            hello = peer.begin()
            peer.push(hello[:len(hello) // 2])
            self.replaced()
            peer.push(hello[len(hello) // 2:])
            peer.push(peer.answer())
            self.served(peer)

    def test_hello(self):
        """Nothing was said yet: another daemon can begin anew."""
        with tool.unfailed():
            peer = self.come()
            self.asked(peer, peer.begin())
            peer.push(peer.answer())
            self.served(peer)

    def test_answered(self):
        peer = self.come()
        peer.push(peer.begin())
        finished = peer.answer()
        with tool.counts("worker-died"):
            self.replaced()
            self.refused(peer, finished)

    def test_finished(self):
        peer = self.come()
        peer.push(peer.begin())
        with tool.counts("worker-died"):
            self.asked(peer, peer.answer())
            self.refused(peer)

    def test_ready(self):
        with tool.unfailed():
            peer = self.come().handshake()
            tool.wait_until(lambda: tool.ready() == 1, "it is ready")
            self.replaced()
            self.served(peer)

    def test_open(self):
        with tool.unfailed():
            peer, conn = self.established()
            self.talk(peer, conn)
            place.daemon_kill()
            self.talk(peer, conn)
            place.daemon("daemon_start")
            self.talk(peer, conn)
            peer.push(peer.seal(close=True))
            self.assertEqual(conn.recv(1), b"")
            conn.close()
            self.assertEqual(peer.read(1), b"")


class Initiator(Case):
    """Killed at each step of an initiator's authentication."""

    def setUp(self):
        super().setUp()
        self.plain = socket.create_server(("127.0.0.1", 0), backlog=1)
        self.addCleanup(self.plain.close)
        self.incoming, self.outgoing = ssl.MemoryBIO(), ssl.MemoryBIO()
        self.tls = servers.context().wrap_bio(
            self.incoming, self.outgoing, server_side=True)

    def begin(self):
        """An application's socket whose connect() goes on."""
        sock = client.begin(self.plain.getsockname(), target="localhost",
                            profile="client", timeout_ms=60000)
        self.addCleanup(sock.close)
        return sock

    def peer(self):
        """Its peer's end of the TCP connection."""
        self.plain.settimeout(rawtls.PATIENCE)
        peer, _ = self.plain.accept()
        self.addCleanup(peer.close)
        peer.settimeout(rawtls.PATIENCE)
        return peer

    def flight(self, peer):
        """Read the ClientHello; our answer to it, not sent."""
        while True:
            self.incoming.write(peer.recv(65536))
            with contextlib.suppress(ssl.SSLWantReadError):
                self.tls.do_handshake()
            if flight := self.outgoing.read():
                return flight

    def served(self, sock, peer, flight):
        """The rest of it, and data."""
        peer.sendall(flight)
        while True:
            self.incoming.write(peer.recv(65536))
            with contextlib.suppress(ssl.SSLWantReadError):
                self.tls.do_handshake()
                break
        self.assertEqual(client.outcome(sock), 0)
        self.talk_to(sock, peer)

    def talk_to(self, sock, peer):
        """Both directions."""
        sock.setblocking(True)
        sock.settimeout(rawtls.PATIENCE)
        sock.sendall(MARKER)
        self.incoming.write(peer.recv(65536))
        self.assertEqual(self.tls.read(100), MARKER)
        self.tls.write(MARKER)
        peer.sendall(self.outgoing.read())
        self.assertEqual(sock.recv(100), MARKER)

    def lost(self, sock):
        """It ends as the manual says."""
        self.assertEqual(client.outcome(sock), errno.ECONNABORTED)
        self.assertEqual(client.error_text(sock),
                         "the daemon died during authentication")
        with self.assertRaises(ConnectionAbortedError):
            sock.send(MARKER)

    def test_connecting(self):
        """TCP is not connected yet: the peer's queue is full."""
        others = [socket.create_connection(self.plain.getsockname())
                  for _ in range(2)]
        with tool.unfailed():
            sock = self.begin()
            self.assertEqual(tool.states(), ["connecting"])
            self.replaced()
            for other in others:
                self.peer()
                other.close()
            peer = self.peer()
            self.served(sock, peer, self.flight(peer))

    def test_first_leg(self):
        with tool.unfailed():
            with place.daemon_stopped():
                sock = self.begin()
                peer = self.peer()
                tool.wait_until(lambda: tool.states() == ["asked"],
                                "it is asked")
                place.daemon_kill()
            place.daemon("daemon_start")
            self.served(sock, peer, self.flight(peer))

    def test_hello_sent(self):
        sock = self.begin()
        self.flight(self.peer())
        with tool.counts("worker-died"):
            self.replaced()
            self.lost(sock)

    def test_second_leg(self):
        sock = self.begin()
        peer = self.peer()
        flight = self.flight(peer)
        with tool.counts("worker-died"):
            with place.daemon_stopped():
                peer.sendall(flight)
                tool.wait_until(lambda: tool.states() == ["asked"],
                                "it is asked")
                place.daemon_kill()
            place.daemon("daemon_start")
            self.lost(sock)

    def test_connected(self):
        with tool.unfailed():
            sock = self.begin()
            peer = self.peer()
            self.served(sock, peer, self.flight(peer))
            self.replaced()
            self.talk_to(sock, peer)


class Stopped(Case):
    """One daemon of two stands still."""

    def workers(self, what):
        """A number of each worker, by its port."""
        return {worker["portid"]: worker[what]
                for worker in tool.show("workers")}

    def stick(self, workers):
        """Each of the WORKERS, who are stopped, is asked about somebody."""
        server = app.Server(timeout_ms=1000)
        self.addCleanup(server.sock.close)
        ended = {"timeout": 0}
        # Nobody goes on, also of those that get an answer.
        with tool.counts_each(ended):
            while not all(self.workers("outstanding")[worker]
                          for worker in workers):
                peer = self.come(server)
                peer.push(peer.begin())
                ended["timeout"] += 1
        tool.wait_until(lambda: not any(
            number for worker, number in self.workers("outstanding").items()
            if worker not in workers), "the others have answered")

    def test_stopped(self):
        """Whom it was asked about waits, for as long as his time-out says."""
        seconds = number("HOSTILE_STOP", 3)
        signal.alarm(ktap.DEADLINE + int(seconds))
        established = self.established()
        ours = set(self.workers("window"))
        with place.second_daemon() as pid:
            theirs = set(self.workers("window")) - ours
            self.assertEqual(len(theirs), 2)
            with place.daemon_stopped(pid):
                end = time.monotonic() + seconds
                self.stick(theirs)
                served = 0
                with tool.unfailed():
                    while served < 5 or time.monotonic() < end:
                        served += 1
                        self.talk(self.come().handshake(),
                                  self.server.accept())
                        self.talk(*established)
            self.again(ours | theirs)
        self.talk(*established)
        print(f"# stopped for {seconds:g} seconds, {served} were served")

    def again(self, workers):
        """All of the WORKERS are asked, and answer."""
        before = self.workers("answered")
        with tool.unfailed():
            while any(self.workers("answered")[worker] == before[worker]
                      for worker in workers):
                peer = self.come().handshake()
                self.talk(peer, self.server.accept())


class Starved(Case):
    """No memory for the daemon."""

    def setUp(self):
        super().setUp()
        # One that has no memory to spare.
        self.replaced()
        with rawtls.Client(self.server.address) as peer:
            self.hello = peer.begin()
        tool.wait_until(lambda: not tool.pending(), "nobody is there")

    def crowd(self, enough):
        """Peers, each of which costs the daemon memory, until it is ENOUGH."""
        crowd = []
        while not enough():
            self.assertLess(len(crowd), CROWD, "there is memory for everybody")
            for _ in range(REFUSED):
                crowd.append(self.come())
                crowd[-1].push(self.hello)
            # What the daemon has not come to yet costs it nothing.
            for peer in crowd[-REFUSED:]:
                tool.wait_until(
                    lambda: client.events(peer.sock, select.POLLIN, 0.1) or
                    enough(), "there is an answer")
        return crowd

    def alerts(self, crowd):
        """What those get whom the daemon refuses."""
        alerts = []
        for peer in crowd:
            tool.wait_until(lambda: client.events(peer.sock, select.POLLIN),
                            "there is an answer")
            data = peer.sock.recv(65536)
            if data[0] == rawtls.ALERT:
                alerts += rawtls.plain_alerts(data)
        return alerts

    def test_no_memory(self):
        """The kernel gives it none: who comes then is refused."""
        established = self.established()
        pid = place.daemon_pid()
        before = tool.stats()["failed"]["internal"]

        def refused():
            return tool.stats()["failed"]["internal"] - before

        with place.no_more_data(pid):
            crowd = self.crowd(lambda: refused() >= REFUSED)
            # Some of them in the middle of what it says, which is encrypted.
            self.assertEqual(set(self.alerts(crowd)), {INTERNAL_ERROR})
            served = len(crowd) - refused()
            self.talk(*established)
            self.assertTrue(self.server.sees_nothing())
        with tool.counts("peer-closed", served):
            for peer in crowd:
                peer.sock.close()
        with tool.unfailed():
            for _ in range(4):
                self.talk(self.come().handshake(), self.server.accept())
        self.assertEqual(place.daemon_pid(), pid)

    def test_killed_for_memory(self):
        """Its control group has none: the kernel kills it."""
        established = self.established()
        silent = self.come()
        with place.MemoryGroup() as group:
            self.crowd(group.kills)
            place.daemon_ended()
            self.talk(*established)
            self.assertTrue(self.server.sees_nothing())
        place.daemon("daemon_start")
        self.talk(silent.handshake(), self.server.accept())
        self.talk(*established)


class Helpers(Case):
    """The daemon's other processes, which it can do without for a while."""

    def setUp(self):
        super().setUp()
        # What is missing now, only another daemon has.
        self.addCleanup(self.replaced)

    def test_loader_killed(self):
        """The configuration stays, and the log says what to do."""
        place.daemon_kill("sockauthd-load")
        said = place.log_count("the loader failed, restart the daemon")
        os.kill(place.daemon_pid(), signal.SIGHUP)
        tool.wait_until(
            lambda: place.log_count("the loader failed, restart the daemon") >
            said, "the log says so")
        self.talk(self.come().handshake(), self.server.accept())

    def test_broker_killed(self):
        place.daemon_kill("sockauthd-brok")
        self.talk(self.come().handshake(), self.server.accept())
        client.connect(("127.0.0.1", servers.python(self).port),
                       target="localhost", profile="client").close()


class Crowd(Case):
    """Many at a time."""

    def begun(self, before):
        """How many authentications have begun since BEFORE."""
        return tool.stats()["started"] - before["started"]

    def decided(self, before):
        """How many have ended since, well or badly."""
        now = tool.stats()
        return (now["done"] - before["done"] + sum(now["failed"].values()) -
                sum(before["failed"].values()))

    def test_under_load(self):
        """Again and again; in the end nothing is left of any of them."""
        chance = random.Random(int(number("HOSTILE_SEED", 1)))
        times = int(number("HOSTILE_DEATHS", 20))
        established = self.established()
        signal.alarm(ktap.DEADLINE + 60 * times)
        before = tool.stats()
        with load.running(self):
            for _ in range(times):
                done = tool.stats()["done"]
                tool.wait_until(lambda: tool.stats()["done"] > done,
                                "somebody is served")
                # No wait, but the choice of a moment.
                time.sleep(chance.random() / 10)
                place.daemon_kill()
                self.talk(*established)
                place.daemon("daemon_start")
        print(f"# {times} deaths of the daemon")
        self.talk(*established)
        established[1].close()
        tool.wait_until(lambda: not tool.states(), "all connections are over")
        self.assertEqual(self.begun(before), self.decided(before))
        tool.wait_until(lambda: not any(
            worker["outstanding"] or worker["contexts"]
            for worker in tool.show("workers")), "all credit is back")


if __name__ == "__main__":
    ktap.main()
