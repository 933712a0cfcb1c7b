"""The dice of one round, thrown before it begins: a function of the seed and the number of the round.

What is decided here is who comes, what breaks and where somebody dies. How the processes then interleave is
the machine's business; the same plan finds the same trouble again within a few tries.
"""

import random
from dataclasses import dataclass, field

from tests.torture import gateway, points

CHARGE = "createTransactionRequest"
DAILY, SEND, WORKER = ["daily"], ["send-notices"], ["worker", "--once"]
KINDS = {"days": 90, "migration": 4, "full disk": 3, "read only": 3}
VISITS = {
    "pays": 10, "pays by bank": 2, "pays a part": 3, "is declined then pays": 3, "is held": 2, "gives up": 3,
    "walks away": 2, "forges the return": 1, "double clicks": 2, "rivals": 3, "asks a question": 2,
    "reads the pdf": 1, "forges webhooks": 1,
}  # fmt: skip
ERRANDS = "looks around", "books a check", "books a check", "refunds a payment"  # of staff, see clerks.py
# What a mutant's harm is likely to be found by: visits, or names that ``draw`` understands.
LEANINGS = {
    "rivals": {"rivals": 40},
    "declines": {"is declined then pays": 10, "rivals": 20},
    "storm": {"storm": 60},
    "forgers": {"forges the return": 40},
    "held": {"is held": 40},
    "forged webhooks": {"forges webhooks": 40},
    "paid meanwhile": {"pays": 30, "asks a question": 60},
}


# How often a process comes by a point at most, where it is not about three times.
PASSES = {
    "any statement": 90, "any commit": 14, "lease taken": 1, "lease given back": 1,
    "payment by hand, not committed": 1, "refund: ordered": 1, "payment by hand, committed": 1,
}  # fmt: skip


UPDATES = (0, 0, 1)  # saved cards that the networks change in a phase
LAGS = (0, 0, 120)  # seconds
MONEY_POINTS = ("charge", "autopay", "refund", "answer", "before the call", "after the call", "batch")


@dataclass
class Job:
    """A process to start: its role, arguments, fate (point, passes, stop), and how long to wait first."""

    role: str
    args: list = field(default_factory=list)
    fate: tuple | None = None
    delay: float = 0.0
    told: dict = field(default_factory=dict)

    @property
    def is_daily(self):
        return self.args[:1] == DAILY


@dataclass
class Visit:
    """A customer who comes: what they do, to which invoice (by mail, or one of the world's), and when."""

    name: str
    invoice: int
    by_mail: bool
    seed: int
    delay: float


@dataclass
class Errand:
    """Somebody of the staff at a browser: what they do, for which customers, and when."""

    name: str
    seed: int
    delay: float


@dataclass
class Phase:
    """Some hours of a day. ``lanes`` run beside each other; in each, one job comes after the other."""

    days: int
    lanes: list
    visits: list
    faults: list
    mischief: dict
    letters: list  # fates of the next mails
    declines: list  # (which method, reason code, how often)
    disputes: list  # what banks take back after the settlement: ("return" or "chargeback", which)
    wins: list  # which chargebacks the bank takes back again
    updates: list  # what card networks do to saved cards: (which, reason)
    lag_seconds: int  # lists of the gateway hide what is younger
    settles: bool  # the gateway closes its day before this phase
    armed: list  # (delay, point, passes) of web processes
    shots: list  # (delay, "web" or "job") of the killer
    errands: list  # of staff


@dataclass
class Plan:
    """One round."""

    number: int
    kind: str
    skew_minutes: int
    phases: list
    reviews: list  # what the processor's people do with what they hold, in order
    seed: int


def draw(seed, number, leanings=()):
    """The plan of round ``number``. ``leanings`` steer the dice, for mutants."""
    dice = random.Random(f"{seed}/{number}")
    kind = _choose(dice, KINDS) if not leanings else "days"
    # What was added later leaves the older dice as they fell.
    since, office = random.Random(f"{seed}/{number}/later"), random.Random(f"{seed}/{number}/office")
    return Plan(
        number=number,
        kind=kind,
        skew_minutes=dice.choice([0, 0, 0, 10, -10]),
        phases=[_phase(dice, since, office, place, set(leanings)) for place in range(3)],
        reviews=[dice.choice(["approve", "decline", ""]) for _ in range(10)],
        seed=dice.getrandbits(32),
    )


def _choose(dice, weights):
    return dice.choices(list(weights), weights=list(weights.values()))[0]


def _phase(dice, since, office, place, leanings):
    calm = bool(leanings & {"reminders", "storm", "rivals"}) and dice.random() < 0.5
    visits = _visits(dice, place, leanings)
    return Phase(
        days=(0, 4, 5)[place],
        lanes=_lanes(dice, place, leanings),
        visits=[] if "sleepers" in leanings else visits,
        faults=[] if calm or "sleepers" in leanings else _faults(dice, leanings),
        mischief=_mischief(dice),
        letters=_letters_of(dice, calm, place, leanings),
        declines=[] if "sleepers" in leanings else _declines(dice),
        disputes=[
            (dice.choice(["return", "chargeback"]), dice.randrange(1000))
            for _ in range(place)
            if dice.random() < 0.25
        ],
        wins=[since.randrange(1000) for _ in range(place) if since.random() < 0.4],
        updates=[
            (since.randrange(1000), since.choice(["NED", "NAN", "CCH", "ACL"]))
            for _ in range(since.choice(UPDATES))
        ],
        lag_seconds=since.choice(LAGS),
        settles=place > 0 and dice.random() < 0.6,
        armed=[] if calm else _armed(dice, leanings, visits),
        shots=[] if calm else _shots(dice),
        errands=[] if leanings else _errands(office),
    )


def quiet_phase(*, lanes, shots):
    """A phase of some processes and a killer, without customers and in fine weather."""
    return Phase(
        days=0, lanes=lanes, visits=[], faults=[], mischief={}, letters=[], declines=[], disputes=[],
        wins=[], updates=[], lag_seconds=0, settles=False, armed=[], shots=shots, errands=[],
    )  # fmt: skip


# --- Processes -----------------------------------------------------------------------------------


def _lanes(dice, place, leanings):
    if place == 1:
        return _reminder_lanes(dice, leanings)
    first = [_job(dice, "flask", DAILY, leanings) for _ in range(dice.choice([1, 2, 2]))]
    second = [_job(dice, "flask", DAILY, leanings)]
    third = [_job(dice, "flask", dice.choice([WORKER, SEND]), leanings, delay=dice.random() * 0.4)]
    if "sleepers" in leanings:
        return [first[:1]]
    return [first, second, third, *_office(dice, leanings)]


def _reminder_lanes(dice, leanings):
    """Reminders are queued first; while they wait, customers pay and ask; then two senders come at once."""
    queue = [_job(dice, "flask", [*DAILY, "--only", "remind"], leanings)]
    senders = [
        [_job(dice, "flask", dice.choice([WORKER, SEND]), leanings, delay=0.45 + dice.random() * 0.1)]
        for _ in range(2)
    ]
    if "senders" in leanings or "paid meanwhile" in leanings:
        for lane in (queue, *senders):
            lane[0].fate = None
    senders[0].append(_job(dice, "flask", WORKER, leanings))
    return [queue, *senders, *_office(dice, leanings)]


def _office(dice, leanings):
    """Staff with a pen, and somebody who holds the database."""
    lanes = []
    if dice.random() < 0.4:
        key = f"hand-{dice.getrandbits(60):x}"
        told = {
            "customer": dice.randrange(30),
            "cents": dice.choice([0, 0, dice.randrange(500, 9000)]),
            "key": key,
        }
        lanes.append([
            Job("hand", fate=_fate(dice, "h"), delay=dice.random() * 0.4, told=told),
            Job("hand", told=told),
        ])  # fmt: skip
    if dice.random() < (1.0 if "refunds" in leanings else 0.4):
        told = {
            "key": f"back-{dice.getrandbits(60):x}", "which": dice.randrange(1000),
            "percent": dice.choice([100, 100, 40]), "reopen": dice.random() < 0.7,
        }  # fmt: skip
        lanes.append([
            Job("refund", fate=_fate(dice, "r"), delay=0.2 + dice.random() * 0.3, told=told),
            Job("refund", told=told),
        ])  # fmt: skip
    if dice.random() < 0.1:
        seconds = 2.4 if dice.random() < 0.1 else dice.random() * 0.5
        lanes.append([Job("hog", delay=dice.random() * 0.3, told={"seconds": seconds})])
    return lanes


def _job(dice, role, args, leanings, delay=0.0):
    who = "d" if args[:1] == DAILY else "s"
    fate = _fate(dice, who) if dice.random() < 0.7 else None
    if "bill deaths" in leanings and who == "d":
        fate = (dice.choice(["bill: rows written, not committed", "any statement", "any commit"]),
                dice.randrange(1, 25), False)  # fmt: skip
    if leanings & {"schedulers", "silence", "held"}:
        fate = None
    if "sleepers" in leanings and who == "d":
        return Job(role, list(args), (points.ASLEEP, dice.randrange(1, 3), True), delay)
    if fate and dice.random() < 0.15:
        fate = (
            dice.choice([name for name in points.STOPPABLE if who in points.named(name).who]),
            fate[1] % 2 + 1,
            True,
        )
    return Job(role, list(args), fate, delay)


def _fate(dice, who):
    """Where a process of this kind dies: at a named point, or at some statement."""
    known = [point for point in points.POINTS if who in point.who]
    money = [point for point in known if point.name.startswith(MONEY_POINTS)]
    chosen = dice.choice(money if money and dice.random() < 0.35 else known)
    return chosen.name, dice.randrange(1, PASSES.get(chosen.name, 3) + 1), False


def _armed(dice, leanings, visits):
    places = [number for number, point in enumerate(points.POINTS) if "w" in point.who]
    booking = [number for number in places if points.POINTS[number].name.startswith("answer")]
    chosen = booking if "booking deaths" in leanings else places
    armed = [
        (dice.random() * 0.35, dice.choice(chosen), dice.randrange(1, 4))
        for _ in range(dice.choice([0, 1, 1, 2]))
    ]
    if any(visit.name == "reads the pdf" for visit in visits):
        armed.append((0.0, points.NAMES.index("PDF half written"), 1))
    return armed


def _shots(dice):
    return [
        (0.05 + dice.random() * 0.5, dice.choice(["web", "web", "job"]))
        for _ in range(dice.choice([0, 1, 1, 2]))
    ]


# --- Customers and weather -----------------------------------------------------------------------


def _visits(dice, place, leanings):
    weights = dict(VISITS)
    for leaning in leanings:
        weights |= LEANINGS.get(leaning, {})
    crowd = 10 if "paid meanwhile" in leanings else 0
    names = [_choose(dice, weights) for _ in range(dice.choice([3, 4, 5]) + crowd)]
    if "storm" not in leanings and dice.random() < 0.05:
        names.append("storm")
    return [
        Visit(name, dice.randrange(1000), place > 0 and dice.random() < 0.4, dice.getrandbits(32),
              dice.random() * 0.3)
        for name in names[: 2 if "storm" in names else None]
    ]  # fmt: skip


def _errands(dice):
    """Now and then somebody of the office sits at a browser."""
    return [
        Errand(dice.choice(ERRANDS), dice.getrandbits(32), dice.random() * 0.4)
        for _ in range(dice.choice([0, 0, 1, 1, 2]))
    ]


def _declines(dice):
    """Some saved methods are refused: soft, hard, or for a fault of ours."""
    return [
        (dice.randrange(1000), dice.choice(["2", "4", "8", "11", "19"]), dice.choice([1, 1, 2]))
        for _ in range(dice.choice([0, 0, 1, 2]))
    ]


def _faults(dice, leanings):
    faults = []
    if "silence" in leanings:
        faults = [(dice.choice(["drop_after_processing", "late", "garbage"]), CHARGE, 2)]
    for _ in range(dice.choice([0, 1, 2, 3])):
        if dice.random() < 0.6:
            mode, call = dice.choice(gateway.known(gateway.MOVING)), dice.choice(["hosted", CHARGE])
        else:
            mode, call = dice.choice(gateway.known(gateway.ASKING)), dice.choice(gateway.QUESTIONS)
        if dice.random() < 0.03:
            mode = "delay"
        faults.append((mode, call, dice.randrange(1, 3)))
    return faults


def _mischief(dice):
    return dice.choice([
        {}, {}, {}, {"copies": 2}, {"copies": 3, "reorder": 2}, {"reorder": 3}, {"lose": 2},
        {"delay_seconds": 120}, {"lose": 1, "copies": 2},
    ])  # fmt: skip


def _letters_of(dice, calm, place, leanings):
    """What the mail server says to the next mails. Where customers are to pay meanwhile, it is busy first."""
    letters = [] if calm else _letters(dice)
    return ["450"] * 15 if "paid meanwhile" in leanings and place == 1 else letters


def _letters(dice):
    if dice.random() < 0.5:
        return []
    bad = ["drop after", "drop after", "drop before", "450", "data 451", "550"]
    return [dice.choice([*bad, "accept", "accept"]) for _ in range(dice.randrange(1, 6))]
