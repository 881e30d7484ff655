"""JSON Web Signatures (RFC 7515, 7518, 7797, 8037): judged, verified to their payload, and made.

`judge` and `certificates` are the form's door, `verify_jws` returns the payload that was signed, `prepare` makes one.
"""

from gateway.signing.jws.keys import Signer
from gateway.signing.jws.sign import PreparedJws, prepare
from gateway.signing.jws.verify import VerifiedJws, certificates, judge, verify_jws

__all__ = ["PreparedJws", "Signer", "VerifiedJws", "certificates", "judge", "prepare", "verify_jws"]
