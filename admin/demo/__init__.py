"""`achterban demo`: the year of the annual report, from rows, to walk around in."""
