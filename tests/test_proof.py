"""Proof packs: what they say, that a changed file is found, and what still fits years later."""

import io
from datetime import date, datetime, timedelta

import pytest

from billing import authorities, events, message_proofs
from billing import company as companies
from billing.edges import proofs, seals
from billing.errors import BillingError
from billing.renewals import prices, proof, proving, rules
from migrations import changing
from models import Customer, Notice, RenewalNotice, RenewalRule
from tests import factories
from tests.office import enter
from tests.test_answers import require_fire
from tests.test_renewals import agree, live, sent, table  # noqa: F401

NOW = datetime(2027, 2, 1, 18)
SECRET = "a secret of the application"


@pytest.fixture
def row(table, alice):  # noqa: F811
    """A notice that left by mail on its day and did not come back."""
    agree(alice)
    live(date(2026, 12, 1), date(2027, 1, 15))
    for notice in Notice.select():
        name = f"<notice-{notice.id}@lantern.example>"
        Notice.update(message_id=name).where(Notice.id == notice.id).execute()
        sent(notice, date(2027, 1, 12))
    live(date(2027, 1, 16), date(2027, 1, 25))
    return RenewalNotice.select().where(RenewalNotice.notice.is_null(False)).get()


def told(pack, key):
    return next(section for section in pack.sections if section.key == key)


def test_it_says_the_rule_the_arithmetic_the_way_and_the_words(row):
    pack = proof.pack(row, now=NOW)

    assert "O.C.G.A. 13-12" in dict(told(pack, "law").facts)["Citation"]
    assert any("First lawful day" in line for line in told(pack, "arithmetic").lines)
    assert dict(told(pack, "became").facts)["Came back"] == "no"
    assert dict(told(pack, "text").facts)["They agree"] == "yes"
    assert told(pack, "text").text == "Your agreement will renew"
    assert all(len(one.fingerprint) == 64 for one in pack.sections)


def test_what_has_not_gone_out_has_no_proof(table, alice):  # noqa: F811
    agree(alice)
    live(date(2026, 12, 1), date(2026, 12, 2))
    RenewalNotice.update(notice=None).execute()

    for row in RenewalNotice.select():
        with pytest.raises(BillingError, match="nothing to prove"):
            proof.pack(row, now=NOW)


def test_a_pack_is_read_again_and_all_of_it_fits(row):
    pack = proof.pack(row, now=NOW)
    found = seals.opened(proofs.proof_pdf(pack, SECRET), SECRET)

    assert (found["notice"], found["made"]) == (row.id, "2027-02-01T18:00:00")
    assert {one.standing for one in compared(row, found["parts"])} == {"fits"}


@pytest.mark.parametrize("place", [0, 100, -1200, -300, -30])
def test_a_file_with_one_changed_byte_is_found(place):
    content = seals.sealed(b"%PDF-1.7 " + b"what it says " * 200 + b"%%EOF", {"notice": 1}, SECRET)
    changed = bytearray(content)
    changed[place] ^= 1

    with pytest.raises(BillingError, match="not as we made it|not ours|no seal"):
        seals.opened(bytes(changed), SECRET)


def test_a_seal_of_somebody_else_is_not_ours():
    content = seals.sealed(b"%PDF", {"notice": 1}, "another secret")

    with pytest.raises(BillingError, match="not ours"):
        seals.opened(content, SECRET)


def test_a_pack_stays_ours_when_the_secret_was_renewed(row):
    old = proofs.proof_pdf(proof.pack(row, now=NOW), SECRET)

    assert seals.opened(old, "a new secret of the application", SECRET)["notice"] == row.id
    with pytest.raises(BillingError, match="not ours"):
        seals.opened(old, "a new secret of the application", "some other")


def test_the_application_reads_what_earlier_secrets_sealed(app, tmp_path, row):
    file = tmp_path / "old.pdf"
    file.write_bytes(proofs.proof_pdf(proof.pack(row, now=NOW), SECRET))
    app.seal_secrets += (SECRET,)

    result = app.test_cli_runner().invoke(args=["verify-proof", str(file)])
    assert "The file is ours and unchanged" in result.output


def test_a_file_without_a_seal_says_so():
    with pytest.raises(BillingError, match="There is no seal"):
        seals.opened(b"%PDF-1.7", SECRET)


def test_it_says_which_part_the_books_tell_otherwise_by_now(row):
    parts = proof.pack(row, now=NOW).fingerprints
    RenewalNotice.update(delivery="The neighbor signed.").where(RenewalNotice.id == row.id).execute()

    assert others(row, parts) == ["What came of it"]


def test_names_stand_in_it_that_a_lawyer_understands(row):
    whom = dict(told(proof.pack(row, now=NOW), "whom").facts)

    assert whom["Customer"] == f"Alice Archer, account {row.contract.customer.account_number}"
    assert whom["Contract"] == "Monitoring agreement, begun April 1, 2024"
    assert whom["Person"] == "Alice Archer"


def test_a_pack_from_before_is_still_compared(row):
    older = {one.key: one.fingerprint for one in proof._older(row)}

    assert {one.standing for one in compared(row, older)} == {"fits"}
    assert sorted(older) == ["delivery", "history", "recipient", "rule"]
    assert others(row, {"something": "x"}) == ["A part that we do not know (something)"]


def test_what_was_noted_after_the_pack_was_made_is_told_apart_from_what_was_changed(row):
    parts = proof.pack(row, now=NOW).fingerprints
    later = NOW + timedelta(days=3)
    events.record("renewal_notice.delivered", row, by="staff:sam@lantern.example", now=later)
    RenewalNotice.update(delivery="The neighbor signed.").where(RenewalNotice.id == row.id).execute()

    found = {one.title: one.standing for one in compared(row, parts)}

    assert found.pop("What came of it") == found.pop("What was done, step by step") == "later"
    assert set(found.values()) == {"fits"}
    RenewalNotice.update(address="Somebody Else, mail@example.com").where(
        RenewalNotice.id == row.id
    ).execute()
    assert others(row, parts) == ["Whom it went to"]


def test_a_pack_of_a_letter_that_had_not_left_yet_is_not_called_changed(table, db):  # noqa: F811
    agree(factories.make_customer("Paul Paper", email=""))
    live(date(2027, 1, 15), date(2027, 1, 15))
    row = RenewalNotice.get()
    before = datetime(2027, 1, 15, 20)
    parts = proof.pack(row, now=before).fingerprints
    Notice.update(state=Notice.SENT, sent_at=datetime(2027, 1, 18, 18), body_text="Your agreement").where(
        Notice.id == row.notice_id
    ).execute()

    found = proof.compare(row.id, parts, made_at=before)

    assert [one.title for one in found if one.standing == "later"] == [
        "That it left", "What it said",
    ]  # fmt: skip
    assert not [one for one in found if one.standing == "other"]


def test_a_pack_from_between_the_mailing_of_a_letter_and_the_word_of_it_is_not_called_changed(table, db):  # noqa: F811
    agree(factories.make_customer("Paul Paper", email=""))
    live(date(2027, 1, 15), date(2027, 1, 15))
    row, mailed_on, made_at = RenewalNotice.get(), date(2027, 1, 18), datetime(2027, 1, 19, 18)
    Notice.update(state=Notice.PRINT).where(Notice.id == row.notice_id).execute()
    proving.keep_text(row.notice, subject="Renewal", text="Your agreement will renew")
    parts = proof.pack(RenewalNotice.get(), now=made_at).fingerprints
    told = {"by": "t", "today": date(2027, 1, 20), "now": datetime(2027, 1, 20, 18)}

    proving.mark_mailed(row, mailed_on=mailed_on, **told)

    assert Notice.get().sent_at < made_at  # it was at the post by then, and staff noted that later
    found = {one.title: one.standing for one in proof.compare(row.id, parts, made_at=made_at)}
    assert (found["That it left"], found["Whom it went to"], found["What it said"]) == (
        "later",
        "later",
        "fits",
    )
    assert "other" not in found.values()
    noted = {"made_at": told["now"] + timedelta(hours=1)}
    parts = proof.pack(RenewalNotice.get(), now=noted["made_at"]).fingerprints
    Notice.update(certified_number="9407100000000000000009").where(Notice.id == row.notice_id).execute()
    assert [one.title for one in proof.compare(row.id, parts, **noted) if one.standing == "other"] == [
        "That it left"
    ]


def test_a_pack_of_an_older_version_of_a_rule_still_fits(row):
    parts = both_ways(proof.pack(row, now=NOW).sections)
    draft = rules.new_version(row.rule, by="t", now=NOW)
    RenewalRule.update(opens_days=90, citation="Another text").where(RenewalRule.id == draft.id).execute()
    rules.activate(
        RenewalRule.get_by_id(draft.id), reason="New text", by="t", today=date(2029, 1, 1), now=NOW
    )

    assert others(row, parts) == []
    assert dict(told(proof.pack(row, now=NOW), "law").facts)["Rule"] == "GA-13-12-3, version 1"


# --- After ordinary edits ------------------------------------------------------------------------


def by_words(sections):
    """The parts as packs were sealed by what they say."""
    return {one.key: one.fingerprint for one in sections}


def both_ways(sections):
    return by_words(sections) | {f"stored.{one.key}": one.stored_fingerprint for one in sections}


def edit(row, **typed):
    """Change names as screens do: with the audit of what they were."""
    before = {name: getattr(row, name) for name in typed}
    for name, value in typed.items():
        setattr(row, name, value)
    row.save()
    what = f"{row._meta.table_name}.changed"
    events.record(what, row, by="t", now=NOW + timedelta(days=9), before=before, after=typed)


def edit_all(customer, contact, contract):
    edit(customer, name="Archer Holdings LLC", street="9 New Street", city="Dallas")
    edit(contact, name="Alice Baker")
    edit(contract, name="Monitoring, main house")
    edit(companies.current(), name="Lantern Security", time_zone="America/Los_Angeles")


def test_a_pack_fits_after_names_and_the_time_zone_were_edited(row):
    parts = proof.pack(row, now=NOW).fingerprints
    words_of_it = by_words((*proof.sections(row), *proof._older(row)))
    edit_all(row.contract.customer, row.notice.contact, row.contract)

    assert {one.standing for one in compared(row, parts)} == {"fits"}
    found = {one.title: one.standing for one in compared(row, words_of_it)}
    assert set(found.values()) == {"fits", "later"}
    assert (found["Whom it went to"], found["That it left"], found["The rule"]) == ("fits", "later", "fits")


def test_a_message_fits_after_names_and_the_time_zone_were_edited(message):
    parts = message_proofs.of_notice(message, now=NOW).fingerprints
    words_of_it = by_words(message_proofs.sections(message))
    edit_all(message.customer, message.contact, message.price_change.charge.contract)

    def found(sealed):
        return {one.standing for one in message_proofs.compare("notice", message.id, sealed, made_at=NOW)}

    assert found(parts) == {"fits"}
    assert found(words_of_it) == {"fits", "later"}


def by_sql(row, changed):
    """Past the application, and past the trigger that keeps what left."""
    if changed.keys() <= RenewalNotice._meta.fields.keys():
        RenewalNotice.update(changed).where(RenewalNotice.id == row.id).execute()
        return
    changing.thaw(Notice._meta.database, "notice")
    Notice.update(changed).where(Notice.id == row.notice_id).execute()


@pytest.mark.parametrize(
    "changed, title",
    [
        ({"sent_at": datetime(2027, 1, 11, 18)}, "That it left"),
        ({"message_id": "<another@lantern.example>"}, "That it left"),
        ({"body_text": "Your agreement will end"}, "What it said"),
        ({"subject": "Something else"}, "What it said"),
        ({"address": "mail@example.com"}, "Whom it went to"),
        ({"delivery": "The neighbor signed."}, "What came of it"),
    ],
)
def test_what_somebody_changed_in_the_books_is_found_under_a_new_name_too(row, changed, title):
    sealed = proof.pack(row, now=NOW).fingerprints, by_words(proof.sections(row))
    edit_all(row.contract.customer, row.notice.contact, row.contract)
    by_sql(row, changed)

    for parts in sealed:
        assert title in others(row, parts)


def compared(row, parts):
    return proof.compare(row.id, parts, made_at=NOW)


def others(row, parts):
    return [one.title for one in compared(row, parts) if one.standing == "other"]


# --- Any message that left -----------------------------------------------------------------------


@pytest.fixture
def message(db, company, alice):
    """The message of a new price that left by mail."""
    alice.kind = "commercial"
    alice.save()
    [change], _ = prices.plan(
        [agree(alice).charges.get()], prices.Rise(to_cents=3500), from_on=date(2027, 3, 1), reason="Costs",
        by="t", today=date(2026, 12, 1), now=datetime(2026, 12, 1, 18),
    )  # fmt: skip
    live(change.plan_on, change.plan_on)
    sent(Notice.get(), change.plan_on, text="It costs $35.00 from March 1, 2027.")
    live(change.plan_on, change.plan_on)
    return Notice.get()


def test_every_message_that_left_has_a_proof(message):
    pack = message_proofs.of_notice(message, now=NOW)

    assert dict(told(pack, "what").facts)["Why it was sent"].startswith("The price of one of your services")
    assert dict(told(pack, "what").facts)["Allowed by"]
    assert dict(told(pack, "whom").facts)["Address"] == "alice@example.com"
    assert told(pack, "text").text == "It costs $35.00 from March 1, 2027."
    lines = told(pack, "price").lines
    assert any("Told on" in line for line in lines) and any("Last lawful day" in line for line in lines)
    assert "Alice Archer" in pack.title


def test_the_day_on_which_it_left_is_that_of_the_company(message):
    message.sent_at = datetime(2026, 12, 2, 1, 30)  # in Texas still the evening before

    assert message_proofs.of_notice(message, now=NOW).summary == "It left on December 1, 2026."


def test_what_has_not_left_proves_nothing():
    waiting = Notice(state="queued", body_text="")

    assert not message_proofs.can_prove(waiting)
    with pytest.raises(BillingError, match="nothing to prove"):
        message_proofs.of_notice(waiting, now=NOW)


def test_staff_get_it_on_the_screen_of_the_message_and_it_verifies(app, message, tmp_path):
    content = enter(app).act("notice", "proof", message, follow_redirects=False).data
    path = tmp_path / "proof.pdf"
    path.write_bytes(content)

    result = app.test_cli_runner().invoke(args=["verify-proof", str(path)])
    assert (result.exit_code, "What it said: fits." in result.output) == (0, True)


def test_a_notice_to_an_authority_has_one_too(app, company, alice, tmp_path):
    contract = agree(alice)
    require_fire(contract)
    row = authorities.record(
        contract, authority="Austin Fire Department", address="1 Main Street, Austin, TX 78701",
        ends_on=date(2027, 3, 31), sent_on=date(2026, 12, 1), medium="fax", proof="OK 12:04", by="t",
        today=date(2026, 12, 1), now=datetime(2026, 12, 1, 18),
    )  # fmt: skip
    said = dict(told(message_proofs.of_authority(row, now=NOW), "told").facts)
    assert (said["Authority"], said["Sent by"], said["Proof"]) == (
        "Austin Fire Department",
        "Fax",
        "OK 12:04",
    )
    path = tmp_path / "proof.pdf"
    path.write_bytes(enter(app).act("authority-notice", "proof", row, follow_redirects=False).data)

    assert app.test_cli_runner().invoke(args=["verify-proof", str(path)]).exit_code == 0
    with pytest.raises(BillingError, match="no such message"):
        message_proofs.compare("authority_notice", 99, {}, made_at=NOW)


def test_the_command_says_what_fits_and_finds_a_changed_file(app, row, tmp_path):
    content = enter(app).act("renewal-notice", "proof", row, follow_redirects=False).data
    path = tmp_path / "proof.pdf"
    path.write_bytes(content)
    run = app.test_cli_runner()

    result = run.invoke(args=["verify-proof", str(path)])
    assert (result.exit_code, "What it said: fits." in result.output) == (0, True)
    assert "ours and unchanged, and our books say the same" in result.output
    path.write_bytes(content.replace(b"/Type", b"/Tipe", 1))
    assert run.invoke(args=["verify-proof", str(path)]).exit_code != 0


def checked(staff, content, name="proof.pdf"):
    answer = staff.post("/staff/check-proof", file=(io.BytesIO(content), name))
    return answer.status_code, " ".join(answer.text.split())


def test_staff_check_a_file_on_a_page_and_read_a_plain_verdict(app, row):
    app.clock.set(NOW.date())
    staff = enter(app, role="read_only")
    content = enter(app).act("renewal-notice", "proof", row, follow_redirects=False).data

    status, page = checked(staff, content)
    assert status == 200 and "ours and unchanged, and our books say the same" in page
    assert "GA-13-12-3, Monitoring agreement, Alice Archer" in page and "What it said" in page

    for wrong, said in (
        (content.replace(b"/Type", b"/Tipe", 1), "somebody changed it"),
        (seals.sealed(b"%PDF", {"notice": row.id}, "another company"), "not ours"),
        (b"%PDF-1.7 a letter", "no seal at the end"),
    ):
        status, page = checked(staff, wrong)
        assert status == 422 and "It proves nothing" in page and said in page
    status, page = checked(staff, b"", "")
    assert status == 422 and "Choose the file first" in page

    RenewalNotice.update(sent_on=date(2027, 1, 10)).where(RenewalNotice.id == row.id).execute()
    status, page = checked(staff, content)
    assert status == 200 and "our books say something else by now" in page


# --- Names, not codes ----------------------------------------------------------------------------


def test_where_no_law_speaks_people_read_a_name_and_no_code(app, table, alice):  # noqa: F811
    """In the pack, on the pages of the contract, of the notice, of the rule and of contract ends."""
    contract = agree(alice, state="TX")
    live(date(2026, 12, 1), date(2027, 1, 15))
    row = contract.renewal_notices.get()
    assert row.rule_code == "ZZ-DEFAULT"
    staff = enter(app)
    pages = [
        staff.get(path).text
        for path in (
            f"/staff/contract/{contract.id}",
            f"/staff/renewal-notice/{row.id}",
            f"/staff/renewal-rule/{row.rule_id}",
            "/staff/renewal-rule/?above=end",
            "/staff/renewal-notice/",
            "/staff/contract-ends",
        )
    ]
    pack = proof.pack(row, now=NOW)

    for said in (*pages, pack.title, dict(told(pack, "law").facts)["Rule"]):
        assert "No statute found: company practice" in said
    for said in (*pages, pack.title, pack.summary, str([one.facts for one in pack.sections])):
        assert "ZZ-DEFAULT" not in said
    assert "by company practice" in pack.summary


# What a pack says is sealed. Whoever words a section otherwise gives it a new key, and keeps the words of
# before under the old one in ``proof._older``: packs that customers and courts hold are still compared.
SEALED = {
    "law": "2fa84d4aa836", "whom": "53cef2046d2c", "consent": "16adb4aeb230", "left": "35489ca73053",
    "became": "df40e6c2fc1b", "text": "7710d3a11768", "answers": "90ffafcb3e09", "steps": "866617e4b91e",
    "recipient": "4737197bb177", "rule": "d1e223c2c9eb", "delivery": "c3541bccca16",
    "history": "0dda7bfebfc9",
}  # fmt: skip


def test_no_section_is_worded_otherwise_under_the_same_key(row):
    Customer.update(account_number="100042").where(Customer.id == row.contract.customer_id).execute()
    row = RenewalNotice.get_by_id(row.id)
    events.record("renewal_notice.delivered", row, by="staff:sam@lantern.example", now=NOW, reason="Signed")

    found = {one.key: one.fingerprint[:12] for one in (*proof.sections(row), *proof._older(row))}

    del found["arithmetic"]  # stored with the row, word for word
    assert found == SEALED


# Which values are sealed of a part, in their order: another choice needs another key as well.
STORED = {
    "law": "id code version state citation audience basis first_term_at_least renewal_longer_than"
    " max_renewal_months lifted_by online_only anchor opens_days closes_days media contents repeat"
    " consequence alarm_exempt certainty effective_from_on checked_on checked_by must_say",
    "whom": "account_number contract_id term_end_on medium contact_id address",
    "left": "plan_on opens_on closes_on sent_on sent_at message_id pages certified",
    "became": "bounced_at bounce_code bounce_text delivery delivered_on reason consequence overridden_at"
    " overridden_by override_reason",
    "text": "subject sha256 noted",
}


def test_no_section_is_sealed_by_other_values_under_the_same_key(row):
    names = {one.key: [name for name, _ in one.stored] for one in proof.sections(row) if one.key in STORED}

    assert {key: " ".join(found) for key, found in names.items()} == STORED
