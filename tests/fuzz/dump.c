// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Target "dump": the command line, and a kernel that answers it whatever the
 * input says, the family's numbers included.
 *
 * Input: a byte with the command and flags, then datagrams, each a byte of
 * flags, a length in two bytes, and as many bytes.
 */
#include <locale.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include <jansson.h>
#include <linux/genetlink.h>

#include "cli.h"
#include "fuzz.h"
#include "netlink.h"

/* The command. */
#define FLAG_JSON	0x80
#define FLAG_FAMILY	0x40	/* the family's answer is the input's, too */

/* A datagram. */
#define FLAG_ADDRESSED	0x01	/* type, sequence number and port are right */
#define FLAG_LAST	0x02	/* with it, the answer is over */

#define DATAGRAM_MAX	8192

static char *const words[][3] = {
	{ "connections" }, { "listeners" }, { "workers" }, { "limits" },
	{ "peer", "somebody", NULL }, { "pending=9" }, { NULL },
};

static const struct {
	const struct command *command;
	char *const *args;
	int count;
} commands[] = {
	{ &show_command, words[0], 1 },
	{ &show_command, words[1], 1 },
	{ &show_command, words[2], 1 },
	{ &show_command, words[3], 1 },
	{ &stats_command, words[6], 0 },
	{ &monitor_command, words[6], 0 },
	{ &kill_command, words[4], 2 },
	{ &set_command, words[5], 1 },
};

#define N_COMMANDS	(sizeof(commands) / sizeof(commands[0]))

static struct input script;

/* Give the message the address of an answer to @request. */
static void address(char *buf, size_t len, const struct nlmsghdr *request)
{
	struct nlmsghdr *nlh = (void *)buf;

	if (len < sizeof(*nlh))
		return;
	if (nlh->nlmsg_type >= NLMSG_MIN_TYPE)
		nlh->nlmsg_type = request->nlmsg_type;
	nlh->nlmsg_seq = request->nlmsg_seq;
	nlh->nlmsg_pid = NETLINK_PORTID;
	nlh->nlmsg_len = len;
}

/* The kernel has as much to say as the input has, and asks for no more. */
static void answer(const struct nlmsghdr *request)
{
	static char buf[DATAGRAM_MAX] __attribute__((aligned(8)));
	struct input bytes;
	uint8_t how = 0;

	while (script.len && !(how & FLAG_LAST)) {
		how = input_number(&script, 1);
		bytes = input_take(&script,
				   input_number(&script, 2) % DATAGRAM_MAX);
		memcpy(buf, bytes.data, bytes.len);
		if (how & FLAG_ADDRESSED)
			address(buf, bytes.len, request);
		netlink_queue(buf, bytes.len);
		if (how & FLAG_LAST)
			netlink_queue_error(request->nlmsg_seq, 0);
	}
}

/* A name of a peer is nobody's way to the terminal, nor to another line. */
static void check_text(const char *text, size_t len)
{
	size_t i;

	for (i = 0; i < len; i++)
		fuzz_check(text[i] == '\n' || ((unsigned char)text[i] >= 32 &&
					       text[i] != 127),
			   "what is printed has no control characters");
}

static void check_json(const char *text, size_t len)
{
	json_error_t error;
	size_t pos = 0;
	json_t *value;

	while (pos < len) {
		/* A protocol that was agreed on may have any bytes (RFC 7301). */
		value = json_loadb(text + pos, len - pos,
				   JSON_DISABLE_EOF_CHECK | JSON_ALLOW_NUL,
				   &error);
		fuzz_check(value != NULL, "what is printed is JSON");
		json_decref(value);
		pos += error.position;
		while (pos < len && text[pos] == '\n')
			pos++;
	}
}

void fuzz_one(struct input *in)
{
	uint8_t how = input_number(in, 1);
	size_t i = how % N_COMMANDS;
	struct cli cli = { .json = how & FLAG_JSON };
	char *args[3] = { NULL }, *text = NULL;
	size_t len = 0;
	int ret;

	cli.out = open_memstream(&text, &len);
	fuzz_check(cli.out != NULL, "there is memory");
	script = *in;
	netlink_reset(answer, how & FLAG_FAMILY);
	memcpy(args, commands[i].args, commands[i].count * sizeof(*args));
	ret = commands[i].command->run(&cli, commands[i].count, args);
	fuzz_check(ret >= CLI_OK && ret <= CLI_NO_RIGHTS,
		   "exit codes are those of the manual");
	sockauth_genl_close(cli.genl);
	fuzz_check(!fclose(cli.out), "there is memory");
	check_text(text, len);
	if (cli.json)
		check_json(text, len);
	free(text);
}

void fuzz_setup(void)
{
	fuzz_check(setlocale(LC_CTYPE, "C.UTF-8") != NULL, "there is UTF-8");
}

static void put(struct seed *seed, uint8_t how, const struct nlmsghdr *nlh)
{
	seed_number(seed, how, 1);
	seed_number(seed, nlh->nlmsg_len, 2);
	seed_bytes(seed, nlh, nlh->nlmsg_len);
}

/* Everything there is, once; each command takes what it knows. */
static void put_all(struct nlmsghdr *nlh)
{
	static const uint8_t address[16] = { 2, 0, 0x20, 0xfb, 127, 0, 0, 1 };
	struct nlattr *nest;

	mnl_attr_put_u64(nlh, SOCKAUTH_A_ID, 7);
	mnl_attr_put_u32(nlh, SOCKAUTH_A_LEG, 2);
	mnl_attr_put_u32(nlh, SOCKAUTH_A_ROLE, SOCKAUTH_ROLE_ACCEPTOR);
	mnl_attr_put_u32(nlh, SOCKAUTH_A_STATE, SOCKAUTH_STATE_OPEN);
	mnl_attr_put(nlh, SOCKAUTH_A_LOCAL, sizeof(address), address);
	mnl_attr_put(nlh, SOCKAUTH_A_REMOTE, sizeof(address), address);
	mnl_attr_put_strz(nlh, SOCKAUTH_A_PROFILE, "default");
	mnl_attr_put_u32(nlh, SOCKAUTH_A_MECH, SOCKAUTH_MECH_TLS);
	mnl_attr_put_u32(nlh, SOCKAUTH_A_SEC_FLAGS, 3);
	mnl_attr_put_u32(nlh, SOCKAUTH_A_VERSION, 0x304);
	mnl_attr_put_u32(nlh, SOCKAUTH_A_CIPHER, 0x1301);
	mnl_attr_put_strz(nlh, SOCKAUTH_A_PEER_NAME, "somebody\n\x1b[31m\x7f");
	mnl_attr_put_u32(nlh, SOCKAUTH_A_NAME_TYPE, SOCKAUTH_NAME_DNS);
	mnl_attr_put(nlh, SOCKAUTH_A_ALPN, 2, "h2");
	mnl_attr_put_u64(nlh, SOCKAUTH_A_EXPIRY, 2000000000);
	mnl_attr_put_u32(nlh, SOCKAUTH_A_REASON, SOCKAUTH_REASON_NAME);
	mnl_attr_put_u32(nlh, SOCKAUTH_A_ERROR, 13);
	mnl_attr_put_strz(nlh, SOCKAUTH_A_TEXT, "it is somebody else");
	mnl_attr_put_u64(nlh, SOCKAUTH_A_AGE_MS, 123456);
	mnl_attr_put_u32(nlh, SOCKAUTH_A_PORTID, 99);
	mnl_attr_put_u32(nlh, SOCKAUTH_A_WINDOW, 64);
	mnl_attr_put_u32(nlh, SOCKAUTH_A_PENDING, 3);
	mnl_attr_put_u32(nlh, SOCKAUTH_A_BACKLOG, 5);
	mnl_attr_put_u32(nlh, SOCKAUTH_A_LIMIT_PENDING, 1024);
	mnl_attr_put_u32(nlh, SOCKAUTH_A_LIMIT_PENDING_NET, 4096);
	mnl_attr_put_u32(nlh, SOCKAUTH_A_LIMIT_TIMEOUT_MS, 10000);
	mnl_attr_put_u32(nlh, SOCKAUTH_A_LIMIT_BYTES, 131072);
	mnl_attr_put_u32(nlh, SOCKAUTH_A_LIMIT_LEGS, 64);
	mnl_attr_put_u32(nlh, SOCKAUTH_A_LIMIT_GUESTS, 8);
	mnl_attr_put_u32(nlh, SOCKAUTH_A_COUNT, 1);
	nest = mnl_attr_nest_start(nlh, SOCKAUTH_A_FAILED);
	mnl_attr_put_u64(nlh, SOCKAUTH_REASON_TIMEOUT, 4);
	mnl_attr_nest_end(nlh, nest);
}

void fuzz_seeds(void)
{
	static const uint8_t flags[] = { 0, FLAG_JSON, FLAG_FAMILY };
	char buf[2048] __attribute__((aligned(8)));
	struct seed seed;
	struct nlmsghdr *nlh;
	size_t i, j;

	for (i = 0; i < N_COMMANDS; i++)
		for (j = 0; j < sizeof(flags); j++) {
			memset(buf, 0, sizeof(buf));
			nlh = netlink_begin(buf, NETLINK_FAMILY,
					    SOCKAUTH_CMD_CONN_EVENT, 1);
			put_all(nlh);
			seed.len = 0;
			seed_number(&seed, flags[j] | i, 1);
			put(&seed, FLAG_ADDRESSED, nlh);
			put(&seed, FLAG_ADDRESSED | FLAG_LAST, nlh);
			fuzz_seed(seed.data, seed.len);
		}
}
