"""A test PKI over real HTTP: two hierarchies of authorities, OCSP, CRLs, time stamps, and papers signed under them.

Keys are made at run time and written nowhere but into a data directory. Nothing here is shared with the gateway's
signing: certificates come from cryptography, OCSP and time stamps are written with asn1crypto, documents are signed
with pyHanko, and the tests hold all three against openssl and poppler.

`authority` certificates and who issues them · `hierarchy` the two trees and their register · `vault` what is kept ·
`responder` OCSP · `revocation` CRLs · `stamping` time stamps · `faults` what they do wrong on order · `service` the
HTTP listener · `paper`, `sheet`, `scribble`, `seal`, `forgery`, `desk` the documents of the simulated systems.
"""
