# SPDX-License-Identifier: GPL-2.0-or-later
"""Applications and peers that go on whatever happens to the daemon.

Each is a process of its own. What may happen to one of its connections is that
it ends, with an error that is documented; then the next one begins. Anything
else ends the process, and the test fails that stops it.
"""

import contextlib
import errno
import os
import select
import signal
import traceback

from . import app, client, rawtls, servers, uapi

#: What applications send; nobody else may see it on the wire.
MARKER = b"sockauth-marker-of-a-load"

SECURED = uapi.SOCKAUTH_SEC_SECURED | uapi.SOCKAUTH_SEC_ENCRYPTED


def _accept(server):
    """The application of a listener: it sends back what it gets."""
    if not select.select([server.sock], [], [], 0.1)[0]:
        return False
    with server.accept() as conn:
        if app.status(conn).flags & SECURED != SECURED:
            raise AssertionError("accepted without authentication")
        with contextlib.suppress(ConnectionError):
            if data := conn.recv(100):
                if data != MARKER:
                    raise AssertionError(f"a peer has said {data!r}")
                conn.sendall(data)
                return True
    return False


def _come(server):
    """A peer of the listener."""
    with rawtls.Client(server.address) as peer, \
         contextlib.suppress(ConnectionError):
        peer.handshake()
        peer.send(MARKER)
        if peer.read(100) != MARKER:
            raise AssertionError("not what was said")
        return True
    return False


def _go(address):
    """An application that connects."""
    try:
        sock = client.connect(address, target="localhost", profile="client",
                              timeout_ms=60000)
    except OSError as error:
        if error.errno != errno.ECONNABORTED:
            raise
        return False
    with sock:
        sock.settimeout(rawtls.PATIENCE)
        sock.sendall(MARKER)
        if sock.recv(100) != MARKER:
            raise AssertionError("not what was said")
    return True


class _Process:
    """Does STEP(argument) again and again, until it is told to end."""

    def __init__(self, step, argument):
        self.name = step.__name__
        self.told, self.tell = os.pipe()
        self.counted, count = os.pipe()
        self.pid = os.fork()
        if not self.pid:
            code = 1
            try:
                # The alarm of the test is not for us.
                signal.alarm(0)
                done = 0
                while not select.select([self.told], [], [], 0)[0]:
                    done += bool(step(argument))
                os.write(count, str(done).encode())
                code = 0
            except BaseException:
                traceback.print_exc()
            finally:
                os._exit(code)
        os.close(count)

    def end(self):
        """How many connections were served from beginning to end."""
        os.write(self.tell, b"!")
        _, status = os.waitpid(self.pid, 0)
        self.pid = 0
        if status:
            raise AssertionError(f"{self.name} failed, see above")
        return int(os.read(self.counted, 100))

    def close(self):
        """Nothing is left of it, whatever it does."""
        if self.pid:
            os.kill(self.pid, signal.SIGKILL)
            os.waitpid(self.pid, 0)
        for pipe in self.told, self.tell, self.counted:
            os.close(pipe)


@contextlib.contextmanager
def running(test):
    """A listener with its peers, and an application that connects."""
    address = "127.0.0.1", servers.python(test).port
    with app.Server(timeout_ms=60000) as server, \
         contextlib.ExitStack() as stack:
        processes = []
        # In the order in which they end: peers wait for their application.
        for step, argument in ((_come, server), (_come, server),
                               (_go, address), (_accept, server)):
            processes.append(_Process(step, argument))
            stack.callback(processes[-1].close)
        yield
        done = [process.end() for process in processes]
    if not all(done):
        raise AssertionError(f"somebody was never served: {done}")
