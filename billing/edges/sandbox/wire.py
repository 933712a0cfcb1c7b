"""XML in and out, as strict as the real gateway: order, names, lengths and required elements.

Requests are checked against the schema that the official SDK was generated from; answers are written with
the byte order mark that the SDK cannot do without. What a request asks for is none of this module's business.
"""

from dataclasses import dataclass
from functools import cache, lru_cache
from xml.sax.saxutils import escape

import pyxb
from authorizenet import apicontractsv1 as contracts
from lxml import etree

NAMESPACE = "AnetApi/xml/v1/schema/AnetApiSchema.xsd"
BOM = b"\xef\xbb\xbf"
HEAD = '<?xml version="1.0" encoding="utf-8"?>'
NAMESPACES = (
    'xmlns:xsi="http://www.w3.org/2001/XMLSchema-instance" '
    f'xmlns:xsd="http://www.w3.org/2001/XMLSchema" xmlns="{NAMESPACE}"'
)
OK = ("I00001", "Successful.")
NO_RECORDS = ("I00004", "No records found.")

# Parent element -> children that must be there. The SDK's classes know it too, but their parser gives up on
# lists of twenty and finds its own wildcards ambiguous.
REQUIRED = {
    "merchantAuthentication": ("name", "transactionKey"),
    "createTransactionRequest": ("transactionRequest",),
    "getHostedPaymentPageRequest": ("transactionRequest",),
    "getTransactionDetailsRequest": ("transId",),
    "getBatchStatisticsRequest": ("batchId",),
    "updateHeldTransactionRequest": ("heldTransactionRequest",),
    "getTransactionListForCustomerRequest": ("customerProfileId",),
    "createCustomerProfileRequest": ("profile",),
    "updateCustomerProfileRequest": ("profile",),
    "deleteCustomerProfileRequest": ("customerProfileId",),
    "createCustomerPaymentProfileRequest": ("customerProfileId", "paymentProfile"),
    "updateCustomerPaymentProfileRequest": ("customerProfileId", "paymentProfile"),
    "getCustomerPaymentProfileRequest": ("customerProfileId",),
    "getCustomerPaymentProfileListRequest": ("searchType", "month"),
    "deleteCustomerPaymentProfileRequest": ("customerProfileId", "customerPaymentProfileId"),
    "validateCustomerPaymentProfileRequest": (
        "customerProfileId",
        "customerPaymentProfileId",
        "validationMode",
    ),
    "createCustomerProfileFromTransactionRequest": ("transId",),
    "getHostedProfilePageRequest": ("customerProfileId",),
    "getAUJobSummaryRequest": ("month",),
    "getAUJobDetailsRequest": ("month",),
    "paymentProfile": ("paymentProfileId",),
    "heldTransactionRequest": ("action", "refTransId"),
    "transactionRequest": ("transactionType",),
    "creditCard": ("cardNumber", "expirationDate"),
    "bankAccount": ("routingNumber", "accountNumber", "nameOnAccount"),
    "lineItem": ("itemId", "name", "quantity", "unitPrice"),
    "tax": ("amount",),
    "duty": ("amount",),
    "shipping": ("amount",),
    "sorting": ("orderBy", "orderDescending"),
    "paging": ("limit", "offset"),
}


class Refused(Exception):
    """A request that is answered with an error: ``root`` with ``nodes`` in it."""

    def __init__(self, code, text, root="ErrorResponse", nodes=()):
        super().__init__(f"{code} {text}")
        self.code, self.text, self.root, self.nodes = code, text, root, list(nodes)


@dataclass(frozen=True)
class Reply:
    """The nodes of an answer and what its envelope says."""

    nodes: list
    result: str = "Ok"
    messages: tuple = (OK,)


# -- requests


def read(body):
    """The root element of a request, checked against the schema. Raises Refused."""
    try:
        root = etree.fromstring(body, etree.XMLParser(resolve_entities=False, no_network=True))
    except (etree.XMLSyntaxError, ValueError) as error:
        raise Refused("E00003", f"An error occurred while parsing the XML request. {error}") from error
    if root.getroottree().docinfo.doctype:
        raise Refused("E00003", "For security reasons DTD is prohibited in this XML document.")
    if etree.QName(root).namespace != NAMESPACE:
        raise Refused("E00045", "The root node does not reference a valid XML namespace.")
    method = etree.QName(root).localname
    definition = _request_types().get(method)
    if definition is None:
        raise Refused("E00004", "The name of the requested API method is invalid.")
    if method != "isAliveRequest" and root.find("{*}merchantAuthentication") is None:
        raise Refused("E00003", _incomplete(method, "merchantAuthentication"))
    check(root, definition)
    return root


def text(node, path, default=""):
    """The text at ``path`` ("order/invoiceNumber") below ``node``, or ``default``."""
    found = node.findtext("/".join("{*}" + name for name in path.split("/"))) if node is not None else None
    return default if found is None else found.strip()


def child(node, path):
    """The element at ``path`` below ``node``, or None."""
    return None if node is None else node.find("/".join("{*}" + name for name in path.split("/")))


def settings(node):
    """The name-value pairs of an ArrayOfSetting as a dict."""
    return {} if node is None else {text(one, "settingName"): text(one, "settingValue") for one in node}


def check(element, definition):
    """Walk an element and its children along the SDK's type; raise Refused at the first fault."""
    name = etree.QName(element).localname
    declared = _children(definition)
    if declared is None:
        _check_value(element, name, definition)
        return
    order, last = list(declared), -1
    for node in element.iterchildren(tag=etree.Element):
        kind = etree.QName(node)
        position = order.index(kind.localname) if kind.localname in declared else -1
        repeated = position == last and not declared[kind.localname][1]
        if kind.namespace != NAMESPACE or position < last or position < 0 or repeated:
            raise Refused("E00003", _invalid_child(name, kind.localname, order[last + 1 :]))
        check(node, declared[kind.localname][0])
        last = position
    for needed in REQUIRED.get(name, ()):
        if needed in declared and element.find("{*}" + needed) is None:
            raise Refused("E00003", _incomplete(name, needed))


def _check_value(element, name, definition):
    """Let the SDK's own type look at a value: length, pattern, number, one of a list."""
    if len(element):
        raise Refused("E00003", _invalid_child(name, etree.QName(element[0]).localname, []))
    value = element.text or ""
    try:
        definition(value)
    except (pyxb.ValidationError, ValueError, ArithmeticError) as error:
        facet = getattr(error, "facet", None)
        raise Refused("E00003", _invalid_value(name, value, definition, facet)) from error


@cache
def _children(definition):
    """Name -> (type, may repeat) in schema order; None for a type that holds a value."""
    if not getattr(definition, "_ElementMap", None):
        return None
    return {
        name.localName(): (declaration.elementBinding().typeDefinition(), declaration.isPlural())
        for name, declaration in definition._ElementMap.items()
    }


@lru_cache(maxsize=1)
def _request_types():
    """Name of each request -> its type."""
    names = (name for name in dir(contracts) if name.endswith("Request") and name != "ANetApiRequest")
    return {name: getattr(contracts, name).typeDefinition() for name in names}


# The shapes of the gateway's own sentences.


def _invalid_child(parent, name, expected):
    hint = f" List of possible elements expected: '{', '.join(expected)}' in namespace '{NAMESPACE}'."
    return (
        f"The element '{parent}' in namespace '{NAMESPACE}' has invalid child element '{name}' in namespace "
        f"'{NAMESPACE}'.{hint if expected else ''}"
    )


def _incomplete(parent, name):
    return (
        f"The element '{parent}' in namespace '{NAMESPACE}' has incomplete content. List of possible "
        f"elements expected: '{name}' in namespace '{NAMESPACE}'."
    )


def _invalid_value(name, value, definition, facet):
    known = getattr(definition, "_ExpandedName", None)
    local = known.localName() if known else "String"
    kind = f"{NAMESPACE}:{local}" if known and known.namespaceURI() == NAMESPACE else local.capitalize()
    constraint = type(facet).__name__.removeprefix("CF_")
    reason = {
        "pattern": "The Pattern constraint failed.",
        "enumeration": "The Enumeration constraint failed.",
        "maxLength": "The actual length is greater than the MaxLength value.",
        "minLength": "The actual length is less than the MinLength value.",
    }.get(constraint, f"The string '{value}' is not a valid {local.capitalize()} value.")
    return (
        f"The '{NAMESPACE}:{name}' element is invalid - The value '{value}' is invalid according to its "
        f"datatype '{kind}' - {reason}"
    )


# -- answers


def write(root, nodes, *, ref_id=None, result="Ok", messages=(OK,)):
    """The bytes of an answer: the envelope, then ``nodes``.

    A node is (name, value): a string or number is text, a list of nodes is children, an empty string an empty
    element, and None leaves the element out.
    """
    envelope = [
        ("refId", ref_id),
        ("messages", [("resultCode", result), *(("message", _message(*one)) for one in messages)]),
    ]
    body = "".join(_node(*node) for node in (*envelope, *nodes))
    return BOM + f"{HEAD}<{root} {NAMESPACES}>{body}</{root}>".encode()


def _message(code, sentence):
    return [("code", code), ("text", sentence)]


def _node(name, value):
    if value is None:
        return ""
    inner = "".join(_node(*node) for node in value) if isinstance(value, list) else escape(str(value))
    return f"<{name}>{inner}</{name}>" if inner else f"<{name} />"


def dollars(cents):
    """Cents as the gateway writes amounts: ``12.30``."""
    return f"{cents // 100}.{cents % 100:02d}"


def readable(cents):
    """Cents as people read them: ``$1,234.50``."""
    return f"${cents // 100:,}.{cents % 100:02d}"


def instant(at):
    """An instant (as the store writes it) as the gateway does: whole seconds and a Z."""
    return None if at is None else at[:19] + "Z"


def payment_node(row, *, unmasked=False):
    """The card or bank account of a transaction's or a stored method's row, as answers show it."""
    if row["kind"] == "card":
        month = row["expiration"] if unmasked else "XXXX"
        number = [("cardNumber", row["account_number"]), ("expirationDate", month)]
        return ("creditCard", [*number, ("cardType", row["account_type"])])
    return (
        "bankAccount",
        [
            ("accountType", row["bank_account_type"] or None),
            ("routingNumber", row["routing_number"]),
            ("accountNumber", row["account_number"]),
            ("nameOnAccount", row["bank_account_name"]),
            ("echeckType", row["echeck_type"] or None),
        ],
    )
