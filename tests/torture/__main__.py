"""``python -m tests.torture``: the command line, the loop over the rounds, and what is told of them."""

import argparse
import random
import signal
import sys
import time
import warnings

from tests.torture import mutants, plan, points, rounds

EVERY = 25


def options():
    """The command line."""
    parser = argparse.ArgumentParser(prog="python -m tests.torture", description=__doc__)
    parser.add_argument("--rounds", type=int, default=50)
    parser.add_argument("--first", type=int, default=1, help="number of the first round, to repeat one")
    parser.add_argument(
        "--seed", type=int, help="everything comes from it; printed, and drawn when not given"
    )
    parser.add_argument("--database", choices=("sqlite", "postgresql"), default="sqlite")
    parser.add_argument("--mutant", choices=sorted(mutants.MUTANTS), help="take this control away first")
    parser.add_argument("--hours", type=float, help="stop after so many hours, whatever --rounds says")
    parser.add_argument("--keep-going", action="store_true", help="go on after a violation")
    parser.add_argument("--keep", metavar="FOLDER", help="keep database and plan of a violated round there")
    return parser


def main(arguments=None):
    """Play the rounds. Returns the exit status: 0 when nothing was violated."""
    given = options().parse_args(arguments)
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    seed = random.SystemRandom().randrange(10**6) if given.seed is None else given.seed
    print(
        f"seed {seed}, {given.database}" + (f", without {given.mutant}" if given.mutant else ""), flush=True
    )
    with rounds.House(given.database, seed, given.mutant, given.keep) as house:
        began = time.monotonic()
        try:
            _play(house, given, seed, began)
        except KeyboardInterrupt:
            print("interrupted")
        _table(house.tally, time.monotonic() - began)
        return 1 if house.tally.violations else 0


def _play(house, given, seed, began):
    tally, leanings = house.tally, house.mutant.steer if house.mutant else ()
    for number in range(given.first, given.first + given.rounds):
        drawn = plan.draw(seed, number, leanings)
        for sentence in rounds.Round(house, drawn).play():
            tally.violations.append((number, sentence))
            _tell(given, seed, number, sentence)
        tally.rounds += 1
        tally.kinds[drawn.kind] += 1
        seconds = time.monotonic() - began
        if tally.rounds % EVERY == 0:
            _progress(tally, seconds)
        if tally.violations and not given.keep_going:
            return
        if given.hours and seconds > given.hours * 3600:
            return


def _tell(given, seed, number, sentence):
    print(f"VIOLATION in round {number}: {sentence}")
    more = f" --mutant {given.mutant}" if given.mutant else ""
    print(
        f"  again: python -m tests.torture --database {given.database} --seed {seed} --first {number} "
        f"--rounds 5 --keep-going{more}",
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
    print(
        f"\n{tally.rounds:,} rounds in {seconds / 60:,.1f} minutes: {_rate(tally.rounds, seconds):,} an hour"
    )
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
