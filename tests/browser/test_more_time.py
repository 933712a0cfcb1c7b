"""More time to pay in a real browser: a day, a plan, a missed payment; by keyboard, without scripts too.

Every page passes axe and needs no sideways scrolling, in light and dark.
"""

from datetime import date, timedelta

from playwright.sync_api import expect

from billing.plans import agreeing, keeping, shape
from models import Plan, Promise, Ticket
from tests.browser.shop import button
from tests.browser.signs import says
from tests.conftest import TODAY
from tests.factories import BY, NOW

DAY = timedelta(days=1)


def plan_link(shop, invoice):
    return f"{shop.pay_link(invoice)}/plan"


def test_saying_when_on_a_phone(shop, phone, axe, fits):
    phone.goto(shop.pay_link(shop.invoice()))
    phone.get_by_label("I can pay on").fill("2026-12-20")
    axe(phone)
    button(phone, "I will pay by this day").click()

    says(phone, "You pay by December 20, 2026")
    axe(phone)
    fits(phone)
    assert Promise.get().pay_on == date(2026, 12, 20)


def test_a_plan_on_a_phone_follows_what_is_chosen(shop, phone, axe, fits):
    phone.goto(plan_link(shop, shop.invoice(cents=15_001)))
    axe(phone)
    fits(phone)
    phone.get_by_label("Number of payments").select_option("4")
    phone.locator("#your-plan").get_by_text("$37.48", exact=True).wait_for()  # 3 × $37.51, and the rest
    phone.get_by_text("Other amounts than equal ones").click()
    phone.get_by_label("Payment 1").fill("60")
    phone.get_by_label("Payment 2").focus()
    phone.locator("#your-plan").get_by_text("$60.00", exact=True).wait_for()
    expect(phone.get_by_label("Payment 4"), "the last one is what is left").to_have_count(0)
    axe(phone)

    phone.get_by_label("Your name").fill("Alice Archer")
    button(phone, "Agree to this plan").click()
    says(phone, "It is agreed.")
    axe(phone)
    fits(phone)
    plan = Plan.get()
    assert (plan.state, plan.count, plan.installments.order_by("number").first().amount_cents) == (
        "running", 4, 6_000
    )  # fmt: skip


def test_a_plan_by_keyboard_alone(shop, desktop, axe):
    desktop.goto(plan_link(shop, shop.invoice(cents=9_000)))
    axe(desktop)
    desktop.get_by_label("Number of payments").focus()
    desktop.keyboard.press("ArrowUp")
    desktop.locator("#your-plan").get_by_text("$45.00", exact=True).first.wait_for()
    for _ in range(40):
        desktop.keyboard.press("Tab")
        if desktop.evaluate("document.activeElement.id") == "name":
            break
    desktop.keyboard.type("Alice Archer")
    desktop.keyboard.press("Enter")
    says(desktop, "It is agreed.")
    assert Plan.get().count == 2


def test_a_proposal_without_javascript_becomes_a_question(shop, without_javascript, fits):
    page = without_javascript
    page.goto(plan_link(shop, shop.invoice(cents=9_000)))
    page.get_by_text("Other amounts than equal ones").click()
    page.get_by_label("Payment 1").fill("10")
    button(page, "Show the plan").click()
    says(page, "a person of ours looks at it first")
    fits(page)
    page.get_by_label("Your name").fill("Alice")
    page.get_by_label("Anything you would like to tell us").fill("My hours were cut.")
    button(page, "Send this proposal").click()
    says(page, "Your proposal is with us")
    assert (Plan.get().state, Ticket.get().state) == ("proposed", "waiting_on_us")


def test_a_missed_payment_is_moved_on_a_phone(shop, phone, axe, fits):
    invoice = shop.invoice(cents=9_000)
    customer, began = invoice.customer, TODAY - 10 * DAY
    wish = agreeing.Wish(2, began, shape.MONTHLY)
    shown = agreeing.offer(customer, wish, today=began).sha256
    signature = agreeing.Signature("Alice", "k" * 20, BY)
    plan = agreeing.sign(customer, wish, signature, shown=shown, today=began, now=NOW - 10 * DAY)
    keeping.look(plan, today=TODAY, now=NOW, by=BY)

    phone.goto(plan_link(shop, invoice))
    says(phone, "Payment 1 has not arrived")
    axe(phone)
    fits(phone)
    phone.get_by_label("Move it to").fill("2026-12-12")
    button(phone, "Move this payment").click()
    says(phone, "moved from")
    axe(phone)
