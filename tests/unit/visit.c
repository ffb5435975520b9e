// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * See visit.h.
 */
#include <stdlib.h>

#include "visit.h"

void visit_begin(struct visit *v, const char *config, const char *cert)
{
	v->table = new_table(config, 8);
	v->leg = calloc(1, sizeof(*v->leg));
	v->ctx = new_client(cert);
	v->client = new_peer(v->ctx, false);
	v->request = (struct request) { .role = SOCKAUTH_ROLE_ACCEPTOR };
}

void visit_end(struct visit *v)
{
	assert_int_equal(v->table->count, 0);
	SSL_free(v->client);
	SSL_CTX_free(v->ctx);
	free(v->leg);
	free_table(v->table);
}

void visit_served(struct visit *v)
{
	assert_int_equal(authenticate(v->table, v->leg, 1, &v->request,
				      v->client), SOCKAUTH_STEP_DONE);
}

void visit_refused(struct visit *v, enum sockauth_reason reason, int error,
		   const char *text)
{
	authenticate(v->table, v->leg, 1, &v->request, v->client);
	expect_fail(v->leg, reason, error, text);
}

/* The alert that the peer is sent, in the clear. */
void visit_alerted(const struct visit *v, uint8_t alert)
{
	const struct nlattr *token = v->leg->tb[SOCKAUTH_A_TOKEN];
	const uint8_t *record;

	assert_non_null(token);
	record = mnl_attr_get_payload(token);
	assert_int_equal(mnl_attr_get_payload_len(token), 7);
	assert_int_equal(record[0], 21);
	assert_int_equal(record[5], 2);
	assert_int_equal(record[6], alert);
}

/* Both directions, with the keys that the module gets. */
void visit_exchange_data(struct visit *v)
{
	uint32_t cipher = number_of(v->leg, SOCKAUTH_A_CIPHER);
	uint8_t buf[512], plain[512];
	struct keys tx, rx;
	size_t len;

	keys_of(v->leg, SOCKAUTH_A_TX, &tx);
	keys_of(v->leg, SOCKAUTH_A_RX, &rx);
	assert_int_equal(SSL_write(v->client, "ping", 4), 4);
	len = BIO_read(SSL_get_wbio(v->client), buf, sizeof(buf));
	assert_int_equal(open_record(&rx, cipher, buf, len, plain), 4);
	assert_memory_equal(plain, "ping", 4);
	len = seal_record(&tx, cipher, "pong", 4, buf);
	peer_input(v->client, buf, len);
	assert_int_equal(SSL_read(v->client, plain, sizeof(plain)), 4);
	assert_memory_equal(plain, "pong", 4);
}
