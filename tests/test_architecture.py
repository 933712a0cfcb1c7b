"""The arrows of the design and the house rules, read from the source itself."""

import ast
import functools
import re
import statistics
from graphlib import CycleError, TopologicalSorter
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent
DOORS = ("portal", "admin")
EDGES = ROOT / "billing" / "edges"
SOURCES = sorted(
    path
    for place in ("app.py", "models.py", "billing", "portal", "admin", "migrations")
    for path in ([ROOT / place] if place.endswith(".py") else (ROOT / place).rglob("*.py"))
)
RULES = [path for path in SOURCES if ROOT / "billing" in path.parents and EDGES not in path.parents]
MONEY_ROWS = {
    "Invoice", "Line", "Payment", "PaymentPart", "Credit", "Allocation", "Refund", "GatewayEvent", "Notice",
}  # fmt: skip
MOST_LINES, MOST_MEDIAN, MOST_P90 = 50, 8, 25


def shown(path):
    return str(path.relative_to(ROOT))


@functools.cache
def tree(path):
    return ast.parse(path.read_text(encoding="utf-8"))


@functools.cache
def nodes(path):
    """Everything that stands in a module."""
    return list(ast.walk(tree(path)))


@functools.cache
def imported(path):
    """The dotted names of everything that a module imports, at its top or inside its functions."""
    names = set()
    for node in nodes(path):
        if isinstance(node, ast.Import):
            names |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{shown(path)} imports relatively"
            names |= {node.module, *(f"{node.module}.{alias.name}" for alias in node.names)}
    return names


def reaches(path, *targets):
    """What of ``targets`` a module imports."""
    return {
        name
        for name in imported(path)
        for target in targets
        if name == target or name.startswith(target + ".")
    }


def functions(path):
    return [node for node in nodes(path) if isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef))]


def each(paths):
    """One test of a rule for every file of ``paths``: it names all that break it."""

    def looking(rule):
        @functools.wraps(rule)
        def test():
            broken = []
            for path in paths:
                try:
                    rule(path)
                except AssertionError as error:
                    broken.append(f"{shown(path)}: {error}")
            assert not broken, "\n".join(broken)

        del test.__wrapped__  # or pytest would look for a fixture called path
        return test

    return looking


# --- The arrows ----------------------------------------------------------------------------------


def test_there_is_something_to_look_at():
    assert len(SOURCES) > 40
    assert len(RULES) > 15


def test_every_file_that_breaks_a_rule_is_named():
    @each(SOURCES)
    def no_file_is_called_models(path):
        assert path.name not in ("models.py", "app.py"), "a rule that two files break"

    with pytest.raises(AssertionError, match=r"(?s)app\.py: .*models\.py: "):
        no_file_is_called_models()


def test_the_reader_of_imports_reads_them():
    assert "billing.edges.gateway" in imported(ROOT / "app.py")
    assert reaches(ROOT / "app.py", "portal", "admin") >= {"portal", "admin"}


@each(RULES)
def test_a_rule_knows_no_request_no_edge_and_no_door(path):
    forbidden = reaches(path, "flask", "flask_mail", "flask_login", "werkzeug", "requests", "smtplib", "app")
    assert forbidden | reaches(path, "billing.edges", *DOORS) == set()


@each([path for path in SOURCES if EDGES in path.parents])
def test_an_edge_knows_no_door(path):
    assert reaches(path, *DOORS) == set()


def test_portal_and_admin_know_nothing_of_each_other():
    for mine, other in (DOORS, DOORS[::-1]):
        for path in (ROOT / mine).rglob("*.py"):
            assert reaches(path, other) == set(), shown(path)


def test_the_tables_know_nothing_above_them():
    assert reaches(ROOT / "models.py", "billing", "flask", "app", *DOORS) == set()


def test_migrations_stand_alone():
    for path in (ROOT / "migrations").glob("0*.py"):
        assert reaches(path, "models", "billing", "app", *DOORS) == set(), shown(path)


@each(SOURCES)
def test_only_the_app_reads_settings(path):
    reads = reaches(path, "billing.edges.settings", "os.environ", "dotenv")
    may = {"app.py", "billing/edges/settings.py", "billing/edges/commands.py", "billing/edges/demo_server.py"}
    assert not reads or shown(path) in may
    if shown(path) not in may:
        assert not re.search(r"\bos\.(environ|getenv)", path.read_text())


@each([path for path in SOURCES if path != ROOT / "billing" / "periods.py"])
def test_a_day_has_one_name(path):
    assert not re.search(r"^_?[A-Z_]*DAY = .*timedelta\(days=1\)", path.read_text(), re.M), "periods.DAY"


def test_no_module_is_called_by_what_it_is_not_about():
    vague = {"utils", "helpers", "services", "managers", "common", "core", "misc"}
    assert {path.stem for path in SOURCES} & vague == set()


def test_use_cases_are_called_by_their_module():
    modules = {path.stem for path in RULES if path.parent.name == "billing"} - {
        "money",
        "periods",
        "errors",
        "states",
        "outcomes",
        "words",
        "__init__",
    }
    for path in SOURCES:
        for node in nodes(path):
            if isinstance(node, ast.ImportFrom) and node.module in {f"billing.{name}" for name in modules}:
                bare = [alias.name for alias in node.names if alias.name.islower()]
                assert bare == [], f"{shown(path)} imports {bare} bare from {node.module}"


# --- No circles ----------------------------------------------------------------------------------


def dotted(path):
    """The dotted name by which a file is imported."""
    return ".".join(path.relative_to(ROOT).with_suffix("").parts).removesuffix(".__init__")


MODULES = {dotted(path): path for path in SOURCES}


def loaded(path):
    """The modules of ours that an import of ``path`` loads: with each also the packages that it lies in."""
    found = set()
    for name in imported(path) & MODULES.keys():
        parts = name.split(".")
        found |= {".".join(parts[:count]) for count in range(1, len(parts) + 1)}
    own = dotted(path)
    return {name for name in found if name in MODULES and name != own and not own.startswith(name + ".")}


def package(name):
    """What of billing a module belongs to: a package, or itself where it lies in none."""
    return ".".join(name.split(".")[:2])


def circle(arrows):
    """The names along one circle of arrows, {name: those it points at}; empty where there is none."""
    try:
        TopologicalSorter(arrows).prepare()
    except CycleError as error:
        return error.args[1]
    return []


def test_no_module_is_loaded_by_what_it_loads():
    """Also inside functions: an import that waits is a circle that somebody noticed."""
    assert circle({name: loaded(path) for name, path in MODULES.items()}) == []


def test_the_packages_of_billing_ask_each_other_in_one_direction():
    arrows = {}
    for name, path in MODULES.items():
        if name.startswith("billing."):
            own = arrows.setdefault(package(name), set())
            asked = {one for one in imported(path) & MODULES.keys() if one.startswith("billing.")}
            own |= {package(one) for one in asked} - {package(name)}

    assert circle(arrows) == []


def test_a_circle_would_be_noticed():
    assert circle({"a": {"b"}, "b": {"c"}, "c": {"a"}}) != []
    assert "billing.ledger" in loaded(ROOT / "billing" / "invoices.py")
    assert package("billing.outbox.sending") == package("billing.outbox") == "billing.outbox"
    assert package("billing.ledger") == "billing.ledger"


# --- Money ---------------------------------------------------------------------------------------


def cents_in(node):
    """Names that end in _cents, in a piece of code."""
    return {
        name
        for one in ast.walk(node)
        for name in (getattr(one, "id", ""), getattr(one, "attr", ""), getattr(one, "arg", "") or "")
        if isinstance(name, str) and name.endswith("cents")
    }


@each(SOURCES)
def test_no_float_touches_money(path):
    for node in nodes(path):
        if isinstance(node, ast.Call) and getattr(node.func, "id", "") in ("float", "round"):
            assert not cents_in(node), f"{shown(path)}:{node.lineno}"
        if isinstance(node, ast.BinOp):
            floats = [one for one in (node.left, node.right) if _is_float(one)]
            divided = isinstance(node.op, ast.Div) and cents_in(node)
            assert not (floats and cents_in(node)) and not divided, f"{shown(path)}:{node.lineno}"


def _is_float(node):
    return isinstance(node, ast.Constant) and isinstance(node.value, float)


WRITES_OPEN = re.compile(
    r"\bopen_cents\s*=(?!=)|\.open_cents\s*[-+]=|[\"']open_cents[\"']\s*:|SET\s+\"?open_cents|insert.*open_cents",
    re.IGNORECASE,
)


@each(SOURCES)
def test_only_the_ledger_writes_what_is_open(path):
    if path == ROOT / "billing" / "ledger.py":
        return
    for node in nodes(path):
        where = f"{shown(path)}:{getattr(node, 'lineno', 0)}"
        targets = getattr(node, "targets", [getattr(node, "target", None)])
        if isinstance(node, (ast.Assign, ast.AugAssign, ast.AnnAssign)):
            assert "open_cents" not in {getattr(target, "attr", "") for target in targets}, where
        if isinstance(node, ast.Call) and getattr(node.func, "attr", "") in (
            "update",
            "create",
            "insert",
            "save",
        ):
            assert "open_cents" not in {keyword.arg for keyword in node.keywords}, where
        if isinstance(node, ast.Constant) and isinstance(node.value, str):
            assert not re.search(r"SET[^;]*open_cents", node.value), where


def test_the_guard_of_open_cents_would_notice():
    assert WRITES_OPEN.search("Invoice.update(open_cents=0)")
    assert (ROOT / "billing" / "ledger.py").read_text().count("open_cents=") >= 3


@each([p for p in SOURCES if ROOT / "billing" not in p.parents])
def test_no_door_moves_a_state_or_makes_a_row_of_money(path):
    for node in nodes(path):
        where = f"{shown(path)}:{getattr(node, 'lineno', 0)}"
        if isinstance(node, ast.Assign):
            for target in node.targets:
                assert getattr(target, "attr", "") != "state", where
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute):
            made = node.func.attr in ("create", "insert", "insert_many", "update", "delete", "get_or_create")
            assert not (made and getattr(node.func.value, "id", "") in MONEY_ROWS), where


# --- Time ----------------------------------------------------------------------------------------


@each(RULES)
def test_a_rule_never_asks_what_day_it_is(path):
    asked = {
        f"{getattr(node.value, 'id', getattr(node.value, 'attr', ''))}.{node.attr}"
        for node in nodes(path)
        if isinstance(node, ast.Attribute)
    }
    assert asked & {
        "date.today", "datetime.today", "datetime.now", "datetime.utcnow", "time.time",
    } == set()  # fmt: skip


@each(SOURCES)
def test_no_default_is_computed_when_a_module_is_read(path):
    for function in functions(path):
        for default in (*function.args.defaults, *filter(None, function.args.kw_defaults)):
            calls = [node for node in ast.walk(default) if isinstance(node, ast.Call)]
            assert not calls, f"{shown(path)}:{function.lineno} {function.name}"


@each(RULES)
def test_today_and_now_are_required(path):
    for function in functions(path):
        arguments = function.args
        optional = [
            argument.arg
            for argument, default in zip(arguments.kwonlyargs, arguments.kw_defaults, strict=True)
            if default is not None
        ]
        optional += [
            argument.arg for argument in arguments.args[len(arguments.args) - len(arguments.defaults) :]
        ]
        assert not {"today", "now", "on", "by"} & set(optional), f"{shown(path)}:{function.lineno}"


# --- How it reads --------------------------------------------------------------------------------


def lengths():
    return {
        f"{shown(path)}:{one.lineno} {one.name}": one.end_lineno - one.lineno + 1
        for path in SOURCES
        for one in functions(path)
    }


def test_functions_are_short():
    found = lengths()
    ordered = sorted(found.values())

    assert {name: length for name, length in found.items() if length > MOST_LINES} == {}
    assert statistics.median(ordered) <= MOST_MEDIAN
    assert ordered[int(len(ordered) * 0.9)] <= MOST_P90


@each(SOURCES)
def test_every_module_says_what_belongs_in_it(path):
    assert path.read_text() == "" or ast.get_docstring(tree(path))


@each(RULES)
def test_every_public_rule_says_what_it_does(path):
    for node in tree(path).body:
        if isinstance(node, (ast.FunctionDef, ast.ClassDef)) and not node.name.startswith("_"):
            assert ast.get_docstring(node), f"{shown(path)}:{node.lineno} {node.name}"


@each(SOURCES)
def test_nothing_is_left_for_later_or_caught_without_a_name(path):
    text = path.read_text()
    assert not re.search(r"\b(TODO|FIXME|XXX)\b|raise NotImplementedError", text)
    for node in nodes(path):
        if isinstance(node, ast.ExceptHandler):
            assert node.type is not None, f"{shown(path)}:{node.lineno} catches everything"
        if isinstance(node, ast.Call):
            assert getattr(node.func, "id", "") not in ("breakpoint", "eval", "exec"), shown(path)
            if EDGES not in path.parents:
                assert getattr(node.func, "id", "") != "print", shown(path)


@each(SOURCES)
def test_a_broad_except_says_why(path):
    lines = path.read_text().splitlines()
    for node in nodes(path):
        broad = isinstance(node, ast.ExceptHandler) and getattr(node.type, "id", "").endswith("Exception")
        if broad and not isinstance(node.body[-1], ast.Raise):
            assert "#" in lines[node.lineno - 1], f"{shown(path)}:{node.lineno}"


def test_results_of_the_outside_are_never_tested_for_truth():
    outcomes = {"void", "refund"}
    for path in SOURCES:
        for node in nodes(path):
            test = getattr(node, "test", None) if isinstance(node, (ast.If, ast.While, ast.IfExp)) else None
            if isinstance(test, ast.Call) and getattr(test.func, "attr", "") in outcomes:
                assert getattr(test.func.value, "id", "") != "gateway", f"{shown(path)}:{node.lineno}"


@each(SOURCES)
def test_we_write_as_our_customers_do(path):
    wrong = re.compile(
        r"\b(cancell(ed|ing|able)|instalment|cheque|licence|colour|behaviour|favourite)s?\b", re.I
    )
    if path.name == "spanish.py" or path.parent.name == "spanish_pages":  # a check is a cheque there
        return
    assert not wrong.search(path.read_text()), wrong.search(path.read_text())
