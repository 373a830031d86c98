"""A PostgreSQL server of a test's own, which the test may restart."""

import os
import shutil
import signal
import subprocess
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path

from sqlalchemy import create_engine, text

from services.local import parts
from services.local.jobs import Job
from services.local.plan import Plan
from services.local.ports import LOOPBACK, Ports
from tests.support.servers import CHECKOUT, wait_until

SCRIPT = str(CHECKOUT / "deploy" / "test-postgres")
DATABASES = CHECKOUT / "deploy" / "postgres" / "databases.sh"


class Postgres:
    """A server whose data lies in `folder`, which may not exist yet. With a certificate (and key, PEM): TLS only."""

    def __init__(self, folder: Path, port: int, certificate: Path | None = None) -> None:
        self.folder, self.port, self._certificate = folder, port, certificate
        self._process: subprocess.Popen[bytes] | None = None

    def url(self, database: str, user: str = "tests") -> str:
        """SQLAlchemy's URL of a database."""
        return f"postgresql+psycopg://{user}@{LOOPBACK}:{self.port}/{database}"

    @property
    def pid(self) -> int:
        """The server's first process, whose children the others are."""
        assert self._process is not None, "PostgreSQL was never started"
        return self._process.pid

    def start(self) -> "Postgres":
        log = self.folder.with_suffix(".log")
        with log.open("ab") as out:
            command = [SCRIPT, "run", str(self.folder), str(self.port), *self._tls_options()]
            self._process = subprocess.Popen(
                command, stdout=out, stderr=subprocess.STDOUT,
                start_new_session=True,  # a signal to the test's own group is for its owner, which stops it in order
            )  # fmt: skip
        wait_until(self.is_ready, f"PostgreSQL is ready (log: {log})", self._process)
        return self

    def _tls_options(self) -> list[str]:
        if self._certificate is None:
            return []
        own, rules = self.folder.with_suffix(".pem"), self.folder.with_suffix(".hba")
        shutil.copy(self._certificate, own)
        own.chmod(0o600)
        if os.geteuid() == 0:
            shutil.chown(own, "postgres")  # as which the server runs then
        rules.write_text(f"hostssl all all {LOOPBACK}/32 trust\n")
        options = {"ssl": "on", "ssl_cert_file": own, "ssl_key_file": own, "hba_file": rules}
        return [part for name, value in options.items() for part in ("-c", f"{name}={value}")]

    def is_ready(self) -> bool:
        return not subprocess.run([SCRIPT, "ready", str(self.port)]).returncode

    def stop(self, with_signal: int = signal.SIGINT) -> None:
        """SIGINT breaks all connections and stops in order; SIGQUIT as a crash does, to be recovered from."""
        if self._process is not None:
            self._process.send_signal(with_signal)
            self._process.wait(60)

    def make_database(self, name: str) -> str:
        """The URL of a new, empty one."""
        engine = create_engine(self.url("postgres"), isolation_level="AUTOCOMMIT")
        with engine.connect() as connection:
            connection.execute(text(f'CREATE DATABASE "{name}"'))
        engine.dispose()
        return self.url(name)

    def make_service_databases(self) -> None:
        """Make the databases `intake` and `referral` as compose does: each with a role of its name, and an owner."""
        passwords = {f"{name}{kind}_PASSWORD": "x" for name in ("INTAKE", "REFERRAL") for kind in ("", "_OWNER")}
        server = {"PGHOST": LOOPBACK, "PGPORT": str(self.port), "POSTGRES_USER": "tests", "POSTGRES_DB": "postgres"}
        subprocess.run(["bash", DATABASES], env={"PATH": "/usr/bin:/bin", **server, **passwords}, check=True)

    def service_urls(self, role: str = "") -> dict[str, str]:
        """The variables that name the services' databases, by the roles that serve, or (`_owner`) by their owners."""
        return {f"JOLDAMA_{name.upper()}_SQL_URL": self.url(name, name + role) for name in ("intake", "referral")}

    def jobs(self, plan: Plan) -> list[Job]:
        """A local network's jobs; the migrations are their owners'."""
        owners = self.service_urls("_owner")
        return [replace(one, environment={**one.environment, **owners}) for one in parts.jobs(plan)]


def installed() -> bool:
    """Whether PostgreSQL is installed, or could be just now; stderr says why not."""
    return not subprocess.run([SCRIPT, "install"], stdout=subprocess.DEVNULL).returncode


@contextmanager
def running_postgres(certificate: Path | None = None) -> Iterator[Postgres]:
    """A server in a temporary folder, which PostgreSQL's own user can reach."""
    folder = Path(tempfile.mkdtemp(prefix="joldama-postgres-"))
    os.chmod(folder, 0o711)
    with Ports() as ports:  # the port stays chosen while the server is away
        server = Postgres(folder / "data", ports.choose(), certificate)
        try:
            yield server.start()
        finally:
            server.stop()
            shutil.rmtree(folder, ignore_errors=True)
