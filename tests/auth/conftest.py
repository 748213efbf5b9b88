"""One right issuer, whose keys are a file or an HTTP server."""

from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from joserfc.jwk import ECKey

from shared.auth import Tokens
from tests.auth.forge import Hands, KeyServer, believer, ec_key, written

KEY = ec_key()


@pytest.fixture
def key() -> ECKey:
    return KEY


@pytest.fixture
def hands() -> Hands:
    return Hands()


@pytest.fixture
async def tokens(tmp_path: Path, key: ECKey, hands: Hands) -> AsyncIterator[Tokens]:
    """Reads the one key from a file."""
    tokens = believer(written(tmp_path, key), hands)
    yield tokens
    await tokens.close()


@pytest.fixture
async def server() -> AsyncIterator[KeyServer]:
    server = KeyServer()
    await server.start()
    yield server
    await server.stop()
