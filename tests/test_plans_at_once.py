"""Plans and promises while others act: agreed to twice, paid meanwhile, on autopay, by day and by mail."""

from datetime import date, timedelta

import pytest

from billing import daily, ledger, payments, promises
from billing.automatic import autopay
from billing.charging import due
from billing.errors import BillingError
from billing.plans import agreeing, agreement, keeping, phrases
from models import (
    Autopay,
    Installment,
    InstallmentPart,
    Notice,
    Payment,
    PaymentPart,
    Plan,
    PlanInvoice,
    PlannedCharge,
    Promise,
)
from tests.at_once import die_everywhere, refusals, together
from tests.factories import BY, NOW, fresh, make_invoice, make_method, payer
from tests.test_pdf import text_of
from tests.test_plans import sign

TODAY = date(2026, 12, 1)
DAY = timedelta(days=1)
THREE = agreeing.Wish(3, TODAY)


@pytest.fixture
def owed(alice):
    return make_invoice(alice, cents=12_000, due=date(2026, 11, 20), issued=date(2026, 11, 5))


def check(invoice, cents, key="check"):
    payments.record(
        invoice.customer, kind="check", amount_cents=cents, received_on=TODAY, key=key,
        parts=[(fresh(invoice), cents)], by=BY, today=TODAY, now=NOW,
    )  # fmt: skip


def test_many_who_agree_at_once_agree_to_one_plan(owed, alice):
    given = together(5, lambda n: sign(alice, THREE, key=f"{n}" * 20))

    assert len(refusals(given)) == 4
    assert Plan.select().where(Plan.state == "running").count() == 1
    assert PlanInvoice.select().where(PlanInvoice.active).count() == 1
    assert Notice.select().where(Notice.kind == "plan_agreed").count() == 1


def test_the_same_click_from_five_hands_is_one_plan(owed, alice):
    given = together(5, lambda n: sign(alice, THREE).id)
    refusals(given)
    assert Plan.select().count() == 1


def test_who_pays_while_somebody_agrees_is_not_planned_for(owed, alice):
    shown = agreeing.offer(alice, THREE, today=TODAY).sha256

    def act(n):
        if n:
            return check(owed, 12_000)
        return agreeing.sign(
            alice, THREE, agreeing.Signature("Alice", "k" * 20, BY), shown=shown, today=TODAY, now=NOW
        )

    given = together(2, act)
    assert fresh(owed).open_cents == 0
    if not refusals(given):  # agreed first: the plan was paid off by what came
        assert keeping.look(Plan.get(), today=TODAY, now=NOW, by=BY) == "kept"
    assert not PlanInvoice.select().where(PlanInvoice.active).exists()


def test_many_promises_at_once_are_one(owed, alice):
    told = {"via": "page", "by": BY, "today": TODAY, "now": NOW, "invoice": owed}
    given = together(4, lambda n: promises.make(alice, pay_on=TODAY + (n + 2) * DAY, **told))
    assert len(refusals(given)) == 3 and Promise.select().count() == 1


@pytest.mark.one_database
def test_a_process_killed_anywhere_leaves_nothing_half_agreed(owed, alice, database_url):
    shown = agreeing.offer(alice, THREE, today=TODAY).sha256
    many = [{"customer": alice.id, "key": f"key {n:020}", "shown": shown} for n in range(120)]

    killed = die_everywhere("agree", database_url, many)

    assert 15 <= killed < 120
    [plan] = Plan.select()  # only the one that lived to the end
    assert (plan.state, plan.installments.count(), plan.plan_invoices.get().active) == ("running", 3, True)
    assert Installment.select().count() == 3 and InstallmentPart.select().count() == 3
    assert Notice.select().where(Notice.kind == "plan_agreed").count() == 1


# --- Autopay -------------------------------------------------------------------------------------


@pytest.fixture
def automatic(alice, autopay_terms):
    """Alice on autopay, with an invoice that is charged in two weeks."""
    invoice = make_invoice(alice, cents=9_000, due=TODAY + 4 * DAY, issued=TODAY - 10 * DAY)
    autopay.plan_due(TODAY, now=NOW)
    autopay.tell_due(TODAY, now=NOW)
    return invoice


@pytest.fixture
def autopay_terms(alice):
    return Autopay.create(
        customer=alice, contact=payer(alice), method=make_method(alice), text="I agree.", text_version="1",
        agreed_at=NOW, agreed_from="127.0.0.1", agreed_by=BY,
    )  # fmt: skip


def promise(alice, invoice, days, **more):
    told = {"via": "page", "by": BY, "today": TODAY, "now": NOW}
    return promises.make(alice, pay_on=TODAY + days * DAY, invoice=invoice, **told, **more)


def test_a_promise_moves_the_charge_of_autopay(automatic, alice):
    promise(alice, automatic, 9)
    [planned] = PlannedCharge.select()
    assert planned.charge_on == TODAY + 9 * DAY and planned.postponed_at


def test_a_promise_is_refused_where_the_charge_cannot_wait_so_long(automatic, alice):
    with pytest.raises(BillingError, match="Autopay charges it on December 5, 2026 already"):
        promise(alice, automatic, 3, staff=True)
    for _ in range(2):
        planned = PlannedCharge.get()
        autopay.postpone(planned, until_on=planned.charge_on + DAY, by=BY, today=TODAY, now=NOW)
    with pytest.raises(BillingError, match="used up"):
        promise(alice, automatic, 9)
    assert not Promise.select().exists()


def test_a_plan_without_the_separate_yes_is_never_charged_by_itself(automatic, alice):
    sign(alice, THREE)
    for days in range(0, 40):
        day = TODAY + days * DAY
        autopay.plan_due(day, now=NOW + days * DAY)
        assert not list(due.charges(day))


def test_with_the_separate_yes_each_payment_is_charged_on_its_day(automatic, alice):
    plan = sign(alice, agreeing.Wish(3, TODAY + 10 * DAY, autopay=True))
    assert plan.autopay and "Visa ending 4242" in plan.text
    found = []
    for days in range(0, 12):
        day = TODAY + days * DAY
        autopay.plan_due(day, now=NOW + days * DAY)
        autopay.tell_due(day, now=NOW + days * DAY)
        found += [
            (day, one.cents) for one in due.plans([alice.id], day).values() if one.invoices and not found
        ]
    assert found == [(TODAY + 10 * DAY, 3_000)]


def test_the_days_of_a_plan_count_and_not_what_was_put_off_before(automatic, alice):
    autopay.postpone(PlannedCharge.get(), until_on=TODAY + 9 * DAY, by=BY, today=TODAY, now=NOW)

    sign(alice, agreeing.Wish(3, TODAY + 2 * DAY, autopay=True))

    assert (PlannedCharge.get().charge_on, PlannedCharge.get().postponed_at) == (TODAY + 2 * DAY, None)


@pytest.fixture
def came_back(automatic, alice, autopay_terms):
    """The debit of it came back for lack of funds, and a second try was set."""
    made = Payment.create(
        customer=alice, reference="P12345678", key="debit", kind="card", state="returned",
        amount_cents=9_000, received_on=TODAY, method=autopay_terms.method_id, autopay=autopay_terms,
        try_number=1, retry_on=TODAY + 5 * DAY, created_at=NOW - DAY,
    )  # fmt: skip
    PaymentPart.create(payment=made, invoice=automatic, amount_cents=9_000, live=False)
    PlannedCharge.update(state="done").execute()
    return made


@pytest.mark.parametrize("ended", [True, False])
def test_no_second_try_charges_the_old_balance_when_a_plan_is_over(came_back, alice, ended):
    plan = sign(alice, agreeing.Wish(3, TODAY + 2 * DAY))
    if ended:
        keeping.end(plan, reason="It did not fit.", by=BY, today=TODAY + 4 * DAY, now=NOW + 4 * DAY)
    for days in range(4, 12):
        autopay.plan_due(TODAY + days * DAY, now=NOW + days * DAY)
        assert not list(due.charges(TODAY + days * DAY))


def test_autopay_of_after_a_plan_never_charges_its_old_balance_by_surprise(alice):
    invoice = make_invoice(alice, cents=9_000, due=TODAY + 4 * DAY, issued=TODAY - 10 * DAY)
    plan = sign(alice, agreeing.Wish(3, TODAY + 2 * DAY))
    Autopay.create(
        customer=alice, contact=payer(alice), method=make_method(alice), text="I agree.", text_version="1",
        agreed_at=NOW, agreed_from="127.0.0.1", agreed_by=BY,
    )  # fmt: skip
    autopay.plan_due(TODAY, now=NOW)
    keeping.end(plan, reason="It did not fit.", by=BY, today=TODAY + 4 * DAY, now=NOW + 4 * DAY)
    autopay.plan_due(TODAY + 5 * DAY, now=NOW + 5 * DAY)

    assert not PlannedCharge.select().where(
        (PlannedCharge.invoice == invoice) & (PlannedCharge.state == "planned")
    )


# --- Whole days, with the mails that leave -------------------------------------------------------


def test_the_agreement_is_mailed_at_once_with_its_file(app, owed, alice):
    sign(alice, THREE)
    notice = Notice.get(Notice.kind == "plan_agreed")
    letter = app.compose(notice, NOW)

    assert "Your payment plan, 3 payments" in letter.subject
    assert "$40.00 on December 1, 2026" in " ".join(letter.text.split())
    [(name, kind, content)] = letter.attachments
    assert (name, kind) == (f"payment-plan-{notice.plan_id}.pdf", "application/pdf")
    assert content.startswith(b"%PDF")
    assert "/plan" not in letter.kept_text.replace("…/plan", "")


@pytest.mark.parametrize(
    ("language", "says"),
    [
        ("en", "$120.00 of it is due now. Please pay it by December 7, 2026, or tell us what would fit."),
        ("es", "De eso, ahora toca pagar $120.00. Por favor hágalo a más tardar el 7 de diciembre de 2026"),
    ],
)
def test_who_has_no_plan_any_more_reads_what_is_due_now_and_by_when(app, owed, alice, language, says):
    type(alice).update(language=language).execute()
    plan = sign(alice, THREE)

    keeping.end(plan, reason="It did not fit.", by=BY, today=TODAY + DAY, now=NOW + DAY)

    assert says in " ".join(app.compose(Notice.get(Notice.kind == "plan_ended"), NOW + DAY).text.split())


@pytest.mark.parametrize("language", ["en", "es"])
def test_every_message_of_a_plan_can_be_written(app, owed, alice, language):
    type(alice).update(language=language).execute()
    promise(alice, owed, 5)
    plan = sign(alice, THREE)
    keeping.look(plan, today=TODAY + 6 * DAY, now=NOW + 6 * DAY, by=BY)
    keeping.end(plan, reason="They asked for it.", by=BY, today=TODAY + 7 * DAY, now=NOW)
    for notice in Notice.select().where(
        Notice.kind.in_(("promise", "plan_agreed", "plan_missed", "plan_ended"))
    ):
        assert "$120.00" in app.compose(notice, NOW).text or notice.kind == "plan_missed"


def test_the_step_of_the_daily_job_says_what_it_decided(owed, alice, clock):
    promise(alice, owed, 1)
    day = daily.Day(date(2026, 12, 20), clock, None, None, None)
    [step] = [one for one in daily.STEPS if one.name == "plans"]
    assert step.run(day) == "1 promise broken" and not day.trouble
    assert step.run(day) == "nothing to decide"
    assert ledger.balance(alice, today=TODAY).past_due_cents == 12_000
    assert ledger.balance(alice, today=TODAY).owed_cents == 12_000


# --- In the language of the customer -------------------------------------------------------------


@pytest.fixture
def spanish(alice):
    type(alice).update(language="es").execute()
    return fresh(alice)


def test_who_reads_spanish_agrees_in_spanish_and_the_words_are_kept_as_they_were_signed(owed, spanish):
    plan = sign(spanish, THREE)

    assert plan.language == "es" and plan.text_sha256 == agreement.fingerprint(plan.text)
    assert f"Cubre la factura {owed.number}, que vence el" in plan.text
    assert "3 pagos: $40.00 el 1 de diciembre de 2026; $40.00 el 1 de enero de 2027;" in plan.text
    type(spanish).update(language="en").execute()  # what was signed does not change with them
    document = agreement.document(Plan.get_by_id(plan.id), today=TODAY)
    assert "\n".join(document.paragraphs) == plan.text
    assert (document.tag, document.say("The agreement")) == ("es-US", "El acuerdo")


def test_both_languages_say_the_same_in_as_many_paragraphs(owed, alice):
    facts = phrases.Facts(
        "Lantern LLC", "Ana Ruiz", "1042", (("10001", TODAY, 5_000), ("10002", TODAY, 7_000)), 12_000,
        ((6_000, TODAY), (6_000, TODAY + 30 * DAY)), "Visa ending 4242", 5, "(512) 555-0100", "a@b.example",
    )  # fmt: skip
    both = [make(facts) for make in phrases.PARAGRAPHS.values()]
    assert len({len(some) for some in both}) == 1
    for english, translated in zip(*both, strict=True):
        for fact in ("$60.00", "$120.00", "10001", "10002", "1042", "(512) 555-0100", "4242", "Ana Ruiz"):
            assert (fact in english) == (fact in translated), fact


def test_the_mail_and_the_file_of_a_spanish_plan_are_spanish(app, owed, spanish):
    sign(spanish, THREE)
    letter = app.compose(Notice.get(Notice.kind == "plan_agreed"), NOW)
    text = " ".join(letter.text.split())
    assert "Este acuerdo es entre" in text and "en inglés" not in text
    assert "This agreement" not in text
    page = " ".join(text_of(letter.attachments[0][2]).split())
    assert "Plan de pagos" in page and "El acuerdo" in page and "2 de 3 1 de enero de 2027" in page
    for english in ("The agreement", "Payment", "Due until", "Signed", "no fee", "Invoice"):
        assert english not in page


def test_a_plan_of_before_says_that_it_is_in_english(app, owed, alice):
    sign(alice, THREE)
    type(alice).update(language="es").execute()
    letter = app.compose(Notice.get(Notice.kind == "plan_agreed"), NOW)
    assert "El acuerdo, en inglés" in letter.text and "This agreement is between" in letter.text
