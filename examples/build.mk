# SPDX-License-Identifier: MIT
user: $(BUILD)/examples/echo-server

$(BUILD)/examples/echo-server: $(BUILD)/examples/echo-server.o
	@echo "  LD      $@"
	@$(CC) $(LDFLAGS) -o $@ $^

-include $(BUILD)/examples/echo-server.d
