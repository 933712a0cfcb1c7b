"""The pages of a customer who reads Spanish: whole in Spanish, or whole in English, never half.

Each is opened as people come to it, in the states that it has, and read for words of English.
"""

import re
from datetime import date, timedelta

import pytest
from flask import g

from billing import bill, invoices, links, payments, promises
from billing.automatic import autopay, consent
from billing.disputes import deciding
from billing.plans import keeping
from billing.wording import finished, spanish, spanish_pages, tongues
from models import Company, Contact, Customer, Dispute, Invoice, Line, Payment
from portal import speaking
from tests.factories import BY, fresh, make_charge, make_contract, make_invoice, make_item, make_method, payer
from tests.office import make_staff
from tests.portal_visitor import Visitor
from tests.test_handovers import handed
from tests.test_portal_account import enter
from tests.test_portal_together import message  # noqa: F401
from tests.test_wording import LEFT

TODAY = date(2026, 12, 1)
SPANISH = tongues.TONGUES["es"]
# names, what people typed, and an address to write to
THEIRS = re.compile(
    r"Lantern Security|Alice Archer|Monitoring|Service call|Mon–Fri 8 am–6 pm|\S+@\S+|2026-12-card\S*|"
    r"billed twice|The sheet says two hours\.|cable behind the panel|Wrong address"
)

SHORT = re.compile(r"\b(on|of|at|it|or|if|to|in|be|an|check|cash|today|days?|before|after|send)\b", re.I)


@pytest.fixture
def ana(alice):
    """Alice, who reads Spanish."""
    Customer.update(language="es").where(Customer.id == alice.id).execute()
    return fresh(alice)


@pytest.fixture
def shop(app, paying):
    app.gateway = paying.gateway
    return app


@pytest.fixture
def invoice(ana):
    return make_invoice(ana, cents=12_000)


@pytest.fixture
def path(invoice, clock):
    return link_to(invoice, clock)


@pytest.fixture
def visitor(shop):
    return Visitor(shop)


def link_to(invoice, clock):
    return f"/i/{links.pay_link(invoice, now=clock.now(), contact=payer(invoice.customer))}"


def in_spanish(page):
    """The page's words, when it is Spanish from its title to its last label."""
    heard = " ".join(page.tree.xpath("//@aria-label | //@alt | //@placeholder | //@data-label"))
    said = " ".join(f"{page.tree.xpath('//title')[0].text} {page.text} {heard}".split())
    assert page.tree.get("lang") == "es-US", unsaid(page)
    own = THEIRS.sub("", said)
    assert (LEFT.findall(own), SHORT.findall(own)) == ([], []), said
    assert not re.search("[\ue000-\uf8ff]", page.source)
    return said


def unsaid(page):
    """What keeps a page in English, for whoever has to add it to the list."""
    found = []
    finished.spoken(page.source, SPANISH, frozenset({"Lantern Security", "Lantern Security LLC"}), found)
    return found


# --- The pay page --------------------------------------------------------------------------------


def test_the_pay_page_speaks_spanish(visitor, path):
    said = in_spanish(visitor.open(path))

    for words in (
        "Factura 10001", "Vence el 15 de diciembre de 2026", "Pagar $120.00", "De qué se trata",
        "¿Necesita más tiempo?", "Hablar con una persona", "¿Algo no está bien en esta factura?", "Cuenta",
    ):  # fmt: skip
        assert words in said


def test_who_reads_english_is_answered_as_before(app, alice, clock):
    page = Visitor(app).open(link_to(make_invoice(alice), clock))

    assert page.tree.get("lang") == "en-US"
    assert "Pay another amount" in page.text and "Something wrong with this invoice?" in page.text


def test_a_link_that_was_made_for_nobody_is_in_english(visitor, invoice, clock):
    page = visitor.open(f"/i/{links.pay_link(invoice, now=clock.now())}")

    assert page.tree.get("lang") == "en-US" and "Pay $120.00" in page.buttons


def test_an_amount_that_is_none_is_refused_in_spanish(visitor, path):
    for typed in ("mucho", "1.00", "", "9" * 50):
        page = visitor.press(visitor.open(path), "Pagar este monto", amount=typed)

        assert page.status == 422
        in_spanish(page)
    assert "Por favor escriba" in page.text or "demasiado largo" in page.text


@pytest.mark.parametrize("state", ["paid", "part", "void", "promised", "asked", "disputed", "rejected"])
def test_every_state_of_the_invoice_is_told_in_spanish(visitor, path, invoice, ana, clock, state):
    told = {"by": BY, "now": clock.now()}
    if state in ("paid", "part"):
        payments.record(
            ana, amount_cents=12_000 if state == "paid" else 2_000, kind="check", received_on=TODAY, key="k",
            today=TODAY, **told,
        )  # fmt: skip
    elif state == "void":
        invoices.void(invoice, reason="billed twice", today=TODAY, **told)
    elif state == "promised":
        promises.make(ana, pay_on=date(2026, 12, 20), via="page", today=TODAY, invoice=invoice, **told)
    elif state == "asked":
        page = visitor.press(visitor.open(path), "Enviar", body="cable behind the panel")
        assert "Recibimos su pregunta." in page.messages
    else:
        disputed(visitor, path, ana, invoice)
        if state == "rejected":
            deciding.reject(
                Dispute.get(), decision="The sheet says two hours.", staff=make_staff(), today=TODAY, **told
            )
    in_spanish(visitor.open(path))


def disputed(visitor, path, ana, invoice):
    Line.create(invoice=invoice, position=2, text="Service call", unit_cents=0, amount_cents=0, total_cents=0)
    page = visitor.open(f"{path}/dispute")
    in_spanish(page)
    in_spanish(visitor.press(page, "Esta parte no está bien", words=""))
    page = visitor.press(page, "Esta parte no está bien", words="cable behind the panel", amount="30")
    assert "$30.00" in page.messages
    in_spanish(page)


def test_an_invoice_that_was_replaced_leads_on_in_spanish(visitor, ana, clock):
    make_charge(make_contract(ana), cents=5100)
    told = {"by": BY, "now": clock.now()}
    bill.run(clock.today(), **told)
    path = link_to(invoice := Invoice.get(), clock)
    invoices.void(invoice, reason="Wrong address", today=clock.today(), bill_again=True, **told)
    bill.run(clock.today(), **told)

    assert "la reemplaza la factura 10002" in in_spanish(page := visitor.open(path))
    in_spanish(visitor.press(page, "Abrir la factura 10002"))


def test_a_link_that_is_dead_says_so_in_spanish(visitor, path, clock):
    clock.advance(days=400)
    page = visitor.open(path)
    in_spanish(page)

    in_spanish(visitor.press(page, "Envíenme un enlace nuevo"))


def test_several_invoices_are_paid_in_spanish(visitor, ana, message, clock):  # noqa: F811
    token = links.pay_link(message.invoice, now=clock.now(), contact=message.contact, notice=message)

    said = in_spanish(visitor.open(f"/i/{token}/together"))

    assert "Pagar $72.50" in said and "facturas, pendientes en total" in said


# --- To the processor and back -------------------------------------------------------------------


def test_paying_is_spanish_from_the_button_to_the_receipt(visitor, path, paying):
    page = visitor.press(visitor.open(path), "Pagar $120.00")
    assert "Continuar al pago seguro" in in_spanish(page)
    payment = Payment.get()
    back = f"/payments/{payment.reference}"
    for under_way in (f"{back}/return", f"{back}/cancel", path):
        in_spanish(visitor.open(under_way))

    paying.pay(payment)
    said = in_spanish(visitor.open(f"{back}/return"))
    assert "Pagado. Gracias." in said and "Descargar el recibo (PDF)" in said
    assert "Recibo por $120.00" in in_spanish(visitor.open(path))


def test_a_receipt_tells_in_spanish_what_is_disputed(visitor, path, paying, ana, invoice):
    disputed(visitor, path, ana, invoice)
    visitor.press(visitor.open(path), "Pagar $90.00")
    payment = Payment.get()
    paying.pay(payment)

    said = in_spanish(visitor.open(f"/payments/{payment.reference}/return"))

    assert "$30.00 están en duda y no vencen hasta que tenga nuestra respuesta." in said


def test_a_processor_that_does_not_answer_is_told_in_spanish(visitor, path, paying):
    visitor.client.application.gateway = paying.sandbox.gateway(
        endpoint="http://127.0.0.1:9/nowhere", timeout=(0.2, 0.2)
    )
    page = visitor.press(visitor.open(path), "Pagar $120.00")

    assert page.status == 503
    in_spanish(page)


# --- More time -----------------------------------------------------------------------------------


def test_a_day_is_promised_in_spanish(visitor, path):
    page = visitor.press(visitor.open(path), "Pagaré a más tardar ese día", pay_on="2026-12-20")

    assert "Hasta el 20 de diciembre de 2026" in in_spanish(page)
    in_spanish(visitor.press(visitor.open(path), "Enviar", body=""))


@pytest.mark.parametrize("day", ["2026-11-01", "2026-12-14", "2027-12-01", ""])
def test_a_day_that_is_none_is_refused_in_spanish(visitor, path, day):
    in_spanish(visitor.press(visitor.open(path), "Pagaré a más tardar ese día", pay_on=day))


@pytest.mark.parametrize("chosen", ["", "?count=9&first_on=2026-12-01&rhythm=monthly",
                                    "?count=2&first_on=2020-01-01&rhythm=weekly",
                                    "?count=3&first_on=2026-12-01&rhythm=monthly&amount_1=1"])  # fmt: skip
def test_a_plan_is_chosen_in_spanish(visitor, path, chosen):
    in_spanish(visitor.open(f"{path}/plan{chosen}"))


def test_a_plan_is_agreed_to_and_stands_in_spanish(visitor, path, clock):
    page = visitor.open(f"{path}/plan?count=3&first_on=2026-12-01&rhythm=monthly")
    in_spanish(visitor.press(page, "Aceptar este plan", name=""))
    page = visitor.press(page, "Aceptar este plan", name="Alice Archer")

    assert "Está acordado." in in_spanish(page)
    in_spanish(visitor.open(path))


def test_what_was_signed_in_english_has_its_facts_in_spanish(visitor, path, ana):
    Customer.update(language="en").execute()
    page = visitor.open(f"{path}/plan?count=3&first_on=2026-12-01&rhythm=monthly")
    visitor.press(page, "Agree to this plan", name="Alice Archer")
    Customer.update(language="es").execute()

    page = visitor.open(f"{path}/plan")

    terms = [term.text for term in page.tree.xpath("//dl[@class='facts']/dt")]
    assert terms == ["Firmado por", "Firmado el", "Desde", "Aceptado por nosotros", "Texto"]
    assert "This agreement" in page.text  # as it was signed


def test_a_payment_that_was_missed_is_told_and_moved_in_spanish(visitor, path, clock):
    page = visitor.open(f"{path}/plan?count=3&first_on=2026-12-01&rhythm=monthly")
    visitor.press(page, "Aceptar este plan", name="Alice Archer")
    clock.advance(days=9)
    keeping.run(clock.today(), now=clock.now(), by=BY)
    page = visitor.open(f"{path}/plan")
    assert "no ha llegado" in in_spanish(page)

    in_spanish(visitor.press(page, "Mover este pago", to_on="2030-01-01"))
    in_spanish(visitor.press(page, "Mover este pago", to_on=(clock.today() + timedelta(days=2)).isoformat()))


# --- What weighs on the account ------------------------------------------------------------------


def test_what_weighs_on_the_account_is_told_in_spanish(visitor, path, ana, clock):
    make_invoice(ana, due=date(2026, 9, 1), issued=date(2026, 8, 15))
    handed(ana)

    assert "Ahora le escribe Calm Partners" in in_spanish(visitor.open(path))


# --- Preferences ---------------------------------------------------------------------------------


@pytest.fixture
def wishes(ana, clock):
    return f"/p/{links.preferences_link(payer(ana), now=clock.now())}"


@pytest.mark.parametrize("busy", [False, True])
def test_the_preferences_are_spanish(visitor, wishes, ana, busy):
    if busy:
        contract = make_contract(ana)
        make_charge(contract, item=make_item())
        for _ in range(5):
            make_invoice(ana)
        Contact.update(phone="(512) 555-0123").where(Contact.customer == ana).execute()
    said = in_spanish(visitor.open(wishes))

    assert "Cómo paga y qué le enviamos" in said and "Guardar mis opciones" in said


def test_what_is_chosen_there_is_answered_in_spanish(visitor, wishes, ana):
    Contact.update(phone="(512) 555-0123").where(Contact.customer == ana).execute()
    page = visitor.open(wishes)
    presses = [
        ("Usar esta forma", {"preset": "all"}), ("Usar esta forma", {"preset": "paper"}),
        ("Guardar cómo pago", {"pay_wish": "check"}),
        ("Guardar mis opciones", {"invoice-mail": "never", "invoice-paper": "never"}),
        ("Aceptar los mensajes", {}), ("Aceptar los mensajes", {"agreed": "y"}),
        ("Terminar los mensajes", {"agreed": "y"}),
        ("Enviar el enlace", {"agreed": "y"}),
    ]  # fmt: skip
    for button, typed in presses:
        page = visitor.press(visitor.open(wishes), button, **typed)
        in_spanish(page)


def test_electronic_notices_are_agreed_to_in_spanish(visitor, ana, clock):
    page = visitor.open(f"/e/{links.consent_link(payer(ana), now=clock.now())}")
    in_spanish(page)
    in_spanish(visitor.press(page, "Aceptar"))

    assert "Gracias" in in_spanish(visitor.press(page, "Aceptar", agreed="y"))


# --- Autopay -------------------------------------------------------------------------------------


@pytest.fixture
def anas(shop, ana, clock):
    """Her browser, signed in."""
    return enter(Visitor(shop), payer(ana), clock)


def agreed(customer, clock, **chosen):
    terms, method = consent.Terms(**chosen)._asdict(), make_method(customer)
    return autopay.agree(
        customer, contact=payer(customer), method=method, **terms, address="", by=BY, today=clock.today(),
        text=consent.words_of(customer, method, **terms).text, now=clock.now(),
    )  # fmt: skip


def test_autopay_is_chosen_and_agreed_to_in_spanish(anas, ana, invoice):
    card = make_method(ana)
    page = anas.open("/account/autopay")
    in_spanish(page)
    in_spanish(anas.press(page, "Continuar al texto", method=str(card.id), timing="days_before", cap="nada"))
    page = anas.press(page, "Continuar al texto", method=str(card.id), timing="due_date")
    in_spanish(page)
    in_spanish(anas.press(page, "Activar el pago automático"))
    page = anas.press(page, "Activar el pago automático", agreed="y")

    assert "El pago automático está activado." in in_spanish(page)
    in_spanish(anas.open(page.link("Lo que usted aceptó")))
    in_spanish(anas.press(page, "Desactivar el pago automático"))


def test_a_charge_is_put_off_in_spanish(visitor, path, ana, clock):
    agreed(ana, clock, cap_cents=50_000)
    autopay.plan_due(clock.today(), now=clock.now())
    page = visitor.open(path)
    in_spanish(page)
    page = visitor.open(page.link("Esperar hasta otro día"))
    in_spanish(page)
    in_spanish(visitor.press(page, "Esperar hasta entonces", until="2027-12-01"))
    page = visitor.press(page, "Esperar hasta entonces")
    assert "Esperamos." in in_spanish(page)
    in_spanish(visitor.press(visitor.open(f"{path}/wait"), "Desactivar el pago automático"))


# --- The way in which it is said -----------------------------------------------------------------

PAGE = (
    '<!doctype html><html lang="en-US"><head><title>Pay now</title></head><body><p>{}</p>'
    '<p lang="en">Somebody\'s own words.</p></body></html>'
)


def spoken(text):
    return finished.spoken(PAGE.format(text), SPANISH, frozenset({"Lantern &amp; Sons"}))


def test_one_sentence_that_is_not_known_leaves_the_page_in_english():
    with pytest.raises(finished.NotWhole):
        spoken("Pay now. This sentence stands in no list.")


@pytest.mark.parametrize(
    ("english", "known"),
    [
        ("Pay <b>$4.50</b> another way", "Pagar <b>$4.50</b> de otra forma"),
        ("Next payment: <b>$4.50</b> on <i>December 5, 2026</i>.",
         "Próximo pago: <b>$4.50</b> el <i>5 de diciembre de 2026</i>."),
        ('Does it not fit? <a href="/q">Write to us</a>; nothing counts before you agree.',
         '¿No le conviene? <a href="/q">Escríbanos</a>; nada vale antes de que usted acepte.'),
        ("Lantern &amp; Sons", "Lantern &amp; Sons"),
        ('<img alt="Your account">$5.00', '<img alt="Su cuenta">$5.00'),
        ("“&lt;b&gt;” is not an amount.", "“&lt;b&gt;” no es un monto."),
        ("Dec 5, 2026", "5 dic 2026"),
        ("Paid costs $2.00 instead of $1.00 from December 5, 2026.",
         "Paid cuesta $2.00 en vez de $1.00 desde el 5 de diciembre de 2026."),
        ("Open May 5, 2026 is empty.", "Open May 5, 2026 está vacío."),
    ],
)  # fmt: skip
def test_tags_names_and_dates_stay_where_they_belong(english, known):
    said = spoken(english)

    assert f"<p>{known}</p>" in said
    assert "<title>Pagar ahora</title>" in said and 'lang="es-US"' in said and "Somebody's own words." in said


def test_nothing_is_filled_in_that_the_english_sentence_does_not_have():
    for english, known in spanish_pages.SENTENCES.items():
        assert set(re.findall(r"\{\w+\}", english)) >= set(re.findall(r"\{\w+\}", known)), english


def test_pages_and_messages_say_the_same_words_alike():
    both = spanish_pages.SENTENCES.keys() & spanish.SENTENCES.keys()
    apart = {one for one in both if spanish_pages.SENTENCES[one] != spanish.SENTENCES[one]}

    assert apart == {"On", "Canceled", "Charged"}  # autopay is on, a payment was canceled: badges; a sum


def test_a_reason_is_said_with_its_page_and_stays_english_with_it(app, ana):
    with app.test_request_context():
        speaking.to(ana)
        ours, typed = speaking.reason("The card has expired."), speaking.reason("They <moved> away.")
        whole = PAGE.format(f"{ours} {typed}")
        half = app.make_response(whole.replace("Pay now", "In no list"))
        g.company = Company.get()
        said, english = (
            finished.spoken(whole, SPANISH, frozenset()),
            speaking.answer(half).get_data(as_text=True),
        )

    assert "<p>La tarjeta venció. They &lt;moved&gt; away.</p>" in said
    assert "<p>The card has expired. They &lt;moved&gt; away.</p>" in english
