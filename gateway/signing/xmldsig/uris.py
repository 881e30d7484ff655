"""Namespaces and algorithm URIs (XMLDSig 1.1 §6, RFC 6931 §2, C14N 1.0/1.1, Exclusive C14N, XPath Filter 2.0)."""

from __future__ import annotations

from typing import Final

DS: Final = "http://www.w3.org/2000/09/xmldsig#"
DS11: Final = "http://www.w3.org/2009/xmldsig11#"
MORE: Final = "http://www.w3.org/2001/04/xmldsig-more#"
MORE_07: Final = "http://www.w3.org/2007/05/xmldsig-more#"
MORE_21: Final = "http://www.w3.org/2021/04/xmldsig-more#"
ENC: Final = "http://www.w3.org/2001/04/xmlenc#"
XML: Final = "http://www.w3.org/XML/1998/namespace"
WSU: Final = "http://docs.oasis-open.org/wss/2004/01/oasis-200401-wss-wssecurity-utility-1.0.xsd"

C14N: Final = "http://www.w3.org/TR/2001/REC-xml-c14n-20010315"
C14N_11: Final = "http://www.w3.org/2006/12/xml-c14n11"
EXC_C14N: Final = "http://www.w3.org/2001/10/xml-exc-c14n#"
COMMENTS: Final = "WithComments"
CANONICAL_FORMS: Final = frozenset(
    {
        C14N,
        f"{C14N}#{COMMENTS}",
        C14N_11,
        f"{C14N_11}#{COMMENTS}",
        EXC_C14N,
        f"{EXC_C14N}{COMMENTS}",
    }
)

ENVELOPED: Final = f"{DS}enveloped-signature"
BASE64: Final = f"{DS}base64"
XPATH: Final = "http://www.w3.org/TR/1999/REC-xpath-19991116"
XPATH_FILTER: Final = "http://www.w3.org/2002/06/xmldsig-filter2"
XSLT: Final = "http://www.w3.org/TR/1999/REC-xslt-19991116"
X509_RAW: Final = f"{DS}rawX509Certificate"
MANIFEST_TYPE: Final = f"{DS}Manifest"
OBJECT_TYPE: Final = f"{DS}Object"

ID_ATTRIBUTES: Final = frozenset(
    {
        "Id",
        "ID",
        "id",
        "iD",
        "AssertionID",
        "RequestID",
        "ResponseID",
        f"{{{XML}}}id",
        f"{{{WSU}}}Id",
    }
)
"""Attributes that make an id, whatever the vocabulary: what one reader takes for an id, all must."""


def ds(local: str) -> str:
    """The Clark name of an element of the XMLDSig namespace."""
    return f"{{{DS}}}{local}"
