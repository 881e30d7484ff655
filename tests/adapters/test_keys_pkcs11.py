"""Keys on a token: SoftHSM2 behind our signing process, its signatures judged by cryptography."""

import asyncio
import os
import signal
import socket
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec, padding
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat

from gateway.ports.signing import KeyUnavailable
from gateway.signing.keys import signer
from gateway.signing.keys.line import Line, connect
from gateway.signing.keys.provider import Keys
from gateway.signing.keys.settings import Terms, TokenKey
from tests.adapters.token_tools import LABEL, PIN, SoftToken, needs_softhsm
from tests.unit.trust_pki import AT, DAY, Holder, make

pytestmark = needs_softhsm

CONTENT = b"<ds:SignedInfo/>"
QUICK = Terms(deadline=10, start=20, reread=600, pause=0.01)


@pytest.fixture
def token(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> SoftToken:
    return SoftToken.fresh(tmp_path, monkeypatch)


@pytest.fixture
def rsa(token: SoftToken) -> Holder:
    holder = make("CN=Sở Nội vụ", key_label="rsa token")
    token.put(holder, "rsa", "01")
    return holder


class Warnings(list[tuple[str, str]]):
    def __call__(self, code: str, detail: str) -> None:
        self.append((code, detail))


@asynccontextmanager
async def opened(*settings: TokenKey, terms: Terms = QUICK, **more: Any) -> AsyncIterator[Keys]:
    given: dict[str, Any] = {"warn": Warnings(), "now": lambda: datetime.now(UTC)} | more
    keys = Keys(settings, terms=terms, **given)
    try:
        await keys.open()
        yield keys
    finally:
        await keys.close()


def pid(keys: Keys) -> int:
    found = next(iter(keys._tokens.values())).signer.pid
    assert found is not None
    return found


async def until(true: Callable[[], Awaitable[bool]]) -> None:
    async with asyncio.timeout(20):
        while not await true():
            await asyncio.sleep(0.01)


def check(holder: Holder, signature: bytes, scheme: str, digest: hashes.HashAlgorithm) -> None:
    public = holder.key.public_key()
    if scheme == "ecdsa":
        public.verify(signature, CONTENT, ec.ECDSA(digest))
    elif scheme == "rsa-pss":
        pss = padding.PSS(mgf=padding.MGF1(digest), salt_length=digest.digest_size)
        public.verify(signature, CONTENT, pss, digest)
    else:
        public.verify(signature, CONTENT, padding.PKCS1v15(), digest)


async def test_every_scheme_and_digest_gives_a_signature_that_others_accept(token: SoftToken, rsa: Holder) -> None:
    curve = make("CN=Sở Tư pháp", key_label="token p256")
    token.put(curve, "ec", "02")
    settings = (
        token.key("pkcs1", label="rsa"),
        token.key("pss", label="rsa", scheme="rsa-pss"),
        token.key("ec", scheme="ecdsa"),
    )
    digests: dict[Any, hashes.HashAlgorithm] = {
        "sha256": hashes.SHA256(),
        "sha384": hashes.SHA384(),
        "sha512": hashes.SHA512(),
    }
    async with opened(*settings) as keys:
        for one in settings:
            key = await keys.key(one.id)
            holder = curve if one.scheme == "ecdsa" else rsa
            assert key.certificate == holder.der
            for name, digest in digests.items():
                check(holder, await key.sign(CONTENT, name), one.scheme, digest)


async def test_a_key_is_found_by_its_id_too_and_its_certificate_may_lie_in_a_file(
    token: SoftToken, tmp_path: Path
) -> None:
    root = make("CN=Gốc", ca=True)
    holder = root.issue("CN=Sở Y tế", key_label="rsa token")
    token.put(holder, "any", "a0b1", certificate=False)
    paper, chain = tmp_path / "own.pem", tmp_path / "chain.pem"
    paper.write_bytes(holder.cert.public_bytes(Encoding.PEM))
    chain.write_bytes(root.cert.public_bytes(Encoding.PEM))
    async with opened(token.key("k", label=None, key_id="A0B1", certificate=paper, chain=chain)) as keys:
        key = await keys.key("k")
        assert key.chain == (root.der,)
        check(holder, await key.sign(CONTENT, "sha256"), "rsa-pkcs1v15", hashes.SHA256())


async def test_a_key_that_wants_the_pin_for_each_signature_gets_it(token: SoftToken, tmp_path: Path) -> None:
    holder = make("CN=Sở Y tế", key_label="rsa token")
    key, paper = tmp_path / "key.der", tmp_path / "own.der"
    key.write_bytes(holder.key.private_bytes(Encoding.DER, PrivateFormat.PKCS8, NoEncryption()))
    paper.write_bytes(holder.der)
    options = ("--id", "05", "--label", "each", "--always-auth", "--usage-sign")
    token.tool("--write-object", key, "--type", "privkey", *options)
    assert "always" in token.tool("--list-objects", "--type", "privkey").casefold()
    async with opened(token.key("each", certificate=paper)) as keys:
        for _ in range(3):
            signature = await (await keys.key("each")).sign(CONTENT, "sha256")
            check(holder, signature, "rsa-pkcs1v15", hashes.SHA256())


async def test_a_certificate_of_another_key_is_refused(token: SoftToken, rsa: Holder, tmp_path: Path) -> None:
    paper = tmp_path / "other.pem"
    paper.write_bytes(make("CN=Khác", key_label="rsa other").cert.public_bytes(Encoding.PEM))
    async with opened(token.key("rsa", certificate=paper)) as keys:
        with pytest.raises(KeyUnavailable, match=r"key\.unusable .*does not belong"):
            await keys.key("rsa")


async def test_a_key_that_is_not_on_the_token_is_offline_and_the_others_sign(token: SoftToken, rsa: Holder) -> None:
    async with opened(token.key("rsa"), token.key("none")) as keys:
        await (await keys.key("rsa")).sign(CONTENT, "sha256")
        with pytest.raises(KeyUnavailable, match=r"key\.offline no key with that name"):
            await keys.key("none")


async def test_an_expired_certificate_signs_nothing(token: SoftToken, rsa: Holder) -> None:
    async with opened(token.key("rsa"), now=lambda: AT + 400 * DAY) as keys:
        with pytest.raises(KeyUnavailable, match=r"key\.expired"):
            await keys.key("rsa")


async def test_a_wrong_pin_costs_one_try_however_often_it_is_wanted(
    token: SoftToken, rsa: Holder, tmp_path: Path
) -> None:
    warnings = Warnings()
    memory = tmp_path / "pins.json"
    tries = Tries(token)
    for _ in range(3):  # as a service that is restarted
        async with opened(token.key("rsa", pin="000000"), warn=warnings, pin_memory=memory) as keys:
            for _ in range(40):
                with pytest.raises(KeyUnavailable) as refusal:
                    await (await keys.key("rsa")).sign(CONTENT, "sha256")
                assert (refusal.value.code, refusal.value.temporary) == ("key.pin", False)
        tries.look()
    assert "count low" in token.flags().casefold()
    assert tries.seen == [1, 1, 1]
    with pytest.raises(AssertionError):
        token.tool("--list-objects", pin="999999")
    tries.look()
    assert tries.seen[-1] == 2, "the measure sees a second try"
    assert [code for code, _ in warnings] == ["key.pin"] * 3
    assert memory.stat().st_mode & 0o777 == 0o600
    assert b"000000" not in memory.read_bytes()
    async with opened(token.key("rsa"), pin_memory=memory) as keys:
        await (await keys.key("rsa")).sign(CONTENT, "sha256")
    assert "count low" not in token.flags().casefold()


class Tries:
    """How often a wrong PIN reached the token: a login that failed rewrites its object."""

    def __init__(self, token: SoftToken) -> None:
        self._file = next(token.folder.glob("tokens/*/token.object"))
        self._marks: set[int] = {self._file.stat().st_mtime_ns}
        self.seen: list[int] = []

    def look(self) -> None:
        self._marks.add(self._file.stat().st_mtime_ns)
        self.seen.append(len(self._marks) - 1)


async def test_a_corrected_pin_is_tried_while_running(token: SoftToken, rsa: Holder) -> None:
    pins = ["000000"]
    terms = Terms(deadline=10, start=20, reread=0.02, pause=0.01)
    async with opened(token.key("rsa", pin=lambda: pins[0]), terms=terms) as keys:
        with pytest.raises(KeyUnavailable, match=r"key\.pin"):
            await keys.key("rsa")
        pins[0] = PIN

        async def signs() -> bool:
            return (await keys.describe())[0].state == "ready"

        await until(signs)
        await (await keys.key("rsa")).sign(CONTENT, "sha256")


async def test_after_a_strangers_wrong_try_an_operator_has_to_allow_ours_if_nothing_is_remembered(
    token: SoftToken, rsa: Holder
) -> None:
    with pytest.raises(AssertionError):
        token.tool("--list-objects", pin="999999")
    async with opened(token.key("rsa")) as keys:
        with pytest.raises(KeyUnavailable, match=r"key\.pin .*operator"):
            await keys.key("rsa")
        await keys.allow_try("rsa")

        async def signs() -> bool:
            return (await keys.describe())[0].state == "ready"

        await until(signs)


async def test_a_module_that_cannot_be_loaded_is_tried_ever_more_rarely_and_told_once(
    token: SoftToken, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    begun: list[float] = []

    async def counted(*secrets: str) -> Line:
        begun.append(asyncio.get_running_loop().time())
        return await connect(*secrets)

    monkeypatch.setattr(signer, "connect", counted)
    warnings = Warnings()
    terms = Terms(deadline=0.1, start=5, pause=0.05, longest_pause=0.4)
    async with opened(token.key("rsa", module=tmp_path / "none.so"), terms=terms, warn=warnings) as keys:

        async def tried_often() -> bool:
            return len(begun) > 5

        await until(tried_often)
        with pytest.raises(KeyUnavailable, match=r"key\.offline"):
            await keys.key("rsa")
    assert [code for code, _ in warnings] == ["key.offline"]
    assert begun[4] - begun[3] > 0.4


async def test_a_token_that_is_not_there_is_offline(token: SoftToken, rsa: Holder) -> None:
    quick = Terms(deadline=1, start=5, pause=0.01)
    async with opened(token.key("rsa", token="another"), terms=quick) as keys:
        with pytest.raises(KeyUnavailable, match=r"key\.offline"):
            await keys.key("rsa")


async def test_a_process_that_is_killed_mid_work_comes_back_and_nothing_is_lost(token: SoftToken, rsa: Holder) -> None:
    async with opened(token.key("rsa")) as keys:
        key = await keys.key("rsa")
        before = pid(keys)
        work = [asyncio.create_task(key.sign(CONTENT, "sha256")) for _ in range(100)]
        await asyncio.wait(work, return_when=asyncio.FIRST_COMPLETED)
        os.kill(before, signal.SIGKILL)
        assert not all(one.done() for one in work)
        for signature in await asyncio.gather(*work):
            check(rsa, signature, "rsa-pkcs1v15", hashes.SHA256())
        assert pid(keys) != before
        assert not Path(f"/proc/{before}").exists()


async def test_a_process_that_hangs_is_given_up_in_time_and_replaced(token: SoftToken, rsa: Holder) -> None:
    terms = Terms(deadline=0.5, start=20, pause=0.01)
    async with opened(token.key("rsa"), terms=terms) as keys:
        key = await keys.key("rsa")
        before = pid(keys)
        os.kill(before, signal.SIGSTOP)
        loop = asyncio.get_running_loop()
        begun = loop.time()
        with pytest.raises(KeyUnavailable) as refusal:
            await key.sign(CONTENT, "sha256")
        assert loop.time() - begun < 1
        assert (refusal.value.code, refusal.value.temporary) == ("key.offline", True)

        async def replaced() -> bool:
            return (await keys.describe())[0].state == "ready"

        await until(replaced)
        assert pid(keys) != before
        await key.sign(CONTENT, "sha256")


async def test_two_hundred_at_once_are_signed_and_beyond_the_queue_they_are_told_so(
    token: SoftToken, rsa: Holder
) -> None:
    terms = Terms(deadline=20, start=20, queue=200)
    async with opened(token.key("rsa"), terms=terms) as keys:
        key = await keys.key("rsa")
        outcomes = await asyncio.gather(
            *(key.sign(b"%d" % index, "sha256") for index in range(230)), return_exceptions=True
        )
        signatures = [one for one in outcomes if isinstance(one, bytes)]
        refusals = [one for one in outcomes if isinstance(one, KeyUnavailable)]
        assert len(signatures) == 200
        assert [(one.code, one.temporary) for one in refusals] == [("key.busy", True)] * 30
        for index, signature in enumerate(signatures):
            rsa.key.public_key().verify(signature, b"%d" % index, padding.PKCS1v15(), hashes.SHA256())


async def test_a_queue_that_is_too_slow_is_busy_and_its_process_lives_on(token: SoftToken, rsa: Holder) -> None:
    terms = Terms(deadline=0.5, start=20, queue=5000)
    async with opened(token.key("rsa", sessions=1), terms=terms) as keys:
        key = await keys.key("rsa")
        before = pid(keys)
        outcomes = await asyncio.gather(*(key.sign(CONTENT, "sha256") for _ in range(2500)), return_exceptions=True)
        assert {one.code for one in outcomes if isinstance(one, KeyUnavailable)} == {"key.busy"}
        await key.sign(CONTENT, "sha256")
        assert pid(keys) == before


async def test_a_key_that_replaces_another_is_used_from_then_on(token: SoftToken, rsa: Holder) -> None:
    terms = Terms(deadline=10, start=20, reread=0.05)
    async with opened(token.key("rsa"), terms=terms) as keys:
        assert (await keys.key("rsa")).certificate == rsa.der
        fresh = make("CN=Sở Nội vụ", key_label="rsa fresh", begins=AT - DAY)
        token.put(fresh, "rsa", "07")

        async def rotated() -> bool:
            return (await keys.key("rsa")).certificate == fresh.der

        await until(rotated)
        token.remove("01")
        check(fresh, await (await keys.key("rsa")).sign(CONTENT, "sha256"), "rsa-pkcs1v15", hashes.SHA256())


async def test_a_broken_replacement_keeps_the_old_key_and_says_so(token: SoftToken, rsa: Holder) -> None:
    warnings = Warnings()
    async with opened(token.key("rsa"), terms=Terms(start=20, reread=0.05), warn=warnings) as keys:
        stranger = make("CN=Sở Nội vụ", key_label="rsa other", begins=AT - DAY)
        paper = token.folder / "in.der"
        paper.write_bytes(stranger.der)
        token.tool("--write-object", paper, "--type", "cert", "--id", "01", "--label", "rsa")

        async def told() -> bool:
            return bool(warnings)

        await until(told)
        assert warnings[0] == ("key.unusable", "rsa: the certificate does not belong to the key")
        key = await keys.key("rsa")
        assert key.certificate == rsa.der
        await key.sign(CONTENT, "sha256")
        (state,) = await keys.describe()
        assert state.state == "ready"
        assert "does not belong" in state.detail


async def test_a_key_that_was_removed_signs_no_more(token: SoftToken, rsa: Holder) -> None:
    async with opened(token.key("rsa")) as keys:
        key = await keys.key("rsa")
        token.remove("01")
        with pytest.raises(KeyUnavailable, match=r"key\.offline"):
            await key.sign(CONTENT, "sha256")


async def test_the_process_has_no_pin_in_sight_and_no_descriptor_of_ours(
    token: SoftToken, rsa: Holder, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HSM_PIN", PIN)
    with socket.create_server(("127.0.0.1", 0)) as listening:
        listening.set_inheritable(True)
        async with opened(token.key("rsa")) as keys:
            await (await keys.key("rsa")).sign(CONTENT, "sha256")
            place = Path(f"/proc/{pid(keys)}")
            for name in ("cmdline", "environ"):
                assert PIN.encode() not in (place / name).read_bytes(), name
            assert b"SOFTHSM2_CONF" in (place / "environ").read_bytes()
            ours = os.readlink(f"/proc/self/fd/{listening.fileno()}")
            assert ours not in {os.readlink(one) for one in (place / "fd").iterdir()}


async def test_the_process_ends_with_the_provider(token: SoftToken, rsa: Holder) -> None:
    async with opened(token.key("rsa")) as keys:
        place = Path(f"/proc/{pid(keys)}")
        assert place.exists()
    assert not place.exists()
    with pytest.raises(KeyUnavailable, match=r"key\.offline"):
        await keys.key("rsa")
    await keys.close()


async def test_the_listing_names_whose_key_it_is(token: SoftToken, rsa: Holder) -> None:
    async with opened(token.key("rsa")) as keys:
        (state,) = await keys.describe()
        assert (state.id, state.kind, state.state, state.detail) == ("rsa", "token", "ready", "")
        assert state.subject == "CN=Sở Nội vụ"
        assert state.not_after == rsa.cert.not_valid_after_utc
        assert PIN not in repr(keys._settings)


def test_keys_of_one_token_have_one_pin(token: SoftToken) -> None:
    with pytest.raises(ValueError, match=LABEL):
        Keys([token.key("a"), token.key("b", pin="1")], warn=Warnings(), now=lambda: AT)
