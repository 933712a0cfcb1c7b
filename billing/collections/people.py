"""The people of customers: who pays, and of whom it is known what they open."""

from models import Contact, Sighting, among, db


def payers(customer_ids):
    """{customer id: (name of the first payer, whether any of them can be mailed)}."""
    query = Contact.select(Contact.customer, Contact.name, Contact.email).where(
        among(Contact.customer, customer_ids) & Contact.PAYS
    )
    found = {}
    for customer_id, name, email in db.execute(query.order_by(Contact.id)):
        first, has_mail = found.get(customer_id, (name, False))
        found[customer_id] = (first, has_mail or bool(email))
    return found


def watched(customer_ids):
    """Ids of the customers of whom anybody was ever seen to open something."""
    query = Sighting.select(Sighting.customer).where(among(Sighting.customer, customer_ids)).distinct()
    return {id for (id,) in db.execute(query)}
