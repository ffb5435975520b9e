/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What goes through a network namespace, looked at for what nobody may see.
 *
 * Whatever a test sends through a marked socket has CAPTURE_MARKER in it. To prove
 * that it sees, a capture sends a text in the clear itself, which is its own:
 * CAPTURE_CONTROL, its number as a process, and a dot.
 *
 * A capture begins with a line in the file CAPTURE_FILE of $SOCKAUTH_TEST_DIR, and
 * ends with one; it has a lock on the file until then:
 *
 *	begun
 *	NAME: N packets, N dropped, N control, N marker
 *
 * If there is no such file nobody has asked for it: see capture-begin.
 */
#ifndef CAPTURE_H
#define CAPTURE_H

#define CAPTURE_FILE	"captures"
#define CAPTURE_MARKER	"sockauth-marker-"
#define CAPTURE_CONTROL	"sockauth-capture-"

/*
 * Look at the present namespace until this process ends, or until END can be read
 * from. Returns 0, also if nobody has asked for it, or -errno.
 */
int capture_namespace(void);
int capture_until(int end);

#endif /* CAPTURE_H */
