"""Redacts secrets with a known format, in any context, by a table.

`docs/guides/redaction.md` has the same table, and a test compares both.
"""

import re
from collections.abc import Iterable, Iterator
from functools import lru_cache
from typing import NamedTuple

REDACTED = "REDACTED"
SHORTEST = 16  # characters of the shortest token below
_PREFIX_THEN = r"[A-Za-z0-9_.-]{8,}"  # of a team's own prefixes


class Format(NamedTuple):
    """A token that begins with one of `prefixes` and goes on as `then`, a regular expression."""

    kind: str
    prefixes: tuple[str, ...]
    then: str
    hint: str = ""
    """For a format without prefix: text without this sequence of characters has no such token."""
    after: str = "[A-Za-z0-9]"
    """Characters that cannot precede a token, because it would be the end of a longer word."""


_ANY = r"[\w-]{16,}"
FORMATS = (
    Format("AWS access key", ("AKIA", "ASIA", "ABIA", "ACCA", "A3T"), "[0-9A-Z]{16,}"),
    Format("Artifactory", ("AKC",), "[A-Za-z0-9]{13,}"),
    Format("Azure client secret", (), r"[\w~.-]{3}8Q~[\w~.-]{31,}", "8Q~"),
    Format("age", ("AGE-SECRET-KEY-1",), "[0-9A-Z]{16,}"),
    Format("Alibaba Cloud", ("LTAI",), "[A-Za-z0-9]{16,}"),
    Format("Anthropic, OpenAI, OpenRouter", ("sk-ant-", "sk-proj-", "sk-svcacct-", "sk-admin-", "sk-or-"), _ANY),
    Format("OpenAI", ("sk-",), "[A-Za-z0-9]{20,}"),
    Format("Atlassian", ("ATATT3", "ATCTT3", "ATBB"), r"[\w=-]{16,}"),
    Format("Databricks", ("dapi",), "[0-9a-f]{32}"),
    Format("DigitalOcean", ("dop_v1_", "doo_v1_", "dor_v1_"), "[0-9a-f]{16,}"),
    Format("Discord bot", (), r"[MNO][A-Za-z0-9_-]{23,25}\.[A-Za-z0-9_-]{6}\.[A-Za-z0-9_-]{27,}", "."),
    Format("Docker", ("dckr_pat_", "dckr_oat_"), _ANY),
    Format("Doppler", ("dp.pt.", "dp.st.", "dp.ct.", "dp.sa."), "[A-Za-z0-9_-]{16,}"),
    Format("Figma", ("figd_",), _ANY),
    Format("GitHub", ("ghp_", "gho_", "ghu_", "ghs_", "ghr_", "github_pat_"), "[A-Za-z0-9_]{16,}"),
    Format(
        "GitLab",
        (
            *("glpat-", "gldt-", "glft-", "glsoat-", "glrt-", "glcbt-", "glptt-", "glagent-", "gloas-", "glimt-"),
            "GR1348941",
        ),
        _ANY,
    ),
    Format("Google API key", ("AIza",), r"[\w-]{30,}"),
    Format("Google OAuth", ("GOCSPX-", "ya29."), _ANY),
    Format("Grafana", ("glsa_", "glc_"), r"[\w+/=-]{16,}"),
    Format("HashiCorp Vault", ("hvs.", "hvb.", "hvr."), _ANY),
    Format("Heroku", ("HRKU-",), _ANY),
    Format("Hugging Face", ("hf_",), "[A-Za-z0-9]{30,}"),
    # Not inside a word of any kind: each `eyJ` of a long one would be looked at to its end.
    Format("JSON Web Token", ("eyJ",), r"[\w-]{4,}=*\.[\w-]{8,}=*(?:\.[\w-]*=*)*", after=r"[\w-]"),
    Format("Linear", ("lin_api_",), _ANY),
    Format("Mailchimp", (), "[0-9a-z]{32}-us[0-9]{1,2}", "-us"),
    Format("New Relic", ("NRAK-", "NRJS-", "NRII-"), _ANY),
    Format("Notion", ("ntn_",), "[A-Za-z0-9]{30,}"),
    Format("npm", ("npm_",), "[A-Za-z0-9]{20,}"),
    Format("PlanetScale", ("pscale_tkn_", "pscale_pw_", "pscale_oauth_"), r"[\w.-]{16,}"),
    Format("Postman", ("PMAK-",), _ANY),
    Format("Pulumi", ("pul-",), "[0-9a-f]{30,}"),
    Format("PyPI", ("pypi-AgE",), _ANY),
    Format("RubyGems", ("rubygems_",), "[0-9a-f]{30,}"),
    Format("SendGrid", ("SG.",), r"[\w-]{16,}\.[\w-]{16,}"),
    Format("Sentry", ("sntrys_", "sntryu_"), r"[\w+/=-]{16,}"),
    Format("Shopify", ("shpat_", "shpca_", "shppa_", "shpss_"), "[0-9a-fA-F]{16,}"),
    Format(
        "Slack",
        ("xoxa-", "xoxb-", "xoxc-", "xoxd-", "xoxe-", "xoxo-", "xoxp-", "xoxr-", "xoxs-", "xapp-"),
        r"[\w-]{11,}",
    ),
    Format("SoftLayer", ("api.softlayer.com/soap/v3",), r"(?:\.1)?/[a-z0-9]{16,}"),
    Format("Square", ("sq0csp-", "sq0atp-"), _ANY),
    Format("Stripe", ("sk_live_", "rk_live_", "sk_test_", "rk_test_", "whsec_"), "[0-9A-Za-z+/=]{16,}"),
    Format("Supabase", ("sbp_",), "[0-9a-f]{30,}"),
    Format("Telegram bot", (), "[0-9]{8,10}:[0-9A-Za-z_-]{35}", ":", "[0-9]"),
    Format("Twilio", ("AC", "SK"), "[a-z0-9]{32}"),
    Format(
        "Webhook address",
        ("hooks.slack.com/", "discord.com/api/webhooks/", "webhook.office.com/"),
        r"[\w/@-]{16,}",
    ),
)
# As long as the shortest token: what has no such run of characters has none of them.
_RUN = re.compile(rf"[\w.~/+=-]{{{SHORTEST}}}", re.ASCII)
_KEY_BEGINS = re.compile(r"-{4,5} ?BEGIN [A-Z0-9 ]{0,40}PRIVATE KEY|PuTTY-User-Key-File-")
_KEY_ENDS = re.compile(r"-{4,5} ?END [A-Z0-9 ]{0,40}PRIVATE KEY(?: BLOCK)?(?:-{4,5}| ?-{4})?|Private-MAC: ?[0-9a-f]*")
_KEY_BODY = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/=\\ \r\n\t"


class Formats:
    """The table, with a team's own prefixes."""

    def __init__(self, prefixes: Iterable[str] = ()) -> None:
        """`prefixes` begin a team's own tokens."""
        own = [Format("team", (prefix,), _PREFIX_THEN) for prefix in prefixes]
        self._hints = [*_hints(FORMATS), *_hints(own)]
        self.own = tuple(prefixes)

    def replaced(self, text: str) -> str:
        """The text without tokens of these formats."""
        if _RUN.search(text) is not None or any(own in text for own in self.own):
            for hint, expression in self._hints:
                if hint in text:
                    text = _compiled(expression).sub(REDACTED, text)
        if "PRIVATE KEY" in text or "PuTTY-User" in text:
            text = "".join(_without_keys(text))
        return text


def _hints(formats: Iterable[Format]) -> Iterator[tuple[str, str]]:
    """A text that a token has, and the expression for it. A literal at its start makes the search fast."""
    for each in formats:
        if not each.prefixes:
            yield each.hint, rf"(?<!{each.after}){each.then}"
        for prefix in each.prefixes:
            begin = re.escape(prefix)
            # After a line break or a percent-encoding that is written out, a letter is no part of the word.
            word = rf"(?:(?<!{each.after}{begin})|(?<=\\[nrt]{begin})|(?<=%[0-9A-Fa-f][0-9A-Fa-f]{begin}))"
            yield prefix, f"{begin}{word}{each.then}"


@lru_cache(maxsize=256)
def _compiled(expression: str) -> re.Pattern[str]:
    """Compile an expression when it is first needed: the whole table would delay the start."""
    return re.compile(expression, re.ASCII)


def _without_keys(text: str) -> Iterator[str]:
    """The text without private keys. A key that is cut ends with the text."""
    done = 0
    first = _KEY_BEGINS.search(text)
    end = _KEY_ENDS.search(text, 0, first.start() if first else len(text))
    if end is not None:  # the beginning has been cut off
        yield text[: end.start()].rstrip(_KEY_BODY)
        yield REDACTED
        done = end.end()
    while (begin := _KEY_BEGINS.search(text, done)) is not None:
        yield text[done : begin.start()]
        yield REDACTED
        end = _KEY_ENDS.search(text, begin.end())
        done = end.end() if end is not None else len(text)
    yield text[done:]
