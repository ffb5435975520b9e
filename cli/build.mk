# SPDX-License-Identifier: GPL-2.0-or-later
CLI_SRCS := cli/main.c cli/complain.c cli/kernel.c cli/show.c cli/stats.c \
	    cli/monitor.c cli/kill.c cli/set.c cli/conn.c cli/listener.c \
	    cli/worker.c cli/limits.c cli/attr.c cli/text.c cli/table.c cli/json.c
