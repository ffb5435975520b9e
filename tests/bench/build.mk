# SPDX-License-Identifier: GPL-2.0-or-later
#
# What a connection costs: programs for the guest, and the two commands.
BENCH_SERVER_OBJS := $(addprefix $(BUILD)/tests/bench/,server.o ktls.o channel.o)
BENCH_CLIENT_OBJS := $(addprefix $(BUILD)/tests/bench/,client.o meter.o)

$(BUILD)/bench/server: $(BENCH_SERVER_OBJS)
	@mkdir -p $(@D)
	@echo "  LD      $@"
	@$(CC) $(LDFLAGS) -o $@ $^ $$(pkg-config --libs libssl libcrypto)

$(BUILD)/bench/client: $(BENCH_CLIENT_OBJS)
	@mkdir -p $(@D)
	@echo "  LD      $@"
	@$(CC) $(LDFLAGS) -o $@ $^ $$(pkg-config --libs libssl libcrypto)

-include $(BENCH_SERVER_OBJS:.o=.d) $(BENCH_CLIENT_OBJS:.o=.d)

bench-programs: build $(BUILD)/bench/server $(BUILD)/bench/client

bench bench-quick: setup
	@$(MAKE) --no-print-directory bench-programs
	@tests/bench/run $@

.PHONY: bench bench-quick bench-programs
