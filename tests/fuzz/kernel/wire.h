/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What is on the wire: a capture of the loopback interface of the network
 * namespace, which looks for a text that must never be there in the clear, and
 * for one that must.
 */
#ifndef WIRE_H
#define WIRE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define MARKER		"sockauth-marker-"
#define CONTROL		"sockauth-control"

/**
 * struct wire - a capture
 * @fd: gives packets
 * @broken: set when a marker is seen
 * @controls: how many packets had the control text
 */
struct wire {
	int		fd;
	bool		*broken;
	uint64_t	*controls;
};

/* Look for both texts in what somebody has got. */
void wire_look(const struct wire *wire, const void *data, size_t len);

/*
 * Look at every packet from here on, in a thread of its own; the process aborts
 * if that cannot go on. Returns 0 once it has seen a control text, or -errno.
 */
int wire_begin(struct wire *wire);

/* Returns 0 if no packet has gone by so far, or -errno. */
int wire_check(const struct wire *wire);

#endif /* WIRE_H */
