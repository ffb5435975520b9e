/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Sockets for the tests: a network namespace of one's own, loopback
 * connections, kTLS with keys that everybody knows.
 */
#ifndef NET_H
#define NET_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <linux/sockauth.h>
#include <netinet/in.h>

/* How long anything may take that must happen, in milliseconds. */
#define PATIENCE_MS	20000

/* How long to look before saying that something does not happen. */
#define QUIET_MS	200

/* The keys of the two directions: AES-128-GCM, sequence number 0. */
enum net_keys {
	NET_KEYS_TO_SERVER = 0x11,
	NET_KEYS_TO_CLIENT = 0x22,
};

#define NET_KEY_LEN	16
#define NET_IV_LEN	12
#define NET_CIPHER	0x1301		/* TLS_AES_128_GCM_SHA256 */

/*
 * All return 0, a descriptor or -errno. What goes through a new namespace is
 * captured, if that was asked for: see capture.h.
 */
int net_enter_namespace(void);
int net_tcp(int family);
int net_bind(int fd);
int net_listen(int fd, int backlog);
int net_listener(int family);
int net_marked_listener(uint32_t timeout_ms, int backlog);
int net_address(int fd, struct sockaddr_in6 *addr, socklen_t *len);
int net_connect_to(int listener);
int net_marked_client(int listener);
int net_pair(int pair[2]);

/* End the listener FD, of IPv4, as `ss -K` does. */
int net_destroy(int fd);

/* The clock of the tick, by which the kernel's own time-outs run: it can stand. */
int64_t net_now_ms(void);

/* An epoll that waits for EVENTS of FD. */
int net_epoll(int fd, uint32_t events);

/* Wait for EVENTS (poll(2)); false at the time-out. */
bool net_wait(int fd, short events, int timeout_ms);

/* Mark FD with an otherwise empty request for PROFILE, which may be NULL. */
int net_mark(int fd, const char *profile, uint32_t flags, uint32_t timeout_ms);
int net_status(int fd, struct sockauth_status *st);

/* Wait until the connection of FD is in STATE: that is its own work's doing. */
bool net_reaches(int fd, uint32_t state);

/* The keys of one direction as a STEP reply has them. */
void net_key(enum net_keys which, uint8_t key[NET_KEY_LEN],
	     uint8_t iv[NET_IV_LEN]);

/* Write TEXT to a file of the kernel's; 0 or -errno. */
int net_put(const char *path, const char *text);

/* True once the interface NAME of our namespace is not there any more. */
bool net_interface_gone(const char *name);

/* Install kTLS with the well-known keys on one end of a connection. */
int net_ktls(int fd, bool client);

/* sendmsg() of DATA with one control message, a number; as sendmsg() returns. */
ssize_t net_send_cmsg(int fd, const void *data, size_t len, int level, int type,
		      int value);

/* Write, or read exactly, LEN bytes; -ENODATA at an early end. */
int net_write(int fd, const void *data, size_t len);
int net_write_record(int fd, uint8_t type, const void *data, size_t len);
int net_read(int fd, void *data, size_t len);

#endif /* NET_H */
