# SPDX-License-Identifier: GPL-2.0-or-later
"""Servers of others on all loopback addresses, each ready when it is there.

Echo servers send back what they get; page servers answer "GET /page" with PAGE
and close. MUTUAL: only clients whose certificate the CA has signed.
"""

import fcntl
import os
import pathlib
import socket
import ssl
import subprocess
import tempfile
import threading

from . import tool
from .place import DIR

PAGE = b"a page over TLS 1.3\n"
PIPE_SIZE = 1 << 20

NGINX = """
daemon off;
master_process off;
pid {0}/pid;
error_log {0}/error.log;
events {{ }}
http {{
    access_log off;
    client_body_temp_path {0}/body;
    client_max_body_size 100m;
    server {{
        listen {1} ssl;
        listen [::]:{1} ssl;
        ssl_certificate {2}/server.pem;
        ssl_certificate_key {2}/server.key;
        ssl_protocols TLSv1.3;
        ssl_verify_client {3};
        ssl_client_certificate {2}/ca.pem;
        root {0}/files;
        location / {{ dav_methods PUT; }}
    }}
}}
"""

STUNNEL = """
foreground = yes
pid =
debug = err
[echo]
accept = :::{0}
connect = 127.0.0.1:{1}
cert = {2}/server.pem
key = {2}/server.key
CAfile = {2}/ca.pem
requireCert = {3}
verifyChain = {3}
"""


def free_port():
    """A port that nobody uses."""
    with socket.create_server(("", 0)) as sock:
        return sock.getsockname()[1]


def _listens(port):
    """Is there a listening socket on PORT?"""
    for table in "tcp", "tcp6":
        with open(f"/proc/net/{table}", encoding="ascii") as file:
            for row in map(str.split, file):
                if row[1].endswith(f":{port:04X}") and row[3] == "0A":
                    return True
    return False


class Server:
    """A program that listens on `port`; stopped at the end of a test."""

    def __init__(self, test, port, *args, **pipes):
        self.port = port
        self.log = tempfile.TemporaryFile()
        test.addCleanup(self.log.close)
        # Some end when their input does.
        pipes.setdefault("stdin", subprocess.PIPE)
        pipes.setdefault("stdout", self.log)
        self.process = subprocess.Popen(args, stderr=self.log, **pipes)
        if self.process.stdin:
            test.addCleanup(self.process.stdin.close)
        test.addCleanup(self.process.wait)
        test.addCleanup(self.process.kill)
        tool.wait_until(self._ready, f"{args[0]} listens")

    def _ready(self):
        if self.process.poll() is not None:
            raise AssertionError(f"{self.process.args} ended: {self.output()}")
        return _listens(self.port)

    def output(self):
        """What it has said until now."""
        return os.pread(self.log.fileno(), 1 << 20, 0).decode()


def _directory(test):
    made = tempfile.TemporaryDirectory(dir="/run")
    test.addCleanup(made.cleanup)
    # For workers that are no longer root.
    os.chmod(made.name, 0o755)
    return pathlib.Path(made.name)


def _credentials(name, cert_option, key_option):
    return cert_option, f"{DIR}/{name}.pem", key_option, f"{DIR}/{name}.key"


def openssl(test, *options, mutual=False, **pipes):
    """`openssl s_server`; its output is in the log."""
    port = free_port()
    if mutual:
        options += ("-Verify", "1", "-verify_return_error",
                    "-CAfile", f"{DIR}/ca.pem")
    return Server(test, port, "openssl", "s_server", "-accept", str(port),
                  *_credentials("server", "-cert", "-key"), *options, **pipes)


def openssl_echo(test, *options, mutual=False):
    """`openssl s_server`, whose output is its input."""
    reader, writer = os.pipe()
    # It reads and writes in turns, and never waits for itself.
    fcntl.fcntl(writer, fcntl.F_SETPIPE_SZ, PIPE_SIZE)
    try:
        return openssl(test, "-quiet", *options, mutual=mutual,
                       stdin=reader, stdout=writer)
    finally:
        os.close(reader)
        os.close(writer)


def openssl_page(test, mutual=False):
    """`openssl s_server` as a web server of one directory."""
    directory = _directory(test)
    (directory / "page").write_bytes(PAGE)
    return openssl(test, "-WWW", mutual=mutual, cwd=directory)


def gnutls(test, *options, mutual=False):
    """`gnutls-serv`: a page about the connection, or --echo."""
    port = free_port()
    options += ("--require-client-cert", "--verify-client-cert") if mutual \
        else ("--disable-client-cert",)
    return Server(test, port, "gnutls-serv", "-p", str(port), "--x509cafile",
                  f"{DIR}/ca.pem", *_credentials(
                      "server", "--x509certfile", "--x509keyfile"), *options)


def nginx(test, mutual=False):
    """nginx, which also takes files (PUT)."""
    port, directory = free_port(), _directory(test)
    (directory / "files").mkdir()
    os.chmod(directory / "files", 0o777)
    (directory / "files/page").write_bytes(PAGE)
    (directory / "conf").write_text(
        NGINX.format(directory, port, DIR, "on" if mutual else "off"))
    return Server(test, port, "nginx", "-e", f"{directory}/error.log",
                  "-c", f"{directory}/conf")


def stunnel(test, mutual=False):
    """stunnel in front of an echo server."""
    port, directory = free_port(), _directory(test)
    plain = Threaded(test, _echo, host="127.0.0.1")
    (directory / "conf").write_text(STUNNEL.format(
        port, plain.port, DIR, "yes" if mutual else "no"))
    return Server(test, port, "stunnel", str(directory / "conf"))


def _echo(sock):
    """Send back what comes; "bye" ends it from this side."""
    while data := sock.recv(65536):
        sock.sendall(data)
        if data.endswith(b"bye\n"):
            break


class Threaded:
    """A listener of this process; a thread calls SERVE(sock) for each."""

    def __init__(self, test, serve, host="::"):
        family = socket.AF_INET6 if ":" in host else socket.AF_INET
        self.sock = socket.create_server(
            (host, 0), family=family,
            dualstack_ipv6=family == socket.AF_INET6)
        self.port = self.sock.getsockname()[1]
        self.serve = serve
        self.thread = threading.Thread(target=self._run, daemon=True)
        self.thread.start()
        test.addCleanup(self._stop)

    def _run(self):
        while True:
            try:
                sock, _ = self.sock.accept()
            except OSError:
                return
            with sock:
                try:
                    self.serve(sock)
                except OSError:
                    # The client has gone, or was refused: its test knows.
                    continue

    def _stop(self):
        self.sock.shutdown(socket.SHUT_RDWR)
        self.thread.join()
        self.sock.close()


def context(name="server", mutual=False, alpn=()):
    """A server's SSLContext with the certificate NAME, of tests/pki."""
    made = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    # Python does not judge our certificates; the client has to.
    made.set_ciphers("DEFAULT:@SECLEVEL=0")
    made.load_cert_chain(DIR / f"{name}.pem", DIR / f"{name}.key")
    if mutual:
        made.load_verify_locations(DIR / "ca.pem")
        made.verify_mode = ssl.CERT_REQUIRED
    if alpn:
        made.set_alpn_protocols(alpn)
    return made


def python(test, ctx=None, mutual=False):
    """An echo server of Python's ssl."""
    ctx = ctx or context(mutual=mutual)

    def serve(sock):
        with ctx.wrap_socket(sock, server_side=True) as tls:
            _echo(tls)
            # Our close_notify, and theirs if it is still to come.
            tls.unwrap().close()

    return Threaded(test, serve)
