"""``python -m tests.torture``: the command line, the loop over the rounds, and what is told of them."""

import argparse
import random
import signal
import sys
import time
import warnings

from tests.databases import KINDS
from tests.torture import mutants, plan, points
from tests.torture.house import House
from tests.torture.rounds import Round

EVERY = 25  # rounds between two lines of progress
SHOWN = 110  # characters of what caught a mutant


def options():
    """The command line."""
    parser = argparse.ArgumentParser(prog="python -m tests.torture", description=__doc__)
    parser.add_argument("--rounds", type=int, default=50, help="how many; of a mutant, at most")
    parser.add_argument("--first", type=int, default=1, help="number of the first round, to repeat one")
    parser.add_argument("--seed", type=int, help="all dice come from it; drawn and printed when not given")
    parser.add_argument("--database", choices=KINDS, default="sqlite")
    parser.add_argument("--mutant", choices=sorted(mutants.MUTANTS), help="take this control away first")
    parser.add_argument("--mutants", action="store_true", help="each mutant in turn: all must be caught")
    parser.add_argument("--hours", type=float, help="stop after so many hours, whatever --rounds says")
    parser.add_argument("--keep-going", action="store_true", help="go on after a violation")
    parser.add_argument("--keep", metavar="FOLDER", help="keep database and plan of a violated round there")
    return parser


def main(arguments=None):
    """Play the rounds. Returns the exit status: 0 when nothing was violated, or every mutant was caught."""
    given = options().parse_args(arguments)
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    if given.seed is None:
        given.seed = random.SystemRandom().randrange(10**6)
    print(f"seed {given.seed}, {given.database}", flush=True)
    return _hunt_mutants(given) if given.mutants else _torture(given)


def _torture(given):
    with House(given.database, given.seed, given.mutant, given.keep) as house:
        _tell_what_is_left_out(house)
        began = time.monotonic()
        try:
            for number, sentence in _violations(house, given):
                _tell(given, number, sentence)
        except KeyboardInterrupt:
            print("interrupted")
        _table(house.tally, time.monotonic() - began)
        return 1 if house.tally.violations else 0


def _hunt_mutants(given):
    """Every mutant until its first violation. Returns 0 when all were caught."""
    alive = []
    for name in mutants.MUTANTS:
        with House(given.database, given.seed, name) as house:
            found = next(_violations(house, given), None)
        if found is None:
            alive.append(name)
        how = f"round {found[0]:>2}: {found[1][:SHOWN]}" if found else f"NOT CAUGHT in {given.rounds} rounds"
        print(f"  {name:<36}{how}", flush=True)
    print(f"{len(mutants.MUTANTS) - len(alive)} of {len(mutants.MUTANTS)} mutants caught")
    return 1 if alive else 0


def _violations(house, given):
    """Play round after round, until one is violated unless told to go on; yields (round, sentence)."""
    tally, began = house.tally, time.monotonic()
    for number in range(given.first, given.first + given.rounds):
        drawn = plan.draw(given.seed, number, house.mutant.steer if house.mutant else ())
        for sentence in Round(house, drawn).play():
            tally.violations.append((number, sentence))
            yield number, sentence
        tally.rounds += 1
        tally.kinds[drawn.kind] += 1
        seconds = time.monotonic() - began
        if tally.rounds % EVERY == 0:
            _progress(tally, seconds)
        if tally.violations and not given.keep_going:
            return
        if given.hours and seconds > given.hours * 3600:
            return


# --- What is told --------------------------------------------------------------------------------


def _tell_what_is_left_out(house):
    if not house.disk.works():
        print("left out: full and read-only disks, because this machine lets us mount no tmpfs")


def _tell(given, number, sentence):
    mutant = f" --mutant {given.mutant}" if given.mutant else ""
    print(f"VIOLATION in round {number}: {sentence}")
    print(
        f"  again: python -m tests.torture --database {given.database} --seed {given.seed} --first {number} "
        f"--rounds 1 --keep found{mutant}",
        flush=True,
    )


def _progress(tally, seconds):
    print(
        f"round {tally.rounds:>5,}   {_rate(tally.rounds, seconds):>6,} an hour   {tally.kills:>6,} kills   "
        f"{sum(tally.stops.values()):>4,} stops   {len(tally.violations)} violations",
        flush=True,
    )


def _rate(count, seconds):
    return round(count * 3600 / max(seconds, 1))


def _table(tally, seconds):
    rate = _rate(tally.rounds, seconds)
    print(f"\n{tally.rounds:,} rounds in {seconds / 60:,.1f} minutes: {rate:,} an hour")
    print(", ".join(f"{count:,} {kind}" for kind, count in tally.kinds.most_common()))
    print(", ".join(f"{count:,} {name}" for name, count in tally.seen.most_common()))
    print(f"{tally.kills:,} kills: {tally.shots:,} at random, and at")
    for name in points.NAMES:
        print(f"  {tally.deaths[name]:>6,}  {name}")
    print(f"{sum(tally.stops.values()):,} stopped past their lease; {tally.restarts:,} ended by restarts")
    print(f"{len(tally.violations):,} violations")


if __name__ == "__main__":
    warnings.simplefilter("default")
    sys.exit(main())
