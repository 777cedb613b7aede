"""The named parts of a deployment: the word that joins the dialects."""

from enum import StrEnum


class StepKind(StrEnum):
    """What a step does, in the order in which a deployment runs them."""

    FETCH = "fetch"
    VERIFY = "verify"
    INSTALL = "install"
    BUILD = "build"
    PUBLISH = "publish"
    ACTIVATE = "activate"
    WATCH = "watch"
