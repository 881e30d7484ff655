"""Keys in files: what is loaded, what is refused, and what happens when they change while running."""

import asyncio
import os
import subprocess
import threading
import time
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec, padding
from cryptography.hazmat.primitives.serialization import (
    BestAvailableEncryption,
    Encoding,
    NoEncryption,
    PrivateFormat,
    pkcs12,
)

from gateway.ports.signing import KeyUnavailable, Scheme
from gateway.signing.keys import file_keys
from gateway.signing.keys.provider import Keys
from gateway.signing.keys.settings import FileKey, Terms, TokenKey
from tests.unit.trust_pki import AT, DAY, Holder, make

CONTENT = b"noi dung"
PASSWORD = "mật khẩu"
RSA = make("CN=Sở Nội vụ", key_label="rsa file")
CURVE = make("CN=Sở Tư pháp", key_label="file p256")


class Warnings(list[tuple[str, str]]):
    def __call__(self, code: str, detail: str) -> None:
        self.append((code, detail))


def pem(holder: Holder, password: str | None = None, form: PrivateFormat = PrivateFormat.PKCS8) -> bytes:
    encryption = BestAvailableEncryption(password.encode()) if password else NoEncryption()
    return bytes(holder.key.private_bytes(Encoding.PEM, form, encryption))


def paper(*holders: Holder) -> bytes:
    return b"".join(one.cert.public_bytes(Encoding.PEM) for one in holders)


def p12(holder: Holder, password: str, *others: Holder) -> bytes:
    encryption = BestAvailableEncryption(password.encode())
    return pkcs12.serialize_key_and_certificates(
        b"k", holder.key, holder.cert, [one.cert for one in others], encryption
    )


def write(path: Path, content: bytes, mode: int = 0o600) -> Path:
    """Replace a file as programs that rotate keys do: at once."""
    fresh = path.with_name(path.name + ".new")
    fresh.write_bytes(content)
    fresh.chmod(mode)
    fresh.replace(path)
    return path


def provider(*settings: FileKey | TokenKey, **options: Any) -> Keys:
    given: dict[str, Any] = {"warn": Warnings(), "now": lambda: datetime.now(UTC), "terms": Terms(look=0)}
    return Keys(settings, **(given | options))


async def refusal(keys: Keys) -> KeyUnavailable:
    with pytest.raises(KeyUnavailable) as caught:
        await keys.key("k")
    return caught.value


FORMS: dict[str, tuple[Callable[[], bytes], str | None]] = {
    "PEM": (lambda: pem(RSA) + paper(RSA), None),
    "PEM, certificate first": (lambda: paper(RSA) + pem(RSA), None),
    "PEM, PKCS#1": (lambda: pem(RSA, None, PrivateFormat.TraditionalOpenSSL) + paper(RSA), None),
    "PEM, encrypted": (lambda: pem(RSA, PASSWORD) + paper(RSA), PASSWORD),
    "PEM, a password nobody needs": (lambda: pem(RSA) + paper(RSA), PASSWORD),
    "PKCS#12": (lambda: p12(RSA, PASSWORD), PASSWORD),
}


@pytest.mark.parametrize("form", FORMS)
async def test_every_form_of_key_file_signs(tmp_path: Path, form: str) -> None:
    content, password = FORMS[form]
    path = write(tmp_path / "key", content())
    key = await provider(FileKey("k", path, password)).key("k")
    assert (key.id, key.certificate) == ("k", RSA.der)
    signature = await key.sign(CONTENT, "sha512")
    RSA.key.public_key().verify(signature, CONTENT, padding.PKCS1v15(), hashes.SHA512())


@pytest.mark.parametrize("cipher", [("-aes256",), ("-aes128", "-traditional")])
async def test_what_openssl_encrypted_is_opened(tmp_path: Path, cipher: tuple[str, ...]) -> None:
    plain, path = write(tmp_path / "plain", pem(RSA)), tmp_path / "key"
    done = subprocess.run(
        ["openssl", "rsa", "-in", plain, *cipher, "-passout", "pass:abc", "-out", path],
        capture_output=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    path.chmod(0o600)
    settings = FileKey("k", path, "abc", certificate=write(tmp_path / "cert", RSA.der))
    await (await provider(settings).key("k")).sign(CONTENT, "sha256")


async def test_der_and_the_other_schemes_sign(tmp_path: Path) -> None:
    der = CURVE.key.private_bytes(Encoding.DER, PrivateFormat.PKCS8, NoEncryption())
    curve = FileKey("ec", write(tmp_path / "ec", der), certificate=write(tmp_path / "c", CURVE.der), scheme="ecdsa")
    pss = FileKey("pss", write(tmp_path / "pss", pem(RSA) + paper(RSA)), scheme="rsa-pss")
    keys = provider(curve, pss)
    assert keys.ids() == ["ec", "pss"]
    signature = await (await keys.key("ec")).sign(CONTENT, "sha384")
    CURVE.key.public_key().verify(signature, CONTENT, ec.ECDSA(hashes.SHA384()))
    signature = await (await keys.key("pss")).sign(CONTENT, "sha384")
    expected = padding.PSS(mgf=padding.MGF1(hashes.SHA384()), salt_length=48)
    RSA.key.public_key().verify(signature, CONTENT, expected, hashes.SHA384())


async def test_the_chain_is_put_in_order_and_what_is_not_of_it_left_out(tmp_path: Path) -> None:
    root = make("CN=Gốc", ca=True)
    issuing = root.authority("CN=Cấp phát")
    own = issuing.issue("CN=Sở Y tế", key_label="rsa file")
    stranger = make("CN=Người lạ", ca=True)
    chain = write(tmp_path / "chain", paper(stranger, root, issuing))
    enclosed = FileKey("k", write(tmp_path / "p12", p12(own, "x", root, issuing)), "x")
    beside = FileKey("l", write(tmp_path / "pem", pem(own) + paper(own)), chain=chain)
    keys = provider(enclosed, beside)
    assert (await keys.key("k")).chain == (issuing.der, root.der)
    assert (await keys.key("l")).chain == (issuing.der, root.der)


@pytest.mark.parametrize("mode", [0o604, 0o644, 0o660, 0o602])
async def test_a_key_that_others_may_touch_is_refused_unless_that_is_wanted(tmp_path: Path, mode: int) -> None:
    path = write(tmp_path / "key", pem(RSA) + paper(RSA), mode)
    refused = await refusal(provider(FileKey("k", path)))
    assert (refused.code, refused.temporary) == ("key.unusable", False)
    assert f"mode {mode:04o}" in refused.detail
    await provider(FileKey("k", path, shared=True)).key("k")


async def test_a_group_may_read_the_key(tmp_path: Path) -> None:
    await provider(FileKey("k", write(tmp_path / "key", pem(RSA) + paper(RSA), 0o640))).key("k")


BROKEN: dict[str, tuple[Callable[[], bytes], str | None, str, str]] = {
    "mismatch": (
        lambda: pem(RSA) + paper(make("CN=B", key_label="rsa other")),
        None,
        "key.unusable",
        "does not belong",
    ),
    "mismatch of kind": (lambda: pem(CURVE) + paper(RSA), None, "key.unusable", "kind of key"),
    "weak": (lambda: _weak(), None, "key.unusable", "1024 bits"),
    "no certificate": (lambda: pem(RSA), None, "key.unusable", "no certificate"),
    "no key": (lambda: paper(RSA), None, "key.unusable", "0 private keys"),
    "two keys": (lambda: pem(RSA) + pem(CURVE) + paper(RSA), None, "key.unusable", "2 private keys"),
    "password missing": (lambda: pem(RSA, PASSWORD) + paper(RSA), None, "key.pin", "no password"),
    "password wrong": (lambda: pem(RSA, PASSWORD) + paper(RSA), "x", "key.pin", "wrong"),
    "PKCS#12 password wrong": (lambda: p12(RSA, PASSWORD), "x", "key.pin", "wrong"),
    "PKCS#12 cut": (lambda: p12(RSA, PASSWORD)[:700], PASSWORD, "key.unusable", "PKCS#12"),
    "nothing": (lambda: b"", None, "key.unusable", "decoded"),
    "noise": (lambda: os.urandom(300), None, "key.unusable", "decoded"),
    "large": (lambda: bytes(2 << 20), None, "key.unusable", "larger"),
}


def _weak() -> bytes:
    weak = make("CN=Yếu", key_label="rsa1024")
    return pem(weak) + paper(weak)


@pytest.mark.parametrize("case", BROKEN)
async def test_what_is_no_fit_key_is_refused_with_the_reason(tmp_path: Path, case: str) -> None:
    content, password, code, detail = BROKEN[case]
    warnings = Warnings()
    keys = provider(FileKey("k", write(tmp_path / "key", content()), password), warn=warnings)
    for _ in range(2):
        refused = await refusal(keys)
        assert (refused.code, refused.temporary) == (code, False)
        assert detail in refused.detail
    assert [found for found, _ in warnings] == [code], "told once"


@pytest.mark.parametrize(("owner", "scheme"), [(CURVE, "rsa-pkcs1v15"), (CURVE, "rsa-pss"), (RSA, "ecdsa")])
async def test_a_key_that_cannot_sign_as_it_is_told_to_is_refused(tmp_path: Path, owner: Any, scheme: Scheme) -> None:
    refused = await refusal(provider(FileKey("k", write(tmp_path / "key", pem(owner) + paper(owner)), scheme=scheme)))
    assert (refused.code, refused.temporary) == ("key.unusable", False)
    assert scheme in refused.detail


@pytest.mark.parametrize(("owner", "scheme"), [(CURVE, "ecdsa"), (RSA, "rsa-pkcs1v15")])
async def test_a_key_that_is_told_nothing_signs_as_suits_it(tmp_path: Path, owner: Any, scheme: Scheme) -> None:
    keys = provider(FileKey("k", write(tmp_path / "key", pem(owner) + paper(owner))))
    key = await keys.key("k")
    assert key.scheme == scheme
    await key.sign(CONTENT, "sha256")
    (state,) = await keys.describe()
    assert (state.state, state.scheme) == ("ready", scheme)


async def test_an_absent_file_is_offline_until_it_comes(tmp_path: Path) -> None:
    keys = provider(FileKey("k", tmp_path / "key"))
    refused = await refusal(keys)
    assert (refused.code, refused.temporary) == ("key.offline", True)
    write(tmp_path / "key", pem(RSA) + paper(RSA))
    await (await keys.key("k")).sign(CONTENT, "sha256")


async def test_a_pipe_is_not_waited_for(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "key", 0o600)
    assert "regular" in (await refusal(provider(FileKey("k", tmp_path / "key")))).detail


async def test_an_unknown_name_is_said_to_be_unknown() -> None:
    assert (await refusal(provider())).code == "key.unknown"


@pytest.mark.parametrize(("days", "temporary"), [(366, False), (-366, True)])
async def test_outside_its_certificates_time_a_key_signs_nothing(tmp_path: Path, days: int, temporary: bool) -> None:
    now = [datetime.now(UTC)]
    keys = provider(FileKey("k", write(tmp_path / "key", pem(RSA) + paper(RSA))), now=lambda: now[0])
    key = await keys.key("k")
    now[0] = AT + days * DAY
    with pytest.raises(KeyUnavailable) as caught:
        await key.sign(CONTENT, "sha256")
    assert (caught.value.code, caught.value.temporary) == ("key.expired", temporary)
    assert (await refusal(keys)).code == "key.expired"
    (state,) = await keys.describe()
    assert (state.state, state.not_after) == ("key.expired", RSA.cert.not_valid_after_utc)


async def test_a_new_file_is_used_from_then_on_and_the_old_key_ends_what_it_began(tmp_path: Path) -> None:
    path = write(tmp_path / "key", pem(RSA) + paper(RSA))
    keys = provider(FileKey("k", path))
    old = await keys.key("k")
    assert await keys.key("k") is old, "loaded once"
    fresh = make("CN=Sở Nội vụ", key_label="rsa fresh")
    write(path, pem(fresh) + paper(fresh))
    assert (await keys.key("k")).certificate == fresh.der
    RSA.key.public_key().verify(await old.sign(CONTENT, "sha256"), CONTENT, padding.PKCS1v15(), hashes.SHA256())


async def test_a_broken_new_file_keeps_the_old_key_and_says_so(tmp_path: Path) -> None:
    warnings = Warnings()
    path, certificate = write(tmp_path / "key", pem(RSA)), write(tmp_path / "cert", paper(RSA))
    keys = provider(FileKey("k", path, certificate=certificate), warn=warnings)
    await keys.key("k")
    fresh = make("CN=Sở Nội vụ", key_label="rsa fresh")
    write(path, pem(fresh))  # the certificate is still the old one's
    for _ in range(3):
        assert (await keys.key("k")).certificate == RSA.der
    assert [code for code, _ in warnings] == ["key.unusable"]
    assert "the key from before is used" in warnings[0][1]
    (state,) = await keys.describe()
    assert (state.state, state.subject) == ("ready", "CN=Sở Nội vụ")
    assert "does not belong" in state.detail
    write(certificate, paper(fresh))
    assert (await keys.key("k")).certificate == fresh.der
    assert (await keys.describe())[0].detail == ""


async def test_an_expired_replacement_is_not_taken(tmp_path: Path) -> None:
    path = write(tmp_path / "key", pem(RSA) + paper(RSA))
    keys = provider(FileKey("k", path))
    await keys.key("k")
    ended = make("CN=Cũ", key_label="rsa fresh", begins=AT - 9 * DAY, ends=AT - DAY)
    write(path, pem(ended) + paper(ended))
    assert (await keys.key("k")).certificate == RSA.der


async def test_a_corrected_password_is_seen(tmp_path: Path) -> None:
    passwords = ["x"]
    keys = provider(FileKey("k", write(tmp_path / "key", pem(RSA, "y") + paper(RSA)), lambda: passwords[0]))
    assert (await refusal(keys)).code == "key.pin"
    passwords[0] = "y"
    await keys.key("k")


async def test_a_signature_that_went_wrong_is_not_handed_out(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    keys = provider(FileKey("k", write(tmp_path / "key", pem(RSA) + paper(RSA))))
    key = await keys.key("k")

    def faulty(*given: Any) -> bytes:
        right = bytearray(sign(*given))
        right[100] ^= 1
        return bytes(right)

    sign = file_keys.sign
    monkeypatch.setattr(file_keys, "sign", faulty)
    with pytest.raises(KeyUnavailable, match="wrongly"):
        await key.sign(CONTENT, "sha256")


async def test_opening_pkcs12_leaves_the_loop_alone(tmp_path: Path) -> None:
    """In a thread of ours it would hold the interpreter for 50 ms, three times."""
    path = write(tmp_path / "p12", p12(RSA, PASSWORD))
    keys = provider(FileKey("k", path, PASSWORD))
    gaps: list[float] = []
    running = asyncio.create_task(_gaps(gaps))
    for _ in range(3):
        await keys.key("k")
        write(path, p12(RSA, PASSWORD))
    running.cancel()
    assert sorted(gaps)[-3] < 0.04, "the third longest"


async def test_of_many_signatures_at_once_each_lets_the_loop_go_on(tmp_path: Path) -> None:
    key = await provider(FileKey("k", write(tmp_path / "key", pem(RSA) + paper(RSA)))).key("k")
    gaps: list[float] = []
    running = asyncio.create_task(_gaps(gaps))
    await asyncio.gather(*(key.sign(CONTENT, "sha256") for _ in range(100)))
    running.cancel()
    assert len(gaps) >= 100, "the loop went round at least once for each"


async def test_a_slow_key_signs_beside_the_loop(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(file_keys, "INLINE", 0)
    key = await provider(FileKey("k", write(tmp_path / "key", pem(RSA) + paper(RSA)))).key("k")
    threads: set[bool] = set()

    def noted(*given: Any) -> bytes:
        threads.add(threading.current_thread() is threading.main_thread())
        return sign(*given)

    sign = file_keys.sign
    monkeypatch.setattr(file_keys, "sign", noted)
    signature = await key.sign(CONTENT, "sha256")
    RSA.key.public_key().verify(signature, CONTENT, padding.PKCS1v15(), hashes.SHA256())
    assert threads == {False}


async def test_a_large_content_is_digested_the_same(tmp_path: Path) -> None:
    key = await provider(FileKey("k", write(tmp_path / "key", pem(RSA) + paper(RSA)))).key("k")
    content = bytes(3 << 20)
    RSA.key.public_key().verify(await key.sign(content, "sha256"), content, padding.PKCS1v15(), hashes.SHA256())


async def _gaps(gaps: list[float]) -> None:
    last = time.perf_counter()
    while True:
        await asyncio.sleep(0)
        now = time.perf_counter()
        gaps.append(now - last)
        last = now


def test_secrets_are_in_no_representation(tmp_path: Path) -> None:
    file = FileKey("k", tmp_path, PASSWORD)
    token = TokenKey("t", tmp_path, "label", "271828")
    assert PASSWORD not in repr(file)
    assert "271828" not in repr(token)


def test_an_id_is_given_once(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="id"):
        provider(FileKey("k", tmp_path), FileKey("k", tmp_path))
