"""The one address of the XML API: who calls, what for, and the envelope of the answer.

The calls themselves are in ``calls``. How an answer can be lost, late or wrong is decided in ``faults``.
"""

import time
from functools import partial

from flask import Blueprint, Response, request
from lxml import etree

from billing.edges.sandbox import faults, wire
from billing.edges.sandbox.calls import pages, profiles, questions, transactions, updates
from billing.edges.sandbox.current import sandbox
from billing.edges.sandbox.verdicts import Answer, Verdict
from billing.edges.sandbox.wire import Refused, Reply, text

bp = Blueprint("api", __name__)

CALLS = {
    "isAliveRequest": questions.is_alive,
    "authenticateTestRequest": questions.authenticate_test,
    "getMerchantDetailsRequest": questions.merchant_details,
    "createTransactionRequest": transactions.create_transaction,
    "updateHeldTransactionRequest": transactions.update_held,
    "getHostedPaymentPageRequest": pages.hosted_payment_page,
    "getHostedProfilePageRequest": pages.hosted_profile_page,
    "getTransactionDetailsRequest": questions.transaction_details,
    "getUnsettledTransactionListRequest": questions.unsettled_list,
    "getTransactionListRequest": questions.transaction_list,
    "getTransactionListForCustomerRequest": questions.customer_list,
    "getSettledBatchListRequest": questions.settled_batches,
    "getBatchStatisticsRequest": questions.batch_statistics,
    "getAUJobSummaryRequest": updates.job_summary,
    "getAUJobDetailsRequest": updates.job_details,
    **profiles.CALLS,
}
MONEY_CALLS = ("createTransactionRequest", "updateHeldTransactionRequest")
ANSWER_NAMES = {
    "createCustomerProfileFromTransactionRequest": "createCustomerProfileResponse",
    "getTransactionListForCustomerRequest": "getTransactionListResponse",
}


@bp.post("/xml/v1/request.api")
def request_api():
    """Answer a request, or do to it what the fault in force says."""
    body = request.get_data()
    sandbox.processor.catch_up()
    method, ref_id = _peek(body)
    fault = sandbox.faults.take(method)
    given = (body, method, ref_id, fault, bool(request.query_string), request.mimetype)
    if fault and fault.mode == "late":
        sandbox.faults.later(fault, partial(_answer, *given[:3], None, *given[4:]))
    elif fault is None or fault.processed or faults.envelope(fault):
        return faults.spoil(fault, _response(_timed(*given)))
    return faults.spoil(fault, _response(b""))


def _response(body):
    return Response(body, 200, content_type="application/xml; charset=utf-8")


def _peek(body):
    """The method and the refId of a request that may turn out to be wrong."""
    try:
        root = etree.fromstring(body, etree.XMLParser(resolve_entities=False, no_network=True))
    except (etree.XMLSyntaxError, ValueError):
        return "", None
    return etree.QName(root).localname, root.findtext("{*}refId")


def _timed(body, method, *given):
    """The answer, after the time that the processor takes for it; nothing is locked while it passes."""
    answer = _answer(body, method, *given)
    if method in MONEY_CALLS:
        time.sleep(sandbox.processor.options["answer_ms"] / 1000)
    return answer


def _answer(body, method, ref_id, fault, has_query, mimetype):
    """The bytes of the answer to ``body``."""
    root_name = _root_name(method)
    try:
        reply = _reply(body, method, fault, has_query, mimetype)
    except Refused as refused:
        root_name = refused.root
        nodes = [("transactionResponse", "")] if root_name == "createTransactionResponse" else refused.nodes
        reply = Reply(nodes, "Error", ((refused.code, refused.text),))
    return wire.write(root_name, reply.nodes, ref_id=ref_id, result=reply.result, messages=reply.messages)


def _reply(body, method, fault, has_query, mimetype):
    if has_query:
        return transactions.reply(Answer(Verdict(3, 66)), fault)
    if mimetype not in ("text/xml", "application/xml"):
        raise Refused("E00002", "The content-type specified is not supported.")
    root = wire.read(body)
    if method not in CALLS:
        raise Refused("E00004", "The name of the requested API method is invalid.")
    if method != "isAliveRequest":
        _authenticate(root, method)
    if fault and not fault.processed:
        raise Refused(*faults.envelope(fault))
    reply = CALLS[method](root, fault)
    if spoiled := faults.envelope(fault):
        raise Refused(*spoiled)
    return reply


def _authenticate(root, method):
    login, key = (text(root, "merchantAuthentication/" + name) for name in ("name", "transactionKey"))
    if not sandbox.accepts(login, key):
        answer = "createTransactionResponse" if method == "createTransactionRequest" else "ErrorResponse"
        raise Refused("E00007", "User authentication failed due to invalid authentication values.", answer)


def _root_name(method):
    if method not in CALLS:
        return "ErrorResponse"
    return ANSWER_NAMES.get(method) or method.removesuffix("Request") + "Response"
