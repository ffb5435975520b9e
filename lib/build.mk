# SPDX-License-Identifier: GPL-2.0-or-later
LIB_SRCS := lib/genl.c lib/names.c
