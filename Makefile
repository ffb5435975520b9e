# SPDX-License-Identifier: GPL-2.0-or-later
#
# sockauth: the two commands of a newcomer are `make demo` and `make check`;
# `make help` lists the rest.  Everything that is built lands in build/.

BUILD   := build
KVER    ?= $(shell ls /lib/modules 2>/dev/null | sort -V | tail -n 1)
KDIR    ?= /lib/modules/$(KVER)/build
CC      := gcc
PKGS    := libmnl libssl libcrypto krb5 inih jansson libseccomp libcap-ng libsystemd

# SANITIZE=address,undefined builds the user space with these sanitizers.
SANITIZE ?=
CPPFLAGS := -Iinclude -Iuapi -D_GNU_SOURCE -D_FORTIFY_SOURCE=2
CFLAGS   := -std=gnu11 -O2 -g -Wall -Wextra -Wshadow -Wstrict-prototypes \
	    -Wmissing-prototypes -Wformat=2 -Wundef -Werror \
	    -fstack-protector-strong -fstack-clash-protection -fcf-protection \
	    -fPIE -MMD -MP
LDFLAGS  := -pie -Wl,-z,relro,-z,now,-z,noexecstack
ifneq ($(SANITIZE),)
CPPFLAGS := -Iinclude -Iuapi -D_GNU_SOURCE
CFLAGS   += -fsanitize=$(SANITIZE) -fno-sanitize-recover=all
LDFLAGS  += -fsanitize=$(SANITIZE)
endif

all: setup
	$(MAKE) --no-print-directory build

help:
	@echo "make demo              show the main job in a guest kernel"
	@echo "make check             build everything and run all tests"
	@echo "make check GROUP=name  one group of tests: $(notdir $(basename $(wildcard tests/groups/*)))"
	@echo "make check TEST=name   one test"
	@echo "make check-debug       the guest's groups on a debug kernel: KASAN, lockdep, UBSAN"
	@echo "make check-debug KERNEL=full   ...and kmemleak, object and reference tracking"
	@echo "make fuzz SECONDS=n SEED=n [TARGET=name]  fuzz the daemon and the command line"
	@echo "make bench-quick       what a connection costs, and whether it costs more than before"
	@echo "make bench             the same, with all that there is to compare"
	@echo "make lint              static checks"
	@echo "make install           module, programs, units and manual pages (DESTDIR, PREFIX)"
	@echo "make clean             remove build/"

setup:
	@scripts/setup

build: module user

# Each part lists its sources in its own build.mk.
include $(wildcard lib/build.mk daemon/build.mk cli/build.mk examples/build.mk tests/unit/build.mk tests/unit-cli/build.mk tests/fuzz/build.mk tests/bench/build.mk)

LIB_OBJS    := $(LIB_SRCS:%.c=$(BUILD)/%.o)
DAEMON_OBJS := $(DAEMON_SRCS:%.c=$(BUILD)/%.o)
CLI_OBJS    := $(CLI_SRCS:%.c=$(BUILD)/%.o)

user: $(BUILD)/sockauthd $(BUILD)/sockauth

$(BUILD)/libsockauth.a: $(LIB_OBJS)
	@echo "  AR      $@"
	@ar rcs $@ $^

$(BUILD)/sockauthd: $(DAEMON_OBJS) $(BUILD)/libsockauth.a
	@echo "  LD      $@"
	@$(CC) $(LDFLAGS) -o $@ $^ $$(pkg-config --libs $(PKGS)) -lk5crypto -pthread

$(BUILD)/sockauth: $(CLI_OBJS) $(BUILD)/libsockauth.a
	@echo "  LD      $@"
	@$(CC) $(LDFLAGS) -o $@ $^ $$(pkg-config --libs libmnl jansson)

$(BUILD)/%.o: %.c
	@mkdir -p $(@D)
	@echo "  CC      $<"
	@$(CC) $(CPPFLAGS) $(CFLAGS) $$(pkg-config --cflags $(PKGS)) -c -o $@ $<

-include $(LIB_OBJS:.o=.d) $(DAEMON_OBJS:.o=.d) $(CLI_OBJS:.o=.d)

# The module is built in its own directory under build/, so that modules for
# several kernels can exist side by side and the source tree stays clean.
MODDIR := $(BUILD)/module-$(KVER)

module:
	@mkdir -p $(MODDIR)/module/compat $(MODDIR)/uapi/linux
	@for f in Kbuild module/*.[ch] module/compat/*.h uapi/linux/*.h; do \
		ln -sf $(CURDIR)/$$f $(MODDIR)/$$f; \
	done
	@$(MAKE) --no-print-directory -C $(KDIR) M=$(CURDIR)/$(MODDIR) CC=$(CC) W=1 modules

demo:
	@tests/demo

check:
	@GROUP="$(GROUP)" TEST="$(TEST)" tests/run

# Whatever these kernels report fails the run; see Documentation/testing.rst.
check-debug:
	@KERNEL="$(or $(KERNEL),lite)" GROUP="$(GROUP)" TEST="$(TEST)" tests/run

lint: setup
	@scripts/lint

# The module is installed as source: DKMS builds it for each kernel.
PREFIX     ?= /usr/local
SYSCONFDIR ?= /etc
UNITDIR    ?= /lib/systemd/system
VERSION    := 0.1
DKMSDIR    := /usr/src/sockauth-$(VERSION)
MANPAGES   := $(notdir $(basename $(wildcard Documentation/man/*.rst)))

man: $(MANPAGES:%=$(BUILD)/man/%)

$(BUILD)/man/%: Documentation/man/%.rst
	@mkdir -p $(@D)
	@echo "  MAN     $@"
	@rst2man $< $@

install: user man
	install -D -m 755 $(BUILD)/sockauthd $(DESTDIR)$(PREFIX)/sbin/sockauthd
	install -D -m 755 $(BUILD)/sockauth $(DESTDIR)$(PREFIX)/sbin/sockauth
	install -D -m 644 -t $(DESTDIR)$(PREFIX)/include/linux uapi/linux/sockauth.h
	install -D -m 644 -t $(DESTDIR)$(PREFIX)/include/sockauth \
		include/sockauth/sockauth.h
	for page in $(MANPAGES); do \
		install -D -m 644 $(BUILD)/man/$$page \
			$(DESTDIR)$(PREFIX)/share/man/man$${page##*.}/$$page || exit; \
	done
	install -D -m 644 -t $(DESTDIR)$(UNITDIR) systemd/sockauthd.service
	install -D -m 644 systemd/sockauth.conf \
		$(DESTDIR)/usr/lib/modules-load.d/sockauth.conf
	install -D -m 644 systemd/sockauth-user.conf \
		$(DESTDIR)/usr/lib/sysusers.d/sockauth.conf
	[ -e $(DESTDIR)$(SYSCONFDIR)/sockauth/sockauthd.conf ] || \
		install -D -m 600 examples/sockauthd.conf \
			$(DESTDIR)$(SYSCONFDIR)/sockauth/sockauthd.conf
	install -D -m 644 -t $(DESTDIR)$(DKMSDIR) Kbuild dkms.conf
	install -D -m 644 -t $(DESTDIR)$(DKMSDIR)/module module/*.[ch]
	install -D -m 644 -t $(DESTDIR)$(DKMSDIR)/module/compat module/compat/*.h
	install -D -m 644 -t $(DESTDIR)$(DKMSDIR)/uapi/linux uapi/linux/*.h
	[ -n "$(DESTDIR)" ] || systemd-sysusers sockauth.conf
	@# What it has built of this version it would not build again.
	[ -n "$(DESTDIR)" ] || ! dkms status sockauth/$(VERSION) | grep -q . || \
		dkms remove sockauth/$(VERSION) --all
	[ -n "$(DESTDIR)" ] || dkms install sockauth/$(VERSION)

clean:
	rm -rf $(BUILD)

.PHONY: all help setup build user module demo check check-debug lint man install clean
