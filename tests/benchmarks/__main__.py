"""`python -m tests.benchmarks [NAME ...]`: measure everything, or what is named, and print the table."""

import argparse
import tempfile
from functools import partial
from pathlib import Path

from tests.benchmarks import autopay_run, bill_run, lists, messages, pages, pdf, said, verdicts
from tests.benchmarks.measure import table
from tests.databases import Databases

BENCHMARKS = {
    "bill": bill_run.figures, "autopay": autopay_run.figures, "pdf": pdf.figures, "pages": pages.figures,
    "lists": lists.figures, "messages": messages.figures, "verdicts": verdicts.figures, "said": said.figures,
}  # fmt: skip


def main():
    parser = argparse.ArgumentParser(prog="python -m tests.benchmarks", description=__doc__)
    parser.add_argument("names", nargs="*", help=f"any of {', '.join(BENCHMARKS)}; default all")
    parser.add_argument("--quick", action="store_true", help="search over fewer texts, in a minute or two")
    typed = parser.parse_args()
    names = typed.names or BENCHMARKS
    if typed.quick:
        BENCHMARKS["said"] = partial(said.figures, notes=said.QUICK_NOTES)
    if unknown := [name for name in names if name not in BENCHMARKS]:
        parser.error(f"there is no benchmark {unknown[0]}")
    figures = []
    with tempfile.TemporaryDirectory() as folder:
        databases = Databases(Path(folder))
        try:
            for name in names:
                figures += list(BENCHMARKS[name](databases))
        finally:
            databases.close()
    print(table(figures))


if __name__ == "__main__":
    main()
