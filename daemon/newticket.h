/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef SOCKAUTHD_NEWTICKET_H
#define SOCKAUTHD_NEWTICKET_H

#include <stddef.h>
#include <stdint.h>

/* Longest lifetime that a server may give, and a client may believe. */
#define NEWTICKET_LIFETIME_MAX	(7 * 86400)

/**
 * struct newticket - a NewSessionTicket (RFC 8446 4.6.1)
 * @lifetime: in seconds, at most NEWTICKET_LIFETIME_MAX; 0: do not use it
 * @age_add: what hides the ticket's age
 * @nonce: what makes the ticket's key another one than its brothers'
 * @nonce_len: of @nonce
 * @ticket: what the server wants to see again
 * @ticket_len: of @ticket
 *
 * Points into the record that it was read from.
 */
struct newticket {
	uint32_t lifetime;
	uint32_t age_add;
	const uint8_t *nonce;
	size_t nonce_len;
	const uint8_t *ticket;
	size_t ticket_len;
};

int newticket_next(const uint8_t **data, size_t *len,
		   struct newticket *ticket);
int newticket_session(const struct newticket *ticket, uint16_t cipher,
		      const uint8_t *secret, size_t secret_len, int64_t now,
		      uint8_t **der, size_t *der_len);

#endif /* SOCKAUTHD_NEWTICKET_H */
