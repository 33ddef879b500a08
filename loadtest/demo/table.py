"""The demo's live table. What it shows comes from the log of gateway and worker, as it is written."""

import sys

import spares

COLUMNS = ("client", "tenant", "place in line", "waited", "slot", "was empty for", "result")
WIDTHS = (10, 8, 14, 8, 6, 15, 40)


class Row:
    def __init__(self, client):
        self.client = client
        self.waiter = self.ticket = self.slot = self.granted = None
        # How long the slot was empty before, and whether a spare was up.
        self.hand_off = ""
        self.began = None
        self.ended = False


class Table:
    """On a terminal the table is drawn anew at each change; elsewhere each change is one line."""

    def __init__(self, dev, clients, slots: int):
        self.rows = {client.name: Row(client) for client in clients}
        self.slots = slots
        self.dev = dev
        self.terminal = sys.stdout.isatty()
        self._drawn = 0
        self._texts: dict[str, tuple] = {}
        dev.on_line(self._line)

    def __enter__(self):
        print(f"{len(self.rows)} clients, {self.slots} slots\n")
        if not self.terminal:
            print(layout(COLUMNS))
        self._draw()
        return self

    def __exit__(self, *_):
        self._draw()
        if not self.terminal:
            print("\nAt the end:\n" + layout(COLUMNS))
            for row in self.rows.values():
                print(layout(self._text(row)))
        print(f"\n{spares.summary(self.dev.lines)}")

    def ended(self) -> int:
        """How many sessions the log says have ended."""
        return sum(row.ended for row in self.rows.values())

    def _row_of(self, line):
        if line.get("run") in self.rows:
            return self.rows[line.get("run")]
        lease = line.get("lease") or ""
        for row in self.rows.values():
            if row.waiter and row.waiter in (line.get("waiter"), lease.rpartition(".")[0]):
                return row
        return None

    def _line(self, line):
        row = self._row_of(line)
        if row is None:
            return
        if line.event == "accept":
            row.waiter, row.began = line.get("waiter"), line.at
        if line.get("ticket") is not None:
            row.ticket = int(line.get("ticket"))
        if line.event in ("grant", "session") and line.get("slot") is not None:
            row.slot, row.granted = line.get("slot"), row.granted or line.at
        if line.event == "session":
            for one in spares.hand_offs(self.dev.lines):
                if one.lease.rpartition(".")[0] == row.waiter:
                    row.hand_off = spares.words(one.seconds) + (", spare" if one.with_spare else "")
        if line.event == "end":
            row.ended = True
        self._draw()

    def _place(self, row) -> str:
        if row.ticket is None or row.granted is not None:
            return ""
        waiting = [other for other in self.rows.values() if other.ticket is not None and other.granted is None]
        return str(1 + sum(other.ticket < row.ticket for other in waiting))

    def _text(self, row) -> tuple:
        record = row.client.record
        waited = ""
        if row.began is not None and row.granted is not None:
            waited = f"{row.granted - row.began:.1f} s"
        slot = "" if row.slot is None else str(row.slot)
        result = ""
        if "ended" in record:
            result = f'ok: read "{record["read"]}"' if record["ok"] else f"failed: {record['error'][:200]}"
        elif row.granted is not None:
            result = "has a browser"
        elif row.ticket is not None:
            result = "waits"
        return (row.client.name, row.client.tenant, self._place(row), waited, slot, row.hand_off, result)

    def _draw(self):
        texts = {name: self._text(row) for name, row in self.rows.items()}
        if texts == self._texts:
            return
        if self.terminal:
            lines = [layout(COLUMNS), *(layout(text) for text in texts.values())]
            sys.stdout.write(f"\x1b[{self._drawn}A" if self._drawn else "")
            sys.stdout.write("".join(f"\x1b[2K{line}\n" for line in lines))
            self._drawn = len(lines)
        else:
            for name, text in texts.items():
                old = self._texts.get(name, text[:2] + ("",) * 5)
                # Moving up in line is no news outside a terminal, nor is what the slot did before.
                if (text[3:5], text[-1]) != (old[3:5], old[-1]) and text[-1]:
                    print(layout(text))
        sys.stdout.flush()
        self._texts = texts


def layout(values) -> str:
    return "  ".join(str(value).ljust(width) for value, width in zip(values, WIDTHS)).rstrip()
