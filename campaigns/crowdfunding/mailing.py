"""The words of the mails about crowdfunding."""

from __future__ import annotations

from supporters.mail.templating import Templates

TEMPLATES = Templates("campaigns.crowdfunding", "mail_templates")
