"""The vault: children's keys, sealing, blind indexes and digests."""

from uuid import uuid4

import pytest

from services.intake.adapters.aes_vault import AesChildKey, AesVault, Unreadable
from services.intake.domain.keys import UNVERSIONED, Active, KeyPurpose, Keys, Purpose

OLD, NEW = bytes(range(32)), bytes(range(100, 132))
IIN = "200615600015"


def vault(**keys: bytes) -> AesVault:
    """A vault with keys of these versions, `v1=…`, of all kinds; `v0` is one of before there were versions."""
    ring = {int(name[1:]): key for name, key in keys.items()}
    return AesVault(Keys(dict.fromkeys(KeyPurpose, ring), tuple(ring[one] for one in ring if one == UNVERSIONED)))


def opened(by: AesVault, key: AesChildKey) -> AesChildKey:
    return by.key_of(key.child_id, key.version, key.wrapped)


def test_sealed_data_opens_for_the_same_child_referral_and_purpose_only() -> None:
    one, key, referral = vault(v1=NEW), vault(v1=NEW).new_key(uuid4()), uuid4()
    sealed = key.seal(Purpose.SUBMISSION, referral, b"secret")
    assert opened(one, key).open(Purpose.SUBMISSION, referral, sealed) == b"secret"
    for purpose, of in ((Purpose.SUBMISSION, uuid4()), (Purpose.NOTE, referral)):
        with pytest.raises(Unreadable, match="does not open"):
            key.open(purpose, of, sealed)
    with pytest.raises(Unreadable, match="does not open"):
        one.new_key(key.child_id).open(Purpose.SUBMISSION, referral, sealed)
    with pytest.raises(Unreadable, match="does not open"):
        one.key_of(uuid4(), key.version, key.wrapped)


def test_equal_texts_have_different_sealed_bytes() -> None:
    key, referral = vault(v1=NEW).new_key(uuid4()), uuid4()
    sealed = [key.seal(Purpose.SUBMISSION, referral, b"secret") for _ in range(50)]
    assert len(set(sealed)) == 50
    assert not any(b"secret" in one for one in sealed)


def test_a_changed_byte_is_detected() -> None:
    key, referral = vault(v1=NEW).new_key(uuid4()), uuid4()
    sealed = key.seal(Purpose.SUBMISSION, referral, b"secret")
    for place in range(len(sealed)):
        changed = sealed[:place] + bytes([sealed[place] ^ 1]) + sealed[place + 1 :]
        with pytest.raises(Unreadable):
            key.open(Purpose.SUBMISSION, referral, changed)
    for length in range(0, len(sealed), 7):
        with pytest.raises(Unreadable):
            key.open(Purpose.SUBMISSION, referral, sealed[:length])


def test_a_childs_key_is_wrapped_anew_and_still_opens_what_it_sealed() -> None:
    before, both, after = vault(v1=OLD), vault(v2=NEW, v1=OLD), vault(v2=NEW)
    key, referral = before.new_key(uuid4()), uuid4()
    sealed = key.seal(Purpose.SUBMISSION, referral, b"secret")
    assert both.new_key(uuid4()).version == 1, "the database has not said yet that the second one is active"
    both.active = Active(2, 2, 2)
    wrapped = both.rewrapped(key.child_id, key.version, key.wrapped)
    assert opened(after, wrapped).open(Purpose.SUBMISSION, referral, sealed) == b"secret"
    for key_alone, other in ((key, after), (wrapped, before)):
        with pytest.raises(Unreadable, match="not configured"):
            opened(other, key_alone)


def test_an_index_depends_on_the_key_its_version_and_the_number() -> None:
    both = vault(v2=NEW, v1=OLD)
    indexes = [*both.indexes(IIN).values(), *both.indexes("200615600016").values()]
    assert {len(one) for one in indexes} == {32}
    assert len(set(indexes)) == 4
    assert vault(v1=OLD).indexes(IIN)[1] == both.indexes(IIN)[1]


def test_what_keys_are_for_separates_them() -> None:
    one = vault(v1=NEW)
    assert one.indexes(IIN)[1] != one.digests(IIN.encode())[1]
    assert len(set(one.checks.values())) == len(KeyPurpose)


def test_a_digest_depends_on_where_parts_end() -> None:
    one = vault(v1=NEW)
    assert one.digests(b"ab", b"c") != one.digests(b"a", b"bc")


def test_no_key_is_in_a_repr() -> None:
    one = vault(v1=NEW)
    for secret in (one, one.new_key(uuid4()), Keys({KeyPurpose.DATA: {1: NEW}}, (OLD,))):
        assert "bytes" not in repr(secret)
        assert repr(NEW)[2:-1] not in repr(secret)
