"""Commands that need a transaction: what they write and their stored answer are committed together or not at all."""

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field

from sqlalchemy.exc import IntegrityError
from starlette.responses import Response

from shared.database import Answer, Transaction
from shared.database.engine import violated
from shared.errors import Conflict, KeyReused, Refusal
from shared.http.ask import JSON, Ask


@dataclass(frozen=True, slots=True)
class Settled:
    """What a command answers. `headers` are not stored: a repeated request reads the record anew if it needs them."""

    body: str
    status: int = 200
    headers: Mapping[str, str] = field(default_factory=dict)


async def settle(ask: Ask, work: Callable[[Transaction], Awaitable[Settled]]) -> Response:
    """Do `work` and answer. A repeated Idempotency-Key gets the first answer again, as with `Ask.change`."""
    try:
        async with ask.database.transaction() as transaction:
            done = await work(transaction)
            await transaction.flush()
            if ask.key is not None:
                answer = Answer(ask.caller.subject, ask.key, ask.fingerprint, done.status, done.body)
                await transaction.answer(answer, ask.now)
    except Refusal as refusal:
        return await stored(ask, refusal)
    except IntegrityError as error:
        if violated(error) != "pk_idempotency":
            raise
        return await stored(ask, Conflict("the same request is being answered just now"))
    ask.runtime.saved()
    return Response(done.body, done.status, dict(done.headers), media_type=JSON)


async def stored(ask: Ask, otherwise: Refusal) -> Response:
    """The answer this key got before, or the refusal."""
    found = await ask.database.answer(ask.caller.subject, ask.key) if ask.key is not None else None
    if found is None:
        raise otherwise
    if found.fingerprint != ask.fingerprint:
        raise KeyReused("this Idempotency-Key came before with another request; take a new one")
    return Response(found.body, found.status, {"Idempotency-Replayed": "true"}, media_type=JSON)
