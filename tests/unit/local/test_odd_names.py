"""Folders with any name: each format in which a path or a value is written gives it back as it was."""

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest
from sqlalchemy import make_url
from supervisor.options import ServerOptions

from services.local.home import Home
from services.local.kafka import Kafka
from services.local.parts import SERVICES, Part
from services.local.plan import make_plan
from services.local.ports import Ports
from services.local.private import UnusableHome
from services.local.stamps import migration_stamp
from services.local.supervisord_conf import SOCKET, configuration, described

NAMES = ["әлия", "a b", "it's", 'a "b"', "a #b", "a ;b", "100 %", "%41%(x)s", "a,b", "a:b", "a\\n", "a\nb", "$HOME",
         "a?b=c", "`x`", "-a", "~", "!", "a\u00a0b", "👶"]  # fmt: skip
any_name = pytest.mark.parametrize("name", NAMES)
TELL = "import json, os, sys; print(json.dumps([sys.argv[1:], os.environ['VALUE'], os.getcwd()]))"


@any_name
@pytest.mark.parametrize("locale", ["C", "C.UTF-8"])
def test_a_part_s_file_passes_on_words_values_and_folder(tmp_path: Path, name: str, locale: str) -> None:
    (folder := tmp_path / name).mkdir()
    (file := tmp_path / "part.json").write_text(
        described([sys.executable, "-c", TELL, name, ""], folder, {"VALUE": name}), encoding="ascii"
    )
    become = "import os, sys; from services.local.forking import Options; Options().execve(sys.argv[1], [], os.environ)"
    command, environment = [sys.executable, "-c", become, str(file)], {"LC_ALL": locale}
    told = subprocess.run(command, env=environment, capture_output=True, check=True).stdout
    assert json.loads(told) == [[name, ""], name, str(folder)]


@any_name
def test_a_database_s_url_names_its_file(tmp_path: Path, name: str) -> None:
    home = Home(tmp_path / name)
    home.make()
    with Ports() as ports:
        url = make_plan(home, ports, {"JOLDAMA_KAFKA_SERVERS": "k:1", "JOLDAMA_REDIS_URL": "r"}).intake_sql_url
    assert url.isascii()
    assert make_url(url).database == str(home.sql / "intake.sqlite3")
    assert not make_url(url).query
    (home.sql / "intake.sqlite3").touch()
    assert migration_stamp("intake", url)


def test_supervisord_s_settings_are_its_own_words_only(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    part = Part("intake", SERVICES, ("it's", "a #b;"), lambda: True, {"KEY": 'a "b" %'}, tmp_path / "100 % ; әлия")
    (settings := tmp_path / "supervisord.conf").write_text(configuration([part]), encoding="ascii")
    monkeypatch.setenv(SOCKET, str(tmp_path / "a #b; 100 %"))
    monkeypatch.chdir(tmp_path)
    (tmp_path / "logs").mkdir()
    options = ServerOptions()
    options.realize(["-n", "-c", str(settings)])
    assert options.configroot.supervisord.server_configs[0]["file"] == os.environ[SOCKET]


def test_kafka_s_settings_name_no_folder(tmp_path: Path) -> None:
    node = Kafka(tmp_path / "әлия, %", 1, 2)
    node.folder.mkdir()
    (node.folder / "data").mkdir()
    (node.folder / "cluster-id").write_text("formatted")
    node.lay_out(tmp_path)
    assert "log.dirs=data\n" in (node.folder / "server.properties").read_text(encoding="ascii")
    assert not any(str(node.folder) in word for word in node._java("kafka.Kafka", Path("/jars")))


def test_a_home_whose_name_is_no_text_is_refused_with_the_reason(tmp_path: Path) -> None:
    home = Home(tmp_path / os.fsdecode("Жолдама".encode("cp1251")))
    with pytest.raises(UnusableHome, match=r"UTF-8.*JOLDAMA_HOME"), home.held():
        pass
