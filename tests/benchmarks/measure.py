"""Measuring and printing: what every benchmark shares."""

import resource
import statistics
import time
from dataclasses import dataclass


@dataclass(frozen=True)
class Figure:
    """One line of the table. ``ratio`` compares ours with the limit; ``aim`` says what we want of it."""

    name: str
    ours: str
    limit: str
    ratio: float
    aim: str
    met: bool


def at_most(name, ours, limit, aim, unit="ms"):
    """A Figure for a cost: ours should be at most ``aim`` times the limit. Amounts in ``unit``."""
    ratio = ours / limit
    return Figure(name, f"{ours:,.1f} {unit}", f"{limit:,.1f} {unit}", ratio, f"≤ {aim:g}×", ratio <= aim)


def at_least(name, ours, limit, aim, unit="/s"):
    """A Figure for a rate: ours should be at least ``aim`` of the limit."""
    ratio = ours / limit
    return Figure(name, f"{ours:,.0f}{unit}", f"{limit:,.0f}{unit}", ratio, f"≥ {aim:g}×", ratio >= aim)


def seconds(act, *args, **kwargs):
    """Wall time of one call, in seconds."""
    start = time.perf_counter()
    act(*args, **kwargs)
    return time.perf_counter() - start


def median_ms(act, *, times, warm=2):
    """Median wall time of ``times`` calls in milliseconds, after ``warm`` that are not counted."""
    for _ in range(warm):
        act()
    return statistics.median(seconds(act) for _ in range(times)) * 1000


def peak_mb():
    """Highest resident memory of this process so far, in MB."""
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024


def table(figures):
    """The figures as a Markdown table, as RESULTS.md carries it."""
    lines = ["| what | ours | limit | ratio | aim | |", "| --- | ---: | ---: | ---: | ---: | --- |"]
    for figure in figures:
        mark = "met" if figure.met else "**missed**"
        lines.append(
            f"| {figure.name} | {figure.ours} | {figure.limit} | {figure.ratio:.2f} | {figure.aim} | {mark} |"
        )
    return "\n".join(lines)
