#!/usr/bin/python3
# SPDX-License-Identifier: MIT
"""Python's own web server, https by one setsockopt.

Usage: https-server.py PORT [PROFILE]

Serves the current directory. Try it with: curl https://localhost:PORT/
"""

import http.server
import socket
import struct
import sys

SOCKAUTH_REQUEST = 21312        # <linux/sockauth.h>
SOCKAUTH_PEER_NAME = 21314

if not 2 <= len(sys.argv) <= 3:
    sys.exit(__doc__)
port = int(sys.argv[1])
profile = sys.argv[2] if len(sys.argv) == 3 else ""


class Handler(http.server.SimpleHTTPRequestHandler):
    """Logs who it was, if the client has proved that."""

    def address_string(self):
        try:
            name = self.connection.getsockopt(socket.IPPROTO_IPV6,
                                              SOCKAUTH_PEER_NAME, 1024)
        except OSError:
            return super().address_string()
        return ascii(name[4:].rstrip(b"\0").decode(errors="replace"))[1:-1]


class Server(http.server.ThreadingHTTPServer):
    """For IPv6 and IPv4."""
    address_family = socket.AF_INET6


httpd = Server(("::", port), Handler, bind_and_activate=False)

# struct sockauth_request: flags, time-out, profile, target. This is all.
httpd.socket.setsockopt(socket.IPPROTO_IPV6, SOCKAUTH_REQUEST,
                        struct.pack("=II64s256s", 0, 0, profile.encode(), b""))

httpd.server_bind()
httpd.server_activate()
httpd.serve_forever()
