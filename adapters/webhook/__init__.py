"""Webhooks: what arrives for a system is pushed to it, by Standard Webhooks 1.0.0 (symmetric signatures, v1).

For systems that can receive HTTP and would rather not poll the mailbox. The receiver verifies ``webhook-signature``
with any Standard Webhooks library, drops what is older than five minutes by ``webhook-timestamp``, and recognises a
second copy by ``webhook-id``. Answering 2xx is the acknowledgement.

Quirks: the body is stored and repeated unchanged while timestamp and signature are made anew for each try; several
secrets give several signatures, so that either side may change its secret first.
"""

from adapters.webhook.adapter import WebhookSystem
from adapters.webhook.settings import WebhookSettings
from adapters.webhook.signature import SigningSecret

__all__ = ["SigningSecret", "WebhookSettings", "WebhookSystem"]
