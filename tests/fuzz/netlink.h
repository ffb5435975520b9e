/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * A kernel that says what the fuzzer wants: what stands behind libmnl's
 * sockets, without a system call.
 */
#ifndef FUZZ_NETLINK_H
#define FUZZ_NETLINK_H

#include <stdbool.h>

#include <sockauth/genl.h>

#define NETLINK_FAMILY	40
#define NETLINK_PORTID	1000

/* Called for each message that is sent to the family, or to any if @all. */
typedef void (*netlink_sent)(const struct nlmsghdr *nlh);

void netlink_reset(netlink_sent sent, bool all);
void netlink_queue(const void *data, size_t len);
void netlink_queue_family(uint32_t seq);
struct nlmsghdr *netlink_begin(void *buf, uint16_t type, uint8_t cmd,
			       uint32_t seq);
void netlink_queue_error(uint32_t seq, int err);
bool netlink_waiting(void);

#endif /* FUZZ_NETLINK_H */
