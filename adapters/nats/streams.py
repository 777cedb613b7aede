"""The JetStream streams and consumers: what they hold, and for how long.

Neither is the truth: the log in Postgres is. Both are made again, empty, wherever they are missing.
"""

from typing import get_args

import structlog
from nats.js import JetStreamContext
from nats.js.api import (
    AckPolicy,
    ConsumerConfig,
    DiscardPolicy,
    RetentionPolicy,
    StorageType,
    StreamConfig,
    StreamInfo,
)
from nats.js.errors import BadRequestError, ServerError

from adapters.nats.subjects import ALL_FACTS, ALL_WORK, Kind, work_of

ACK_WAIT = 5.0
"""Seconds of silence after which a job's lease ends and the job is given to somebody else."""

FACTS = StreamConfig(
    name="FACTS",
    subjects=[ALL_FACTS],
    retention=RetentionPolicy.LIMITS,
    discard=DiscardPolicy.OLD,
    storage=StorageType.FILE,
    max_age=3600,
    max_bytes=64 * 2**20,
    duplicate_window=60,
)
"""The facts of the last hour, for whoever subscribes; a fact published twice within a minute is kept once."""

WORK = StreamConfig(
    name="WORK",
    subjects=[ALL_WORK],
    retention=RetentionPolicy.WORK_QUEUE,
    discard=DiscardPolicy.NEW,
    discard_new_per_subject=True,
    max_msgs_per_subject=1,
    max_msgs=1_000_000,
    storage=StorageType.FILE,
    duplicate_window=60,
)
"""What executors have to do. One message an item at most: NATS itself refuses a second one while the first is there."""

CONSUMERS = [
    ConsumerConfig(
        durable_name=kind,
        filter_subject=work_of(kind),
        ack_policy=AckPolicy.EXPLICIT,
        ack_wait=ACK_WAIT,
        max_deliver=-1,  # the domain bounds the attempts, and it knows why they failed
        max_ack_pending=-1,  # every taker bounds what it has in hand
    )
    for kind in get_args(Kind)
]

_OTHER_CONFIGURATION = 10058
"""``JSStreamNameExistErr`` of nats-server: the stream exists with another configuration."""

_log = structlog.get_logger(__name__)


async def ensure(jetstream: JetStreamContext) -> str:
    """Make what is missing, and return the name of this very WORK stream, other after each time it was made anew.

    Raises nats.errors.Error while JetStream is not ready.
    """
    await _stream(jetstream, FACTS)
    work = await _stream(jetstream, WORK)
    for consumer in CONSUMERS:
        await jetstream.add_consumer("WORK", config=consumer)
    return str(work.created)


async def _stream(jetstream: JetStreamContext, config: StreamConfig) -> StreamInfo:
    try:
        return await jetstream.add_stream(config)
    except BadRequestError as refused:
        if refused.err_code != _OTHER_CONFIGURATION:
            raise
    try:
        return await jetstream.update_stream(config)
    except (BadRequestError, ServerError) as refused:
        _log.warning("nats.stream_kept", stream=config.name, reason=refused.description)
        return await jetstream.stream_info(str(config.name))
