/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef SOCKAUTHD_BROKER_H
#define SOCKAUTHD_BROKER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <linux/sockauth.h>

#define BROKER_NAME_MAX		1024
#define BROKER_KEY_MAX		64
#define BROKER_TICKET_MAX	60000

enum broker_op {
	BROKER_TICKET,
	BROKER_MAP,
};

/**
 * struct broker_request - what a worker wants
 * @id: of the connection
 * @op: enum broker_op
 * @guest: whether the connection is of another network namespace
 * @uid: BROKER_TICKET: whose credentials
 * @gid: likewise
 * @name: BROKER_TICKET: whom the ticket shall be for; BROKER_MAP: a principal
 * @ccache: where the credentials are; empty: the user's default
 * @keytab: how to get some if there are none; may be empty
 */
struct broker_request {
	uint64_t id;
	uint32_t op;
	uint32_t guest;
	uint32_t uid;
	uint32_t gid;
	char name[BROKER_NAME_MAX];
	char ccache[256];
	char keytab[256];
};

/**
 * struct broker_answer - what a helper has to say
 * @id: of the connection
 * @verdict_reason: enum sockauth_reason; SOCKAUTH_REASON_NONE: here it is
 * @error: errno (positive)
 * @text: why
 * @uid: BROKER_MAP: the local user; (uint32_t)-1: none
 * @enctype: of @key
 * @endtime: of the ticket
 * @key_len: of @key
 * @ticket_len: of @ticket
 * @client: who we are
 * @server: whom the ticket is for
 * @key: session key
 * @ticket: DER; not sent beyond its length
 */
struct broker_answer {
	uint64_t id;
	uint32_t verdict_reason;
	uint32_t error;
	char text[SOCKAUTH_TEXT_MAX];
	uint32_t uid;
	int32_t enctype;
	uint32_t endtime;
	uint32_t key_len;
	uint32_t ticket_len;
	char client[BROKER_NAME_MAX];
	char server[BROKER_NAME_MAX];
	uint8_t key[BROKER_KEY_MAX];
	uint8_t ticket[BROKER_TICKET_MAX];
};

int broker_start(int *fd);
int broker_connect(int broker, int *fd);
int broker_ask(int fd, const struct broker_request *request);
int broker_receive(int fd, struct broker_answer *answer);

void broker_help(const struct broker_request *request,
		 struct broker_answer *answer);

#endif /* SOCKAUTHD_BROKER_H */
