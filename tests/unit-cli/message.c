// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Messages as the kernel would send them, and text that was printed.
 */
#include <arpa/inet.h>
#include <linux/genetlink.h>
#include <netinet/in.h>
#include <stdlib.h>
#include <string.h>

#include "tests.h"

void message_begin(struct message *message, uint8_t cmd)
{
	struct genlmsghdr *hdr;

	memset(message->buf, 0, sizeof(message->buf));
	message->nlh = mnl_nlmsg_put_header(message->buf);
	hdr = mnl_nlmsg_put_extra_header(message->nlh, sizeof(*hdr));
	hdr->cmd = cmd;
	hdr->version = SOCKAUTH_GENL_VERSION;
}

void message_ipv4(struct message *message, int attr, const char *host,
		  uint16_t port)
{
	struct sockaddr_in sin = {
		.sin_family = AF_INET,
		.sin_port = htons(port),
	};

	assert_int_equal(inet_pton(AF_INET, host, &sin.sin_addr), 1);
	mnl_attr_put(message->nlh, attr, sizeof(sin), &sin);
}

void message_ipv6(struct message *message, int attr, const char *host,
		  uint16_t port, uint32_t scope)
{
	struct sockaddr_in6 sin6 = {
		.sin6_family = AF_INET6,
		.sin6_port = htons(port),
		.sin6_scope_id = scope,
	};

	assert_int_equal(inet_pton(AF_INET6, host, &sin6.sin6_addr), 1);
	mnl_attr_put(message->nlh, attr, sizeof(sin6), &sin6);
}

void printed_begin(struct printed *printed)
{
	printed->out = open_memstream(&printed->text, &printed->len);
	assert_non_null(printed->out);
}

char *printed_end(struct printed *printed)
{
	assert_int_equal(fclose(printed->out), 0);
	return printed->text;
}

/* @value is taken over. */
void assert_json(json_t *value, const char *text)
{
	char *dump = json_dumps(value, JSON_COMPACT | JSON_ENSURE_ASCII |
				       JSON_ENCODE_ANY);

	assert_non_null(dump);
	assert_string_equal(dump, text);
	free(dump);
	json_decref(value);
}
