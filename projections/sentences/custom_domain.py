"""Sentences about custom domains."""

from domain import custom_domain
from domain.custom_domain import (
    CertificateFailed,
    CertificateIssued,
    CertificateRequested,
    CustomDomainAdded,
    CustomDomainChecked,
    CustomDomainMoved,
    CustomDomainRedirected,
    CustomDomainRemoved,
    CustomDomainUnrouted,
    CustomDomainVerified,
    Redirect,
    VerificationAbandoned,
    VerificationLost,
    VerificationResumed,
)
from projections.phrases import moment


def tell(fact: custom_domain.Event, who: str) -> str:
    """What happened; ``who`` is the actor's name."""
    match fact:
        case CustomDomainAdded():
            return f"{who} added the custom domain {fact.hostname}{_sent_on(fact.redirect)}."
        case CustomDomainMoved():
            return f"{who} let {fact.hostname} show the environment {fact.environment_id} instead of {fact.former}."
        case CustomDomainRedirected():
            if fact.redirect is None:
                return f"{who} let {fact.hostname} show the application again, instead of redirecting."
            return f"{who} let {fact.hostname} redirect to {fact.redirect.to} ({fact.redirect.status})."
        case CustomDomainChecked():
            return f"{who} looked for the DNS records of {fact.hostname}, attempt {fact.attempt}: {_found(fact)}"
        case CustomDomainVerified():
            again = " again" if fact.regained else ""
            return f"The domain {fact.hostname} is verified{again} and routed."
        case CertificateRequested() | CertificateIssued() | CertificateFailed():
            return _certificate(fact)
        case CustomDomainRemoved():
            return f"{who} removed the custom domain {fact.hostname}."
        case VerificationLost() | CustomDomainUnrouted() | VerificationAbandoned() | VerificationResumed():
            return _lost(fact, who)


def _lost(fact: VerificationLost | CustomDomainUnrouted | VerificationAbandoned | VerificationResumed, who: str) -> str:
    match fact:
        case VerificationLost():
            until = moment(fact.unroute_at)
            return f"The domain {fact.hostname} lost its verification and is routed until {until}: {fact.problem}"
        case CustomDomainUnrouted():
            return f"The domain {fact.hostname} is routed no more: {fact.problem}"
        case VerificationAbandoned():
            return f"The domain {fact.hostname} was given up, and its name is free: {fact.problem}"
        case VerificationResumed():
            return f"{who} asked for the domain {fact.hostname} again, which was given up."


def _certificate(fact: custom_domain.CertificateNews) -> str:
    match fact:
        case CertificateRequested():
            return f"A certificate for {fact.hostname} was asked for."
        case CertificateIssued():
            return f"The certificate of {fact.hostname} by {fact.issuer} is good until {moment(fact.not_after)}."
        case CertificateFailed():
            return f"There is no certificate for {fact.hostname}: {fact.problem}"


def _sent_on(redirect: Redirect | None) -> str:
    return f", which redirects to {redirect.to} ({redirect.status})" if redirect else ""


def _found(fact: CustomDomainChecked) -> str:
    return fact.problem or "all is as it must be"
