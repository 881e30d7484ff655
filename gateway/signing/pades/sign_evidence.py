"""From B-T to B-LT: certificates and revocation data in the file's own store (ETSI EN 319 142-1 §5.4.2, DSS)."""

# mypy: allow-untyped-calls
# pyHanko annotates only a part of its functions.

from __future__ import annotations

from collections.abc import Sequence

from asn1crypto import crl as asn1_crl
from asn1crypto import ocsp as asn1_ocsp
from asn1crypto import x509 as asn1_x509
from pyhanko.sign.validation.dss import DocumentSecurityStore

from gateway.signing.pades.sign_fitness import opened, reading
from gateway.signing.pades.sign_update import Update
from gateway.signing.trust import armour
from gateway.signing.trust.model import Evidence


def add_evidence(pdf: bytes, certificates: Sequence[bytes], evidence: Evidence) -> bytes:
    """*pdf* with *certificates* (DER) and *evidence* in its document security store, in an incremental update.

    What the store holds already stays; certificates inside OCSP responses are stored too. Without anything new the file
    is returned as it is. Raises Refusal pdf.malformed, pdf.encrypted; NotValid malformed: evidence nobody can read.
    """
    with armour.decoding("the validation data"):
        known = [asn1_x509.Certificate.load(one, strict=True) for one in certificates]
        answers = [asn1_ocsp.OCSPResponse.load(one, strict=True) for one in evidence.ocsp]
        lists = [asn1_crl.CertificateList.load(one, strict=True) for one in evidence.crls]
        for one in (*known, *answers, *lists):
            _ = one.native
    reader = opened(pdf)
    with reading():
        update = Update(reader, b"".join((b"DSS", *certificates, *evidence.ocsp, *evidence.crls, pdf[-1024:])))
        store = DocumentSecurityStore.supply_dss_in_writer(update, None, certs=known, ocsps=answers, crls=lists)
        return update.written() if store.modified else pdf
