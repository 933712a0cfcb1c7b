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


NAMELESS = {"anonymous", "private", "withheld", "unknown", "unavailable", "restricted", "blocked", "none"}


def is_withheld(text):
    """True when a phone system shows no number: nothing, or a word that says so.

    >>> [is_withheld(one) for one in ("", "Anonymous", "sip:anonymous@anonymous.invalid", "Private number")]
    [True, True, True, True]
    >>> is_withheld("555-0100")
    False
    """
    return not re.search(r"\d", text) and (not text.strip() or bool(NAMELESS & set(_words(text))))


def line(text):
    """The line that ``text`` names, to compare: +, country and number, without an extension; "" for none.

    >>> line("(512) 555-0100 ext. 12"), line("sip:+15125550100@pbx.example:5060"), line("011 44 20 7946 0958")
    ('+15125550100', '+15125550100', '+442079460958')
    >>> line("Anonymous"), line("12345"), line("+1 555"), line("512-555-01001")
    ('', '', '', '')
    """
    bare = re.sub(r"^(sips?|tel):", "", text.strip(), flags=re.IGNORECASE).partition("@")[0]
    bare = re.split(r"\s*(?:x|ext\.?|extension|#|;|,)\s*", bare, maxsplit=1, flags=re.IGNORECASE)[0]
    if ours := us_number(bare):
        return ours
    digits = re.sub(r"\D", "", bare)
    foreign = re.match(r"\s*(\+|00|011)", bare)
    if re.search(r"[A-Za-z]", bare) or not foreign:
        return ""
    digits = digits.removeprefix("011" if foreign[1] == "011" else "00") if foreign[1] != "+" else digits
    return f"+{digits}" if 8 <= len(digits) <= 15 and digits[0] not in "01" else ""


def _words(text):
    return re.findall(r"[a-z]+", text.lower())


def shown(number):
    """+15125550100 as people write it.

    >>> shown("+15125550100")
    '(512) 555-0100'
    """
    digits = number.removeprefix("+1")
    return f"({digits[:3]}) {digits[3:6]}-{digits[6:]}" if len(digits) == 10 else number
