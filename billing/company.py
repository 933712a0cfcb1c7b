"""The one company row: its identity and its policies."""

from billing.errors import BillingError
from models import Company


def current():
    """The company that this database belongs to. Raises BillingError before it is set up."""
    company = Company.select().order_by(Company.id).first()
    if company is None:
        raise BillingError("There is no company yet. Run: flask --app app init-db")
    return company


def found():
    """Make the company row of an empty database. Harmless where there is one, and twice at once."""
    if not Company.select().exists():
        Company.insert(id=1, name="Your company").on_conflict_ignore().execute()


def terms_days(company, customer):
    """Days from issue to due date: the customer's own terms, else the company's."""
    return company.terms_days if customer.terms_days is None else customer.terms_days
