/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * A TLS 1.3 peer on a plain socket that decides about every record: OpenSSL
 * does the handshake, the records after it are sealed and opened here, so that
 * a test can send any type, length, padding and order that it likes.
 *
 * The cipher suite is TLS_AES_128_GCM_SHA256. One thread owns a peer.
 */
#ifndef CALL_PEER_H
#define CALL_PEER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "call-net.h"

enum peer_record {
	PEER_ALERT	= 21,
	PEER_HANDSHAKE	= 22,
	PEER_DATA	= 23,
};

/* RFC 8446 6 */
#define PEER_CLOSE_NOTIFY	"\x01\x00"
#define PEER_USER_CANCELED	"\x01\x5a"
#define PEER_INTERNAL_ERROR	"\x02\x50"

/* RFC 8446 4.6.3: KeyUpdate, update not requested; and requested */
#define PEER_KEY_UPDATE		"\x18\x00\x00\x01\x00"
#define PEER_KEY_UPDATE_BOTH	"\x18\x00\x00\x01\x01"

/* RFC 8446 4.6.1: a NewSessionTicket that is well formed, and useless */
#define PEER_TICKET		"\x04\x00\x00\x13" "\x00\x00\x1c\x20" \
				"\x01\x02\x03\x04" "\x01\x00" "\x00\x05" \
				"tickt" "\x00\x00"
#define PEER_TICKET_LEN		(sizeof(PEER_TICKET) - 1)

struct peer;

/* All return 0 or -errno unless they say otherwise. */

/* A peer on FD, which stays the caller's; we are the server if SERVER. */
int peer_new(struct peer **p, int fd, bool server);
void peer_free(struct peer *p);

/*
 * One step of the handshake: reads a record if one is needed. What is to be
 * sent waits for peer_flush(). 1: the handshake is over on our side.
 */
int peer_step(struct peer *p);
bool peer_has_output(const struct peer *p);
int peer_flush(struct peer *p);
int peer_handshake(struct peer *p);

/* Seal a record, PAD zeros after its type, to be sent by peer_flush(). */
int peer_append(struct peer *p, enum peer_record type, const void *data,
		size_t len, size_t pad);

/* A record at once. */
int peer_send(struct peer *p, enum peer_record type, const void *data,
	      size_t len);

/* New keys for what we send, as after a KeyUpdate. */
int peer_update_keys(struct peer *p);

/*
 * Open the next record; tickets are skipped. Its length, or -errno; -ENODATA:
 * end of file.
 */
int peer_recv(struct peer *p, enum peer_record *type, void *buf, size_t size);

/* LEN bytes of call_text() in data records; and then close_notify. */
int peer_expect(struct peer *p, size_t len, size_t offset);
int peer_expect_end(struct peer *p);

/*
 * An authenticated connection: *FD a socket of sockauth in that role, the peer
 * on the other end; *RAW is its socket.
 */
int peer_pair(enum call_role role, int *fd, struct peer **p, int *raw);

#endif /* CALL_PEER_H */
