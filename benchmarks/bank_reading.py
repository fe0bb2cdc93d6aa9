"""What reading a bank's file costs: camt.053 and MT940, ours beside the libraries that only read them.

    python benchmarks/bank_reading.py [--quick] [--peers PYTHON]

Each reader runs in a process of its own, which reads the whole file and looks at every entry. CPU is user plus system
time of the reading; what importing takes is shown apart; of several runs the lowest counts. Memory is the highest
resident set of the whole process, interpreter included. A peer that is not installed is named and passed over;
``--peers`` says which Python has them. "expat alone" is the parser itself, which finds every element and keeps nothing:
the floor under any reader in Python.
"""

import argparse
import json
import re
import resource
import subprocess
import sys
import tempfile
from importlib import import_module, metadata
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).parent.parent))

COUNT = 50_000
LARGE = 500_000
ACCOUNT = "NL91ABNA0417164300"
HEAD = (
    '<?xml version="1.0" encoding="UTF-8"?>\n<Document xmlns="urn:iso:std:iso:20022:tech:xsd:camt.053.001.02">'
    "<BkToCstmrStmt><GrpHdr><MsgId>M1</MsgId><CreDtTm>2026-11-25T06:00:00+01:00</CreDtTm></GrpHdr><Stmt><Id>S1</Id>"
    "<ElctrncSeqNb>1</ElctrncSeqNb><CreDtTm>2026-11-25T06:00:00+01:00</CreDtTm>"
    f"<Acct><Id><IBAN>{ACCOUNT}</IBAN></Id><Ccy>EUR</Ccy></Acct>\n"
)
BALANCE = (
    '<Bal><Tp><CdOrPrtry><Cd>%s</Cd></CdOrPrtry></Tp><Amt Ccy="EUR">%s</Amt><CdtDbtInd>CRDT</CdtDbtInd>'
    "<Dt><Dt>2026-11-24</Dt></Dt></Bal>\n"
)
ENTRY = (
    '<Ntry><NtryRef>{n}</NtryRef><Amt Ccy="EUR">{amount}</Amt><CdtDbtInd>CRDT</CdtDbtInd><Sts>BOOK</Sts><BookgDt>'
    "<Dt>2026-11-24</Dt></BookgDt><ValDt><Dt>2026-11-24</Dt></ValDt><AcctSvcrRef>REF{n:012d}</AcctSvcrRef><BkTxCd><Domn>"
    "<Cd>PMNT</Cd><Fmly><Cd>RDDT</Cd><SubFmlyCd>ESDD</SubFmlyCd></Fmly></Domn></BkTxCd><NtryDtls>"
)
DETAILS = (
    "<TxDtls><Refs><EndToEndId>D-2026-11-{n:010d}</EndToEndId><MndtId>MND-{n:07d}</MndtId></Refs><AmtDtls><TxAmt>"
    '<Amt Ccy="EUR">{amount}</Amt></TxAmt></AmtDtls><RltdPties><Dbtr><Nm>J. de Vries {n}</Nm></Dbtr><DbtrAcct><Id>'
    "<IBAN>{iban}</IBAN></Id></DbtrAcct></RltdPties><RltdAgts><DbtrAgt><FinInstnId><BIC>ABNANL2A</BIC></FinInstnId>"
    "</DbtrAgt></RltdAgts><RmtInf><Ustrd>Gift of November 2026, supporter S{n:07d}, thank you</Ustrd></RmtInf></TxDtls>"
)
STATEMENT_LINE = (
    ":61:2611241124C{amount},25N658NONREF//REF{n:012d}\n"
    ":86:/TRTP/SEPA OVERBOEKING/IBAN/{iban}/BIC/ABNANL2A/NAME/J. de V\n"
    "ries {n}/REMI/Gift of November 2026/EREF/D-2026-11-{n:010d}\n"
)
READERS = {
    "camt": {
        "ours": "ours", "expat": "expat alone", "camt053": "camt053, streaming", "sepa": "sepa, raw dictionaries",
    },
    "mt940": {"ours": "ours", "mt-940": "mt-940 by itself"},
}  # fmt: skip


def amounts(number: int) -> tuple[int, str]:
    return (5 + number % 97) * 100 + 25, f"{5 + number % 97}.25"


def iban(number: int) -> str:
    account = f"{number * 7919 % 10**10:010d}"
    # A, B, N are 10, 11, 23 and N, L are 23, 21; the check digits make the whole 1 modulo 97.
    return f"NL{98 - int(f'10112310{account}232100') % 97:02d}ABNA{account}"


def write(path: Path, shape: str, count: int) -> None:
    """A file of ``count`` gifts: as many entries, or one entry with as many transactions in it."""
    total = sum(amounts(n)[0] for n in range(count))
    if shape == "mt940":
        with path.open("w", encoding="ascii") as file:
            file.write(f":20:940S261124\n:25:{ACCOUNT}\n:28C:1\n:60F:C261123EUR0,00\n")
            for n in range(count):
                file.write(STATEMENT_LINE.format(n=n, amount=amounts(n)[0] // 100, iban=iban(n)))
            file.write(f":62F:C261124EUR{total // 100},{total % 100:02d}\n-\n")
        return
    with path.open("w", encoding="utf-8") as file:
        file.write(HEAD + BALANCE % ("OPBD", "0.00") + BALANCE % ("CLBD", f"{total // 100}.{total % 100:02d}"))
        if shape == "one":
            file.write(ENTRY.format(n=0, amount=f"{total // 100}.{total % 100:02d}"))
        for n in range(count):
            start = "" if shape == "one" else ENTRY.format(n=n, amount=amounts(n)[1])
            file.write(start + DETAILS.format(n=n, amount=amounts(n)[1], iban=iban(n)))
            if shape != "one":
                file.write("</NtryDtls></Ntry>\n")
        file.write(("</NtryDtls></Ntry>" if shape == "one" else "") + "</Stmt></BkToCstmrStmt></Document>\n")


def cpu() -> float:
    usage = resource.getrusage(resource.RUSAGE_SELF)
    return usage.ru_utime + usage.ru_stime


def memory() -> float:
    """The highest resident set so far in MB; getrusage would count the parent's too, from before this program ran."""
    status = Path("/proc/self/status")
    if status.exists():
        return next(int(line.split()[1]) for line in status.read_text().splitlines() if line.startswith("VmHWM")) / 1024
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / (1 << 20 if sys.platform == "darwin" else 1024)


def measure(reader: str, source: Path) -> dict[str, Any]:
    """Run in a child: load the library, then read the file and count its entries."""
    library: Any = import_module({
        "ours": "supporters.payments.bank.reading", "expat": "xml.parsers.expat",
        "camt053": "camt053.parse.statement_parser", "sepa": "sepa.parser", "mt-940": "mt940",
    }[reader])  # fmt: skip
    start = cpu()
    count = 0
    if reader == "ours":
        told = import_module("supporters.payments.bank.told")
        with source.open("rb") as file:
            for one in library.read_statements(file):
                if isinstance(one, told.Line):
                    assert one.detail.iban and one.detail.end_to_end_id
                    count += 1
    elif reader == "expat":
        parser = library.ParserCreate()

        def begin(tag: str, attributes: dict[str, str]) -> None:
            nonlocal count
            count += tag == "Ntry"

        parser.StartElementHandler, parser.EndElementHandler = begin, lambda tag: None
        parser.CharacterDataHandler, parser.buffer_text = lambda text: None, True
        with source.open("rb") as file:
            parser.ParseFile(file)
    elif reader == "camt053":
        count = sum(1 for _ in library.iter_statement_entries(source.read_text("utf-8")))
    elif reader == "sepa":
        # It wants a document without its namespace.
        text = re.sub(r' xmlns="[^"]*"', "", source.read_text("utf-8"), count=1).encode()
        etree: Any = import_module("lxml.etree")
        found = library.parse_string(library.bank_to_customer_statement, text, parser=etree.XMLParser(huge_tree=True))
        count = sum(len(statement["entries"]) for statement in found["statements"])
    else:
        options = library.Options.all()
        count = len(library.parse(str(source), options=options))
    return {"cpu": cpu() - start, "imports": start, "peak": memory(), "count": count}


def run(python: str, reader: str, source: Path, times: int) -> dict[str, Any] | str:
    """The run with the least CPU, or what went wrong."""
    best: dict[str, Any] | None = None
    for _ in range(times):
        command = [python, __file__, "--child", reader, str(source)]
        done = subprocess.run(command, capture_output=True, text=True)
        if done.returncode:
            return (done.stderr.strip().splitlines() or ["no answer"])[-1][:70]
        result = json.loads(done.stdout)
        if best is None or result["cpu"] < best["cpu"]:
            best = result
    assert best is not None
    return best


def version(python: str, name: str) -> str | None:
    if python == sys.executable:
        try:
            return metadata.version(name)
        except metadata.PackageNotFoundError:
            return None
    code = f"from importlib import metadata; print(metadata.version({name!r}))"
    done = subprocess.run([python, "-c", code], capture_output=True, text=True)
    return done.stdout.strip() or None


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--quick", action="store_true", help="one run of each, without the files of 500,000")
    parser.add_argument("--peers", default=sys.executable, metavar="PYTHON", help="the Python that has the peers")
    parser.add_argument("--child", nargs=2, help=argparse.SUPPRESS)
    arguments = parser.parse_args()
    if arguments.child:
        print(json.dumps(measure(arguments.child[0], Path(arguments.child[1]))))
        return

    times = 1 if arguments.quick else 3
    with tempfile.TemporaryDirectory() as folder:
        results: dict[tuple[str, str], dict[str, Any]] = {}
        for shape, readers in READERS.items():
            source = Path(folder, f"{COUNT}.{shape}")
            write(source, shape, COUNT)
            print(
                f"{'camt.053' if shape == 'camt' else 'MT940'}: {COUNT:,} entries, {source.stat().st_size / 1e6:.0f} MB\n"
            )
            print(f"{'reader':<26}{'CPU s':>8}{'imports':>9}{'peak MB':>9}")
            for reader, title in readers.items():
                python = sys.executable
                if reader not in ("ours", "expat"):
                    python = arguments.peers
                    if (found := version(python, reader)) is None:
                        print(f"{title:<26}  {reader} is not installed")
                        continue
                    title = f"{title} {found}"
                result = run(python, reader, source, times if reader in ("ours", "expat") else 1)
                if isinstance(result, str):
                    print(f"{title:<26}  fails: {result}")
                    continue
                assert result["count"] == COUNT, (reader, result)
                results[shape, reader] = result
                print(f"{title:<26}{result['cpu']:>8.2f}{result['imports']:>9.2f}{result['peak']:>9.0f}", flush=True)
            print()
            for reader in readers:
                if reader != "ours" and (shape, reader) in results:
                    theirs, ours = results[shape, reader], results[shape, "ours"]
                    print(
                        f"{reader}: {theirs['cpu'] / ours['cpu']:.1f} times our CPU, "
                        f"{theirs['peak'] / ours['peak']:.1f} times our memory"
                    )
            print()
        goal(results["camt", "ours"]["cpu"], 3.0, "CPU seconds to read 50,000 entries of camt.053")
        goal(results["camt", "ours"]["peak"], 32.0, "MB, interpreter included")
        if not arguments.quick:
            large(Path(folder))


def large(folder: Path) -> None:
    print(f"\n{LARGE:,} at once\n\n{'file':<42}{'CPU s':>8}{'peak MB':>9}")
    for shape, words in (
        ("camt", "entries of camt.053"), ("one", "transactions in one entry"), ("mt940", "entries of MT940"),
    ):  # fmt: skip
        source = folder / shape
        write(source, shape, LARGE)
        title = f"{words}, {source.stat().st_size / 1e6:.0f} MB"
        result = run(sys.executable, "ours", source, 1)
        source.unlink()
        if isinstance(result, str):
            print(f"{title:<42}  fails: {result}")
            continue
        print(f"{title:<42}{result['cpu']:>8.2f}{result['peak']:>9.0f}")
        goal(result["peak"], 32.0, "MB, interpreter included")


def goal(found: float, limit: float, words: str) -> None:
    print(f"goal {'met' if found <= limit else 'MISSED'}: {found:.2f} of at most {limit:g} {words}")


if __name__ == "__main__":
    main()
