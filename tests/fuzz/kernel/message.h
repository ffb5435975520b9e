/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Messages to the netlink family: what might be said about an event, nearly
 * right or damaged.
 */
#ifndef MESSAGE_H
#define MESSAGE_H

#include <sockauth/genl.h>

#include "world.h"

#define MESSAGE_MAX	(SOCKAUTH_OUTPUT_MAX + 8192)

/* Peers of a world: limits are about as high. */
#define PEERS		12

/**
 * struct event - what the kernel asked
 * @open: nothing that was said counted
 * @id: of the connection
 * @leg: of the connection
 * @len: of the token
 * @cmd: that it was asked with
 * @sender: number of the socket that it was asked
 */
struct event {
	bool		open;
	uint64_t	id;
	uint32_t	leg;
	uint32_t	len;
	uint8_t		cmd;
	unsigned int	sender;
};

/* Into BUF, what GENL may say about EVENT; BOUND: it is a worker's. */
struct nlmsghdr *message_compose(struct fuzz_random *r,
				 struct sockauth_genl *genl, bool bound,
				 const struct event *event, char *buf);

/* Flip bits, change lengths, cut anywhere. The header of netlink stays. */
void message_damage(struct fuzz_random *r, struct nlmsghdr *nlh);

#endif /* MESSAGE_H */
