"""The signs by which a test knows that a page has arrived: it waits for them, it never looks just once.

A click, a key or a form leads to another page at some later time; until then the old one is still there,
and answers what it is asked. After each act a test therefore waits for something that only the new page
has, with `says` or with Playwright's `expect`; then it may read, judge, and look at the database.

    button(phone, "Send").click()
    says(phone, "Your question is with us")     # not on the page with the form
    axe(phone)

Most of all where no script runs: there Playwright cannot see that a click missed its button because the page
was still taking its shape. `pytest --latency 150 tests/browser` shows what does not wait.
"""

from playwright.sync_api import Page, expect

PATIENCE = 30_000  # milliseconds: a machine that is busy is not a fault
expect.set_options(timeout=PATIENCE)

# To evaluate where nothing may happen: what an act set off in the page has been set off by then.
TWO_FRAMES = "new Promise(done => requestAnimationFrame(() => requestAnimationFrame(done)))"


def says(page: Page, words: str) -> None:
    """Wait until the main part of a page says `words` to a reader, and the page with its scripts is there.

    words: something that the page before did not say, or it is the page before that is found.
    """
    expect(page.locator("main")).to_contain_text(words, use_inner_text=True)
    page.wait_for_load_state()
