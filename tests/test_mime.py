"""The bytes of a mail: whatever is said comes out again, in lines that every mail server takes."""

import email
from email import policy

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from billing.edges import mime
from billing.edges.mail import WHOLE_LINKS

WRITTEN = st.text(alphabet=st.sampled_from("ab c=_.-\t\r\nFrom é€😀"), max_size=300)
ON_ONE_LINE = st.text(alphabet=st.sampled_from("abc-é€$😀"), min_size=1, max_size=150)


def written(text="t", html="<p>h", **headers):
    return mime.two_bodies(headers.items(), text, html, policy=WHOLE_LINKS)


def read(raw):
    return email.message_from_bytes(raw, policy=policy.default)


def lines_of(text):
    return text.replace("\r\n", "\n").replace("\r", "\n")


@given(WRITTEN, WRITTEN)
@settings(max_examples=150)
def test_both_bodies_come_out_as_they_were_written(text, html):
    raw = written(text, html)

    plain, rich = read(raw).iter_parts()
    assert (plain.get_content_type(), rich.get_content_type()) == ("text/plain", "text/html")
    said = lines_of(plain.get_content()), lines_of(rich.get_content())
    assert said == (lines_of(text), lines_of(html))
    assert all(len(line) <= 78 for line in raw.split(b"\r\n"))
    assert b"\n" not in raw.replace(b"\r\n", b"") and b"\r" not in raw.replace(b"\r\n", b"")


@given(ON_ONE_LINE)
@settings(max_examples=150)
def test_a_subject_comes_out_as_it_was_written_in_any_language_and_length(subject):
    raw = written(Subject=subject)

    assert read(raw)["Subject"] == subject
    assert raw.isascii() and all(len(line) <= 78 for line in raw.split(b"\r\n"))


def test_a_short_plain_header_is_written_as_it_is():
    assert b"\r\nSubject: Invoice 7, $42.50 due\r\n" in b"\r\n" + written(Subject="Invoice 7, $42.50 due")


@pytest.mark.parametrize("evil", ["a\nBcc: all@example.com", "a\r\nBcc: all@example.com", "a\rb"])
def test_no_line_break_gets_into_a_header(evil):
    with pytest.raises(ValueError, match="line break"):
        written(Subject=evil)


def test_a_text_that_looks_like_the_cut_between_parts_is_only_text():
    raw = written(text="--=_0123\r\n--\r\n--=_")

    said = [lines_of(part.get_content()) for part in read(raw).iter_parts()]
    assert said == ["--=_0123\n--\n--=_", "<p>h"]
