"""The short way from paper: a code is typed, and the invoice opens. What is a code: billing/pay_codes.py."""

from flask import current_app, g, redirect, render_template, request, url_for

from billing import pay_codes
from billing.errors import BillingError
from portal.door import bp
from portal.forms import PayCodeForm


@bp.route("/pay", methods=["GET", "POST"])
def pay_code():
    """One field. Opening it looks nothing up; what is typed is looked up once, when it is sent."""
    form, status, too_many = PayCodeForm(), 200, ""
    if form.validate_on_submit():
        address, secrets = request.remote_addr or "", current_app.seal_secrets
        try:
            token, of_several = pay_codes.open_by(form.code.data, address=address, secrets=secrets, now=g.now)
        except pay_codes.TooMany as refusal:
            too_many, status = str(refusal), 429
        except BillingError as refusal:
            form.code.errors, status = [str(refusal)], 422
        else:
            page = "portal.pay_together" if of_several else "portal.pay_link"
            return redirect(url_for(page, token=token), 303)
    page = render_template("portal/pay_code.html", form=form, too_many=too_many)
    return page, 422 if form.errors and not too_many else status
