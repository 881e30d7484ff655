"""The gateway's own JSON interface, `/api/v1/…` (DESIGN §5): for systems that speak neither SOAP nor edXML.

Dialect "rest-json", version 1, described in `schemas/rest/openapi.json`. Quirks worth knowing: unknown names are
refused, `null` is not "absent", text becomes NFC, attachments travel as base64, and the same documents may be handed
in as raw edXML by content type.
"""

from adapters.rest.codec import decode, encode
from adapters.rest.served import RestEndpoints

__all__ = ["RestEndpoints", "decode", "encode"]
