/* SPDX-License-Identifier: GPL-2.0-or-later */
#ifndef SOCKAUTHD_SANDBOX_H
#define SOCKAUTHD_SANDBOX_H

int sandbox_enter(void);

#endif /* SOCKAUTHD_SANDBOX_H */
