# SPDX-License-Identifier: GPL-2.0-or-later
#
# Tests of lib/ and daemon/ that need no kernel module: `make unit` runs them
# and prints TAP.  UNIT=name runs one of them.
UNIT_TESTS  := genl worker config loader sandbox ticket acceptor clientwire \
	       clientcert resumption initiator newticket session krb5 krbwire \
	       krbhelp psk broker x25519 hkdf drbg wiping
UNIT_PARTS  := fixture visit kernel realm
UNIT_COMMON := $(UNIT_PARTS:%=$(BUILD)/tests/unit/%.o) \
	       $(patsubst %.c,$(BUILD)/%.o,$(filter-out daemon/main.c,$(DAEMON_SRCS)))
UNIT_BINS   := $(UNIT_TESTS:%=$(BUILD)/unit/test_%)

# The fake kernel of tests/unit/kernel.c stands behind these.
UNIT_WRAP := open2 bind close get_fd get_portid setsockopt sendto recvfrom
UNIT_LDFLAGS := $(UNIT_WRAP:%=-Wl,--wrap=mnl_socket_%)

$(BUILD)/tests/unit/%.o: CPPFLAGS += -Idaemon -DUNIT_DIR='"$(BUILD)/unit"'

$(UNIT_BINS): $(BUILD)/unit/test_%: $(BUILD)/tests/unit/test_%.o \
	      $(UNIT_COMMON) $(BUILD)/libsockauth.a
	@mkdir -p $(@D)
	@echo "  LD      $@"
	@$(CC) $(LDFLAGS) $(UNIT_LDFLAGS) -o $@ $^ \
		$$(pkg-config --libs $(PKGS) cmocka) -lk5crypto -pthread

$(BUILD)/unit/pki/complete-unit: tests/unit/pki tests/pki
	@rm -rf $(@D)
	@tests/unit/pki $(@D)

# No memory for a context.
$(BUILD)/unit/test_acceptor: UNIT_LDFLAGS += -Wl,--wrap=calloc

# Helpers that ask nobody.
$(BUILD)/unit/test_broker: UNIT_LDFLAGS += -Wl,--wrap=broker_help

# What happens while a helper looks at a credential cache.
$(BUILD)/unit/test_krbhelp: UNIT_LDFLAGS += -Wl,--wrap=krb5_cc_get_principal

-include $(UNIT_TESTS:%=$(BUILD)/tests/unit/test_%.d) \
	 $(UNIT_PARTS:%=$(BUILD)/tests/unit/%.d)

unit: $(UNIT_BINS) $(BUILD)/unit/pki/complete-unit
	@status=0; for name in $(or $(UNIT),$(UNIT_TESTS)); do \
		CMOCKA_MESSAGE_OUTPUT=TAP $(BUILD)/unit/test_$$name || status=1; \
	done; exit $$status

.PHONY: unit
