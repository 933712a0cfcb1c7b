"""Finished pages in another language: what is ours is said, what is theirs stays as it is."""

import pytest

from billing.wording import finished, tongues

SPANISH = tongues.TONGUES["es"]


def said(body):
    page = f'<html lang="en-US"><body>{body}</body></html>'
    return finished.spoken(page, SPANISH, frozenset()).removeprefix('<html lang="es-US"><body>')[:-14]


def theirs(text):
    return f"{finished.OPENS}{text}{finished.CLOSES}"


@pytest.mark.parametrize("text", ["I pay on January 5, 2027 at 3:00 pm.", "Open", "Due December 14, 2026"])
def test_what_somebody_typed_or_agreed_to_stays_to_the_letter(text):
    assert said(f"<p>{theirs(text)}</p>") == f"<p>{text}</p>"
    assert said(f"<p>Open <b>{theirs(text)}</b></p>") == f"<p>Pendiente <b>{text}</b></p>"


def test_the_date_beside_it_is_said():
    assert said(f"<p>January 5, 2027: {theirs('on January 5, 2027')}</p>") == (
        "<p>5 de enero de 2027: on January 5, 2027</p>"
    )


@pytest.mark.parametrize(
    ("english", "spanish"),
    [
        ("Mon–Fri 8 am–6 pm, Sat 9 am–1 pm", "lun–vie 8 am–6 pm, sáb 9 am–1 pm"),
        ("Mon–Fri 8\xa0am–6\xa0pm", "lun–vie 8\xa0am–6\xa0pm"),
        ("Monday to Thursday and Saturday, 8–6", "lunes a jueves y sábado, 8–6"),
        ("Sun City Alarm, Wed 9", "Sun City Alarm, Wed 9"),
    ],
)
def test_the_hours_of_the_telephone_have_their_days_in_spanish(english, spanish):
    assert SPANISH.say(english) == spanish
    assert said(f"<p>(512) 555-0100 ({finished.reason(english)})</p>") == f"<p>(512) 555-0100 ({spanish})</p>"


def test_a_page_with_a_sentence_that_nobody_knows_is_not_said_at_all():
    with pytest.raises(finished.NotWhole):
        said("<p>Open</p><p>Nobody ever translated this.</p>")


@pytest.mark.parametrize(
    "name", ["St. Mary Church", "Smith (Home)", "Pay now. Thank you. Open", "A · B", "Paid?"]
)
def test_a_name_that_reads_like_several_sentences_is_one_piece(name):
    assert said(f"<p>For {theirs(name)}, account 1006. There is nothing to pay.</p>") == (
        f"<p>Para {name}, cuenta 1006. No hay nada que pagar.</p>"
    )


def test_what_somebody_typed_keeps_its_lines_and_spaces():
    address = "Pay now\n7 Oak  Street\nAustin, TX"

    assert said(f"<p>{theirs(address)}</p>") == f"<p>{address}</p>"
    assert said(f"<p>{theirs('Open')}\n{theirs(address)}</p>") == f"<p>Open\n{address}</p>"
    assert said(f"<p>Open\n   <b>{theirs(address)}</b></p>") == f"<p>Pendiente <b>{address}</b></p>"


def test_what_stands_before_a_card_is_no_brand():
    assert said("<p>Remove Visa ending 4242</p>") == "<p>Quitar Visa terminada en 4242</p>"
    assert said("<p>Pay $5.00 with American Express ending 4242</p>") == (
        "<p>Pagar $5.00 con American Express terminada en 4242</p>"
    )
