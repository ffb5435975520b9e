# SPDX-License-Identifier: GPL-2.0-or-later
"""A picture of the results: what a connection costs, as bars."""
from xml.sax.saxutils import escape

COLOURS = {
    "OpenSSL": "#4477aa", "program": "#66ccee", "Kerberos": "#aa3377",
    "libraries": "#bbccee",
    "core": "#228833", "tls.ko": "#ccbb44", "sockauth.ko": "#ee6677",
}
WIDTH, LEFT, ROW, TOP = 900, 190, 24, 50


def rect(x, y, width, height, colour, title):
    return (f'<rect x="{x:.1f}" y="{y}" width="{width:.1f}" height="{height}"'
            f' fill="{colour}"><title>{escape(title)}</title></rect>')


def text(x, y, words, anchor="start"):
    return f'<text x="{x:.1f}" y="{y}" text-anchor="{anchor}">{escape(words)}</text>'


def bar(y, name, row, scale):
    parts = {**row["user_parts"], **row["kernel_parts"]}
    x = LEFT
    yield text(LEFT - 8, y + 14, name, "end")
    for part, colour in COLOURS.items():
        count = max(0, parts.get(part, 0))
        yield rect(x, y, count * scale, ROW - 6, colour,
                   f"{part}: {count / 1000:.1f}")
        x += count * scale
    yield text(x + 6, y + 14, f"{row['server'] / 1000:.0f}")


def legend(y):
    x = LEFT
    for part, colour in COLOURS.items():
        yield rect(x, y, 12, 12, colour, part)
        yield text(x + 16, y + 11, part)
        x += 98


def write(results, path):
    rows = results["connection"]
    scale = (WIDTH - LEFT - 60) / max(row["server"] for row in rows.values())
    height = TOP + ROW * len(rows) + 40
    lines = [f'<svg xmlns="http://www.w3.org/2000/svg" width="{WIDTH}"'
             f' height="{height}" font-family="sans-serif" font-size="13">',
             f'<rect width="{WIDTH}" height="{height}" fill="white"/>',
             text(LEFT, 24, "What a connection costs the server, thousands of"
                            " instructions")]
    for i, (name, row) in enumerate(rows.items()):
        lines += bar(TOP + ROW * i, name, row, scale)
    lines += legend(height - 24)
    lines.append("</svg>\n")
    with open(path, "w") as file:
        file.write("\n".join(lines))
