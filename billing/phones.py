"""Phone numbers of the North American plan, as they are stored, dialed and compared. Pure."""

import re

NUMBER = re.compile(r"(?!.11)[2-9]\d\d(?!.11)[2-9]\d{6}")  # area and exchange: never 0 or 1 first, never N11


def us_number(text):
    """``text`` as E.164 (+1 and ten digits); "" for what no text can be sent to: other countries, extensions.

    >>> us_number("(512) 555-0100"), us_number("1-512-555-0100"), us_number("+1 512.555.0100")
    ('+15125550100', '+15125550100', '+15125550100')
    >>> us_number("512 555 0100 x12"), us_number("+44 20 7946 0958"), us_number("911")
    ('', '', '')
    """
    text = text.strip()
    if re.search(r"[A-Za-z#,;]", text):
        return ""
    digits = "".join(sign for sign in text if sign in "0123456789")
    if len(digits) == 11 and digits[0] == "1":
        digits = digits[1:]
    elif text.startswith("+"):
        return ""
    return f"+1{digits}" if NUMBER.fullmatch(digits) else ""


def shown(number):
    """+15125550100 as people write it.

    >>> shown("+15125550100")
    '(512) 555-0100'
    """
    digits = number.removeprefix("+1")
    return f"({digits[:3]}) {digits[3:6]}-{digits[6:]}" if len(digits) == 10 else number
