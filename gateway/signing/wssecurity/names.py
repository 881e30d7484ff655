"""The names of WS-Security (OASIS WSS 1.0 of 2004 and 1.1.1 of 2012, X.509 Token Profile, SwA Profile)."""

from __future__ import annotations

from typing import Final

DS: Final = "http://www.w3.org/2000/09/xmldsig#"
XENC: Final = frozenset({"http://www.w3.org/2001/04/xmlenc#", "http://www.w3.org/2009/xmlenc11#"})
WSSE: Final = "http://docs.oasis-open.org/wss/2004/01/oasis-200401-wss-wssecurity-secext-1.0.xsd"
WSU: Final = "http://docs.oasis-open.org/wss/2004/01/oasis-200401-wss-wssecurity-utility-1.0.xsd"
WSSE11: Final = "http://docs.oasis-open.org/wss/oasis-wss-wssecurity-secext-1.1.xsd"
ADDRESSING: Final = frozenset(
    {"http://www.w3.org/2005/08/addressing", "http://schemas.xmlsoap.org/ws/2004/08/addressing"}
)
"""WS-Addressing 1.0 and the member submission that older .NET services speak."""

SECURITY: Final = f"{{{WSSE}}}Security"
TOKEN: Final = f"{{{WSSE}}}BinarySecurityToken"
TOKEN_REFERENCE: Final = f"{{{WSSE}}}SecurityTokenReference"
TIMESTAMP: Final = f"{{{WSU}}}Timestamp"
WSU_ID: Final = f"{{{WSU}}}Id"
SIGNATURE: Final = f"{{{DS}}}Signature"

_X509: Final = "http://docs.oasis-open.org/wss/2004/01/oasis-200401-wss-x509-token-profile-1.0"
_MESSAGE: Final = "http://docs.oasis-open.org/wss/2004/01/oasis-200401-wss-soap-message-security-1.0"
_MESSAGE_11: Final = "http://docs.oasis-open.org/wss/oasis-wss-soap-message-security-1.1"
_SWA: Final = "http://docs.oasis-open.org/wss/oasis-wss-SwAProfile-1.1"

X509_V3: Final = f"{_X509}#X509v3"
X509_V1: Final = f"{_X509}#X509v1"
PKI_PATH: Final = f"{_X509}#X509PKIPathv1"
PKCS7: Final = f"{_X509}#PKCS7"
KEY_IDENTIFIER: Final = f"{_X509}#X509SubjectKeyIdentifier"
THUMBPRINT: Final = f"{_MESSAGE_11}#ThumbprintSHA1"
BASE64: Final = f"{_MESSAGE}#Base64Binary"
STR_TRANSFORM: Final = f"{_MESSAGE}#STR-Transform"
ATTACHMENT_CONTENT: Final = f"{_SWA}#Attachment-Content-Signature-Transform"
ATTACHMENT_COMPLETE: Final = f"{_SWA}#Attachment-Complete-Signature-Transform"
EXCLUSIVE: Final = "http://www.w3.org/2001/10/xml-exc-c14n#"
