# SPDX-License-Identifier: GPL-2.0-or-later
#
# The programs of the groups "calls" and "ktls": included by the Makefile of
# this directory. The raw TLS peer of the first takes libcrypto and libssl.

CALL_PARTS   := call-net call-peer call-table call-thread
CALL_TESTS   := $(filter-out $(CALL_PARTS:%=$(BUILD)/tests/%),\
		$(patsubst $(DIR)/%.c,$(BUILD)/tests/%,$(wildcard $(DIR)/call-*.c)))
CALL_HELPERS := $(patsubst %,$(BUILD)/tests/%.o,$(CALL_PARTS) capture net process)
KERNEL_TLS   := $(BUILD)/kselftest/net/tls.c

all: $(CALL_TESTS) $(BUILD)/tests/kernel-tls

$(KERNEL_TLS): $(SOURCE)
	@echo "  TAR     $@"
	@mkdir -p $(@D)
	@tar -C $(@D) --strip-components=5 --touch -xf $< $(PLACE)/net/tls.c

$(BUILD)/tests/kernel-tls.o: | $(KERNEL_TLS)

$(BUILD)/tests/kernel-tls: $(BUILD)/tests/kernel-tls.o $(CALL_HELPERS)
	@echo "  LD      $@"
	@$(CC) -o $@ $^ -lssl -lcrypto -pthread

$(BUILD)/tests/call-%: $(BUILD)/tests/call-%.o $(CALL_HELPERS)
	@echo "  LD      $@"
	@$(CC) -o $@ $^ -lssl -lcrypto -pthread
