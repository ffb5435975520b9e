# SPDX-License-Identifier: GPL-2.0-or-later
#
# Tests of the command line that need no kernel module: what it makes of the
# kernel's messages, and how it treats its arguments.
UNIT_CLI_SRCS := $(addprefix tests/unit-cli/,main.c message.c text.c conn.c \
		 listener.c worker.c limits.c stats.c)
UNIT_CLI_OBJS := $(UNIT_CLI_SRCS:%.c=$(BUILD)/%.o) \
		 $(filter-out $(BUILD)/cli/main.o,$(CLI_SRCS:%.c=$(BUILD)/%.o)) \
		 $(BUILD)/libsockauth.a

$(BUILD)/tests/unit-cli-messages: $(UNIT_CLI_OBJS)
	@echo "  LD      $@"
	@$(CC) $(LDFLAGS) -o $@ $^ $$(pkg-config --libs libmnl jansson cmocka)

-include $(UNIT_CLI_SRCS:%.c=$(BUILD)/%.d)

unit-cli: $(BUILD)/tests/unit-cli-messages $(BUILD)/sockauth
	@tests/unit-cli/run $^

.PHONY: unit-cli
