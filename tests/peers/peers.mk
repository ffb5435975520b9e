# SPDX-License-Identifier: GPL-2.0-or-later
#
# Peers in C: included by tests/selftests/Makefile.

PEERS := krb5-peer krb5-ticket

all: $(PEERS:%=$(BUILD)/tests/%)

$(PEERS:%=$(BUILD)/tests/%): $(BUILD)/tests/%: tests/peers/%.c
	@mkdir -p $(@D)
	@echo "  CC      $<"
	@$(CC) $(CPPFLAGS) $(CFLAGS) -o $@ $< -lssl -lcrypto -lkrb5 -lk5crypto

all: $(BUILD)/tests/witness.so

$(BUILD)/tests/witness.so: tests/peers/witness.c
	@mkdir -p $(@D)
	@echo "  CC      $<"
	@$(CC) $(CPPFLAGS) $(CFLAGS) -fPIC -shared -o $@ $< -lssl -lseccomp -ldl
