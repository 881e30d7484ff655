"""Trục liên thông văn bản quốc gia: the national document axis (VXP), spoken natively.

What it is: VNPT/VPCP's axis between the state's document systems, header protocol 3.0.201608 as the vendor's Java SDK
2.0.1 speaks it, carrying edXML of QCVN 102:2016/BTTTT (amended by Sửa đổi 1:2022).

Versions: one wire generation ("A" of the reference), either organisation identifier (QCVN 102 or QĐ 20/2020; opaque).

Quirks that shape the code:

- Every call is a POST; every parameter is a signed header; the body is not signed (`wire`).
- `hash-file` is hexadecimal without zero padding per byte, and a file is followed by CRLF that it does not cover.
- Two status layers: `updateStatus` (done, processing, fail) only takes a package off the list; a business status is
  an edXML file of its own, sent by sendEdoc with messagetype=status.
- Lists have no pages and repeat until acknowledged; delivery is at least once and nothing is deduplicated there.
- The axis re-serialises: its copy of a document is never byte-identical to what was sent.
- No table of its error codes is public, so their meaning is configuration (`answers`, `settings`).
- The SDK leaks stale parameters into later calls and freezes its timestamp; this client does neither.

Files: `codec` (edXML, with `reader`, `writer`, `conformance`), `wire` (headers), `axis` (one
call), `answers` (what they mean), `directory` (agencies and books), `adapter` (the platform as the gateway uses it).
Served to document systems at `/vxp`: `knock` (who calls, what is signed), `served` (the operations, one file per
group: `served_sending`, `served_mailbox`, `served_sent`, `served_agencies` with `agencies` behind it), `served_rows`,
`served_answers` and `served_codes` (what they read).
"""

from adapters.vxp.adapter import VxpPlatform, decode
from adapters.vxp.agencies import PlatformAgencies
from adapters.vxp.codec import encode
from adapters.vxp.conformance import is_strict
from adapters.vxp.knock import VxpIdentify, VxpSeat
from adapters.vxp.served import VxpEndpoints
from adapters.vxp.settings import VxpSettings
from adapters.vxp.wire import Secret

__all__ = [
    "PlatformAgencies",
    "Secret",
    "VxpEndpoints",
    "VxpIdentify",
    "VxpPlatform",
    "VxpSeat",
    "VxpSettings",
    "decode",
    "encode",
    "is_strict",
]
