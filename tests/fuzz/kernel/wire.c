// SPDX-License-Identifier: GPL-2.0-or-later
#include <errno.h>
#include <linux/if_ether.h>
#include <linux/if_packet.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "../../selftests/net.h"
#include "wire.h"

void wire_look(const struct wire *wire, const void *data, size_t len)
{
	if (memmem(data, len, MARKER, sizeof(MARKER) - 1))
		__atomic_store_n(wire->broken, true, __ATOMIC_RELAXED);
	if (memmem(data, len, CONTROL, sizeof(CONTROL) - 1))
		__atomic_add_fetch(wire->controls, 1, __ATOMIC_RELAXED);
}

static void *run(void *arg)
{
	const struct wire *wire = arg;
	static char buf[65536];
	ssize_t n;

	while ((n = recv(wire->fd, buf, sizeof(buf), 0)) >= 0)
		wire_look(wire, buf, n);
	/* Nobody looks any more. */
	abort();
}

/* What nobody hides is seen. */
static int prove(const struct wire *wire)
{
	int64_t begin = net_now_ms();
	int pair[2], err = net_pair(pair);

	if (err)
		return err;
	err = net_write(pair[0], CONTROL, sizeof(CONTROL) - 1);
	while (!err && !__atomic_load_n(wire->controls, __ATOMIC_RELAXED)) {
		if (net_now_ms() - begin > PATIENCE_MS)
			err = -ENODATA;
		usleep(1000);
	}
	close(pair[0]);
	close(pair[1]);
	return err;
}

int wire_begin(struct wire *wire)
{
	int size = 32 << 20, err;
	pthread_t thread;

	wire->fd = socket(AF_PACKET, SOCK_RAW, htons(ETH_P_ALL));
	if (wire->fd < 0 || setsockopt(wire->fd, SOL_SOCKET, SO_RCVBUFFORCE,
				       &size, sizeof(size)))
		return -errno;
	err = pthread_create(&thread, NULL, run, wire);
	return err ? -err : prove(wire);
}

int wire_check(const struct wire *wire)
{
	struct tpacket_stats stats;
	socklen_t len = sizeof(stats);

	if (getsockopt(wire->fd, SOL_PACKET, PACKET_STATISTICS, &stats, &len))
		return -errno;
	return stats.tp_drops ? -ENOBUFS : 0;
}
