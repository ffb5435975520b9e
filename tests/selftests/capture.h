/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What goes through a network namespace, looked at for what nobody may see.
 *
 * Whatever a test sends through a marked socket has CAPTURE_MARKER in it. What it
 * sends in the clear on purpose has CAPTURE_CONTROL in it; so has what the
 * capture sends itself, to prove that it sees.
 *
 * A capture ends with a line in the file CAPTURE_FILE of $SOCKAUTH_TEST_DIR, on
 * which it has a lock until then:
 *
 *	NAME: N packets, N dropped, N control, N marker
 *
 * If there is no such file nobody has asked for it: see capture-begin.
 */
#ifndef CAPTURE_H
#define CAPTURE_H

#define CAPTURE_FILE	"captures"
#define CAPTURE_MARKER	"sockauth-marker-"
#define CAPTURE_CONTROL	"sockauth-control"

/*
 * Look at the present namespace until this process ends, or until END can be read
 * from. Returns 0, also if nobody has asked for it, or -errno.
 */
int capture_namespace(void);
int capture_until(int end);

#endif /* CAPTURE_H */
