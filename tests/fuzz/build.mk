# SPDX-License-Identifier: GPL-2.0-or-later
#
# Fuzzers of user space, with clang's libFuzzer, AddressSanitizer and
# UndefinedBehaviorSanitizer: `make fuzz` runs them, see tests/fuzz/run.
# A target is tests/fuzz/NAME.c.
FUZZ_DIR     := $(BUILD)/fuzz
FUZZ_TARGETS := event acceptor initiator config ticket broker identity dump
FUZZ_BINS    := $(FUZZ_TARGETS:%=$(FUZZ_DIR)/%)

# The command line has nouns of its own, and no OpenSSL.
FUZZ_CLI     := dump
FUZZ_DAEMON  := $(filter-out $(FUZZ_CLI),$(FUZZ_TARGETS))

FUZZ_COMMON  := tests/fuzz/fuzz.c tests/fuzz/netlink.c $(LIB_SRCS)
FUZZ_DAEMON_SRCS := $(FUZZ_COMMON) tests/fuzz/random.c tests/fuzz/memo.c \
		tests/fuzz/handshake.c tests/fuzz/piece.c \
		tests/unit/fixture.c $(filter-out daemon/main.c,$(DAEMON_SRCS))
FUZZ_CLI_SRCS := $(FUZZ_COMMON) $(filter-out cli/main.c,$(CLI_SRCS))

FUZZ_CC       := clang
FUZZ_SANITIZE := -fsanitize=address,undefined -fno-sanitize-recover=all
FUZZ_CFLAGS   := -std=gnu11 -O1 -g -Wall -Wextra -Werror -MMD -MP \
		-fno-omit-frame-pointer $(FUZZ_SANITIZE) \
		-fsanitize=fuzzer-no-link
FUZZ_CPPFLAGS := -Iinclude -Iuapi -Itests/unit -Itests/fuzz -D_GNU_SOURCE \
		-DUNIT_DIR='"$(BUILD)/unit"'

# What stands behind libmnl's sockets is tests/fuzz/netlink.c.
FUZZ_WRAP    := open2 bind close get_fd get_portid setsockopt sendto recvfrom
FUZZ_LDFLAGS := $(FUZZ_SANITIZE) -fsanitize=fuzzer \
		$(FUZZ_WRAP:%=-Wl,--wrap=mnl_socket_%)

$(FUZZ_DIR)/obj/%.o: %.c
	@mkdir -p $(@D)
	@echo "  CLANG   $<"
	@$(FUZZ_CC) $(FUZZ_CPPFLAGS) $(FUZZ_CFLAGS) \
		$$(pkg-config --cflags $(PKGS)) -c -o $@ $<

$(FUZZ_DAEMON:%=$(FUZZ_DIR)/obj/tests/fuzz/%.o) \
$(FUZZ_DIR)/obj/tests/fuzz/handshake.o \
$(FUZZ_DIR)/obj/tests/unit/fixture.o: FUZZ_CPPFLAGS += -Idaemon
$(FUZZ_CLI:%=$(FUZZ_DIR)/obj/tests/fuzz/%.o): FUZZ_CPPFLAGS += -Icli

$(FUZZ_DAEMON:%=$(FUZZ_DIR)/%): $(FUZZ_DIR)/%: $(FUZZ_DIR)/obj/tests/fuzz/%.o \
		$(FUZZ_DAEMON_SRCS:%.c=$(FUZZ_DIR)/obj/%.o)
	@echo "  LD      $@"
	@$(FUZZ_CC) $(FUZZ_LDFLAGS) -o $@ $^ \
		$$(pkg-config --libs $(PKGS) cmocka) -lk5crypto -pthread

$(FUZZ_CLI:%=$(FUZZ_DIR)/%): $(FUZZ_DIR)/%: $(FUZZ_DIR)/obj/tests/fuzz/%.o \
		$(FUZZ_CLI_SRCS:%.c=$(FUZZ_DIR)/obj/%.o)
	@echo "  LD      $@"
	@$(FUZZ_CC) $(FUZZ_LDFLAGS) -o $@ $^ $$(pkg-config --libs libmnl jansson)

# The socket that stands in for a worker's has no network namespace.
$(FUZZ_DIR)/event: FUZZ_LDFLAGS += -Wl,--wrap=getsockopt

# It calls what OpenSSL would call, and the clock stands still.
$(FUZZ_DIR)/identity: FUZZ_LDFLAGS += -Wl,--wrap=time \
		-Wl,--wrap=SSL_CTX_set_psk_find_session_callback \
		-Wl,--wrap=SSL_get_pending_cipher

# The broker's socket is in its own file.
$(FUZZ_DIR)/broker: FUZZ_LDFLAGS += -Wl,--wrap=send -Wl,--wrap=recv

-include $(shell find $(FUZZ_DIR)/obj -name '*.d' 2>/dev/null)

fuzzers: $(FUZZ_BINS) $(BUILD)/unit/pki/complete-unit

fuzz:
	@scripts/setup build test fuzz
	@$(MAKE) --no-print-directory fuzzers
	@SECONDS="$(SECONDS)" RUNS="$(RUNS)" SEED="$(SEED)" \
		tests/fuzz/run $(or $(TARGET),$(FUZZ_TARGETS))

# A short run, the same each time, for `make check`.
fuzz-check: fuzzers
	@RUNS=2000 SEED=1 tests/fuzz/run $(FUZZ_TARGETS)

.PHONY: fuzzers fuzz fuzz-check
