"""The people of customers: their names, who pays, whom mail reaches, and who is seen to open what we send."""

from dataclasses import dataclass

from models import Contact, Customer, Sighting, among, db

POST = (Customer.street, Customer.street2, Customer.city, Customer.state, Customer.zip)


@dataclass(frozen=True)
class People:
    """Of some customers, by id: their names, the ways to reach them, and the names of their contacts."""

    names: dict  # {customer id: name}
    with_post: frozenset  # ids of the customers with a postal address
    payers: dict  # {customer id: (name of the first payer, whether any of them can be mailed)}
    contacts: dict  # {contact id: name}

    def who(self, customer_id, contact_id):
        """The name of whoever it was: of the contact, else of the customer."""
        return self.contacts.get(contact_id) or self.names[customer_id]


def read(customer_ids):
    """The People of these customers, in two queries."""
    rows = list(
        db.execute(Customer.select(Customer.id, Customer.name, *POST).where(among(Customer.id, customer_ids)))
    )
    query = Contact.select(
        Contact.id, Contact.customer, Contact.name, Contact.email, Contact.role, Contact.left_on
    ).where(among(Contact.customer, customer_ids))
    payers, contacts = {}, {}
    for id, customer_id, name, email, role, left_on in db.execute(query.order_by(Contact.id)):
        contacts[id] = name
        if role == Contact.PAYER and left_on is None:
            first, has_mail = payers.get(customer_id, (name, False))
            payers[customer_id] = (first, has_mail or bool(email))
    with_post = frozenset(id for id, _, *lines in rows if any(lines))
    return People({row[0]: row[1] for row in rows}, with_post, payers, contacts)


def watched(customer_ids):
    """Ids of the customers of whom anybody was ever seen to open something."""
    query = Sighting.select(Sighting.customer).where(among(Sighting.customer, customer_ids)).distinct()
    return {id for (id,) in db.execute(query)}
