# SPDX-License-Identifier: GPL-2.0-or-later
#
# What a connection costs: programs for the guest, and the two commands.
BENCH_SERVER_OBJS := $(addprefix $(BUILD)/tests/bench/,server.o ktls.o channel.o)
BENCH_CLIENT_OBJS := $(addprefix $(BUILD)/tests/bench/,client.o meter.o krb.o)

$(BUILD)/bench/server: $(BENCH_SERVER_OBJS)
	@mkdir -p $(@D)
	@echo "  LD      $@"
	@$(CC) $(LDFLAGS) -o $@ $^ $$(pkg-config --libs libssl libcrypto)

$(BUILD)/bench/client: $(BENCH_CLIENT_OBJS)
	@mkdir -p $(@D)
	@echo "  LD      $@"
	@$(CC) $(LDFLAGS) -o $@ $^ $$(pkg-config --libs libssl libcrypto krb5) \
		-lk5crypto

$(BUILD)/bench/plugin.so: tests/bench/plugin.c tests/bench/mark.h
	@mkdir -p $(@D)
	@echo "  LD      $@"
	@$(CC) $(CPPFLAGS) $(filter-out -fPIE -MMD -MP,$(CFLAGS)) -fPIC -shared \
		-fvisibility=hidden -o $@ $<

-include $(BENCH_SERVER_OBJS:.o=.d) $(BENCH_CLIENT_OBJS:.o=.d)

bench-programs: build $(BUILD)/bench/server $(BUILD)/bench/client \
		$(BUILD)/bench/plugin.so

bench bench-quick:
	@scripts/setup build vm test
	@$(MAKE) --no-print-directory bench-programs
	@tests/bench/run $@

.PHONY: bench bench-quick bench-programs
