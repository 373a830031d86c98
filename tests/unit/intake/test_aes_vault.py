"""The vault: sealing, blind indexes and digests."""

from uuid import uuid4

import pytest

from services.intake.adapters.aes_vault import AesVault, Unreadable

OLD, NEW = bytes(range(32)), bytes(range(100, 132))


def test_sealed_data_opens_for_the_same_child_only() -> None:
    vault, child = AesVault([NEW]), uuid4()
    sealed = vault.seal(child, b"secret")
    assert vault.open(child, sealed) == b"secret"
    with pytest.raises(Unreadable, match="does not open"):
        vault.open(uuid4(), sealed)


def test_equal_texts_have_different_sealed_bytes() -> None:
    vault, child = AesVault([NEW]), uuid4()
    sealed = [vault.seal(child, b"secret") for _ in range(50)]
    assert len(set(sealed)) == 50
    assert not any(b"secret" in one for one in sealed)


def test_a_changed_byte_is_detected() -> None:
    vault, child = AesVault([NEW]), uuid4()
    sealed = vault.seal(child, b"secret")
    for place in range(len(sealed)):
        changed = sealed[:place] + bytes([sealed[place] ^ 1]) + sealed[place + 1 :]
        with pytest.raises(Unreadable):
            vault.open(child, changed)


def test_after_a_rotation_old_data_opens_and_indexes_are_equal() -> None:
    before, after, child = AesVault([OLD]), AesVault([NEW, OLD]), uuid4()
    assert after.open(child, before.seal(child, b"secret")) == b"secret"
    assert after.index("200615600015") == before.index("200615600015")
    with pytest.raises(Unreadable, match="not configured"):
        before.open(child, after.seal(child, b"new"))


def test_an_index_depends_on_the_key_and_the_number() -> None:
    vault = AesVault([NEW])
    indexes = {vault.index("200615600015"), vault.index("200615600016"), AesVault([OLD]).index("200615600015")}
    assert {len(one) for one in indexes} == {32}
    assert len(indexes) == 3


def test_a_digest_depends_on_where_parts_end() -> None:
    vault = AesVault([NEW])
    assert vault.digest(b"ab", b"c") != vault.digest(b"a", b"bc")
