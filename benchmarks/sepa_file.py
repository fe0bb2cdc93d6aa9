"""What a SEPA collection file costs to write and check: ours beside sepaxml, each run in a process of its own.

    python benchmarks/sepa_file.py [--quick] [--all]

CPU is user plus system time of the work: reading the debits, writing the file, holding it against the schema. What
importing the libraries takes is shown apart. Of several runs the lowest counts. Memory is the highest resident set, and
how far that lies above what the process had before the work.
"""

import argparse
import json
import resource
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from datetime import UTC, date, datetime
from importlib import import_module
from pathlib import Path
from typing import Any

FORMAT = "pain.008.001.08"
COLLECT_ON = date(2026, 12, 1)
NAMES = [
    "J. de Vries", "M. Jansen-van den Berg", "Zoë Müller", "Fam. Bakker & Visser", "A.B.C. Smit", "Stichting De Meeuw",
    "P. van 't Hof", "Søren Ærø", "L. Dijkstra", "H. Mulder e/o K. Mulder",
]  # fmt: skip
SIZES = (1_000, 10_000, 49_340)
LARGE = 200_000
WRITERS = {
    "ours": "ours, validated",
    "sepaxml": "sepaxml, validated",
    "sepaxml-unchecked": "sepaxml, not validated",
}


def make_rows(path: Path, count: int) -> list[tuple[str, int, int]]:
    """Write ``count`` debits as a text file, outside what is measured, and say what each block will hold."""
    firsts = count // 32
    totals = {"FRST": 0, "RCUR": 0}
    with path.open("w", encoding="utf-8") as file:
        for number in range(count):
            account = f"{number * 7919 % 10**10:010d}"
            # A, B, N are 10, 11, 23 and N, L are 23, 21; the check digits make the whole 1 modulo 97.
            check = 98 - int(f"10112310{account}232100") % 97
            kind = "FRST" if number < firsts else "RCUR"
            amount = 500 + number % 97 * 25
            totals[kind] += amount
            fields = (
                f"D-2026-12-{number:010d}", str(amount), f"NL{check:02d}ABNA{account}", "ABNANL2A",
                f"{NAMES[number % len(NAMES)]} {number}", f"MND-{number:07d}", "2021-03-15", kind,
                f"Thank you for your gift of December 2026, S{number:07d}",
            )  # fmt: skip
            file.write("\t".join(fields) + "\n")
    return [("FRST", firsts, totals["FRST"]), ("RCUR", count - firsts, totals["RCUR"])]


def rows(path: Path) -> Iterator[list[str]]:
    with path.open(encoding="utf-8") as file:
        for line in file:
            yield line[:-1].split("\t")


def cpu() -> float:
    usage = resource.getrusage(resource.RUSAGE_SELF)
    return usage.ru_utime + usage.ru_stime


def memory() -> float:
    """The highest resident set so far in MB; getrusage would count the parent's too, from before this program ran."""
    status = Path("/proc/self/status")
    if status.exists():
        return next(int(line.split()[1]) for line in status.read_text().splitlines() if line.startswith("VmHWM")) / 1024
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / (1 << 20 if sys.platform == "darwin" else 1024)


def measure(writer: str, source: Path, target: Path, sums: list[tuple[str, int, int]]) -> dict[str, Any]:
    """Run in a child: load the library, then write the file from the rows and check it."""
    library: Any
    if writer == "ours":
        library = import_module("supporters.payments.sepa.pain008")
    else:
        library = import_module("sepaxml")
        import_module("xmlschema")  # sepaxml loads it while it works.
    start, before = cpu(), memory()
    if writer == "ours":
        debits = (
            library.Debit(e2e, int(amount), iban, bic, name, mandate, date.fromisoformat(signed), kind, text)
            for e2e, amount, iban, bic, name, mandate, signed, kind, text in rows(source)
        )
        with target.open("wb") as out:
            library.write(
                out, format=FORMAT, message_id="C-2026-12", created_at=datetime(2026, 11, 24, tzinfo=UTC),
                creditor=library.Creditor("Stichting Zee", "NL69ZZZ123456780000", "NL91ABNA0417164300", "ABNANL2A"),
                blocks=[library.Block(kind, COLLECT_ON, count, total) for kind, count, total in sums], debits=debits,
            )  # fmt: skip
        library.validate(target, FORMAT)
    else:
        config = {
            "name": "Stichting Zee", "IBAN": "NL91ABNA0417164300", "BIC": "ABNANL2A", "batch": True,
            "creditor_id": "NL69ZZZ123456780000", "currency": "EUR",
        }  # fmt: skip
        file = library.SepaDD(config, schema=FORMAT, clean=True)
        for e2e, amount, iban, bic, name, mandate, signed, kind, text in rows(source):
            file.add_payment({
                "endtoend_id": e2e, "amount": int(amount), "IBAN": iban, "BIC": bic, "name": name,
                "mandate_id": mandate, "mandate_date": date.fromisoformat(signed), "type": kind,
                "collection_date": COLLECT_ON, "description": text,
            })  # fmt: skip
        target.write_bytes(file.export(validate=writer == "sepaxml"))
    peak = memory()
    return {"cpu": cpu() - start, "start": start, "peak": peak, "above": peak - before, "size": target.stat().st_size}


def run(writer: str, source: Path, sums: list[tuple[str, int, int]], times: int) -> dict[str, Any] | str:
    """The run with the least CPU, or what went wrong."""
    best: dict[str, Any] | None = None
    for _ in range(times):
        with tempfile.TemporaryDirectory() as folder:
            target = Path(folder, "file.xml")
            command = [sys.executable, __file__, "--child", writer, str(source), str(target), json.dumps(sums)]
            done = subprocess.run(command, capture_output=True, text=True)
        if done.returncode:
            lines = done.stderr.strip().splitlines()
            return next((line for line in reversed(lines) if "Error" in line or "Exceeded" in line), lines[-1])[:70]
        result = json.loads(done.stdout)
        if best is None or result["cpu"] < best["cpu"]:
            best = result
    assert best is not None
    return best


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--quick", action="store_true", help="leave out sepaxml at 49,340 and ours at 200,000")
    parser.add_argument("--all", action="store_true", help="also sepaxml at 200,000: a minute and a gigabyte or two")
    parser.add_argument("--child", nargs=4, help=argparse.SUPPRESS)
    arguments = parser.parse_args()
    if arguments.child:
        writer, source, target, sums = arguments.child
        print(json.dumps(measure(writer, Path(source), Path(target), json.loads(sums))))
        return

    results: dict[tuple[str, int], dict[str, Any] | str] = {}
    print(f"{FORMAT}; CPU seconds and MB\n")
    print(f"{'debits':>8}  {'writer':<23}{'CPU':>8}{'imports':>9}{'peak MB':>9}{'above':>7}{'file MB':>9}")
    with tempfile.TemporaryDirectory() as folder:
        for size in (*SIZES, LARGE):
            source = Path(folder, f"{size}.tsv")
            if size == LARGE and arguments.quick:
                continue
            peers = size < 20_000 or (arguments.all if size == LARGE else not arguments.quick)
            sums = make_rows(source, size)
            for writer, title in WRITERS.items():
                if writer != "ours" and not peers:
                    continue
                times = 3 if writer == "ours" or size < 20_000 else 1
                result = results[writer, size] = run(writer, source, sums, times)
                print(f"{size:>8,}  {title:<23}", end="")
                if isinstance(result, str):
                    print(f"  fails: {result}", flush=True)
                else:
                    print(
                        f"{result['cpu']:>8.2f}{result['start']:>9.2f}{result['peak']:>9.0f}{result['above']:>7.0f}"
                        f"{result['size'] / 1e6:>9.1f}",
                        flush=True,
                    )
    print()
    for size in (*SIZES, LARGE):
        ours, theirs = results.get(("ours", size)), results.get(("sepaxml", size))
        if isinstance(ours, dict) and isinstance(theirs, dict):
            print(
                f"{size:>8,}  sepaxml with its validation takes {theirs['cpu'] / ours['cpu']:.0f} times our CPU"
                f" and {theirs['above'] / max(ours['above'], 1):.0f} times the memory above its start"
            )
    print()
    goal(results, 49_340, "cpu", 1.0, "CPU seconds to write and validate 49,340 debits")
    goal(results, LARGE, "cpu", 6.0, "CPU seconds to write and validate 200,000 debits")
    goal(results, LARGE, "above", 64.0, "MB above the start for 200,000 debits")


def goal(results: dict[tuple[str, int], dict[str, Any] | str], size: int, what: str, limit: float, words: str) -> None:
    result = results.get(("ours", size))
    if isinstance(result, dict):
        print(f"goal {'met' if result[what] <= limit else 'MISSED'}: {result[what]:.2f} of at most {limit:g} {words}")


if __name__ == "__main__":
    main()
