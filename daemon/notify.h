/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef SOCKAUTHD_NOTIFY_H
#define SOCKAUTHD_NOTIFY_H

int notify_open(void);
void notify_close(void);
void notify_send(const char *fmt, ...) __attribute__((format(printf, 1, 2)));

#endif /* SOCKAUTHD_NOTIFY_H */
