"""The regional document axis' REST interface, "/v1/…": served to provincial software, and called where a province
reaches others through such an axis.

What it is: the API of a provincial LGSP as Lạng Sơn runs it (guide v2.2 and the vendor's collection, 2025-26; likely of
one vendor's family): edXML in and out, JSON around it, X-SystemId and X-SecretKey in every call. One source, so what
could differ elsewhere is a setting (`settings`, `served.ServedSettings`).

Quirks that shape the code:

- sendEdoc takes multipart/form-data; everything is read from bytes within the budget (`form`).
- Two generations of answers: ``success`` + ``data.errorCode``, and ``code`` 200 + ``errorDetail`` (`answers` reads
  both, `replies` writes both). getEdoc gives the XML as text, or base64 of the file (`package`).
- Later versions of the axis also want a bearer token of the integrating application (`line`, `settings.Login`); our
  side identifies by the two headers alone and gives clients that insist on a login an empty one (`login`).
- Lists are by day, with slashes, and show acknowledged packages too (`waiting`).
- updateStatus is the transport layer ("done"), but systems put business numbers there (`reporting`).
- An error code 0 … 23 says why (`codes`); only 20 deserves a retry, 15 means our credentials.
"""

from adapters.lgsp.adapter import LgspPlatform
from adapters.lgsp.identify import Credential, LgspIdentify, secret_digest
from adapters.lgsp.line import Pace
from adapters.lgsp.login import LgspLogin, anyone
from adapters.lgsp.package import FORM_DIALECT, form_decoder
from adapters.lgsp.served import LgspEndpoints, ServedSettings
from adapters.lgsp.settings import NEVER, Account, LgspSettings, Login, Secret

__all__ = [
    "FORM_DIALECT",
    "NEVER",
    "Account",
    "Credential",
    "LgspEndpoints",
    "LgspIdentify",
    "LgspLogin",
    "LgspPlatform",
    "LgspSettings",
    "Login",
    "Pace",
    "Secret",
    "ServedSettings",
    "anyone",
    "form_decoder",
    "secret_digest",
]
