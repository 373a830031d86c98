"""A browser without a script: it keeps cookies, and sends the forms of the console's pages as they stand."""

import html
import re
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, Self

import httpx2

SAME_ORIGIN = {"Sec-Fetch-Site": "same-origin", "Sec-Fetch-Mode": "navigate"}


class Browser:
    """One person's browser at the console of `url`. It follows no redirect: `location` says where one leads.

    `options` are of its HTTP client.
    """

    def __init__(self, url: str, language: str = "en", **options: Any) -> None:
        self.url = url
        headers = {"Accept-Language": language, **SAME_ORIGIN}
        self.http = httpx2.Client(base_url=url, headers=headers, timeout=20, trust_env=False, **options)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.http.close()

    def get(self, path: str, **options: Any) -> httpx2.Response:
        return self.http.get(path, **options)

    def post(self, path: str, token: str, headers: dict[str, str] | None = None, **fields: str) -> httpx2.Response:
        """Send a form with that form token."""
        return self.http.post(path, data={"form_token": token, **fields}, headers=headers)

    def submit(self, page: str, **fields: str) -> httpx2.Response:
        """Load `page`, and send its first form in the content with what it has, and `fields`."""
        form = first_form(self.get(page).text)
        return self.http.post(form.pop("") or page, data=form | fields)

    def sign_in(self, role: str, organization: str = "", back: str = "/") -> httpx2.Response:
        """On a local network."""
        answer = self.submit(f"/sign-in?back={back}", who=f"{role}/{organization}")
        assert answer.status_code == 303, answer.text
        return answer

    def token(self, page: str = "/help/public") -> str:
        """The form token of a page."""
        return form_token(self.get(page).text)

    @property
    def session(self) -> str:
        """The session's cookie."""
        return next((one.value or "" for one in self.http.cookies.jar if one.name.endswith("session")), "")

    @contextmanager
    def live(self, query: str) -> Iterator[Iterator[str]]:
        """The lines of `/live` as they come, without the empty ones."""
        with self.http.stream("GET", f"/live?{query}", timeout=30) as answer:
            assert answer.status_code == 200, answer.status_code
            yield (line for line in answer.iter_lines() if line)


def form_token(page: str) -> str:
    found = re.search(r'name="form_token" value="([^"]+)"', page)
    assert found, f"the page has no form:\n{page[:500]}"
    return html.unescape(found[1])


def first_form(page: str) -> dict[str, str]:
    """The hidden fields of the first form in the page's content, and under the empty name its address."""
    content = page.partition('id="main-content"')[2]
    found = re.search(r'<form\b[^>]*?(?:action="([^"]*)")?[^>]*>(.*?)</form>', content, re.S)
    assert found, f"the page has no form:\n{content[:500]}"
    action = re.search(r'<form\b[^>]*action="([^"]*)"', found[0])
    hidden = re.findall(r'<input type="hidden" name="([^"]+)" value="([^"]*)"', found[2])
    return {name: html.unescape(value) for name, value in hidden} | {"": html.unescape(action[1]) if action else ""}
