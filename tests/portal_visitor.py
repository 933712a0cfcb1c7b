"""Somebody with a browser at the portal: opens pages, fills in forms, presses buttons, keeps cookies.

    visitor = Visitor(app)
    page = visitor.open(f"/i/{token}")
    page = visitor.press(page, "Pay $42.50")

Forms are sent as a browser would, hidden fields and all, so a page whose form lacks its token fails here.
Redirects within the site are followed; ``visitor.path`` says where they led.
"""

from urllib.parse import urlencode, urlsplit

from lxml import html

SAME_ORIGIN = {"Sec-Fetch-Site": "same-origin"}


class Page:
    """One answer as it was shown."""

    def __init__(self, answer, path):
        self.status, self.headers, self.path = answer.status_code, answer.headers, path
        self.bytes = answer.data
        self.source = answer.get_data(as_text=True) if answer.mimetype == "text/html" else ""
        self.tree = html.fromstring(self.source) if self.source else None

    @property
    def text(self):
        """What is to be read on the page, as one line."""
        readable = self.tree.xpath("//body//text()[not(ancestor::script or ancestor::noscript)]")
        return " ".join(" ".join(readable).split())

    @property
    def headline(self):
        return _words(self.tree.xpath("//h1")[0])

    @property
    def messages(self):
        """The text of the message area above the page."""
        return " ".join(_words(node) for node in self.tree.xpath("//*[@class='flashes']/p"))

    @property
    def buttons(self):
        """The words on all buttons of the main part."""
        return [_words(node) for node in self.tree.xpath("//main//button")]

    def link(self, words):
        """The address behind the link with these words."""
        found = [a for a in self.tree.xpath("//a[@href]") if _words(a) == words]
        assert found, f"no link “{words}” on {self.path}"
        return found[0].get("href")

    def error_of(self, field):
        """The sentence next to a field, found the way a screen reader finds it."""
        control = self.tree.xpath(f"//*[@name='{field}'][@aria-describedby]")[0]
        notes = [self.tree.get_element_by_id(id) for id in control.get("aria-describedby").split()]
        return " ".join(_words(note) for note in notes if note.get("id").endswith("-error"))

    def value_of(self, field):
        """What stands in a field."""
        control = self.tree.xpath(f"//*[@name='{field}'][not(@type='hidden')]")[0]
        return (control.text or "").strip() if control.tag == "textarea" else control.get("value", "")

    def form(self, button):
        """(method, address, fields) of the form behind a button, as a browser would send it."""
        for form in self.tree.forms:
            for node in form.xpath(".//button"):
                if _words(node) == button:
                    fields = [(name, value) for name, value in form.form_values() if name]
                    if node.get("name"):
                        fields.append((node.get("name"), node.get("value", "")))
                    return form.get("method", "get").lower(), form.get("action") or self.path, fields
        raise AssertionError(f"no button “{button}” on {self.path}: {self.buttons}")


class Visitor:
    """One browser with its own cookies."""

    def __init__(self, app):
        self.client = app.test_client()
        self.path = ""

    def open(self, path, **options):
        """Open an address and follow it to the page."""
        return self._follow(self.client.get(path, **options), path)

    def press(self, page, button, **typed):
        """Fill in and send the form behind ``button``; ``typed`` replaces fields by name (None: not sent)."""
        method, address, fields = page.form(button)
        fields = [(name, value) for name, value in fields if name not in typed]
        for name, value in typed.items():
            values = value if isinstance(value, list) else [] if value is None else [value]
            fields += [(name, one) for one in values]
        return self.send(method, address, fields)

    def send(self, method, address, fields):
        """Send fields to an address of ours."""
        target = urlsplit(address)
        assert not target.netloc, f"{address} is not a page of ours"
        if method == "get":
            return self.open(f"{target.path}?{urlencode(fields)}")
        answer = self.client.post(
            address,
            data=urlencode(fields),
            content_type="application/x-www-form-urlencoded",
            headers=SAME_ORIGIN,
        )
        return self._follow(answer, target.path)

    def _follow(self, answer, path):
        while answer.status_code in (302, 303):
            path = answer.headers["Location"]
            assert not urlsplit(path).netloc, f"led away from the site, to {path}"
            answer = self.client.get(path)
        self.path = path
        return Page(answer, path)


def _words(node):
    return " ".join(node.text_content().split())
