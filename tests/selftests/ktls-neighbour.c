// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * A kTLS connection that lives longer than the module: for each line on
 * standard input, one exchange in both directions, and its result on standard
 * output: "ok", or what went wrong.
 */
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "net.h"

static int exchange(const int pair[2])
{
	char buf[6];
	int i, err;

	for (i = 0; i < 2; i++) {
		err = net_write(pair[i], "abcdef", sizeof(buf));
		if (!err)
			err = net_read(pair[!i], buf, sizeof(buf));
		if (err)
			return err;
		if (memcmp(buf, "abcdef", sizeof(buf)))
			return -EBADMSG;
	}
	return 0;
}

int main(void)
{
	char line[16];
	int pair[2], err;

	err = net_pair(pair);
	if (!err)
		err = net_ktls(pair[0], true);
	if (!err)
		err = net_ktls(pair[1], false);
	while (fgets(line, sizeof(line), stdin)) {
		if (!err)
			err = exchange(pair);
		puts(err ? strerror(-err) : "ok");
		fflush(stdout);
	}
	return !!err;
}
