# SPDX-License-Identifier: GPL-2.0-or-later
"""What the tests against real peers share."""
