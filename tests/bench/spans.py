# SPDX-License-Identifier: GPL-2.0-or-later
"""Where instructions were executed: what tests/bench/plugin.c has counted."""
import bisect
import statistics

KERNEL = 1 << 63


def read(path):
    """A list of spans, each a list of pages: address and count."""
    found = []
    with open(path) as file:
        for line in file:
            if line == "span\n":
                found.append([])
            else:
                address, count = line.split()
                found[-1].append((int(address, 16), int(count)))
    return found


def kind(name):
    """Whose code a file of the server's has."""
    if name.endswith(".ko"):
        return name
    if name.startswith(("libcrypto.", "libssl.")):
        return "OpenSSL"
    if name.startswith(("libkrb5", "libk5crypto.")):
        return "Kerberos"
    if name.startswith("lib") or name.startswith(("ld-", "[")):
        return "libraries"
    return "program"


def split(span, row):
    """The server's instructions in a span, for one connection, by place."""
    places = sorted(row["places"])
    starts = [place[0] for place in places]
    sums, client = {"core": 0}, 0
    for address, count in span:
        i = bisect.bisect(starts, address) - 1
        if i >= 0 and address < places[i][1]:
            name = kind(places[i][2])
            sums[name] = sums.get(name, 0) + count
        elif address >= KERNEL:
            sums["core"] += count
        else:
            client += count
    sums = {name: count / row["count"] for name, count in sums.items()}
    # What the kernel did on behalf of the client is the client's.
    sums["core"] -= row["client"] - client / row["count"]
    return sums


def annotate(rows, spans):
    """Set what is user and what is kernel of all rows."""
    for row in rows:
        runs = [split(spans[i], row) for i in row.pop("spans")]
        row.pop("places")
        parts = {name: round(statistics.median(run.get(name, 0)
                                               for run in runs), 1)
                 for name in sorted({name for run in runs for name in run})}
        kernel = {name: count for name, count in parts.items()
                  if name == "core" or name.endswith(".ko")}
        user = {name: count for name, count in parts.items()
                if name not in kernel}
        row["user"], row["user_parts"] = sum(user.values()), user
        row["kernel"], row["kernel_parts"] = sum(kernel.values()), kernel
